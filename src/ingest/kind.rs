//! What a body is said to be: its `Content-Type`, and the charset that it names.

use axum::http::{HeaderMap, StatusCode, header};

use super::answer::Failure;

/// The name of a type, in lower case, and its charset where it names one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub name: String,
    charset: Option<String>,
}

impl Kind {
    /// `None` where nothing is said.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let said = headers.get(header::CONTENT_TYPE)?.to_str().unwrap_or("?").to_ascii_lowercase();
        let mut parts = said.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_owned();
        let named = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim() == "charset");
        let charset = named.map(|(_, value)| value.trim().trim_matches('"').trim().to_owned());
        Some(Self { name, charset: charset.filter(|charset| !charset.is_empty()) })
    }

    /// JSON is UTF-8; what is said to be of another charset is not read as if it were.
    pub(super) fn must_be_utf8(&self) -> Result<(), Failure> {
        match self.charset.as_deref() {
            None | Some("utf-8" | "utf8" | "us-ascii" | "ascii") => Ok(()),
            Some(other) => Err(unknown(&format!("Content-Type with charset `{other}` is not known here: utf-8"))),
        }
    }
}

/// 415, with what would fit.
pub(super) fn unknown(words: &str) -> Failure {
    Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_utf8_is_read_as_such() {
        for (said, name, is_taken) in [
            ("application/json", "application/json", true),
            ("Application/JSON; charset=UTF-8", "application/json", true),
            ("application/json;charset=\"utf-8\"", "application/json", true),
            ("application/json; profile=x; charset=us-ascii", "application/json", true),
            ("application/json; charset=", "application/json", true),
            ("application/json; charset=latin1", "application/json", false),
            ("text/plain; charset = ISO-8859-1", "text/plain", false),
            ("application/json; charset=utf-16", "application/json", false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, said.parse().expect("a value"))]);
            let kind = Kind::of(&headers).expect("is said");
            assert_eq!((kind.name.as_str(), kind.must_be_utf8().is_ok()), (name, is_taken), "{said}");
        }
        assert_eq!(Kind::of(&HeaderMap::new()), None);
    }
}
