//! Secrets in plain text: by shape, by the names before them, in encodings, and cut at the end.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::check::is_identity;
use super::finder::{DEEPEST, Find, Finder, Meaning};
use super::rules::What;
use super::stub;
use super::view::View;

/// No secret is shorter.
const SHORTEST: usize = 4;
/// Digits that a number of a card or a telephone has at least.
const FEWEST_DIGITS: usize = 8;
/// No line is followed farther for the end of a value.
const LONGEST_LINE: usize = 8 << 10;
/// Percent signs are undone so many times.
const MOST_PERCENT: usize = 3;
/// What a cut secret has at least of what it begins with.
const KNOWN_START: usize = 4;

/// How a text is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    pub depth: usize,
    /// Fields and their values are looked for too.
    pub pairs: bool,
    /// It surely is text, so that rules apply that fit many things.
    pub sure: bool,
}

/// A token at the very end, and what marks it as cut.
pub(super) static END: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u)[A-Za-z0-9_./+=-]{6,}(?:\xe2\x80\xa6|\.\.\.)?\z").ok());

impl Finder {
    /// Looks through a decoded text: JSON where it is JSON, line by line where its lines are, else flat.
    pub(super) fn text(&self, text: &[u8], depth: usize, finds: &mut Vec<Find>) {
        if begins_json(text) && self.tree(text, depth, finds) {
            return;
        }
        let mut lines = memchr::memchr_iter(b'\n', text).map(|at| at + 1).chain([text.len()]);
        if !lines.clone().any(|at| begins_object(&text[at..])) {
            return self.flat(text, depth, finds);
        }
        let (mut start, mut done) = (0, 0);
        loop {
            let end = lines.next().unwrap_or(text.len());
            let mut inner = Vec::new();
            if begins_object(&text[start..end]) && self.tree(&text[start..end], depth, &mut inner) {
                self.flat_part(text, done..start, depth, finds);
                finds.extend(inner.into_iter().map(|find| moved(find, start)));
                done = end;
            }
            start = end;
            if end == text.len() {
                return self.flat_part(text, done..end, depth, finds);
            }
        }
    }

    fn flat_part(&self, text: &[u8], part: Range<usize>, depth: usize, finds: &mut Vec<Find>) {
        let mut inner = Vec::new();
        self.flat(&text[part.clone()], depth, &mut inner);
        finds.extend(inner.into_iter().map(|find| moved(find, part.start)));
    }

    /// Looks through text as it stands, and as it reads without its escapes.
    pub(super) fn flat(&self, text: &[u8], depth: usize, finds: &mut Vec<Find>) {
        self.flat_as(text, How { depth, pairs: true, sure: true }, finds);
    }

    pub(super) fn flat_as(&self, text: &[u8], how: How, finds: &mut Vec<Find>) {
        if text.len() < SHORTEST {
            return;
        }
        let mut found = Vec::new();
        let stubs = self.search(text, how, &mut found);
        if let Some(view) = View::unescaped(text) {
            self.search_view(&view, How { pairs: false, ..how }, &mut found);
        }
        if let Some(view) = View::narrow(text) {
            self.search_view(&view, how, &mut found);
        }
        self.search_percent(text, how, MOST_PERCENT, &mut found);
        self.search_uncoloured(text, how, &mut found);
        self.cut_at_end(text, &mut found);
        if !stubs.is_empty() {
            found.retain(|find| !stub::is_covered(text, &stubs, &find.range));
        }
        for find in &mut found {
            // An escape is taken as a whole.
            let slashes = text[..find.range.start].iter().rev().take_while(|byte| **byte == b'\\').count();
            find.range.start -= slashes;
            if find.wrap.is_empty() {
                find.wrap = bare_number(text, &find.range);
            }
        }
        finds.append(&mut found);
    }

    /// Looks through text without its percent signs, and without those that then stand there.
    fn search_percent(&self, text: &[u8], how: How, times: usize, found: &mut Vec<Find>) {
        let Some(view) = View::percent(text).filter(|_| times > 0) else { return };
        self.search_view(&view, how, found);
        let mut inner = Vec::new();
        self.search_percent(&view.text, how, times - 1, &mut inner);
        found.extend(inner.into_iter().map(|find| Find { range: view.source(&find.range), ..find }));
    }

    fn search_view(&self, view: &View, how: How, found: &mut Vec<Find>) {
        let mut inner = Vec::new();
        self.search_parts(view, how, &mut inner);
        self.search_uncoloured(&view.text, how, &mut inner);
        found.extend(inner.into_iter().map(|find| Find { range: view.source(&find.range), ..find }));
    }

    /// Looks through what reads otherwise than its source, which was looked through before.
    fn search_parts(&self, view: &View, how: How, inner: &mut Vec<Find>) {
        for part in view.parts() {
            let mut found = Vec::new();
            self.search(&view.text[part.clone()], how, &mut found);
            inner.extend(found.into_iter().map(|find| moved(find, part.start)));
        }
    }

    /// Looks through text as it reads in a terminal, where it has codes for one; its other escapes are undone too.
    fn search_uncoloured(&self, text: &[u8], how: How, found: &mut Vec<Find>) {
        let Some(view) = View::uncoloured(text) else { return };
        let mut inner = Vec::new();
        self.search_parts(&view, how, &mut inner);
        self.cut_at_end(&view.text, &mut inner);
        if let Some(plain) = View::unescaped(&view.text) {
            let mut deeper = Vec::new();
            self.search_parts(&plain, How { pairs: false, ..how }, &mut deeper);
            inner.extend(deeper.into_iter().map(|find| Find { range: plain.source(&find.range), ..find }));
        }
        found.extend(inner.into_iter().map(|find| Find { range: view.source(&find.range), ..find }));
    }

    /// Looks through text as it stands; returns where it holds stubs.
    fn search(&self, text: &[u8], how: How, found: &mut Vec<Find>) -> Vec<Range<usize>> {
        let mut near = vec![0_u64; self.rules.list.len() / 64 + 1];
        let (mut stems, mut spots, mut has_stub) = (Vec::new(), Vec::new(), false);
        self.occurring(text, |meaning, range| match meaning {
            Meaning::Near(rule) if self.rules.list[rule].reach.is_some() => spots.push((rule, range)),
            Meaning::Near(rule) => near[rule / 64] |= 1 << (rule % 64),
            Meaning::Stem if how.pairs => stems.push(range),
            Meaning::Stem => {}
            Meaning::Stub => has_stub = true,
        });
        for (word, bits) in near.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                self.pattern(word * 64 + bits.trailing_zeros() as usize, text, how, found);
                bits &= bits - 1;
            }
        }
        self.patterns_around(spots, text, how, found);
        if !self.always.is_empty() && text.iter().filter(|byte| byte.is_ascii_digit()).count() >= FEWEST_DIGITS {
            self.always
                .iter()
                .filter(|rule| !self.rules.list[**rule].own)
                .for_each(|rule| self.pattern(*rule, text, how, found));
        }
        self.always
            .iter()
            .filter(|rule| self.rules.list[**rule].own)
            .for_each(|rule| self.pattern(*rule, text, how, found));
        let stubs = if has_stub { stub::places(text) } else { Vec::new() };
        if has_stub {
            stems.retain(|stem| !stub::is_covered(text, &stubs, stem));
        }
        self.pairs(text, &stems, found);
        if how.depth < DEEPEST {
            self.runs(text, how, found);
        }
        stubs
    }

    /// What the patterns find that are looked for around the texts near them alone.
    fn patterns_around(&self, mut spots: Vec<(usize, Range<usize>)>, text: &[u8], how: How, found: &mut Vec<Find>) {
        spots.sort_by_key(|(rule, range)| (*rule, range.start));
        let mut windows: Vec<(usize, Range<usize>)> = Vec::new();
        for (rule, spot) in spots {
            let reach = self.rules.list[rule].reach.unwrap_or(0);
            match windows.last_mut() {
                // Its end is looked for but once in a long line.
                Some((last, window)) if *last == rule && spot.end + reach <= window.end => {}
                Some((last, window)) if *last == rule && spot.start.saturating_sub(reach) <= window.end => {
                    window.end = window.end.max(line_end(text, spot.end, reach));
                }
                _ => windows.push((rule, spot.start.saturating_sub(reach)..line_end(text, spot.end, reach))),
            }
        }
        for (rule, window) in windows {
            let mut inner = Vec::new();
            self.pattern(rule, &text[window.clone()], how, &mut inner);
            found.extend(inner.into_iter().map(|find| moved(find, window.start)));
        }
    }

    /// What the pattern of one rule finds.
    fn pattern(&self, rule: usize, text: &[u8], how: How, found: &mut Vec<Find>) {
        if Some(rule) == self.data_url {
            return self.data_urls(text, rule, found);
        }
        let known = &self.rules.list[rule];
        let What::Pattern(regex) = &known.what else { return };
        if known.loose && !how.sure {
            return;
        }
        let mut take = |range: Range<usize>| {
            let secret = &text[range.clone()];
            let holds = known.check.is_none_or(|check| check.holds(text, secret, range.start));
            if holds && !self.is_harmless(secret) {
                found.push(Find { by_shape: true, ..Find::new(range, rule, secret) });
            }
        };
        if regex.captures_len() == 1 {
            regex.find_iter(text).for_each(|found| take(found.range()));
            return;
        }
        for captures in regex.captures_iter(text) {
            let named = regex.capture_names().flatten().find_map(|name| captures.name(name));
            if let Some(group) = named.or_else(|| captures.get(0)) {
                take(group.range());
            }
        }
    }

    /// A known beginning of a secret with which the text breaks off.
    fn cut_at_end(&self, text: &[u8], found: &mut Vec<Find>) {
        let tail = text.len().saturating_sub(256);
        let Some(end) = END.as_ref().and_then(|end| end.find(&text[tail..])) else { return };
        let token = end.as_bytes();
        let cut = token.ends_with("…".as_bytes()) || token.ends_with(b"...");
        let (mut starts, shift) = (Vec::new(), tail + end.start());
        self.occurring(token, |meaning, range| {
            if let Meaning::Near(rule) = meaning
                && range.len() >= KNOWN_START
            {
                starts.push((rule, range));
            }
        });
        starts.sort_by_key(|(rule, range)| (*rule, range.start));
        for (at, start) in starts {
            let rule = &self.rules.list[at];
            // What stands somewhere near begins nothing.
            if !matches!(rule.what, What::Pattern(_))
                || rule.reach.is_some()
                || token[start.clone()].starts_with(b"://")
            {
                continue;
            }
            // Inside a word it begins nothing, and four letters of a digest may be anything; it may begin further on.
            let is_word = token[start.start].is_ascii_alphanumeric();
            let begins = !(is_word && goes_on(text, shift + start.start) || is_identity(&token[start.start..]));
            let known = found.iter().any(|find: &Find| find.range.contains(&(shift + start.start)));
            let behind = &token[start.end..];
            if begins && !known && behind.len() >= 2 && (cut || behind.iter().any(u8::is_ascii_digit)) {
                let range = shift + start.start..tail + end.end();
                found.push(Find::new(range.clone(), at, &text[range]));
            }
        }
    }

    /// The rule by which a bare number of JSON is the number of a card.
    pub(super) fn card(&self, number: &[u8]) -> Option<usize> {
        if number.len() < FEWEST_DIGITS {
            return None;
        }
        let mut found = Vec::new();
        for rule in &self.always {
            self.pattern(*rule, number, How { depth: DEEPEST, pairs: false, sure: true }, &mut found);
        }
        found.first().map(|find| find.rule)
    }
}

/// The end of the line that goes on `reach` bytes behind a place, so that no value on it is cut.
fn line_end(text: &[u8], at: usize, reach: usize) -> usize {
    let from = text.len().min(at + reach);
    let limit = text.len().min(from + LONGEST_LINE);
    memchr::memchr(b'\n', &text[from..limit]).map_or(limit, |size| from + size)
}

fn moved(mut find: Find, by: usize) -> Find {
    find.range = find.range.start + by..find.range.end + by;
    find
}

fn begins_json(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
}

fn begins_object(text: &[u8]) -> bool {
    matches!(text.first(), Some(b'{' | b'['))
}

/// Whether a place stands in the middle of a word; the last letter of an escape is none.
fn goes_on(text: &[u8], place: usize) -> bool {
    let back = |count: usize| place.checked_sub(count).map(|at| text[at]);
    let escapes = back(2) == Some(b'\\') || back(3) == Some(b'%') || (back(6), back(5)) == (Some(b'\\'), Some(b'u'));
    !escapes && back(1).is_some_and(|letter| letter.is_ascii_alphanumeric())
}

/// The quotes that a number needs where it stands as a value in a piece of JSON.
fn bare_number(text: &[u8], range: &Range<usize>) -> Vec<u8> {
    if !text[range.clone()].iter().all(u8::is_ascii_digit) {
        return Vec::new();
    }
    let before = text[..range.start].trim_ascii_end();
    let closes = matches!(text[range.end..].trim_ascii_start().first(), Some(b',' | b'}' | b']'));
    match before.last() {
        Some(b',' | b'[') if closes => vec![b'"'],
        Some(b':') if closes => {
            let name = before[..before.len() - 1].trim_ascii_end();
            let Some(name) = name.strip_suffix(b"\"") else { return Vec::new() };
            let slashes = name.iter().rev().take_while(|byte| **byte == b'\\').count();
            [b"\\".repeat(slashes).as_slice(), b"\""].concat()
        }
        _ => Vec::new(),
    }
}
