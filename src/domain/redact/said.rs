//! Secrets that people say in a sentence: `the password for the database is …`.

use super::value::{Named, Value, bare, quote_at, quoted, skip_blanks};

/// Words and signs behind which people say a value in a sentence.
const SAID: [&str; 7] = ["is: ", "is ", "'s ", "’s ", "-> ", "- ", "– "];
/// Words that go on with what a secret is for.
const FOR: [&str; 5] = ["for ", "of ", "to ", "on ", "in "];
/// They are no more.
const MOST_WORDS: usize = 6;

impl Named<'_> {
    /// What is said to be the value: any word may stand there.
    pub fn said(&self) -> Option<Value> {
        let text = self.text;
        let mut from = skip_blanks(text, self.range.end);
        let begins = |from: usize, words: &[&'static str]| {
            words.iter().find(|word| text[from..].starts_with(word.as_bytes())).map(|word| word.len())
        };
        if begins(from, &FOR).is_some() {
            for _ in 0..MOST_WORDS {
                if text[from..].starts_with(b"is") {
                    break;
                }
                let word = text[from..].iter().take(32).take_while(|byte| !byte.is_ascii_whitespace()).count();
                if word == 0 || text.get(from + word) != Some(&b' ') {
                    return None;
                }
                from += word + 1;
            }
        }
        let at = skip_blanks(text, from + begins(from, &SAID)?);
        let opening = quote_at(text, at);
        let is_quoted = !opening.is_empty();
        let range = if is_quoted { quoted(text, at + opening.len(), opening) } else { bare(text, at, false) };
        Some(Value::loose(range))
    }
}
