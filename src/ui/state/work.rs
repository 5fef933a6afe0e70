//! Work that runs in the background: its numbers and what it says.

/// One running job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Work {
    pub job: u64,
    /// What it does, for the status line.
    pub what: String,
    /// How far it has come.
    pub progress: String,
}

/// The jobs that run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Jobs {
    last: u64,
    pub running: Vec<Work>,
}

impl Jobs {
    pub(crate) fn start(&mut self, what: impl Into<String>) -> u64 {
        self.last += 1;
        self.running.push(Work { job: self.last, what: what.into(), progress: String::new() });
        self.last
    }

    /// Takes a job off the list; `false` where it was not on it.
    pub(crate) fn end(&mut self, job: u64) -> bool {
        let before = self.running.len();
        self.running.retain(|work| work.job != job);
        self.running.len() < before
    }

    pub(crate) fn progress(&mut self, job: u64, words: impl Into<String>) {
        if let Some(work) = self.running.iter_mut().find(|work| work.job == job) {
            work.progress = words.into();
        }
    }
}
