//! Finds words in rows: plain text for now, case folded.

use crate::timeline::Turn;

/// All these words must occur somewhere in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// As typed.
    pub text: String,
    words: Vec<String>,
}

impl Filter {
    /// `None` for a text without words.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let words: Vec<String> = text.split_whitespace().map(fold).collect();
        (!words.is_empty()).then(|| Self { text: text.trim().to_owned(), words })
    }

    /// Whether a text that is folded already holds every word.
    pub(crate) fn matches(&self, folded: &str) -> bool {
        self.words.iter().all(|word| folded.contains(word.as_str()))
    }
}

/// Text as it is compared: case does not count.
pub(crate) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// What a filter of the timeline looks at: all words of a row, folded.
pub(crate) fn words_of(turn: &Turn) -> String {
    let mut words = vec![turn.label.as_str(), &turn.who, turn.kind.name(), &turn.status, turn.state.name()];
    words.extend([turn.source.as_str(), &turn.id]);
    words.extend(turn.model.as_deref());
    words.extend(turn.error.as_deref());
    words.extend(turn.keys.iter().map(|key| key.value.as_str()));
    fold(&words.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_must_occur_in_any_order_and_case() {
        let filter = Filter::parse("  Bash ERROR ").expect("has words");
        assert!(filter.matches("an error of bash"));
        assert!(!filter.matches("bash"));
        assert_eq!(filter.text, "Bash ERROR");
        assert_eq!(Filter::parse("   "), None);
    }
}
