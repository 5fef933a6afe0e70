//! What a view is made of: the parts of a payload, and how to show them.

/// A body longer than this is paged and shown raw.
pub const PRETTY_LIMIT: u64 = 8 << 20;

/// What one tab or pane shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    /// In order; with more than one, each gets a title line that folds it.
    pub parts: Vec<Part>,
}

/// One body, whole or a window of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    pub title: String,
    /// The size of the whole body.
    pub size: u64,
    /// What is loaded: all of it up to [`PRETTY_LIMIT`], else a window.
    pub bytes: Vec<u8>,
    /// Where the loaded bytes begin in the body.
    pub from: u64,
    pub hint: Hint,
}

impl Part {
    /// A body that is loaded wholly.
    pub fn whole(title: &str, bytes: Vec<u8>, hint: Hint) -> Self {
        Self { title: title.to_owned(), size: bytes.len() as u64, bytes, from: 0, hint }
    }
}

/// What is known of a body's type from elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hint {
    pub file_name: Option<String>,
    /// A language as code fences name it: `rust`, `json`, `sh`.
    pub language: Option<String>,
    /// The tool that it went into or came out of.
    pub tool: Option<String>,
}

/// How the bytes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// JSON laid out with strings decoded; other text as it is.
    #[default]
    Pretty,
    /// The text as written.
    Raw,
    /// Offset, bytes, ASCII.
    Hex,
}

/// What can be switched without preparing again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Long lines go on in the next row; else they scroll sideways.
    pub wrap: bool,
    /// SGR sequences (and only those) colour the text instead of being shown.
    pub colours: bool,
    /// Draw with ASCII only.
    pub ascii: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { wrap: true, colours: false, ascii: false }
    }
}
