//! Stubs: what stands in the place of a secret, and the count of them.
//!
//! `[redacted:RULE:N:HMAC]`: the nth different secret of that rule in this export, and the first 12 hex digits of an
//! HMAC-SHA-256 of it under a key that is made for each export, or is given so that exports can be compared.
//! `[withheld:TYPE:SIZE]`: bytes that nobody can look into.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;
use ring::hmac;

use super::finder::Find;
use super::rules::Rules;

/// How stubs begin.
pub(super) const OPENING: &str = "[redacted:";
pub(super) const WITHHELD: &str = "[withheld:";

/// Bytes of the HMAC that a stub shows.
const SHOWN: usize = 6;

pub(super) static STUB: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?-u)\[(?:redacted:[a-z0-9-]{1,32}:[0-9]{1,12}:[0-9a-f]{12}|withheld:[A-Za-z0-9/.+-]{1,64}:[0-9]{1,20})\]",
    )
    .ok()
});

/// What a secret is told by: equal for equal secrets under one key.
pub type Mark = [u8; SHOWN];

/// Names secrets, and remembers which were named.
#[derive(Debug)]
pub struct Stubs {
    key: hmac::Key,
    /// The number of each different secret of each rule.
    numbers: HashMap<(usize, Mark), usize>,
    /// How many different secrets each rule has.
    different: BTreeMap<usize, usize>,
}

impl Stubs {
    pub fn new(key: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        Self { key, numbers: HashMap::new(), different: BTreeMap::new() }
    }

    pub fn mark(&self, secret: &[u8]) -> Mark {
        let tag = hmac::sign(&self.key, secret);
        let mut mark = [0; SHOWN];
        mark.copy_from_slice(&tag.as_ref()[..SHOWN]);
        mark
    }

    /// An HMAC in place of a digest, which would let short secrets be guessed.
    pub fn digest(&self, digest: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&self.key, &[b"digest:", digest].concat());
        let mut sealed = [0; 32];
        sealed.copy_from_slice(tag.as_ref());
        sealed
    }

    /// The stub for a find.
    pub fn stub(&mut self, rules: &Rules, find: &Find) -> String {
        if let Some((kind, size)) = &find.withheld {
            return format!("{WITHHELD}{}:{size}]", named(kind));
        }
        let mark = self.mark(&find.secret);
        let next = self.numbers.len();
        let number = *self.numbers.entry((find.rule, mark)).or_insert_with(|| {
            let count = self.different.entry(find.rule).or_insert(0);
            *count += 1;
            *count
        });
        debug_assert!(number <= next + 1);
        format!("{OPENING}{}:{number}:{}]", rules.list[find.rule].name, hex::encode(mark))
    }
}

/// A type as it may stand in a stub.
fn named(kind: &str) -> String {
    let plain = |letter: &char| letter.is_ascii_alphanumeric() || "/.+-".contains(*letter);
    let kind: String = kind.chars().filter(plain).take(64).collect();
    if kind.is_empty() { "binary".to_owned() } else { kind }
}

/// Whether a text is a stub and nothing else.
pub(super) fn is_stub(text: &[u8]) -> bool {
    STUB.as_ref().and_then(|stub| stub.find(text)).is_some_and(|found| found.range() == (0..text.len()))
}

/// Where stubs stand in a text, in order.
pub(super) fn places(text: &[u8]) -> Vec<Range<usize>> {
    STUB.as_ref().map_or_else(Vec::new, |stub| stub.find_iter(text).map(|found| found.range()).collect())
}

/// Whether nothing of a range is left beside the stubs in it, whose places are in order.
pub(super) fn is_covered(text: &[u8], stubs: &[Range<usize>], range: &Range<usize>) -> bool {
    let mut at = range.start;
    let first = stubs.partition_point(|stub| stub.end <= range.start);
    for stub in stubs[first..].iter().take_while(|stub| stub.start < range.end) {
        if stub.start > at && has_letters(&text[at..stub.start]) {
            return false;
        }
        at = at.max(stub.end);
    }
    at > range.start && (at >= range.end || !has_letters(&text[at..range.end]))
}

fn has_letters(text: &[u8]) -> bool {
    text.iter().any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii())
}
