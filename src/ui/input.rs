//! One line of text being typed, with its cursor; moves by grapheme.

use unicode_segmentation::UnicodeSegmentation;

use super::key::Key;

/// The bytes that a prompt holds.
pub(crate) const MOST: usize = 4_000;

/// A line of typed text. The cursor is a byte offset on a grapheme border.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Input {
    pub text: String,
    pub cursor: usize,
}

impl Input {
    pub fn with(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { cursor: text.len(), text }
    }

    /// Takes a key of a line editor; `false` where it is none.
    pub fn take(&mut self, key: &Key) -> bool {
        if let Some(character) = key.typed() {
            self.insert(character.encode_utf8(&mut [0; 4]));
            return true;
        }
        match key.name() {
            "←" | "^B" => self.cursor = self.before(),
            "→" | "^F" => self.cursor = self.after(),
            "Home" | "^A" => self.cursor = 0,
            "End" | "^E" => self.cursor = self.text.len(),
            "Backspace" => self.cut(self.before(), self.cursor),
            "Del" => self.cut(self.cursor, self.after()),
            "^U" => self.cut(0, self.cursor),
            "^K" => self.cut(self.cursor, self.text.len()),
            "^W" => self.cut(self.word_before(), self.cursor),
            _ => return false,
        }
        true
    }

    /// Puts text in at the cursor; what is pasted stays on one line. `false` where there was no room for all of it.
    pub fn insert(&mut self, text: &str) -> bool {
        let room = MOST.saturating_sub(self.text.len());
        // A control character gives way to a space, which is shorter or as long.
        let whole = text.len() <= room;
        let end = if whole { text.len() } else { text.floor_char_boundary(room) };
        let line: String =
            text[..end].chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
        self.text.insert_str(self.cursor, &line);
        self.cursor += line.len();
        // A combining character joins what stands before it, so the old place may be inside a grapheme now.
        if !self.text.is_char_boundary(self.cursor) {
            self.cursor = self.text.len();
        }
        whole
    }

    pub fn set(&mut self, text: impl Into<String>) {
        *self = Self::with(text);
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(start, _)| start)
    }

    fn after(&self) -> usize {
        let next = self.text[self.cursor..].graphemes(true).next();
        self.cursor + next.map_or(0, str::len)
    }

    fn word_before(&self) -> usize {
        let kept = self.text[..self.cursor].trim_end();
        kept.rfind(char::is_whitespace)
            .map_or(0, |space| space + kept[space..].chars().next().map_or(1, char::len_utf8))
    }

    fn cut(&mut self, start: usize, end: usize) {
        self.text.replace_range(start..end, "");
        self.cursor = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[&str]) -> Input {
        let mut input = Input::default();
        for key in keys {
            input.take(&Key((*key).to_owned()));
        }
        input
    }

    #[test]
    fn graphemes_are_deleted_whole() {
        let mut input = Input::with("a👩\u{200d}💻");
        input.take(&Key("Backspace".to_owned()));
        assert_eq!(input.text, "a");
    }

    #[test]
    fn words_and_lines_can_be_cut() {
        assert_eq!(typed(&["a", "Space", "b", "^W"]).text, "a ");
        assert_eq!(typed(&["a", "b", "←", "^U"]).text, "b");
        assert_eq!(typed(&["a", "b", "^A", "^K"]).text, "");
    }

    #[test]
    fn a_paste_that_is_too_long_is_cut_and_says_so() {
        let mut input = Input::default();
        assert!(input.insert("ż"));
        assert!(!input.insert(&"ż".repeat(1_000_000)));
        assert_eq!((input.text.len(), input.cursor), (MOST, MOST));
        assert!(!input.insert("x"));
    }

    #[test]
    fn a_paste_stays_on_one_line() {
        let mut input = Input::default();
        input.insert("one\ntwo\u{1b}[31m");
        assert_eq!(input.text, "one two [31m");
    }
}
