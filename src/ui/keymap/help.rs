//! What is computed from the key table: the last line, the help list, and the table of the README.

use std::fmt::Write;

use super::{BINDINGS, Binding, Keys, Place, Scope};
use crate::ui::action::Action;
use crate::ui::text::width;

/// One line of help.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HelpRow {
    pub binding: &'static Binding,
    /// The first row of its group.
    pub opens: bool,
}

impl Keys {
    /// The rows of help whose words hold every word of the query.
    pub(crate) fn help_rows(self, scope: impl Into<Scope>, query: &str) -> Vec<HelpRow> {
        let query = query.to_lowercase();
        let found = self.on(scope).filter(|binding| {
            let words = format!("{} {} {}", binding.help, binding.group.name(), keys(binding)).to_lowercase();
            query.split_whitespace().all(|word| words.contains(word))
        });
        let mut found: Vec<&'static Binding> = found.collect();
        found.sort_by_key(|binding| binding.group);
        let mut before = None;
        found
            .into_iter()
            .map(|binding| HelpRow { binding, opens: before.replace(binding.group) != Some(binding.group) })
            .collect()
    }

    /// The first keys of an action in a place.
    pub(crate) fn keys_of(self, scope: impl Into<Scope>, action: Action) -> Option<String> {
        let binding = self.on(scope).find(|binding| binding.action == action)?;
        binding.keys.first().map(|keys| compact(keys))
    }

    /// The hints for the last line, as pairs of keys and a word, as many as fit; help is the last to go.
    pub(crate) fn footer(
        self,
        place: Place,
        columns: usize,
        works: impl Fn(Action) -> bool,
    ) -> Vec<(String, &'static str)> {
        let shown = |binding: &&Binding| !binding.hint.is_empty();
        let hints = self.on(place).filter(shown).filter(|binding| works(binding.action));
        // A row without keys is done by name alone.
        let mut hints: Vec<(String, &'static str)> =
            hints.filter_map(|binding| Some((compact(binding.keys.first()?), binding.hint))).collect();
        let Some(help) = hints.pop() else { return hints };
        let wide = |hint: &(String, &str)| width(&hint.0) + 1 + width(hint.1) + 2;
        let mut left = columns.saturating_sub(wide(&help) - 2);
        hints.retain(|hint| {
            // Once one hint does not fit, none behind it is shown: the order says what matters.
            left = left.saturating_sub(wide(hint));
            left > 0
        });
        hints.push(help);
        hints
    }
}

/// The keys of a row as people write them: `gg Home`.
pub(crate) fn keys(binding: &Binding) -> String {
    let shown: Vec<String> = binding.keys.iter().map(|keys| compact(keys)).collect();
    shown.join(" ")
}

/// A sequence without the spaces between single characters: `gg`, `]e`.
pub(crate) fn compact(keys: &str) -> String {
    keys.replace(' ', "")
}

/// The key table in Markdown, for the README.
pub fn readme_table() -> String {
    let mut text = String::new();
    let common = |binding: &&Binding| binding.on == Scope::LEVELS;
    section(&mut text, "Everywhere", BINDINGS.iter().filter(common));
    for scope in Scope::ALL {
        let own = BINDINGS.iter().filter(|binding| !common(binding) && binding.on.contains(&scope));
        let title = if scope == Scope::Review { "Review of a redacted export" } else { scope.name() };
        section(&mut text, title, own);
    }
    text
}

fn section(text: &mut String, title: &str, rows: impl Iterator<Item = &'static Binding>) {
    let mut rows: Vec<&Binding> = rows.collect();
    rows.sort_by_key(|binding| binding.group);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "**{title}**\n\n| keys | |\n|---|---|");
    for binding in rows {
        let keys: Vec<String> = binding.keys.iter().map(|keys| format!("`{}`", escape(&compact(keys)))).collect();
        let _ = writeln!(text, "| {} | {} |", keys.join(" "), escape(binding.help));
    }
    text.push('\n');
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_the_last_hint_to_go() {
        for columns in 0..200 {
            let hints = Keys::default().footer(Place::Timeline, columns, |_| true);
            assert_eq!(hints.last().map(|hint| hint.1), Some("help"));
            let used: usize = hints.iter().map(|(keys, word)| width(keys) + width(word) + 3).sum::<usize>() - 2;
            assert!(used <= columns || hints.len() == 1);
        }
    }

    #[test]
    fn help_finds_words_keys_and_groups() {
        assert!(Keys::default().help_rows(Place::Timeline, "next error").iter().any(|row| row.binding.keys == ["e"]));
        assert!(Keys::default().help_rows(Place::Sessions, "zzz nothing").is_empty());
        assert_eq!(Keys::default().help_rows(Place::Event, "").iter().filter(|row| row.opens).count(), 7);
    }

    #[test]
    fn the_readme_table_names_every_row() {
        let table = readme_table();
        for binding in BINDINGS {
            assert!(table.contains(&escape(binding.help)), "{}", binding.help);
        }
    }
}
