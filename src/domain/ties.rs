//! Ties: what joining needs of the events of a session beside their heads, small enough for a million of them.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Event, Key, KeyKind, Kind, Via};

/// A key, small: its value is a hash, and whoever shows a join compares the values themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tie {
    pub kind: KeyKind,
    pub via: Via,
    pub value: u64,
}

impl Tie {
    pub fn of(key: &Key) -> Self {
        Self { kind: key.kind, via: key.via(), value: Self::value(&key.value) }
    }

    /// What a value is compared by.
    pub fn value(text: &str) -> u64 {
        hash(text)
    }
}

/// Who speaks in a transcript line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speaker {
    Nobody,
    Person,
    Agent,
}

impl Speaker {
    /// Every line of a transcript has a speaker; an agent in a room is named for what it is.
    pub fn of(kind: Kind, participant: Option<&str>) -> Self {
        match (kind, participant) {
            (Kind::Transcript, Some(name)) if name.starts_with("voice-agent") => Self::Agent,
            (Kind::Transcript, _) => Self::Person,
            _ => Self::Nobody,
        }
    }
}

/// The ties of all events of one session, in timeline order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ties {
    /// Where the keys of each event begin in `keys`; one more at the end.
    starts: Vec<u32>,
    keys: Vec<Tie>,
    speakers: Vec<Speaker>,
    /// A hash of who wrote the event and what it calls it.
    writers: Vec<u64>,
    /// A hash of the words of the label; 0 for none.
    words: Vec<u64>,
}

impl Ties {
    /// The ties of events that are at hand, given in timeline order.
    pub fn of(events: &[Event]) -> Self {
        let mut ties = Self::default();
        for event in events {
            let keys = event.keys.iter().map(Tie::of);
            let speaker = Speaker::of(event.kind, event.participant.as_deref());
            ties.push(keys, speaker, (&event.source, &event.event_type), &event.label);
        }
        ties
    }

    /// Adds the next event: its keys, who speaks, who wrote it (source and type), and its label.
    pub fn push(&mut self, keys: impl Iterator<Item = Tie>, speaker: Speaker, writer: (&str, &str), label: &str) {
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        self.keys.extend(keys);
        self.starts.push(self.keys.len() as u32);
        self.speakers.push(speaker);
        self.writers.push(hash(&writer));
        self.words.push(words(label));
    }

    pub fn len(&self) -> usize {
        self.speakers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.speakers.is_empty()
    }

    /// The keys of an event; none where there is no such event.
    pub fn keys(&self, event: usize) -> &[Tie] {
        let (Some(from), Some(to)) = (self.starts.get(event), self.starts.get(event + 1)) else { return &[] };
        &self.keys[*from as usize..*to as usize]
    }

    pub fn speaker(&self, event: usize) -> Speaker {
        self.speakers.get(event).copied().unwrap_or(Speaker::Nobody)
    }

    pub fn writer(&self, event: usize) -> u64 {
        self.writers.get(event).copied().unwrap_or(0)
    }

    pub fn words(&self, event: usize) -> u64 {
        self.words.get(event).copied().unwrap_or(0)
    }
}

/// The letters and digits of a text, whatever their case and what stands between them; 0 for a text without any.
fn words(text: &str) -> u64 {
    let mut telling = text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).peekable();
    if telling.peek().is_none() { 0 } else { hash(&telling.collect::<String>()).max(1) }
}

fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_those_of_each_event() {
        let mut said = Event::new(Kind::Transcript, "canvas", "line");
        said.participant = Some("voice-agent-7f".to_owned());
        said.keys = vec![Key::native(KeyKind::Room, "r"), Key::derived(KeyKind::Task, "1a2b", "present.task_prefix")];
        let ties = Ties::of(&[Event::new(Kind::Model, "m", "call"), said.clone()]);
        assert_eq!((ties.len(), ties.keys(0).len(), ties.keys(1).len(), ties.keys(2).len()), (2, 0, 2, 0));
        assert_eq!(ties.keys(1)[1], Tie { kind: KeyKind::Task, via: Via::TaskBeginning, value: Tie::value("1a2b") });
        assert_eq!((ties.speaker(0), ties.speaker(1)), (Speaker::Nobody, Speaker::Agent));
    }

    #[test]
    fn words_are_compared_without_case_and_punctuation() {
        assert_eq!(words("It's on the board."), words("its ON the board"));
        assert_eq!((words("…"), words("a") == words("b")), (0, false));
    }
}
