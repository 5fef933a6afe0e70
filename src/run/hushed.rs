//! Words without passwords: what was typed is often said again, and an address may stand where none belongs.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Who stands in an address with a password, which ends before the last `@`: one with such a sign or a slash is hidden
/// whole. A path may have lost the second slash.
static PASSWORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)([a-z0-9]:/+[^\s:]*:)\S*@").expect("the pattern is sound"));

/// A password among the options of an address.
static OPTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)([?&](?:ssl)?password=)[^\s&#'`\x1b]+").expect("the pattern is sound"));

/// The same words with `…` for the passwords of addresses.
pub fn hushed(words: &str) -> Cow<'_, str> {
    match PASSWORD.replace_all(words, "${1}…@") {
        Cow::Borrowed(words) => OPTION.replace_all(words, "${1}…"),
        Cow::Owned(words) => Cow::Owned(OPTION.replace_all(&words, "${1}…").into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_of_an_address_is_said_again() {
        for (words, left) in [
            ("argument 'postgres://alice:word@h/db' found", "argument 'postgres://alice:…@h/db' found"),
            ("pg://x:word@h/d and b://y:word@g: no", "pg://x:…@h/d and b://y:…@g: no"),
            ("./postgres://me:wo@rd/word@h:5432/db", "./postgres://me:…@h:5432/db"),
            ("/home/postgres:/me:word@h", "/home/postgres:/me:…@h"),
            ("redis://:word@h", "redis://:…@h"),
            ("'\u{1b}[33mpg://x:word@h\u{1b}[0m'", "'\u{1b}[33mpg://x:…@h\u{1b}[0m'"),
            ("'postgresql:///t?host=/run&PASSWORD=word'", "'postgresql:///t?host=/run&PASSWORD=…'"),
        ] {
            assert_eq!(hushed(words), left);
        }
        for words in ["http://127.0.0.1:4318", "postgres://me@h:5432/db", "a.jsonl:3: x@y", "ada@example.org", ""] {
            assert!(matches!(hushed(words), Cow::Borrowed(same) if same == words), "{words}");
        }
    }
}
