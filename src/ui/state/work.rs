//! Work that runs in the background: its numbers and what it says.

/// One running job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Work {
    pub job: u64,
    /// What it does, for the status line.
    pub what: String,
    /// How far it has come.
    pub progress: String,
    /// Nobody asked for it: it is not talked of, and Esc leaves it alone.
    pub quiet: bool,
}

/// The jobs that run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Jobs {
    last: u64,
    pub running: Vec<Work>,
}

impl Jobs {
    pub(crate) fn start(&mut self, what: impl Into<String>) -> u64 {
        self.add(what.into(), false)
    }

    /// Whether this job runs, and is this one.
    pub(crate) fn is_doing(&self, job: u64, what: &str) -> bool {
        self.running.iter().any(|work| work.job == job && work.what == what)
    }

    /// Starts a job that nobody asked for.
    pub(crate) fn start_quietly(&mut self, what: impl Into<String>) -> u64 {
        self.add(what.into(), true)
    }

    fn add(&mut self, what: String, quiet: bool) -> u64 {
        self.last += 1;
        self.running.push(Work { job: self.last, what, progress: String::new(), quiet });
        self.last
    }

    pub(crate) fn is_running(&self, job: u64) -> bool {
        self.running.iter().any(|work| work.job == job)
    }

    /// Talks of a job that nobody had asked for before.
    pub(crate) fn talk_of(&mut self, job: u64) {
        if let Some(work) = self.running.iter_mut().find(|work| work.job == job) {
            work.quiet = false;
        }
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
