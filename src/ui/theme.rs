//! The look of the screen: roles with styles, read from TOML; the only file that names colours.
//!
//! A style is words: `bold #ffcc66 on #202020`. Each role may say what stands in for it with 16 colours
//! (`ansi`) and with none (`mono`); else the nearest colours are taken. Meaning never rests on colour alone:
//! [`glyph`] and [`status`] give signs and words.

use ratatui::style::{Color, Modifier, Style};

use crate::domain::Kind;

const DARK: &str = include_str!("../../themes/dark.toml");
const LIGHT: &str = include_str!("../../themes/light.toml");

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Only bold, dim, underline and reverse.
    None,
    Ansi16,
    Ansi256,
    True,
}

impl Depth {
    /// What the flag, the configuration and the environment say: `color_flag` wins, then `NO_COLOR`, then `TERM`.
    pub fn detect(color_flag: Option<bool>, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let is_set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
        let terminal = env("TERM").unwrap_or_default();
        let refused = is_set("NO_COLOR") || terminal == "dumb";
        if color_flag == Some(false) || (color_flag.is_none() && refused) {
            return Self::None;
        }
        let color_term = env("COLORTERM").unwrap_or_default();
        if matches!(color_term.as_str(), "truecolor" | "24bit") || terminal.ends_with("-direct") {
            Self::True
        } else if terminal.ends_with("-256color") {
            Self::Ansi256
        } else {
            Self::Ansi16
        }
    }
}

/// What a role looks like at full colour, with 16 colours and with none.
#[derive(Debug, Clone, Copy, Default)]
struct Variants {
    full: Style,
    ansi: Option<Style>,
    mono: Option<Style>,
}

impl Variants {
    fn at(self, depth: Depth) -> Style {
        match depth {
            Depth::None => self.mono.unwrap_or_else(|| fit(self.full, depth)),
            Depth::Ansi16 => self.ansi.unwrap_or_else(|| fit(self.full, depth)),
            Depth::Ansi256 | Depth::True => fit(self.full, depth),
        }
    }
}

macro_rules! roles {
    ($($role:ident),+ $(,)?) => {
        /// The styles of all roles at one depth of colour.
        #[derive(Debug, Clone)]
        pub struct Theme {
            /// The syntect theme for code.
            pub code: String,
            depth: Depth,
            variants: Vec<Variants>,
            $(pub $role: Style,)+
        }

        /// The names of the roles, as themes write them.
        const ROLES: &[&str] = &[$(stringify!($role)),+];

        impl Theme {
            fn new(code: String, variants: Vec<Variants>, depth: Depth) -> Self {
                let mut styles = variants.iter().map(|variants| variants.at(depth));
                let mut next = move || styles.next().unwrap_or_default();
                $(let $role = next();)+
                Self { code, depth, variants, $($role),+ }
            }
        }
    };
}

roles!(
    text,
    dim,
    title,
    breadcrumb,
    header,
    footer_key,
    footer_text,
    border,
    badge,
    link,
    cursor,
    mark,
    hit,
    current_hit,
    error,
    warning,
    ok,
    unsafe_mark,
    kind_transcript,
    kind_model,
    kind_tool,
    kind_trace,
    kind_task,
    kind_other,
    json_key,
    json_string,
    json_number,
    json_literal,
    json_punctuation,
    diff_added,
    diff_removed,
    diff_hunk,
);

impl Theme {
    pub fn dark() -> Self {
        Self::read(DARK, None).unwrap_or_else(|_| Self::plain())
    }

    pub fn light() -> Self {
        Self::read(LIGHT, None).unwrap_or_else(|_| Self::plain())
    }

    /// Reads a user's theme: what it leaves out comes from `base = "dark"` (the default) or `"light"`.
    ///
    /// Errors name the key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let base = match table.get("base").map(|base| base.as_str().unwrap_or("")) {
            None | Some("dark") => Self::dark(),
            Some("light") => Self::light(),
            Some(_) => return Err("base: expected \"dark\" or \"light\"".to_owned()),
        };
        Self::read(text, Some(base))
    }

    /// The same theme for a terminal with that many colours.
    pub fn for_depth(self, depth: Depth) -> Self {
        Self::new(self.code, self.variants, depth)
    }

    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// A style from elsewhere (code, coloured output) with only the colours that the terminal has.
    pub fn fit(&self, style: Style) -> Style {
        fit(style, self.depth)
    }

    /// The style of a kind of event.
    pub fn kind(&self, kind: Kind) -> Style {
        match kind {
            Kind::Transcript => self.kind_transcript,
            Kind::Model => self.kind_model,
            Kind::Tool => self.kind_tool,
            Kind::Trace => self.kind_trace,
            Kind::Task => self.kind_task,
            Kind::Other => self.kind_other,
        }
    }

    fn plain() -> Self {
        Self::new(String::new(), vec![Variants::default(); ROLES.len()], Depth::True)
    }

    fn read(text: &str, base: Option<Self>) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let base = base.unwrap_or_else(Self::plain);
        let (mut code, mut variants) = (base.code, base.variants);
        for (key, value) in &table {
            match (key.as_str(), value) {
                ("base", _) => {}
                ("code", toml::Value::String(name)) => code.clone_from(name),
                ("code", _) => return Err("code: expected the name of a syntect theme".to_owned()),
                ("styles", toml::Value::Table(styles)) => read_styles(styles, &mut variants)?,
                ("styles", _) => return Err("styles: expected a table".to_owned()),
                _ => return Err(format!("{key}: unknown key; expected base, code or styles")),
            }
        }
        Ok(Self::new(code, variants, Depth::True))
    }
}

fn read_styles(styles: &toml::Table, variants: &mut [Variants]) -> Result<(), String> {
    for (role, value) in styles {
        let index = ROLES
            .iter()
            .position(|known| known == role)
            .ok_or_else(|| format!("styles.{role}: unknown role; there are {}", ROLES.join(", ")))?;
        variants[index] = match value {
            toml::Value::String(words) => Variants { full: style_of(words, role)?, ansi: None, mono: None },
            toml::Value::Table(table) => read_variants(table, role)?,
            _ => return Err(format!("styles.{role}: expected a style such as \"bold red\"")),
        };
    }
    Ok(())
}

fn read_variants(table: &toml::Table, role: &str) -> Result<Variants, String> {
    let mut variants = Variants::default();
    for (key, value) in table {
        let place = format!("{role}.{key}");
        let words = value.as_str().ok_or_else(|| format!("styles.{place}: expected a style such as \"bold red\""))?;
        let style = style_of(words, &place)?;
        match key.as_str() {
            "style" => variants.full = style,
            "ansi" => variants.ansi = Some(style),
            "mono" => variants.mono = Some(fit(style, Depth::None)),
            _ => return Err(format!("styles.{place}: unknown key; expected style, ansi or mono")),
        }
    }
    Ok(variants)
}

fn style_of(words: &str, place: &str) -> Result<Style, String> {
    let mut style = Style::new();
    let mut words = words.split_whitespace();
    while let Some(word) = words.next() {
        style = match word {
            "bold" => style.add_modifier(Modifier::BOLD),
            "dim" => style.add_modifier(Modifier::DIM),
            "italic" => style.add_modifier(Modifier::ITALIC),
            "underline" => style.add_modifier(Modifier::UNDERLINED),
            "reverse" => style.add_modifier(Modifier::REVERSED),
            "on" => {
                let word = words.next().ok_or_else(|| format!("styles.{place}: a colour is missing behind `on`"))?;
                style.bg(color_of(word, place)?)
            }
            word => style.fg(color_of(word, place)?),
        };
    }
    Ok(style)
}

fn color_of(word: &str, place: &str) -> Result<Color, String> {
    word.parse().map_err(|_| {
        format!("styles.{place}: `{word}` is neither a colour (#rrggbb, red, 0-255) nor a modifier (bold, dim, …)")
    })
}

/// The style with only the colours of that depth.
fn fit(style: Style, depth: Depth) -> Style {
    let mut fitted = style;
    match depth {
        Depth::True => return style,
        Depth::None => {
            if style.bg.is_some_and(|color| color != Color::Reset) {
                fitted = fitted.add_modifier(Modifier::REVERSED);
            }
            (fitted.fg, fitted.bg, fitted.underline_color) = (None, None, None);
        }
        Depth::Ansi256 => {
            fitted.fg = style.fg.map(to_256);
            fitted.bg = style.bg.map(to_256);
            fitted.underline_color = None;
        }
        Depth::Ansi16 => {
            // Dark blue on black cannot be read on most terminals.
            fitted.fg = style.fg.map(|color| match to_16(color) {
                Color::Blue if style.bg.is_none() => Color::LightBlue,
                color => color,
            });
            fitted.bg = style.bg.map(to_16);
            fitted.underline_color = None;
        }
    }
    fitted
}

/// The nearest of the 216 colours of the cube and the 24 greys.
fn to_256(color: Color) -> Color {
    let Color::Rgb(red, green, blue) = color else { return color };
    let rgb = [red, green, blue];
    let step = |part: u8| match part {
        0..48 => 0u8,
        48..115 => 1,
        _ => (part - 35) / 40,
    };
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    let steps = rgb.map(step);
    let mean = rgb.iter().map(|part| u32::from(*part)).sum::<u32>() / 3;
    let grey_step = (mean.saturating_sub(3) / 10).min(23) as u8;
    let grey = 8 + 10 * grey_step;
    if distance(rgb, [grey; 3]) < distance(rgb, steps.map(level)) {
        Color::Indexed(232 + grey_step)
    } else {
        Color::Indexed(16 + 36 * steps[0] + 6 * steps[1] + steps[2])
    }
}

const ANSI: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 85, 85]),
    (Color::LightGreen, [85, 255, 85]),
    (Color::LightYellow, [255, 255, 85]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 85, 255]),
    (Color::LightCyan, [85, 255, 255]),
    (Color::White, [255, 255, 255]),
];

/// The nearest of the 16 colours by their usual values.
fn to_16(color: Color) -> Color {
    let rgb = match color {
        Color::Rgb(red, green, blue) => [red, green, blue],
        Color::Indexed(index @ 0..16) => return ANSI[usize::from(index)].0,
        Color::Indexed(index @ 16..232) => {
            let steps = [(index - 16) / 36, (index - 16) / 6 % 6, (index - 16) % 6];
            steps.map(|step| if step == 0 { 0 } else { 55 + 40 * step })
        }
        Color::Indexed(index) => [8 + 10 * (index - 232); 3],
        named => return named,
    };
    ANSI.iter().min_by_key(|(_, known)| distance(rgb, *known)).map_or(Color::Reset, |(color, _)| *color)
}

/// The square of the distance, weighted as the eye sees.
fn distance(one: [u8; 3], other: [u8; 3]) -> i32 {
    let part = |index: usize| (i32::from(one[index]) - i32::from(other[index])).pow(2);
    3 * part(0) + 4 * part(1) + 2 * part(2)
}

/// The sign of a kind of event: one column wide in every locale.
pub fn glyph(kind: Kind, ascii: bool) -> &'static str {
    let (sign, letter) = match kind {
        Kind::Transcript => ("❝", "\""),
        Kind::Model => ("❖", "M"),
        Kind::Tool => ("▸", ">"),
        Kind::Trace => ("≋", "~"),
        Kind::Task => ("⚑", "K"),
        Kind::Other => ("▫", "."),
    };
    if ascii { letter } else { sign }
}

/// How an event ended, as far as a reader cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Ok,
    Warning,
    Error,
    Running,
    Unknown,
}

/// The sign and the word of a state.
pub fn status(state: State, ascii: bool) -> (&'static str, &'static str) {
    let (sign, letter, word) = match state {
        State::Ok => ("✓", "+", "ok"),
        State::Warning => ("▴", "W", "warn"),
        State::Error => ("✗", "E", "error"),
        State::Running => ("◔", "*", "running"),
        State::Unknown => ("◦", "?", "unknown"),
    };
    (if ascii { letter } else { sign }, word)
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn the_embedded_themes_name_every_role() {
        for text in [DARK, LIGHT] {
            let table: toml::Table = text.parse().expect("valid");
            let styles = table["styles"].as_table().expect("a table");
            assert!(ROLES.iter().all(|role| styles.contains_key(*role)));
            Theme::parse(text).expect("valid");
        }
        assert_ne!(Theme::dark().json_key, Theme::light().json_key);
        assert!(Theme::dark().unsafe_mark.add_modifier.contains(Modifier::REVERSED));
    }

    #[test]
    fn errors_name_the_key() {
        let error = |text: &str| Theme::parse(text).expect_err("faulty");
        assert!(error("[styles]\ncursor = \"on nothing\"").starts_with("styles.cursor: `nothing`"));
        assert!(error("[styles]\ncurser = \"red\"").starts_with("styles.curser: unknown role"));
        assert!(error("[styles]\nok = { ansi = \"bold on\" }").starts_with("styles.ok.ansi: a colour is missing"));
        assert!(error("colour = 1").starts_with("colour: unknown key"));
        assert!(error("base = \"blue\"").starts_with("base: "));
    }

    #[test]
    fn a_user_theme_changes_only_what_it_names() {
        let theme = Theme::parse("base = \"light\"\n[styles]\nok = \"bold red\"").expect("valid");
        assert_eq!(theme.ok, Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
        assert_eq!(theme.error, Theme::light().error);
        assert_eq!(theme.code, Theme::light().code);
    }

    #[test]
    fn depths_use_only_their_colours() {
        for base in [Theme::dark(), Theme::light()] {
            for variants in &base.variants {
                let mono = variants.at(Depth::None);
                assert_eq!((mono.fg, mono.bg), (None, None));
                let ansi = variants.at(Depth::Ansi16);
                assert!(!matches!(ansi.fg, Some(Color::Rgb(..) | Color::Indexed(_))));
                assert!(!matches!(variants.at(Depth::Ansi256).fg, Some(Color::Rgb(..))));
            }
        }
        assert_eq!(to_256(Color::Rgb(255, 0, 0)), Color::Indexed(196));
        assert_eq!(to_256(Color::Rgb(128, 128, 128)), Color::Indexed(244));
        assert_eq!(to_16(Color::Rgb(250, 90, 90)), Color::LightRed);
        assert_eq!(fit(Style::new().fg(Color::Rgb(0, 0, 220)), Depth::Ansi16).fg, Some(Color::LightBlue));
    }

    #[test]
    fn a_selection_is_visible_without_colours() {
        let theme = Theme::dark().for_depth(Depth::None);
        assert!(theme.cursor.add_modifier.contains(Modifier::REVERSED));
        assert_ne!(theme.hit, theme.text);
        assert_ne!(theme.current_hit, theme.hit);
        let back = theme.for_depth(Depth::True);
        assert_eq!(back.cursor, Theme::dark().cursor);
    }

    #[test]
    fn the_depth_follows_the_flag_then_the_environment() {
        let detect = |flag, pairs: &[(&str, &str)]| {
            Depth::detect(flag, &|name| {
                pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let rich = ("COLORTERM", "truecolor");
        assert_eq!(detect(None, &[rich]), Depth::True);
        assert_eq!(detect(None, &[rich, ("NO_COLOR", "1")]), Depth::None);
        assert_eq!(detect(None, &[rich, ("NO_COLOR", "")]), Depth::True);
        assert_eq!(detect(Some(true), &[rich, ("NO_COLOR", "1")]), Depth::True);
        assert_eq!(detect(Some(false), &[rich]), Depth::None);
        assert_eq!(detect(None, &[("TERM", "dumb")]), Depth::None);
        assert_eq!(detect(None, &[("TERM", "screen-256color")]), Depth::Ansi256);
        assert_eq!(detect(None, &[("TERM", "linux")]), Depth::Ansi16);
    }

    #[test]
    fn glyphs_are_one_column_wide_everywhere() {
        for kind in Kind::ALL {
            assert_eq!(glyph(kind, false).width_cjk(), 1, "{}", kind.name());
            assert!(glyph(kind, true).is_ascii() && glyph(kind, true).len() == 1);
        }
        for state in [State::Ok, State::Warning, State::Error, State::Running, State::Unknown] {
            assert_eq!(status(state, false).0.width_cjk(), 1);
            assert!(status(state, true).0.is_ascii());
        }
    }
}
