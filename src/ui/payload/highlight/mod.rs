//! Colours for the window that is drawn, and only for it.
//!
//! JSON and diffs have lexers of their own. Code goes through syntect from the nearest kept state; where that is
//! too far above, parsing begins afresh a little above the window, so that a jump never waits.

mod code;
mod json;
mod kind;
mod sgr;

pub use kind::{TextKind, kind_of};

use std::collections::HashMap;
use std::ops::Range;

use ratatui::style::Style;

use super::compose::Ink;
use super::document::{Document, Line, LineKind};
use crate::ui::theme::{Depth, Theme};

/// A longer text is not parsed as code.
const LONGEST_TEXT: usize = 256 << 10;
/// Of a line of JSON, the state is kept every so many bytes.
const JSON_STRIDE: usize = 64 << 10;

/// Styles of stretches of one line's text.
pub(super) type Styles = Vec<(Range<usize>, Style)>;

/// Loads what highlighting needs, so that the first window does not wait for it. For a worker thread.
pub fn warm() {
    code::warm();
}

/// What is known of the texts of one document.
#[derive(Debug, Default)]
pub(super) struct Highlighter {
    kinds: HashMap<u32, TextKind>,
    code: code::Code,
    /// For long lines of JSON, whether each stretch begins inside a string.
    strings: HashMap<usize, Vec<json::State>>,
}

impl Highlighter {
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
        let kind = self.kinds.entry(line.node).or_insert_with(|| kind_of_node(document, line));
        match kind {
            TextKind::Plain => Vec::new(),
            TextKind::Diff => diff(&document.text[line.range()], theme),
            TextKind::Json => self.json(document, number, window, theme),
            TextKind::Code(_) if theme.depth() == Depth::None => Vec::new(),
            TextKind::Code(name) => self.code.styles(document, number, name, theme),
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

fn kind_of_node(document: &Document, line: &Line) -> TextKind {
    let Some(node) = document.node(line.node) else { return TextKind::Plain };
    let block = document.block(node);
    let kind = kind_of(&document.text[block.clone()], &kind::hint_of(document, line.node));
    match kind {
        TextKind::Code(_) if block.len() > LONGEST_TEXT => TextKind::Plain,
        kind => kind,
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
