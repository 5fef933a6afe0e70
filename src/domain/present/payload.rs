//! Payloads: a row holds a copy of what went in and out, a blob holds another; the best one is shown, and which it is.

use std::ops::Range;

use super::row::{Row, View, scalar};
use crate::domain::{Event, Outline, Shape, Value, flag};

/// What is known of a stored payload before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    pub id: String,
    pub event_id: Option<String>,
    /// `input` or `output`.
    pub kind: Option<String>,
    /// Bytes that are there, and their SHA-256.
    pub size: u64,
    pub digest: [u8; 32],
    /// What the row says: the size of the whole, the digest, that it was cut.
    pub full: Option<u64>,
    pub said: Option<String>,
    pub truncated: bool,
    /// The first byte of the payload that is no white space.
    pub first: Option<u8>,
}

impl Blob {
    /// Whether the digest in the row is that of the bytes; the original hashes what it stored, cut or not.
    fn digest_agrees(&self) -> bool {
        self.other_digest().is_none()
    }

    /// The digest that its row says, where the bytes have another.
    fn other_digest(&self) -> Option<&str> {
        self.said.as_deref().filter(|said| !said.eq_ignore_ascii_case(&hex::encode(self.digest)))
    }

    /// All of it is there: the size is that of the stored bytes, whatever the flag says, and the digest recomputes.
    fn is_intact(&self) -> bool {
        let whole = self.full.map_or(!self.truncated, |full| full == self.size);
        whole && self.digest_agrees() && self.first.is_some()
    }
}

/// Where the blobs of rows are found.
pub trait Payloads {
    fn by_id(&self, id: &str) -> Option<&Blob>;
    /// The blob of a row that does not name one.
    fn by_event(&self, event_id: &str, kind: &str) -> Option<&Blob>;
    /// The values of a payload, as far as it goes; `None` where it is no JSON from its start.
    fn outline(&self, blob: &Blob) -> Option<Outline>;
}

/// Where the bytes of a body come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bytes {
    /// A part of the record.
    Range(Range<u64>),
    /// The payload of the blob with this id.
    Blob(String),
}

/// One side of a row: what went in, or what came out.
#[derive(Debug, Default)]
pub struct Side<'a> {
    pub body: Option<Bytes>,
    pub content: Option<Content<'a>>,
    /// The blob that belongs to it, whichever copy was chosen.
    pub blob: Option<String>,
}

/// The values of the best copy.
#[derive(Debug)]
pub struct Content<'a> {
    view: View<'a>,
    /// The value lies in the member `value` of the copy.
    wrapped: bool,
    /// The copy breaks off somewhere.
    pub cut: bool,
}

impl Content<'_> {
    pub fn value(&self) -> Value<'_> {
        let root = self.view.root();
        if self.wrapped { root.get("value").unwrap_or(root) } else { root }
    }
}

/// The copy in the row.
enum Inline<'a> {
    Absent,
    Whole(Value<'a>),
    /// Only its beginning, and how long the whole is.
    Preview(Value<'a>, Option<u64>),
    /// It could not be written as JSON.
    Failed(Value<'a>),
}

impl<'a> Inline<'a> {
    fn of(row: Row<'a>, name: &str) -> Self {
        let Some(value) = row.get(name) else { return Self::Absent };
        if is_plain(row, name) {
            return Self::Whole(value);
        }
        let is = |member: &str| value.get(member).and_then(Value::bool) == Some(true);
        if is("truncated") && value.get("preview").is_some() {
            let size = value.get("size_bytes").and_then(Value::integer);
            return Self::Preview(value, size.and_then(|size| u64::try_from(size).ok()));
        }
        if is("encode_error") { Self::Failed(value) } else { Self::Whole(value) }
    }
}

/// Chooses the best copy of one side and says on the event which it is and what is missing.
pub fn side<'a>(row: Row<'a>, kind: &'static str, payloads: &dyn Payloads, event: &mut Event) -> Side<'a> {
    let inline = Inline::of(row, &format!("{kind}_payload"));
    let (blob, named) = find(row, kind, payloads, event);
    let mut side = Side { blob: blob.map(|blob| blob.id.clone()), ..Side::default() };
    if let Some((blob, said)) = blob.and_then(|blob| Some((blob, blob.other_digest()?))) {
        note(event, "digest_mismatch", format!("{kind}: stored {said}, computed {}", hex::encode(blob.digest)));
    }
    let lost = named.filter(|_| blob.is_none_or(|blob| blob.first.is_none()));
    if let Some(id) = &lost {
        note(event, "blob_missing", format!("{kind}: {id}"));
    }
    if let Inline::Failed(value) = &inline {
        let why = ["reason", "type"].iter().find_map(|name| scalar(value.get(name)?));
        note(event, "encode_error", format!("{kind}: {}", why.unwrap_or_else(|| "not said".to_owned())));
    }
    let readable = blob.filter(|blob| blob.first.is_some());
    match (readable, inline) {
        (Some(blob), inline) if blob.is_intact() => whole_blob(&mut side, blob, inline, payloads, kind, event),
        (_, Inline::Whole(value)) if is_plain(row, kind) => plain_inline(&mut side, value, kind, event),
        (blob, Inline::Whole(value)) => whole_inline(&mut side, value, blob, kind, event),
        (_, Inline::Failed(value)) => {
            event.flags |= flag::TRUNCATED;
            side.body = Some(Bytes::Range(value.range()));
            note(event, &format!("{kind}_copy"), "inline".to_owned());
        }
        (Some(blob), inline) => cut_blob(&mut side, blob, inline, payloads, kind, event),
        (None, Inline::Preview(value, size)) => preview(&mut side, value, size, kind, event),
        // What the row had is nowhere.
        (None, Inline::Absent) if lost.is_some() => event.flags |= flag::TRUNCATED,
        (None, Inline::Absent) => {}
    }
    side
}

/// The blob of a side, and the id by which the row names one.
fn find<'p>(
    row: Row<'_>,
    kind: &str,
    payloads: &'p dyn Payloads,
    event: &mut Event,
) -> (Option<&'p Blob>, Option<String>) {
    let named = row.text(&format!("{kind}_blob_id"));
    let Some(id) = &named else {
        // The link may be lost while the blob is still there.
        let found = row.text("event_id").and_then(|id| payloads.by_event(&id, kind));
        if let Some(blob) = found {
            note(event, "blob_by_event_id", format!("{kind}: {}", blob.id));
        }
        return (found, None);
    };
    (payloads.by_id(id), named)
}

fn whole_blob<'a>(
    side: &mut Side<'a>,
    blob: &Blob,
    inline: Inline<'a>,
    payloads: &dyn Payloads,
    kind: &str,
    event: &mut Event,
) {
    side.body = Some(Bytes::Blob(blob.id.clone()));
    note(event, &format!("{kind}_copy"), "blob".to_owned());
    note(event, &format!("{kind}_size"), blob.size.to_string());
    if blob.truncated {
        note(event, "blob_flag_wrong", format!("{kind}: marked as cut, yet all {} bytes are there", blob.size));
    }
    side.content = match inline {
        Inline::Whole(value) => Some(content(value, is_wrapped(value, Some(blob)))),
        _ => payloads.outline(blob).map(|outline| Content { view: View::Text(outline), wrapped: false, cut: false }),
    };
}

/// Whether a recorder says that a payload is what it looks like: neither a wrapping nor the rest of a cut.
fn is_plain(row: Row<'_>, column: &str) -> bool {
    let kind = column.strip_suffix("_payload").unwrap_or(column);
    row.is(&format!("{kind}_plain"))
}

fn plain_inline<'a>(side: &mut Side<'a>, value: Value<'a>, kind: &str, event: &mut Event) {
    let range = value.range();
    note(event, &format!("{kind}_copy"), "inline".to_owned());
    note(event, &format!("{kind}_size"), (range.end - range.start).to_string());
    side.body = Some(Bytes::Range(range));
    side.content = Some(content(value, false));
}

fn whole_inline<'a>(side: &mut Side<'a>, value: Value<'a>, blob: Option<&Blob>, kind: &str, event: &mut Event) {
    let wrapped = is_wrapped(value, blob);
    if wrapped {
        let proof = if blob.is_some() { "blob" } else { "only member" };
        note(event, &format!("{kind}_unwrapped"), proof.to_owned());
    }
    let content = content(value, wrapped);
    let range = match &content.view {
        View::In(_) => content.value().range(),
        View::Text(_) => value.range(),
    };
    note(event, &format!("{kind}_copy"), "inline".to_owned());
    note(event, &format!("{kind}_size"), (range.end - range.start).to_string());
    side.body = Some(Bytes::Range(range));
    side.content = Some(content);
}

fn cut_blob<'a>(
    side: &mut Side<'a>,
    blob: &Blob,
    inline: Inline<'a>,
    payloads: &dyn Payloads,
    kind: &str,
    event: &mut Event,
) {
    let said = match inline {
        Inline::Preview(_, size) => size,
        _ => None,
    };
    side.body = Some(Bytes::Blob(blob.id.clone()));
    side.content =
        payloads.outline(blob).map(|outline| Content { view: View::Text(outline), wrapped: false, cut: true });
    note(event, &format!("{kind}_copy"), "cut blob".to_owned());
    cut(event, kind, blob.size, blob.full.or(said));
}

fn preview<'a>(side: &mut Side<'a>, value: Value<'a>, size: Option<u64>, kind: &str, event: &mut Event) {
    let text = value.get("preview").and_then(Value::text);
    let have = text.as_ref().map_or(0, |text| text.len() as u64);
    side.content = text.and_then(|text| beginning(text.as_bytes()));
    side.body = Some(Bytes::Range(value.range()));
    note(event, &format!("{kind}_copy"), "preview".to_owned());
    cut(event, kind, have, size);
}

/// Marks a side of which only a part is there.
fn cut(event: &mut Event, kind: &str, have: u64, full: Option<u64>) {
    event.flags |= flag::TRUNCATED;
    if let Some(full) = full {
        note(event, &format!("{kind}_size"), full.to_string());
        note(event, &format!("{kind}_missing"), full.saturating_sub(have).to_string());
    }
    let of = full.map_or_else(|| "an unknown number".to_owned(), |full| full.to_string());
    note(event, "payload_truncated", format!("{kind}: {have} of {of} bytes"));
}

/// The values at the beginning of a text that may break off anywhere.
pub fn beginning(bytes: &[u8]) -> Option<Content<'static>> {
    let mut lexer = crate::domain::Lexer::new();
    lexer.feed(bytes).ok()?;
    let outline = lexer.outline();
    if outline.is_empty() {
        return None;
    }
    Some(Content { view: View::Text(outline), wrapped: false, cut: true })
}

/// Marks a column that the original cut without keeping the rest anywhere, and says how long it was.
pub fn mark_cut_column(row: Row<'_>, column: &str, event: &mut Event) {
    if let Inline::Preview(value, size) = Inline::of(row, column) {
        let have = value.get("preview").and_then(Value::text).map_or(0, |text| text.len() as u64);
        note(event, &format!("{column}_copy"), "preview".to_owned());
        cut(event, column, have, size);
    }
}

fn content(value: Value<'_>, wrapped: bool) -> Content<'_> {
    let view = if wrapped { View::In(value) } else { View::of(value) };
    Content { view, wrapped, cut: false }
}

/// Whether a copy is `{"value": X}` only because the table holds objects: the blob proves it, or X is no object.
fn is_wrapped(value: Value<'_>, blob: Option<&Blob>) -> bool {
    let inner = value.get("value").filter(|_| value.shape() == Shape::Object && value.len() == 1);
    if inner.is_none_or(|inner| inner.shape() == Shape::Object) {
        return false;
    }
    match blob.and_then(|blob| blob.first) {
        Some(first) => first != b'{',
        None => true,
    }
}

fn note(event: &mut Event, name: &str, value: String) {
    event.attributes.push((name.to_owned(), value));
}
