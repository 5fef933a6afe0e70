//! `turnscope report`: what may be typed.

use std::path::PathBuf;

use clap::Args;

use super::{DESCRIBE, Original, Redact};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope report last --out-dir reports            one page, and the same as JSON
  turnscope report 7f3a --out-dir reports --force    write both anew
  turnscope report --room canvas-7f3a --window-start 2026-03-02T10:00:00Z --out-dir reports
  turnscope report --result-json result.json --out-dir reports
  turnscope report last --out-dir reports --redact   both without secrets

The page needs nothing from outside. Stdout is one line of JSON: htmlPath, jsonPath, reportScope, room.
`turnscope verify` checks both files, and `turnscope import` reads the JSON.")]
pub struct Report {
    /// An id, the beginning of one, `last`, or a room
    #[arg(required_unless_present_any = DESCRIBE)]
    pub session: Option<String>,

    #[command(flatten)]
    pub original: Original,

    /// The folder for both files; it is made where there is none
    #[arg(long, value_name = "FOLDER", default_value = "reports")]
    pub out_dir: PathBuf,

    /// Overwrite files
    #[arg(long)]
    pub force: bool,

    #[command(flatten)]
    pub redact: Redact,
}
