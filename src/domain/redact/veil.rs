//! The veil: rules and stubs together; what passes it leaves without its secrets.

use std::collections::HashSet;
use std::sync::Arc;

use super::finder::{Find, Finder};
use super::known::Known;
use super::stream::{Piece, Stream};
use super::stub::{Mark, Stubs};

/// Takes secrets out.
#[derive(Debug)]
pub struct Veil {
    pub finder: Arc<Finder>,
    stubs: Stubs,
    /// Secrets that somebody has looked at and lets pass.
    spared: HashSet<Mark>,
    known: Known,
}

/// Says as much of a secret as does not give it away.
#[derive(Debug, Clone)]
pub struct Hints(Arc<Finder>);

impl Hints {
    pub fn of(&self, find: &Find) -> String {
        if let Some((kind, size)) = &find.withheld {
            return format!("{kind}, {size} bytes");
        }
        let rule = &self.0.rules.list[find.rule];
        // What stands in the table is no secret.
        let known = |near: &&String| {
            let start = find.secret.get(..near.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(near.as_bytes()))
                && near.len() * 3 <= find.secret.len()
        };
        let start = rule.near.iter().filter(known).max_by_key(|near| near.len());
        let start = start.map_or("", |near| near.as_str());
        let letters = String::from_utf8_lossy(&find.secret).chars().count();
        format!("{start}… ({letters} characters)")
    }
}

/// A secret that was met.
#[derive(Debug)]
pub struct Seen<'a> {
    pub find: &'a Find,
    pub mark: Mark,
    /// Where it begins in what was searched.
    pub at: u64,
    /// A row repeats what was found elsewhere.
    pub repeats: bool,
}

impl Veil {
    pub fn over(finder: Arc<Finder>, key: &[u8], spared: HashSet<Mark>) -> Self {
        Self { finder, stubs: Stubs::new(key), spared, known: Known::default() }
    }

    /// What may be said of secrets.
    pub fn hints(&self) -> Hints {
        Hints(Arc::clone(&self.finder))
    }

    /// An HMAC in place of a digest of what was recorded.
    pub fn digest(&self, digest: &[u8]) -> [u8; 32] {
        self.stubs.digest(digest)
    }

    /// From here on these are secrets wherever a row repeats them.
    pub fn learn(&mut self, known: Known) {
        self.known = known;
    }

    /// A row without its secrets, and without those in its name; `None` where there are none.
    pub fn row(&mut self, json: &[u8], seen: &mut dyn FnMut(Seen<'_>)) -> Option<Vec<u8>> {
        let found = self.finder.row(json);
        let repeated = self.known.finds(json, &found);
        if found.is_empty() && repeated.is_empty() {
            return None;
        }
        let mut finds: Vec<(Find, bool)> = found.into_iter().map(|find| (find, false)).collect();
        finds.extend(repeated.into_iter().map(|find| (find, true)));
        finds.sort_by_key(|(find, _)| find.range.start);
        let (mut out, mut at) = (Vec::with_capacity(json.len()), 0);
        for (find, repeats) in &finds {
            out.extend_from_slice(&json[at..find.range.start]);
            let mut told = |own: Seen<'_>| seen(Seen { repeats: *repeats, ..own });
            self.put(find, &json[find.range.clone()], find.range.start as u64, &mut out, &mut told);
            at = find.range.end;
        }
        out.extend_from_slice(&json[at..]);
        Some(out)
    }

    /// The next part of a body without its secrets.
    pub fn feed(&mut self, stream: &mut Stream, bytes: &[u8], out: &mut Vec<u8>, seen: &mut dyn FnMut(Seen<'_>)) {
        let Self { finder, stubs, spared, .. } = self;
        stream.feed(finder, bytes, &mut |piece| piece_out(finder, stubs, spared, piece, out, seen));
    }

    /// The rest of a body.
    pub fn finish(&mut self, stream: Stream, out: &mut Vec<u8>, seen: &mut dyn FnMut(Seen<'_>)) {
        let Self { finder, stubs, spared, .. } = self;
        stream.finish(finder, &mut |piece| piece_out(finder, stubs, spared, piece, out, seen));
    }

    fn put(&mut self, find: &Find, bytes: &[u8], at: u64, out: &mut Vec<u8>, seen: &mut dyn FnMut(Seen<'_>)) {
        let Self { finder, stubs, spared, .. } = self;
        piece_out(finder, stubs, spared, Piece::Secret { find, bytes, at }, out, seen);
    }
}

fn piece_out(
    finder: &Finder,
    stubs: &mut Stubs,
    spared: &HashSet<Mark>,
    piece: Piece<'_>,
    out: &mut Vec<u8>,
    seen: &mut dyn FnMut(Seen<'_>),
) {
    let (find, bytes, at) = match piece {
        Piece::Plain(bytes) => return out.extend_from_slice(bytes),
        Piece::Secret { find, bytes, at } => (find, bytes, at),
    };
    let mark = stubs.mark(&find.secret);
    // What passed by in parts is not at hand any more.
    if spared.contains(&mark) && !bytes.is_empty() {
        return out.extend_from_slice(bytes);
    }
    seen(Seen { find, mark, at, repeats: false });
    out.extend_from_slice(&find.wrap);
    out.extend_from_slice(stubs.stub(&finder.rules, find).as_bytes());
    out.extend_from_slice(&find.wrap);
}
