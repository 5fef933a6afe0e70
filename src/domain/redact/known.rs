//! Secrets that were found by what stands around them, and are secrets too where rows repeat them without that: the
//! label of a call shows what it was called with, and not under which name.

use std::collections::HashMap;
use std::ops::Range;

use aho_corasick::AhoCorasick;

use super::finder::{Find, ids_of, is_within};

/// Shorter ones are words that stand for other things elsewhere.
const SHORTEST: usize = 6;
/// So much of the beginning is looked for; what follows is compared.
const HEAD: usize = 12;
/// With this, or at its end, a text breaks off.
const CUT: [&[u8]; 2] = ["…".as_bytes(), b"\""];

/// What is known to be secret by now.
#[derive(Debug, Default)]
pub struct Known {
    heads: Option<AhoCorasick>,
    /// By the pattern of the head: as it is written in JSON, as it is, and the place of its rule.
    all: Vec<(Vec<u8>, Vec<u8>, usize)>,
}

impl Known {
    /// Secrets with the rules that found them.
    pub fn of(secrets: &HashMap<Vec<u8>, usize>) -> Self {
        let mut all = Vec::new();
        for (secret, rule) in secrets {
            let text = std::str::from_utf8(secret).ok().filter(|text| text.len() >= SHORTEST);
            let written = text.and_then(|text| serde_json::to_vec(text).ok());
            all.extend(written.map(|written| (written[1..written.len() - 1].to_vec(), secret.clone(), *rule)));
        }
        all.sort();
        let heads = all.iter().map(|(written, ..)| &written[..written.len().min(HEAD)]);
        let heads = if all.is_empty() { None } else { AhoCorasick::new(heads).ok() };
        Self { heads, all }
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Where a row repeats one of them, beside what was found there anyway. Ids stay.
    pub(super) fn finds(&self, json: &[u8], found: &[Find]) -> Vec<Find> {
        let mut finds: Vec<Find> = Vec::new();
        let Some(heads) = &self.heads else { return finds };
        for head in heads.find_overlapping_iter(json) {
            let (written, secret, rule) = &self.all[head.pattern().as_usize()];
            if let Some(range) = repeated(json, head.start(), written) {
                finds.push(Find::new(range, *rule, secret));
            }
        }
        if finds.is_empty() {
            return finds;
        }
        let ids = ids_of(json);
        let meets = |one: &Range<usize>, other: &Range<usize>| one.start < other.end && other.start < one.end;
        finds.retain(|find| {
            !is_within(&ids, &find.range) && !found.iter().any(|known| meets(&known.range, &find.range))
        });
        // Of those that overlap the longest counts.
        finds.sort_by_key(|find| (find.range.start, std::cmp::Reverse(find.range.end)));
        let mut end = 0;
        finds.retain(|find| {
            let is_apart = find.range.start >= end;
            end = end.max(find.range.end);
            is_apart
        });
        finds
    }
}

/// Where a secret stands from a place on: whole and as a word, or up to where the text breaks off.
fn repeated(json: &[u8], start: usize, written: &[u8]) -> Option<Range<usize>> {
    let same = json[start..].iter().zip(written).take_while(|(one, other)| one == other).count();
    let behind = &json[start + same..];
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80);
    if is_word(json[..start].last()) && is_word(written.first()) {
        return None;
    }
    let is_cut = same >= HEAD && CUT.iter().any(|cut| behind.starts_with(cut));
    let is_whole = same == written.len() && !(is_word(written.last()) && is_word(behind.first()));
    (is_whole || is_cut || (same == written.len() && behind.starts_with(CUT[0]))).then_some(start..start + same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(json: &str) -> Vec<&str> {
        let secrets = ["pl4nted \"Horse\" on a long way", "hunter2hunter2", "short"];
        let known = Known::of(&secrets.iter().map(|secret| (secret.as_bytes().to_vec(), 3)).collect());
        known.finds(json.as_bytes(), &[]).into_iter().map(|find| &json[find.range]).collect()
    }

    #[test]
    fn a_secret_is_one_where_it_stands_alone_too() {
        assert_eq!(found(r#"{"label":"Login hunter2hunter2"}"#), ["hunter2hunter2"]);
        assert_eq!(
            found(r#"{"label":"a pl4nted \"Horse\" on a long way home"}"#),
            [r#"pl4nted \"Horse\" on a long way"#]
        );
        assert_eq!(found(r#"{"label":"a pl4nted \"Horse\" on…"}"#), [r#"pl4nted \"Horse\" on"#]);
        assert_eq!(found(r#"{"label":"xhunter2hunter2 hunter2hunter2x hunter2 short pl4nted cow"}"#), [""; 0]);
        assert_eq!(found(r#"{"id":"hunter2hunter2","keys":[{"value":"hunter2hunter2"}]}"#), [""; 0]);
    }
}
