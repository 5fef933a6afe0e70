//! Patterns of values: text with `*` and `?`, and regular expressions; case does not count in either.

use std::fmt;

use regex::RegexBuilder;

/// A text with wildcards: `*` stands for anything, `?` for one character, `\` takes the meaning of what follows away.
///
/// Two are equal when they fit the same texts letter by letter, however they are written.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// As written, without quotes.
    written: String,
    parts: Vec<Part>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for Pattern {}

/// A part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A character, folded.
    Letter(char),
    /// One character, whichever.
    One,
    /// Any characters, or none.
    Any,
}

impl Pattern {
    /// Every text is a pattern.
    pub fn new(written: &str) -> Self {
        let mut parts = Vec::new();
        let mut letters = written.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '*' if parts.last() == Some(&Part::Any) => {}
                '*' => parts.push(Part::Any),
                '?' => parts.push(Part::One),
                // One that stands at the very end means itself.
                '\\' => parts.extend(fold_letter(letters.next().unwrap_or('\\')).map(Part::Letter)),
                letter => parts.extend(fold_letter(letter).map(Part::Letter)),
            }
        }
        Self { written: written.to_owned(), parts }
    }

    /// The pattern that fits exactly this text.
    pub fn exactly(text: &str) -> Self {
        let mut written = String::with_capacity(text.len());
        for letter in text.chars() {
            if matches!(letter, '*' | '?' | '\\' | '"') {
                written.push('\\');
            }
            written.push(letter);
        }
        Self::new(&written)
    }

    pub fn written(&self) -> &str {
        &self.written
    }

    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether it fits a text as a whole.
    pub fn fits(&self, text: &str) -> bool {
        let folded: Vec<char> = folded(text).collect();
        fits(&self.parts, &folded)
    }

    /// Whether it fits somewhere inside a text.
    pub fn occurs_in(&self, text: &str) -> bool {
        let mut parts = vec![Part::Any];
        parts.extend_from_slice(&self.parts);
        parts.push(Part::Any);
        let folded: Vec<char> = folded(text).collect();
        fits(&parts, &folded)
    }
}

/// Tries the shortest run for a wildcard first and lengthens only the last one, which is enough.
fn fits(parts: &[Part], text: &[char]) -> bool {
    let (mut part, mut at) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match parts.get(part) {
            Some(Part::Any) => {
                retry = Some((part + 1, at));
                part += 1;
            }
            Some(Part::One) => (part, at) = (part + 1, at + 1),
            Some(Part::Letter(letter)) if *letter == text[at] => (part, at) = (part + 1, at + 1),
            _ => {
                let Some((behind, from)) = retry else { return false };
                retry = Some((behind, from + 1));
                (part, at) = (behind, from + 1);
            }
        }
    }
    parts[part..].iter().all(|part| *part == Part::Any)
}

/// Text as it is compared: case does not count.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(fold_letter)
}

/// Folds letter by letter, so that a text folds the same wherever it is cut.
///
/// A letter outside of ASCII never becomes one of ASCII, as the Kelvin sign would: databases do not know that either,
/// and what they narrow down must not lose anything.
fn fold_letter(letter: char) -> impl Iterator<Item = char> {
    let lower = letter.to_lowercase();
    let keeps = !letter.is_ascii() && lower.clone().any(|folded| folded.is_ascii());
    let (own, lower) = if keeps { (Some(letter), None) } else { (None, Some(lower)) };
    own.into_iter().chain(lower.into_iter().flatten())
}

/// A regular expression; two are equal when they are written alike.
#[derive(Debug, Clone)]
pub struct Regex {
    written: String,
    regex: regex::Regex,
}

impl Regex {
    /// The error says what is wrong, in a few words.
    pub fn new(written: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(written).case_insensitive(true).multi_line(true).size_limit(1 << 20).build();
        match regex {
            Ok(regex) => Ok(Self { written: written.to_owned(), regex }),
            Err(error) => {
                let text = error.to_string();
                Err(text.lines().last().unwrap_or(&text).trim_start_matches("error: ").to_owned())
            }
        }
    }

    pub fn written(&self) -> &str {
        &self.written
    }

    pub fn occurs_in(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Regex {}

impl fmt::Display for Regex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_what_they_should_and_case_does_not_count() {
        let fits = |pattern: &str, text: &str| Pattern::new(pattern).fits(text);
        assert!(fits("canvas.*", "Canvas.create") && fits("*", "") && fits("ŻÓŁ?", "żółw"));
        assert!(!fits("canvas.*", "a canvas.x") && !fits("?", "") && !fits("", "x"));
        assert!(fits("a*b*c", "aXbXbXc") && !fits("a*b*c", "aXbX"));
        assert!(fits(r"\*", "*") && !fits(r"\*", "x") && fits(r"a\", "a\\"));
    }

    #[test]
    fn a_word_occurs_anywhere() {
        assert!(Pattern::new("bash").occurs_in("an error of Bash"));
        assert!(Pattern::new("no*file").occurs_in("ls: No such file or directory"));
        assert!(!Pattern::new("bash").occurs_in("bas h"));
    }

    #[test]
    fn an_exact_pattern_fits_only_its_text() {
        for text in ["a*b", "what?", r"back\slash", "say \"hi\""] {
            assert!(Pattern::exactly(text).fits(text), "{text}");
        }
        assert!(!Pattern::exactly("a*b").fits("aXb"));
    }
}
