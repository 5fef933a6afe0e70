//! Colours for the window that is drawn, and only for it.
//!
//! JSON, Markdown and diffs have lexers of their own. Code goes through syntect from the nearest kept state; where that is
//! too far above, parsing begins afresh a little above the window, so that a jump never waits.

mod code;
mod json;
mod kind;
mod markdown;
mod sgr;

pub use kind::{TextKind, kind_of};

use std::collections::HashMap;
use std::ops::Range;

use ratatui::style::Style;

use super::compose::Ink;
use super::document::{Document, LineKind};
use crate::ui::theme::{Depth, Theme};

/// A longer text is not parsed as code.
const LONGEST_TEXT: usize = 256 << 10;
/// A longer line of code is plain.
const LONGEST_LINE: usize = 8 << 10;
/// Of a line of JSON, the state is kept every so many bytes.
const JSON_STRIDE: usize = 4 << 10;

/// Styles of stretches of one line's text.
pub(super) type Styles = Vec<(Range<usize>, Style)>;

/// Loads what highlighting needs, so that the first window does not wait for it. For a worker thread.
pub fn warm() {
    code::warm();
}

/// What is known of the texts of one document.
#[derive(Debug, Default)]
pub(super) struct Highlighter {
    texts: HashMap<u32, Text>,
    code: code::Code,
    /// For long lines of JSON, whether each stretch begins inside a string.
    strings: HashMap<usize, Vec<json::State>>,
}

impl Highlighter {
    /// Begins a frame, which may parse only so much code.
    pub(super) fn begin(&mut self) {
        self.code.begin();
    }

    /// Whether lines were left plain because the frame had parsed enough.
    pub(super) fn is_pending(&self) -> bool {
        self.code.is_pending()
    }

    /// The styles of a window of a text line; what is left out is plain.
    pub(super) fn styles(
        &mut self,
        document: &Document,
        number: usize,
        window: Range<usize>,
        colours: bool,
        theme: &Theme,
    ) -> Styles {
        let line = &document.lines[number];
        if line.kind != LineKind::Text {
            return Vec::new();
        }
        if colours {
            let styles = sgr::styles(document, number, window.clone(), theme);
            if !styles.is_empty() {
                return styles;
            }
        }
        let (kind, first) = self.kind_at(document, number);
        match kind {
            TextKind::Plain => Vec::new(),
            TextKind::Diff => diff(&document.text[line.range()], theme),
            TextKind::Json => self.json(document, number, window, theme),
            TextKind::Markdown if line.range().len() > LONGEST_LINE => Vec::new(),
            TextKind::Markdown => markdown::styles(&document.text[line.range()], theme),
            TextKind::Code(_) if theme.depth() == Depth::None || line.range().len() > LONGEST_LINE => Vec::new(),
            TextKind::Code(name) => self.code.styles(document, first, number, &name, theme),
        }
    }

    /// The type of the text that a line belongs to, and the first line of that text: the body's, or that of the
    /// fence around it.
    fn kind_at(&mut self, document: &Document, number: usize) -> (TextKind, usize) {
        let node = document.lines[number].node;
        let Some(lines) = document.node(node).map(|node| node.text_lines()) else { return (TextKind::Plain, number) };
        let text = self.texts.entry(node).or_insert_with(|| Text::of(document, node, lines.clone()));
        let after = text.fences.partition_point(|fence| fence.lines.start <= number);
        match text.fences[..after].last().filter(|fence| fence.lines.contains(&number)) {
            Some(fence) => (kind::by_name(&fence.language), fence.lines.start),
            None => (text.kind.clone(), lines.start),
        }
    }

    fn json(&mut self, document: &Document, number: usize, window: Range<usize>, theme: &Theme) -> Styles {
        let text = &document.text[document.lines[number].range()];
        let (mut start, mut state) = (0, json::State::default());
        if window.start >= JSON_STRIDE {
            let states = self.strings.entry(number).or_insert_with(|| vec![json::State::default()]);
            let wanted = window.start / JSON_STRIDE;
            while states.len() <= wanted {
                let from = (states.len() - 1) * JSON_STRIDE;
                states.push(json::skip(&text[from..from + JSON_STRIDE], states[states.len() - 1]));
            }
            (start, state) = (wanted * JSON_STRIDE, states[wanted]);
        }
        state = json::skip(&text[start..window.start], state);
        let window = window.start..window.end.min(text.len());
        let tokens = json::tokens(text, window, state);
        tokens.into_iter().map(|(range, ink)| (range, style_of(ink, theme))).collect()
    }
}

/// What is known of one text.
#[derive(Debug)]
struct Text {
    kind: TextKind,
    /// The code in Markdown.
    fences: Vec<markdown::Fence>,
}

impl Text {
    fn of(document: &Document, number: u32, lines: Range<usize>) -> Self {
        let size = document.lines[lines.clone()].iter().map(|line| line.range().len()).sum::<usize>();
        let start = document.lines.get(lines.start).map_or(0, |line| line.start as usize);
        let kind = match kind_of(&document.text[start..start + size], &kind::hint_of(document, number)) {
            TextKind::Code(_) | TextKind::Markdown if size > LONGEST_TEXT => TextKind::Plain,
            kind => kind,
        };
        let fences = if kind == TextKind::Markdown { markdown::fences(document, lines) } else { Vec::new() };
        Self { kind, fences }
    }
}

/// The style of a piece of a line.
pub(super) fn style_of(ink: Ink, theme: &Theme) -> Style {
    match ink {
        Ink::Title => theme.title,
        Ink::Note => theme.warning,
        Ink::Dim => theme.dim,
        Ink::Key => theme.json_key,
        Ink::String => theme.json_string,
        Ink::Number => theme.json_number,
        Ink::Literal => theme.json_literal,
        Ink::Punctuation => theme.json_punctuation,
        Ink::Body => theme.text,
    }
}

fn diff(text: &[u8], theme: &Theme) -> Styles {
    let starts = |start: &str| text.starts_with(start.as_bytes());
    let heads = ["diff ", "index ", "--- ", "+++ ", "*** ", "Index: ", "new file", "deleted file", "rename "];
    let style = match text.first() {
        _ if heads.iter().any(|head| starts(head)) => theme.title,
        Some(b'+') => theme.diff_added,
        Some(b'-') => theme.diff_removed,
        Some(b'@') => theme.diff_hunk,
        _ => return Vec::new(),
    };
    vec![(0..text.len(), style)]
}
