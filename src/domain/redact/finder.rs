//! Finds secrets in bytes: what each find takes, by which rule, and where in JSON it stands.

use std::collections::HashMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Anchored, Input, MatchKind};

use super::check::is_text;
use super::known::Known;
use super::rules::{Fault, Rules, What};
use super::words::Judged;
use super::{flat, markup, run, stub};
use crate::domain::json::{Outline, Shape, Value};

/// How deep texts inside texts are followed.
pub const DEEPEST: usize = 6;
/// How a row begins that holds what was given from outside: nothing in it is an id of ours.
const GIVEN: &[u8] = b"{\"runArtifact\":";
/// Members of our own rows that hold ids, besides those whose names end in `_id`.
const IDS: [&str; 20] = [
    "id",
    "session",
    "lineage",
    "parent",
    "turn",
    "event",
    "events",
    "row",
    "rows",
    "from",
    "to",
    "candidates",
    "blobs",
    "room",
    "canvas",
    "canvasId",
    "model",
    "models",
    "sha256",
    "digest",
];
/// Members of our own rows in which every text is an id, or the kind of one.
const OF_IDS: [&str; 2] = ["keys", "basis"];
/// Attributes that importers give to events, and that hold ids.
const ATTRIBUTES: [&str; 7] =
    ["agent_id", "parent", "parent_request_id", "parent_run", "forked_from", "ledger_task_id", "blob_without_row"];

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
        if [&flat::END, &run::DATA_URL, &stub::STUB, &markup::MEMBER].into_iter().any(|own| own.is_none()) {
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
        let mut secrets = HashMap::new();
        self.remember(&finds, &mut secrets);
        finds.extend(Known::of(&secrets).everywhere(bytes));
        merge(whole_characters(bytes, finds))
    }

    /// The secrets in a row of our own making, whose numbers are none. Its ids give way to a secret only where the
    /// shape of it leaves no doubt, so that an id is the same wherever it stands.
    pub fn row(&self, json: &[u8]) -> Vec<Find> {
        let mut finds = Vec::new();
        if let Some(given) = json.strip_prefix(GIVEN).and_then(|given| given.strip_suffix(b"}")) {
            self.text(given, 0, &mut finds);
            for Find { range, .. } in &mut finds {
                *range = range.start + GIVEN.len()..range.end + GIVEN.len();
            }
        } else {
            self.text(json, 0, &mut finds);
            if finds.iter().any(|find| !self.is_sure(find)) {
                let ids = ids_of(json);
                finds.retain(|find| self.is_sure(find) || !is_within(&ids, &find.range));
            }
        }
        finds.retain(|find| !find.wrap.starts_with(b"\""));
        merge(whole_characters(json, finds))
    }

    /// Whether it is a secret in an id too: by its shape, which no mere number has, or by its place that a user named.
    fn is_sure(&self, find: &Find) -> bool {
        let rule = &self.rules.list[find.rule];
        let by_shape = find.by_shape && (rule.own || !self.always.contains(&find.rule));
        by_shape || matches!(rule.what, What::Path(_))
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

/// Where the ids in a row of our own making stand, in order.
pub(super) fn ids_of(json: &[u8]) -> Vec<Range<usize>> {
    let mut ids = Vec::new();
    if let Ok(outline) = Outline::of(json)
        && !outline.partial
    {
        gather(outline.root(), None, false, &mut ids);
    }
    ids
}

/// Gathers the ids in a value. `all`: every text in it is one.
fn gather(value: Value<'_>, name: Option<&str>, all: bool, ids: &mut Vec<Range<usize>>) {
    match value.shape() {
        Shape::Object => {
            for member in value.items() {
                let name = member.name();
                let name = name.as_deref().unwrap_or("");
                gather(member, Some(name), all || OF_IDS.contains(&name), ids);
            }
        }
        Shape::Array if name == Some("attributes") => {
            for pair in value.items() {
                let is_id = pair.items().next().and_then(Value::text).is_some_and(|own| ATTRIBUTES.contains(&&*own));
                pair.items().skip(1).for_each(|own| gather(own, None, is_id, ids));
            }
        }
        Shape::Array => value.items().for_each(|item| gather(item, name, all, ids)),
        Shape::String if all || name.is_some_and(is_id) || (name.is_some_and(is_digest) && is_hex(value)) => {
            ids.push(value.range().start as usize..value.range().end as usize);
        }
        Shape::String | Shape::Number | Shape::Bool | Shape::Null => {}
    }
}

/// Whether a member of our own rows holds an id; a participant's may be what others call themselves.
fn is_id(name: &str) -> bool {
    IDS.contains(&name) || (name.ends_with("_id") && name != "participant_id")
}

/// Whether a member of our own rows may hold a digest of what was recorded.
fn is_digest(name: &str) -> bool {
    matches!(name, "content" | "sha256" | "digest")
}

fn is_hex(value: Value<'_>) -> bool {
    value.text().is_some_and(|text| {
        matches!(text.len(), 32 | 64) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Whether a range lies in one of several, which are in order.
pub(super) fn is_within(all: &[Range<usize>], range: &Range<usize>) -> bool {
    let at = all.partition_point(|one| one.end < range.end);
    all.get(at).is_some_and(|one| one.start <= range.start)
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::super::Veil;
    use super::*;

    /// A row as it leaves, and how many places in it were told.
    fn veiled(row: &Value) -> (Value, usize) {
        let finder = Arc::new(Finder::new(Rules::built_in().expect("sound")).expect("sound"));
        let mut veil = Veil::over(finder, b"a key of the test", HashSet::new());
        let mut told = 0;
        let out = veil.row(row.to_string().as_bytes(), &mut |_| told += 1);
        let left = out.map_or_else(|| row.clone(), |out| serde_json::from_slice(&out).expect("stays JSON"));
        (left, told)
    }

    #[test]
    fn ids_in_rows_stay_whatever_they_are_called() {
        let (session, event) = ("ses_fe0515bcd9ffe1ZkQ7xYpLmN2a", "run1:fetch_token:started:7");
        let (request, call) = ("req_011CSHoEeqs5C35K2UUqR7F0", "toolu_01AbCdEfGhJkMnPqRsTuVwXy");
        let blob = format!("{session}#call:{call}_cookie:input");
        let keys = json!([
            { "kind": "provider_request_id", "value": request },
            { "kind": "tool_call_id", "value": call, "rule": "present.tool_called" },
        ]);
        for row in [
            json!({
                "event_id": event, "session_id": session, "tool_call_id": call, "input_blob_id": blob,
                "turnscope": {
                    "session": session, "id": event, "turn": format!("tool:{event}"), "label": "plain", "keys": keys,
                    "attributes": [["parent", event], ["attempt", "1"]],
                },
            }),
            json!({
                "session": session, "from": event, "to": event, "candidates": [event],
                "basis": { "key": "tool_call_id", "rule": "same", "values": [call, event] },
                "rejected": [{ "to": event, "why": "later" }],
            }),
            json!({ "session": session, "id": event, "keys": { "tool_call_id": [{ "value": call }] } }),
            json!({ "why": "whole session", "session": session }),
            json!({ "session": session, "severity": "error", "event": event, "detail": "none" }),
            json!({ "session": session, "row": "tool:reset_password:12345678", "marked": true, "note": null }),
            json!({ "id": session, "lineage": session, "models": ["kimi-k2.7-code", "moonshot-ai/kimi-k2.7-code"] }),
            json!({ "id": "said:4111111111111111:token:f00d12345678", "models": ["token", "q7Hx2Lm9Pz4Rt8Vb1"] }),
        ] {
            assert_eq!(veiled(&row), (row.clone(), 0));
        }
    }

    #[test]
    fn secrets_in_rows_do_not_hide_in_ids_or_beside_them() {
        let token = format!("ghp_{}", "a1B2c3D4e5".repeat(4));
        let id = format!("run1:{token}:started:7");
        let (left, told) = veiled(&json!({
            "event_id": id, "input_blob_id": format!("{id}:input"),
            "turnscope": {
                "id": id, "label": "password: pl4nted-Horse", "keys": [{ "kind": "request_id", "value": id }],
                "attributes": [["api_key", "pl4nted-Goat"], ["session", "q7Hx2Lm9Pz4Rt8Vb1Nc6Kd3"]],
            },
        }));
        let text = left.to_string();
        for secret in [token.as_str(), "pl4nted", "q7Hx2Lm9"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert_eq!(told, text.matches("[redacted:").count());
        assert_eq!(left["turnscope"]["id"], left["event_id"]);
        assert_eq!(left["turnscope"]["keys"][0]["value"], left["event_id"]);
        let id = left["event_id"].as_str().expect("a text");
        assert!(id.starts_with("run1:[redacted:github-token:1:") && id.ends_with("]:started:7"), "{id}");
        assert_eq!(left["input_blob_id"], json!(format!("{id}:input")));
    }

    #[test]
    fn a_digest_in_a_row_is_no_secret_whatever_its_label_names() {
        let digest = "1a2b3c4d5e6f708192a3b4c5d6e7f809";
        let row = |label: &str| json!({ "turnscope": { "content": digest, "label": label, "bodies": [] } });
        for label in ["API token", "Update the function renderTokenAndText to use ruby elements and a password"] {
            assert_eq!(veiled(&row(label)), (row(label), 0), "{label}");
        }
    }

    #[test]
    fn what_was_given_from_outside_has_no_ids_of_ours() {
        let given = json!({ "session": "q7Hx2Lm9Pz4Rt8Vb1Nc6Kd3", "id": "password: pl4nted-Horse", "n": 7 });
        let (left, told) = veiled(&json!({ "runArtifact": given }));
        assert!(!left.to_string().contains("q7Hx2Lm9") && !left.to_string().contains("pl4nted"), "{left}");
        assert_eq!((told, &left["runArtifact"]["n"]), (2, &json!(7)));
        let finder = Finder::new(Rules::built_in().expect("sound")).expect("sound");
        let finds = finder.row(json!({ "runArtifact": given }).to_string().as_bytes());
        assert!(finds.iter().any(|find| find.path == "$.session"), "{finds:?}");
    }
}
