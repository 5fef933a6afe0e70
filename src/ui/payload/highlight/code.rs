//! Code through syntect: the window's lines, from a state kept every hundred lines.

use std::collections::HashMap;
use std::sync::LazyLock;

use ratatui::style::{Color, Modifier, Style};
use syntect::highlighting::{
    Color as CodeColor, FontStyle, HighlightIterator, HighlightState, Highlighter as CodeHighlighter,
    Style as CodeStyle, Theme as CodeTheme,
};
use syntect::parsing::{ParseState, ScopeStack, SyntaxReference, SyntaxSet};
use two_face::theme::{EmbeddedLazyThemeSet, EmbeddedThemeName};

use super::super::document::{Document, LineKind};
use super::super::search::readable;
use super::Styles;
use crate::ui::theme::{Depth, Theme};

/// A longer line is plain.
const LONGEST_LINE: usize = 8 << 10;
/// A state is kept every so many lines.
const STRIDE: usize = 100;
/// More bytes than this are not parsed on the way to a line.
const MOST_ON_THE_WAY: usize = 8 << 10;
/// Parsing that begins afresh begins so many lines above.
const LINES_ABOVE: usize = 20;
/// Styled lines that are kept.
const MOST_KEPT: usize = 2000;

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);
static THEMES: LazyLock<EmbeddedLazyThemeSet> = LazyLock::new(two_face::theme::extra);

/// Loads the syntaxes and compiles the ones that sessions are full of.
pub(super) fn warm() {
    LazyLock::force(&THEMES);
    let samples = [
        ("md", "# a `b`\n"),
        ("sh", "for x in $(ls -la | grep \"a\"); do echo $x; done\n"),
        ("py", "def f(x: int) -> str: return f\"{x}\"\n"),
        ("rs", "pub fn f<'a>(x: &'a str) -> String { x.to_owned() }\n"),
        ("ts", "export const f = (x: number): string => `${x}`;\n"),
    ];
    for (name, line) in samples {
        if let Some(syntax) = SYNTAXES.find_syntax_by_token(name) {
            // Only the compiling counts; a line that cannot be parsed is plain later, too.
            drop(ParseState::new(syntax).parse_line(line, &SYNTAXES));
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
}

/// The states and the styled lines of all texts of one document.
#[derive(Debug, Default)]
pub(super) struct Code {
    texts: HashMap<u32, Text>,
    lines: HashMap<usize, Styles>,
    /// The theme that the styles are of.
    theme: Option<(String, Depth)>,
}

impl Code {
    pub(super) fn styles(&mut self, document: &Document, number: usize, name: &str, theme: &Theme) -> Styles {
        let known = self.theme.as_ref().is_some_and(|(code, depth)| *code == theme.code && *depth == theme.depth());
        if !known {
            *self = Self { theme: Some((theme.code.clone(), theme.depth())), ..Self::default() };
        }
        if let Some(styles) = self.lines.get(&number) {
            return styles.clone();
        }
        let (Some(syntax), Some(colours)) = (SYNTAXES.find_syntax_by_token(name), theme_named(&theme.code)) else {
            return Vec::new();
        };
        if self.lines.len() >= MOST_KEPT {
            self.lines.clear();
        }
        let line = &document.lines[number];
        let first = number - lines_above(document, number);
        let text = self.texts.entry(line.node).or_default();
        let highlighter = CodeHighlighter::new(colours);
        let (mut at, mut state) = text.start(document, first, number, syntax, &highlighter);
        let mut styles = Vec::new();
        while at <= number {
            if text.sure && (at - first).is_multiple_of(STRIDE) && text.kept.len() == (at - first) / STRIDE {
                text.kept.push(state.clone());
            }
            styles = parse(document, at, &mut state, &highlighter, colours, theme);
            at += 1;
        }
        text.current = Some((at, state));
        self.lines.insert(number, styles.clone());
        styles
    }
}

impl Text {
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

/// How many lines of the same text are above a line.
fn lines_above(document: &Document, number: usize) -> usize {
    let node = document.lines[number].node;
    document.node(node).map_or(0, |node| {
        let first = node.line as usize;
        let head = usize::from(document.lines[first].kind != LineKind::Text);
        number.saturating_sub(first + head)
    })
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
