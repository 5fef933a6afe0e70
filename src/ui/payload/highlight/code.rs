//! Code through syntect: the window's lines, from a state kept every hundred lines.
//!
//! The states cannot go from thread to thread (onig's regions hold pointers), and views must. So each thread
//! keeps the states of the texts it drew last; a view that comes to another thread begins afresh there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ratatui::style::{Color, Modifier, Style};
use syntect::highlighting::{
    Color as CodeColor, FontStyle, HighlightIterator, HighlightState, Highlighter as CodeHighlighter,
    Style as CodeStyle, Theme as CodeTheme,
};
use syntect::parsing::{ParseState, ScopeStack, SyntaxReference, SyntaxSet};
use two_face::theme::{EmbeddedLazyThemeSet, EmbeddedThemeName};

use super::super::document::Document;
use super::super::search::readable;
use super::{LONGEST_LINE, Styles};
use crate::ui::theme::{Depth, Theme};

/// A state is kept every so many lines.
const STRIDE: usize = 100;
/// More bytes than this are not parsed on the way to a line.
const MOST_ON_THE_WAY: usize = 4 << 10;
/// A frame parses so many bytes, which takes some 8 ms; lines beyond that get their colours in the next frames.
const MOST_PER_FRAME: usize = 8 << 10;
/// A text of which one line takes longer stays plain: some grammars take exponential time on some lines.
const TOO_LONG: Duration = Duration::from_millis(150);
/// Parsing that begins afresh begins so many lines above.
const LINES_ABOVE: usize = 20;
/// Styled lines that are kept.
const MOST_KEPT: usize = 2000;
/// Texts whose states a thread keeps.
const MOST_TEXTS: usize = 32;

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);
static THEMES: LazyLock<EmbeddedLazyThemeSet> = LazyLock::new(two_face::theme::extra);
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static TEXTS: RefCell<HashMap<(u64, usize), Text>> = RefCell::new(HashMap::new());
}

/// Loads the syntaxes and compiles the ones that sessions are full of.
pub(super) fn warm() {
    LazyLock::force(&THEMES);
    let samples = [
        ("sh", "for x in $(ls -la | grep \"a\"); do echo $x; done\n"),
        ("py", "def f(x: int) -> str: return f\"{x}\"\n"),
        ("rs", "pub fn f<'a>(x: &'a str) -> String { x.to_owned() }\n"),
        ("ts", "export const f = (x: number): string => `${x}`;\n"),
    ];
    for (name, text) in samples {
        if let Some(syntax) = SYNTAXES.find_syntax_by_token(name) {
            let mut state = ParseState::new(syntax);
            // Only the compiling counts; a line that cannot be parsed is plain later, too.
            text.split_inclusive('\n').for_each(|line| drop(state.parse_line(line, &SYNTAXES)));
        }
    }
}

/// Where parsing stands.
#[derive(Debug, Clone)]
struct State {
    parse: ParseState,
    highlight: HighlightState,
}

/// What is known of one text.
#[derive(Debug, Default)]
struct Text {
    /// The states before lines 0, 100, 200 …
    kept: Vec<State>,
    /// The state before a line, to go on from.
    current: Option<(usize, State)>,
    /// Whether [`Self::current`] comes from the text's start.
    sure: bool,
    gave_up: bool,
}

/// The styled lines of all texts of one document.
#[derive(Debug)]
pub(super) struct Code {
    /// Tells its texts from those of other documents and themes.
    number: u64,
    lines: HashMap<usize, Styles>,
    /// The theme that the styles are of.
    theme: Option<(String, Depth)>,
    /// Bytes parsed in this frame.
    parsed: usize,
    pending: bool,
}

impl Default for Code {
    fn default() -> Self {
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { number, lines: HashMap::new(), theme: None, parsed: 0, pending: false }
    }
}

impl Code {
    pub(super) fn begin(&mut self) {
        (self.parsed, self.pending) = (0, false);
    }

    pub(super) fn is_pending(&self) -> bool {
        self.pending
    }

    /// The styles of a line of a text that begins at the line `first`.
    pub(super) fn styles(
        &mut self,
        document: &Document,
        first: usize,
        number: usize,
        name: &str,
        theme: &Theme,
    ) -> Styles {
        let known = self.theme.as_ref().is_some_and(|(code, depth)| *code == theme.code && *depth == theme.depth());
        if !known {
            *self = Self { theme: Some((theme.code.clone(), theme.depth())), ..Self::default() };
        }
        if let Some(styles) = self.lines.get(&number) {
            return styles.clone();
        }
        if self.parsed >= MOST_PER_FRAME {
            self.pending = true;
            return Vec::new();
        }
        let (Some(syntax), Some(colours)) = (SYNTAXES.find_syntax_by_token(name), theme_named(&theme.code)) else {
            return Vec::new();
        };
        if self.lines.len() >= MOST_KEPT {
            self.lines.clear();
        }
        let (styles, parsed) = TEXTS.with_borrow_mut(|texts| {
            let key = (self.number, first);
            if texts.len() >= MOST_TEXTS && !texts.contains_key(&key) {
                texts.clear();
            }
            texts.entry(key).or_default().walk(document, first, number, syntax, (colours, theme))
        });
        self.parsed += parsed;
        self.lines.insert(number, styles.clone());
        styles
    }
}

impl Text {
    /// Parses up to a line; the styles of that line, and how many bytes were parsed.
    fn walk(
        &mut self,
        document: &Document,
        first: usize,
        number: usize,
        syntax: &SyntaxReference,
        (colours, theme): (&CodeTheme, &Theme),
    ) -> (Styles, usize) {
        if self.gave_up {
            return (Vec::new(), 0);
        }
        let highlighter = CodeHighlighter::new(colours);
        let (mut at, mut state) = self.start(document, first, number, syntax, &highlighter);
        let (mut styles, mut parsed) = (Vec::new(), 0);
        while at <= number {
            if self.sure && (at - first).is_multiple_of(STRIDE) && self.kept.len() == (at - first) / STRIDE {
                self.kept.push(state.clone());
            }
            let begun = Instant::now();
            styles = parse(document, at, &mut state, &highlighter, colours, theme);
            if begun.elapsed() > TOO_LONG {
                self.gave_up = true;
                return (styles, MOST_PER_FRAME);
            }
            parsed += document.lines[at].range().len().min(LONGEST_LINE) + 1;
            at += 1;
        }
        self.current = Some((at, state));
        (styles, parsed)
    }

    /// Where to begin so as to come to a line, and the state there.
    fn start(
        &mut self,
        document: &Document,
        first: usize,
        number: usize,
        syntax: &SyntaxReference,
        highlighter: &CodeHighlighter<'_>,
    ) -> (usize, State) {
        let fresh =
            || State { parse: ParseState::new(syntax), highlight: HighlightState::new(highlighter, ScopeStack::new()) };
        let is_near = |from: usize| {
            from <= number
                && document.lines[from].start as usize + MOST_ON_THE_WAY >= document.lines[number].start as usize
        };
        if let Some((at, state)) = self.current.take_if(|(at, _)| is_near(*at)) {
            return (at, state);
        }
        self.sure = true;
        if is_near(first) {
            return (first, fresh());
        }
        let nearest = ((number - first) / STRIDE).min(self.kept.len().saturating_sub(1));
        match self.kept.get(nearest) {
            Some(state) if is_near(first + nearest * STRIDE) => (first + nearest * STRIDE, state.clone()),
            _ => {
                self.sure = false;
                let above = (first..=number).rev().take(LINES_ABOVE).take_while(|line| is_near(*line)).last();
                (above.unwrap_or(number), fresh())
            }
        }
    }
}

fn parse(
    document: &Document,
    number: usize,
    state: &mut State,
    highlighter: &CodeHighlighter<'_>,
    colours: &CodeTheme,
    theme: &Theme,
) -> Styles {
    let line = &document.lines[number];
    if line.range().len() > LONGEST_LINE {
        return Vec::new();
    }
    let mut text = readable(&document.text[line.range()]).into_owned();
    let length = text.len();
    text.push('\n');
    let Ok(operations) = state.parse.parse_line(&text, &SYNTAXES) else { return Vec::new() };
    let mut styles: Styles = Vec::new();
    let mut at = 0;
    for (style, piece) in HighlightIterator::new(&mut state.highlight, &operations, &text, highlighter) {
        let end = (at + piece.len()).min(length);
        let style = theme.fit(converted(style, colours));
        match styles.last_mut() {
            Some((range, known)) if *known == style => range.end = end,
            _ if end > at => styles.push((at..end, style)),
            _ => {}
        }
        at = end;
    }
    styles
}

fn converted(style: CodeStyle, colours: &CodeTheme) -> Style {
    let mut converted = Style::new();
    if Some(style.foreground) != colours.settings.foreground {
        converted.fg = color_of(style.foreground);
    }
    let fonts = [
        (FontStyle::BOLD, Modifier::BOLD),
        (FontStyle::ITALIC, Modifier::ITALIC),
        (FontStyle::UNDERLINE, Modifier::UNDERLINED),
    ];
    for (font, modifier) in fonts {
        if style.font_style.contains(font) {
            converted = converted.add_modifier(modifier);
        }
    }
    converted
}

/// Themes for terminals say with no opacity that red is the number of a colour.
fn color_of(color: CodeColor) -> Option<Color> {
    match color.a {
        0 => Some(Color::Indexed(color.r)),
        1 => None,
        _ => Some(Color::Rgb(color.r, color.g, color.b)),
    }
}

fn theme_named(name: &str) -> Option<&'static CodeTheme> {
    let known = EmbeddedLazyThemeSet::theme_names().iter().find(|known| known.as_name() == name);
    Some(THEMES.get(known.copied().unwrap_or(EmbeddedThemeName::TwoDark)))
}
