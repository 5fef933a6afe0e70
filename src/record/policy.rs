//! Policy: how much waits, how long, and what happens to what there is no room for. Nothing is cut unless asked for.

use std::path::PathBuf;
use std::time::Duration;

use super::GroupPolicy;

/// What happens to an event for which there is still no room after the wait. Either way it is never lost in silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// It goes to a journal on the disk, and from there into the store when that can take it.
    Spill,
    /// It is refused; a gap event tells of it.
    Refuse,
}

/// How long payloads may be. `None`: as long as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an input or an output; of a longer one the beginning is kept, and how long it was.
    pub payload: Option<usize>,
    /// Bytes of metadata, of a context and of tools; of longer ones a preview is kept.
    pub column: Option<usize>,
    /// Characters of such a preview.
    pub preview: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { payload: None, column: None, preview: 4000 }
    }
}

/// How a recorder works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whole events that may wait, and their bytes.
    pub queue_events: usize,
    pub queue_bytes: usize,
    /// Events of one batch, and how long the first of them waits for others.
    pub batch: usize,
    pub gather: Duration,
    /// How long a caller waits for room.
    pub wait: Duration,
    /// And then.
    pub overflow: Overflow,
    /// How long what waits may take to be stored when the recorder is stopped; the rest goes to the journal.
    pub drain: Duration,
    pub limits: Limits,
    /// Days for which events are meant to be kept, written on each of them; 0 for ever. Where it is not said, they are
    /// kept as a store keeps what it is given.
    pub retention_days: Option<u32>,
    /// Where the journals and quarantines of stores that are databases lie; the user's data folder where it is not
    /// said. Those of a store that is a file lie beside it.
    pub folder: Option<PathBuf>,
    pub group: GroupPolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            queue_events: 10_000,
            queue_bytes: 64 << 20,
            batch: 500,
            gather: Duration::from_millis(50),
            wait: Duration::from_secs(1),
            overflow: Overflow::Spill,
            drain: Duration::from_secs(5),
            limits: Limits::default(),
            retention_days: None,
            folder: None,
            group: GroupPolicy::default(),
        }
    }
}

impl Policy {
    /// The defaults, with what the original's environment variables say where they are set.
    ///
    /// `AGENT_REPLAY_QUEUE_MAX` counts whole events here. `AGENT_REPLAY_BLOB_MAX_BYTES` and
    /// `AGENT_REPLAY_INLINE_MAX_BYTES` limit payloads and columns only where they are set, and count bytes.
    /// `TURNSCOPE_RECORDER_FOLDER` is [`Self::folder`].
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// The same, with variables from elsewhere.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Self {
        let number = |name: &str, least: usize| Some(number(&get(name)?)?.max(least));
        let mut policy = Self::default();
        if let Some(most) = number("AGENT_REPLAY_QUEUE_MAX", 100) {
            policy.queue_events = most;
        }
        if let Some(batch) = number("AGENT_REPLAY_BATCH_SIZE", 10) {
            policy.batch = batch.min(500);
        }
        if let Some(wait) = number("AGENT_REPLAY_FLUSH_MS", 10) {
            policy.gather = Duration::from_millis(wait as u64);
        }
        policy.limits.column = number("AGENT_REPLAY_INLINE_MAX_BYTES", 1024);
        let least = policy.limits.column.unwrap_or(1024);
        policy.limits.payload = number("AGENT_REPLAY_BLOB_MAX_BYTES", least);
        if let Some(preview) = number("AGENT_REPLAY_PREVIEW_CHARS", 200) {
            policy.limits.preview = preview;
        }
        let days = number("AGENT_REPLAY_RETENTION_DAYS", 1);
        policy.retention_days = days.map(|days| u32::try_from(days).unwrap_or(u32::MAX));
        policy.folder = get("TURNSCOPE_RECORDER_FOLDER").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        policy
    }
}

/// A number as the original reads it: white space around it does not count, nothing is 0, and what is no number is
/// not said.
fn number(text: &str) -> Option<usize> {
    let text = text.trim();
    let number: f64 = if text.is_empty() { 0.0 } else { text.parse().ok()? };
    // Converting ends at the bounds of the type.
    number.is_finite().then_some(number.floor() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(variables: &[(&str, &str)]) -> Policy {
        Policy::from_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_variables_nothing_is_cut() {
        assert_eq!(policy(&[]), Policy::default());
        assert_eq!(Policy::default().limits.payload, None);
    }

    #[test]
    fn the_variables_of_the_original_are_read_and_clamped_as_it_does() {
        let set = policy(&[
            ("AGENT_REPLAY_QUEUE_MAX", " 2000.9 "),
            ("AGENT_REPLAY_BATCH_SIZE", "9999"),
            ("AGENT_REPLAY_FLUSH_MS", ""),
            ("AGENT_REPLAY_INLINE_MAX_BYTES", "5"),
            ("AGENT_REPLAY_BLOB_MAX_BYTES", "262144"),
            ("AGENT_REPLAY_PREVIEW_CHARS", "many"),
            ("AGENT_REPLAY_RETENTION_DAYS", "30"),
            ("TURNSCOPE_RECORDER_FOLDER", "/var/lib/agent"),
        ]);
        assert_eq!((set.queue_events, set.batch, set.gather), (2000, 500, Duration::from_millis(10)));
        assert_eq!(set.limits, Limits { payload: Some(262_144), column: Some(1024), preview: 4000 });
        assert_eq!((set.retention_days, set.folder), (Some(30), Some(PathBuf::from("/var/lib/agent"))));
    }
}
