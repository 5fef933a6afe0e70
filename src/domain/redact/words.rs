//! Names of fields as words, and what they say about the value of the field.

use std::collections::HashMap;

use super::rules::{Rule, What};

/// Names of fields that say that their value is a secret, or that it is none.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Rules by words that are joined with `_`.
    known: HashMap<String, usize>,
    /// Rules by the end of a name without what joins its words.
    endings: Vec<(String, usize)>,
    /// Rules that ask for more than the name, by which only what looks random is hidden.
    unsure: Vec<usize>,
    /// Rules by a name that must be just this one.
    whole: HashMap<String, usize>,
    /// One of these occurs in every name that is known.
    stems: Vec<String>,
    first: Vec<String>,
    last: Vec<String>,
}

/// What the name of a field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// The value is a secret by this rule.
    Secret(usize),
    /// It names a secret, but what it holds is a count, an id, a type …
    Exempt,
    Nothing,
}

/// A name of more words is no name of a field.
const MOST_WORDS: usize = 16;
/// No key of a rule has more words.
const LONGEST_KEY: usize = 4;

impl Keys {
    pub fn new(rules: &[Rule], first: Vec<String>, last: Vec<String>) -> Self {
        let (known, endings, unsure, stems) = (HashMap::new(), Vec::new(), Vec::new(), Vec::new());
        let mut keys = Self { known, endings, unsure, whole: HashMap::new(), stems, first, last };
        for (at, rule) in rules.iter().enumerate() {
            let What::Keys(names) = &rule.what else { continue };
            if rule.is_unsure() {
                keys.unsure.push(at);
            }
            for name in names {
                let words = words(name);
                if name.starts_with('*') {
                    keys.endings.push((words.concat(), at));
                } else if name.starts_with('=') {
                    keys.whole.insert(words.join("_"), at);
                } else {
                    keys.known.entry(words.join("_")).or_insert(at);
                }
                // The longest word is the rarest.
                keys.stems.extend(words.into_iter().max_by_key(String::len).into_iter().flat_map(written));
            }
        }
        keys.stems.sort();
        keys.stems.dedup();
        keys
    }

    pub fn stems(&self) -> &[String] {
        &self.stems
    }

    /// What a name says. Its caller has found that one of the stems occurs in it.
    pub fn judge(&self, name: &str) -> Judged {
        let name = Words::of(name);
        if name.ends.is_empty() || name.ends.len() > MOST_WORDS {
            return Judged::Nothing;
        }
        if let Some(rule) = self.whole.get(name.joined.as_str()) {
            return Judged::Secret(*rule);
        }
        let Some(rule) = self.rule(&name) else { return Judged::Nothing };
        if name.ends.len() > 1 && self.exempts(&name) { Judged::Exempt } else { Judged::Secret(rule) }
    }

    /// Whether a name is that of an id, a count, a type …, whatever it belongs to.
    pub fn is_harmless(&self, name: &str) -> bool {
        self.exempts(&Words::of(name))
    }

    fn exempts(&self, name: &Words) -> bool {
        let count = name.ends.len();
        if count == 0 {
            return false;
        }
        let (first, last) = (name.run(0, 1), name.run(count - 1, 1));
        let bare = without_number(last);
        self.last.iter().any(|word| word == last || word == bare)
            || (count > 1 && self.first.iter().any(|word| word == first))
    }

    /// The rule for the longest run of words that is known; one that asks for more only where no other fits.
    fn rule(&self, name: &Words) -> Option<usize> {
        let (mut unsure, count) = (None, name.ends.len());
        for length in (1..=LONGEST_KEY.min(count)).rev() {
            for first in 0..=count - length {
                let run = name.run(first, length);
                let bare = without_number(run);
                let numbered = || self.known.get(bare).filter(|_| bare.len() < run.len());
                match self.known.get(run).or_else(numbered) {
                    Some(rule) if self.unsure.contains(rule) => unsure = unsure.or(Some(*rule)),
                    Some(rule) => return Some(*rule),
                    None => {}
                }
            }
        }
        for (_, rule) in self.endings.iter().filter(|(ending, _)| name.ends_with(ending)) {
            if !self.unsure.contains(rule) {
                return Some(*rule);
            }
            unsure = unsure.or(Some(*rule));
        }
        unsure
    }
}

/// The words of a name, in small letters.
struct Words {
    /// With `_` between them.
    joined: String,
    /// Where each ends in that.
    ends: Vec<usize>,
}

impl Words {
    fn of(name: &str) -> Self {
        let (mut joined, mut ends) = (String::with_capacity(name.len() + 8), Vec::new());
        let (mut start, mut before) = (0, None::<char>);
        let mut letters = name.chars().peekable();
        let end_word = |joined: &mut String, ends: &mut Vec<usize>, start: &mut usize| {
            if joined.len() > *start {
                ends.push(joined.len());
                joined.push('_');
                *start = joined.len();
            }
        };
        while let Some(letter) = letters.next() {
            let ends_capitals = letter.is_uppercase()
                && before.is_some_and(char::is_uppercase)
                && letters.peek().is_some_and(|next| next.is_lowercase());
            let begins =
                letter.is_uppercase() && before.is_some_and(|before| before.is_lowercase() || before.is_numeric());
            if !letter.is_alphanumeric() || begins || ends_capitals {
                end_word(&mut joined, &mut ends, &mut start);
            }
            if letter.is_alphanumeric() {
                joined.extend(letter.to_lowercase());
            }
            before = Some(letter);
        }
        end_word(&mut joined, &mut ends, &mut start);
        joined.truncate(ends.last().copied().unwrap_or(0));
        Self { joined, ends }
    }

    /// So many words from one on.
    fn run(&self, first: usize, count: usize) -> &str {
        let start = if first == 0 { 0 } else { self.ends[first - 1] + 1 };
        &self.joined[start..self.ends[first + count - 1]]
    }

    /// Whether it ends so, whatever joins its words.
    fn ends_with(&self, ending: &str) -> bool {
        let mut letters = self.joined.bytes().rev().filter(|byte| *byte != b'_');
        ending.bytes().rev().all(|byte| letters.next() == Some(byte))
    }
}

/// A word as it is searched for: capitals count only where they are not ASCII.
fn written(word: String) -> Vec<String> {
    if word.is_ascii() {
        return vec![word];
    }
    let mut letters = word.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    vec![word.to_uppercase(), first + letters.as_str(), word]
}

/// With the number at its end taken off: `password2`.
fn without_number(run: &str) -> &str {
    run.trim_end_matches(|letter: char| letter.is_ascii_digit())
}

/// The words of a name in small letters: `X-Api-Key`, `xApiKey` and `X_API_KEY` have the same three.
pub fn words(name: &str) -> Vec<String> {
    let name = Words::of(name);
    (0..name.ends.len()).map(|at| name.run(at, 1).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::rules::Rules;
    use super::*;

    #[test]
    fn names_are_read_as_words() {
        assert_eq!(words("X-Api-Key"), ["x", "api", "key"]);
        assert_eq!(words("myAPIKey2"), ["my", "api", "key2"]);
        assert_eq!(words("GITHUB_TOKEN"), ["github", "token"]);
        assert_eq!(words("http.request.header.authorization"), ["http", "request", "header", "authorization"]);
        assert!(words("--").is_empty());
    }

    #[test]
    fn secrets_are_told_from_what_only_speaks_of_them() {
        let rules = Rules::built_in().expect("sound");
        let judged = |name: &str| match rules.keys.judge(name) {
            Judged::Secret(rule) => rules.list[rule].name.clone(),
            Judged::Exempt => "exempt".to_owned(),
            Judged::Nothing => String::new(),
        };
        for (names, rule) in [
            (
                &["password", "userPassword", "DB_PASSWORD", "newpassword", "password2", "password_confirmation"][..],
                "password",
            ),
            (&["AUTH_PASSWORD", "KEY_PASSWORD", "seed_password", "CERT_PASSWORD", "keyPassword2"], "password"),
            (&["SESSION_SECRET", "sessionSecret", "AUTH_SECRET"], "secret"),
            (&["TWILIO_AUTH_TOKEN", "authToken", "X-Auth-Token", "_authToken", "AWS_SESSION_TOKEN"], "token"),
            (&["auth_token", "session_token", "pin_token", "keyaccesstoken"], "token"),
            (&["key", "auth", "session_key", "code"], "random-value"),
            (&["auth_token_count", "session_token_id", "key_password_policy"], "exempt"),
            (&["client_secret", "clientSecret", "clientsecret", "aws_secret"], "secret"),
            (&["apiKey", "x-api-key", "OPENAI_API_KEY", "apikey", "aws_secret_access_key", "privateKey"], "api-key"),
            (&["token", "accessToken", "refresh_token", "authtoken", "id_token", "lease-token"], "token"),
            (&["Authorization", "proxy-authorization", "http.request.header.authorization"], "authorization"),
            (&["Set-Cookie", "cookies"], "cookie"),
            (&["pass", "MYSQL_PASS"], "password-short"),
            (&["contraseña", "Mot de passe", "数据库密码", "ПАРОЛЬ"], "password-abroad"),
            (&["email", "userEmail", "email_address"], "email-field"),
            (&["session_id", "sessionId"], "exempt"),
            (&["tokens"], "token-list"),
            (&["request_id", "uuid", "id", "tool_use_id"], ""),
            (
                &[
                    "token_count",
                    "promptTokenCount",
                    "token_type",
                    "token_id",
                    "password_policy",
                    "has_password",
                    "secret_name",
                    "total_token_usage",
                ],
                "exempt",
            ),
            (
                &[
                    "max_tokens",
                    "input_tokens",
                    "cacheReadInputTokens",
                    "prompt_tokens_details",
                    "author",
                    "microphone",
                    "keyboard",
                    "tokenizer",
                ],
                "",
            ),
        ] {
            for name in names {
                assert_eq!(judged(name), rule, "{name}");
            }
        }
    }
}
