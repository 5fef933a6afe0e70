//! Finds secrets in bytes: what each find takes, by which rule, and where in JSON it stands.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Anchored, Input, MatchKind};

use super::check::is_text;
use super::rules::{Fault, Rules, What};
use super::words::Judged;
use super::{flat, run, stub};

/// How deep texts inside texts are followed.
pub const DEEPEST: usize = 6;

/// One secret that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Find {
    /// The bytes that give way to a stub.
    pub range: Range<usize>,
    /// The place of the rule in the table.
    pub rule: usize,
    /// Its shape tells it, which says more than the name before it.
    pub by_shape: bool,
    /// What is hidden, free of escapes and encodings, so that equal secrets are equal wherever they stand.
    pub secret: Vec<u8>,
    /// What stands around the stub so that JSON stays JSON: quotes, escaped as deep as they must be.
    pub wrap: Vec<u8>,
    /// The place in JSON, `$.a.b[3]`; empty in plain text.
    pub path: String,
    /// Withheld unseen, because nobody can say what is in it: what it is, and its size.
    pub withheld: Option<(String, u64)>,
}

impl Find {
    pub(super) fn new(range: Range<usize>, rule: usize, secret: &[u8]) -> Self {
        Self {
            range,
            rule,
            by_shape: false,
            secret: secret.to_vec(),
            wrap: Vec::new(),
            path: String::new(),
            withheld: None,
        }
    }
}

/// What one of the searched texts is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meaning {
    /// It begins, or stands near, what a rule's pattern finds.
    Near(usize),
    /// It occurs in names of fields that hold secrets.
    Stem,
    Stub,
}

/// Rules made ready to search with.
#[derive(Debug)]
pub struct Finder {
    pub rules: Rules,
    pub(super) texts: AhoCorasick,
    pub(super) meanings: Vec<Meaning>,
    pub(super) stems: AhoCorasick,
    /// Rules with a pattern and without a text that must stand near.
    pub(super) always: Vec<usize>,
    pub(super) paths: Vec<usize>,
    pub(super) data_url: Option<usize>,
    pub(super) opaque: Option<usize>,
    pub(super) binary: Option<usize>,
}

impl Finder {
    pub fn new(rules: Rules) -> Result<Self, Fault> {
        // Without one of these it would let through what it must not.
        if [&flat::END, &run::RUN, &run::DATA_URL, &stub::STUB].into_iter().any(|own| own.is_none()) {
            return Err(Fault::Form("an expression of turnscope's own is not understood".to_owned()));
        }
        let mut texts: Vec<String> = vec![stub::OPENING.to_owned(), stub::WITHHELD.to_owned()];
        let mut meanings = vec![Meaning::Stub, Meaning::Stub];
        let (mut always, mut paths) = (Vec::new(), Vec::new());
        for (at, rule) in rules.list.iter().enumerate() {
            match &rule.what {
                What::Pattern(_) if rule.near.is_empty() => always.push(at),
                What::Path(_) => paths.push(at),
                _ => {}
            }
            texts.extend(rule.near.iter().cloned());
            meanings.extend(rule.near.iter().map(|_| Meaning::Near(at)));
        }
        let stems = rules.keys.stems().to_vec();
        meanings.extend(stems.iter().map(|_| Meaning::Stem));
        texts.extend(stems.iter().cloned());
        let built = |texts: &[String]| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::Standard)
                .kind(Some(AhoCorasickKind::DFA))
                .build(texts)
                .map_err(|error| Fault::Form(format!("too many texts to search for: {error}")))
        };
        Ok(Self {
            texts: built(&texts)?,
            stems: built(&stems)?,
            meanings,
            always,
            paths,
            data_url: rules.built(|what| matches!(what, What::DataUrl)),
            opaque: rules.built(|what| matches!(what, What::Opaque)),
            binary: rules.built(|what| matches!(what, What::Binary)),
            rules,
        })
    }

    /// The secrets in one whole text or JSON value, in order and apart.
    pub fn whole(&self, bytes: &[u8]) -> Vec<Find> {
        if !is_text(bytes) {
            return self.unreadable(bytes).into_iter().collect();
        }
        let mut finds = Vec::new();
        self.text(bytes, 0, &mut finds);
        merge(whole_characters(bytes, finds))
    }

    /// The secrets in a row of our own making, whose numbers are none.
    pub fn row(&self, json: &[u8]) -> Vec<Find> {
        let mut finds = Vec::new();
        self.text(json, 0, &mut finds);
        finds.retain(|find| !find.wrap.starts_with(b"\""));
        merge(whole_characters(json, finds))
    }

    /// Bytes that are no text are withheld as a whole.
    pub(super) fn unreadable(&self, bytes: &[u8]) -> Option<Find> {
        let rule = self.binary?;
        let mut find = Find::new(0..bytes.len(), rule, bytes);
        find.withheld = Some((kind_of(bytes).to_owned(), bytes.len() as u64));
        Some(find)
    }

    pub(super) fn judge(&self, name: &str) -> Judged {
        if self.stems.is_match(name) { self.rules.keys.judge(name) } else { Judged::Nothing }
    }

    /// Every searched text that occurs, with its meaning.
    pub(super) fn occurring(&self, text: &[u8], mut each: impl FnMut(Meaning, Range<usize>)) {
        let input = Input::new(text).anchored(Anchored::No);
        for found in self.texts.find_overlapping_iter(input) {
            each(self.meanings[found.pattern().as_usize()], found.range());
        }
    }

    pub(super) fn is_harmless(&self, secret: &[u8]) -> bool {
        self.rules.harmless.iter().any(|known| known.as_bytes() == secret)
    }
}

/// What sort of bytes it is, by how they begin.
pub(super) fn kind_of(bytes: &[u8]) -> &'static str {
    const BEGINNINGS: [(&[u8], &str); 12] = [
        (b"\x89PNG", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"RIFF", "riff"),
        (b"%PDF", "application/pdf"),
        (b"\x1f\x8b", "gzip"),
        (b"PK\x03\x04", "zip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ", "xz"),
        (b"OggS", "ogg"),
        (b"ID3", "audio/mpeg"),
    ];
    BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning)).map_or("binary", |(_, kind)| kind)
}

/// Whether bytes are packed, so that what is in them cannot be seen.
pub(super) fn is_packed(bytes: &[u8]) -> bool {
    matches!(kind_of(bytes), "gzip" | "zip" | "zstd" | "bzip2" | "xz")
}

/// Finds that cut no character of UTF-8.
pub(super) fn whole_characters(text: &[u8], mut finds: Vec<Find>) -> Vec<Find> {
    let inside = |at: usize| text.get(at).is_some_and(|byte| (0x80..0xC0).contains(byte));
    for Find { range, .. } in &mut finds {
        while range.start > 0 && inside(range.start) {
            range.start -= 1;
        }
        while inside(range.end) {
            range.end += 1;
        }
    }
    finds
}

/// Finds in order, those that overlap as one: the one that takes the most tells the rule.
pub fn merge(mut finds: Vec<Find>) -> Vec<Find> {
    finds.sort_by(|one, other| {
        (one.range.start, std::cmp::Reverse(one.range.end))
            .cmp(&(other.range.start, std::cmp::Reverse(other.range.end)))
    });
    let mut apart: Vec<Find> = Vec::with_capacity(finds.len());
    for find in finds {
        match apart.last_mut() {
            Some(last) if last.range == find.range && last.wrap == find.wrap => {
                if find.by_shape && !last.by_shape {
                    *last = find;
                }
            }
            Some(last) if find.range.start < last.range.end => {
                if find.range.end > last.range.end {
                    let behind = find.range.end - last.range.end;
                    let tail = &find.secret[find.secret.len().saturating_sub(behind)..];
                    last.secret.extend_from_slice(tail);
                    last.range.end = find.range.end;
                }
            }
            _ => apart.push(find),
        }
    }
    apart
}
