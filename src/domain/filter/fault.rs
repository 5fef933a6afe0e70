//! What is wrong with a filter's text: where, in words, and what may have been meant.

use std::fmt;

/// What is wrong with a filter's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The byte at which it is wrong.
    pub at: usize,
    /// The character at which it is wrong, counted from 1.
    pub column: usize,
    words: String,
    hint: Option<String>,
}

impl Fault {
    pub(super) fn new(text: &str, at: usize, words: impl Into<String>) -> Self {
        let at = at.min(text.len());
        Self { at, column: text[..at].chars().count() + 1, words: words.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Asks whether the nearest of some names was meant, if any is near.
    pub(super) fn suggest(self, typed: &str, names: impl IntoIterator<Item = &'static str>) -> Self {
        match nearest(typed, names) {
            Some(name) => self.hint(format!("did you mean \"{name}\"?")),
            None => self,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at {}", self.words, self.column)?;
        match &self.hint {
            Some(hint) => write!(formatter, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

/// The name with the fewest slips between it and what was typed; `None` where even that one has too many.
fn nearest(typed: &str, names: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    let typed: Vec<char> = typed.to_lowercase().chars().take(40).collect();
    let scored = names.into_iter().map(|name| (slips(&typed, &name.chars().collect::<Vec<_>>()), name));
    let (slips, name) = scored.min_by_key(|(slips, _)| *slips)?;
    (slips <= (name.len() / 3).max(1)).then_some(name)
}

/// Letters to be added, left out, changed, or swapped with the next one.
fn slips(one: &[char], other: &[char]) -> usize {
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (index, letter) in one.iter().enumerate() {
        let mut row = vec![index + 1];
        for (place, second) in other.iter().enumerate() {
            let above = &rows[index];
            let mut best = (above[place] + usize::from(letter != second)).min(above[place + 1] + 1).min(row[place] + 1);
            let swapped = index > 0 && place > 0 && one[index - 1] == *second && *letter == other[place - 1];
            if swapped {
                best = best.min(rows[index - 1][place - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_a_far_one_is_not() {
        let names = ["tool", "tokens", "kind", "latency"];
        assert_eq!(nearest("tol", names), Some("tool"));
        assert_eq!(nearest("TOKNES", names), Some("tokens"));
        assert_eq!(nearest("latancy", names), Some("latency"));
        assert_eq!(nearest("zzz", names), None);
    }
}
