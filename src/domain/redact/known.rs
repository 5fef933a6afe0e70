//! Secrets that were found by what stands around them, and are secrets too where rows and bodies repeat them without
//! that: the label of a call shows what it was called with, and not under which name.

use std::collections::HashMap;
use std::ops::Range;

use aho_corasick::AhoCorasick;

use super::code::is_mixed;
use super::finder::{Find, Finder, ids_of, is_within};
use super::rules::What;

/// Shorter ones are words that stand for other things elsewhere.
const SHORTEST: usize = 6;
/// In bodies, where much more stands, they are longer.
const SHORTEST_IN_BODY: usize = 8;
/// No body has more of them that are remembered.
const MOST_IN_BODY: usize = 1024;
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

    /// Where the texts of a row repeat one of them, beside what was found there anyway. Ids stay.
    pub(super) fn finds(&self, json: &[u8], found: &[Find]) -> Vec<Find> {
        let mut finds = self.everywhere(json);
        if finds.is_empty() {
            return finds;
        }
        let (ids, texts) = (ids_of(json), texts_of(json));
        finds.retain(|find| is_within(&texts, &find.range));
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

    /// Where one of them stands in a text.
    pub(super) fn everywhere(&self, text: &[u8]) -> Vec<Find> {
        let Some(heads) = &self.heads else { return Vec::new() };
        let found = heads.find_overlapping_iter(text).filter_map(|head| {
            let (written, secret, rule) = &self.all[head.pattern().as_usize()];
            Some(Find::new(repeated(text, head.start(), written)?, *rule, secret))
        });
        found.collect()
    }
}

impl Finder {
    /// Remembers what the names in a body tell to be secret, where it is no word that may stand for other things.
    pub(super) fn remember(&self, finds: &[Find], secrets: &mut HashMap<Vec<u8>, usize>) {
        let is_named = |find: &&Find| {
            let rule = &self.rules.list[find.rule];
            !find.by_shape && find.withheld.is_none() && matches!(rule.what, What::Keys(_))
        };
        for find in finds.iter().filter(is_named) {
            let letters: Vec<u8> = find.secret.iter().filter(|byte| !b"\"\\".contains(byte)).copied().collect();
            let is_word = letters.len() < SHORTEST_IN_BODY || !is_mixed(&letters) || is_spoken(&letters);
            if !is_word && secrets.len() < MOST_IN_BODY {
                secrets.insert(find.secret.clone(), find.rule);
            }
        }
    }
}

/// Where the texts of JSON stand, in order, without their quotes.
fn texts_of(json: &[u8]) -> Vec<Range<usize>> {
    let (mut texts, mut begun, mut at) = (Vec::new(), None, 0);
    while let Some(next) = memchr::memchr2(b'"', b'\\', &json[at..]) {
        let place = at + next;
        at = place + 1;
        match (json[place], begun) {
            // What stands behind it is no end of the text.
            (b'\\', _) => at += 1,
            (_, None) => begun = Some(at),
            (_, Some(start)) => {
                texts.push(start..place);
                begun = None;
            }
        }
        at = at.min(json.len());
    }
    texts
}

/// Whether it has but one digit and no capitals, as words with a number have.
fn is_spoken(secret: &[u8]) -> bool {
    !secret.iter().any(u8::is_ascii_uppercase) && secret.iter().filter(|byte| byte.is_ascii_digit()).count() < 2
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
        let secrets = ["pl4nted \"Horse\" on a long way", "hunter2hunter2", "short", "false,"];
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
        // Between the texts of a row nothing is a secret.
        assert_eq!(found(r#"{"a\"":false,"label":"say false, now","b":false,"c":1}"#), ["false,"]);
        assert_eq!(found(r#"{"id":"hunter2hunter2","keys":[{"value":"hunter2hunter2"}]}"#), [""; 0]);
    }
}
