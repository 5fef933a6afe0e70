//! `turnscope export`: what may be typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{DESCRIBE, Original, Redact, Rows};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope export last -o run.json             a slice that `verify` checks and `import` reads
  turnscope export last --events EVENT,EVENT    some rows only
  turnscope export last --where 'has:error' -o errors.json   whole turns that a filter matches
  turnscope export last --branch request:ID -o branch.json   one request with all that came of it
  turnscope export last --redact -o shared.json         without its secrets; `--dry-run` only lists them
  turnscope export last --format ndjson | grep '\"section\":\"toolIo\"'   a row a line
  turnscope export last --format md -o last.md          to read; `html` is the page of `turnscope report`
  turnscope export last --format otlp -o spans.json     for tools that read OpenTelemetry
  turnscope export last --format original -o folder   the source files, byte for byte
  turnscope export --schema                     what a slice is, as a JSON Schema")]
pub struct Export {
    /// An id, the beginning of one, `last`, or a room
    #[arg(required_unless_present_any = DESCRIBE, required_unless_present = "schema")]
    pub session: Option<String>,

    #[command(flatten)]
    pub original: Original,

    /// Only print the JSON Schema of slices
    #[arg(long, conflicts_with_all = ["session", "output", "redact"])]
    pub schema: bool,

    /// The file to write, or the folder for `--format original`
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    #[arg(long, value_enum, default_value_t = Form::Json)]
    pub format: Form,

    /// Only one branch: what joins connect with a request, trace, intent or task (`request:ID`), or with a row, by its id
    #[arg(long, value_name = "KEY")]
    pub branch: Option<String>,

    /// Only these rows, by the ids of rows or events
    #[arg(long, value_name = "IDS", value_delimiter = ',', conflicts_with_all = ["filter", "from", "to"])]
    pub events: Vec<String>,

    #[command(flatten)]
    pub rows: Rows,

    #[command(flatten)]
    pub redact: Redact,

    /// Overwrite files
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A slice: one verifiable JSON file
    Json,
    /// The rows of a slice, one JSON object a line, each with its section
    Ndjson,
    /// A document in Markdown
    Md,
    /// The page of `turnscope report`
    Html,
    /// Spans of OpenTelemetry in the GenAI conventions, as OTLP in JSON
    Otlp,
    /// The files that the session came from
    Original,
}
