//! The phrase that `/` looks for, and the text in which it is looked for, case folded.

use crate::timeline::Turn;

/// A phrase to be found, as typed in `/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Phrase {
    pub text: String,
    folded: String,
}

impl Phrase {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        (!text.trim().is_empty()).then(|| Self { text: text.to_owned(), folded: fold(text) })
    }

    pub(crate) fn matches(&self, folded: &str) -> bool {
        folded.contains(&self.folded)
    }
}

/// Text as it is compared: case does not count.
pub(crate) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// What a search of the timeline looks at: what the list shows.
pub(crate) fn label_of(turn: &Turn) -> String {
    fold(&format!("{}\n{}\n{}", turn.who, turn.label, turn.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_found_as_a_whole() {
        let phrase = Phrase::parse("No Such").expect("has words");
        assert!(phrase.matches("ls: no such file"));
        assert!(!phrase.matches("such no"));
    }
}
