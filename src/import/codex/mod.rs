//! Sessions of codex.

use super::Format;
use crate::domain::Outline;

pub const FORMAT: Format = Format { agent: "codex", detect, open: super::unknown::FORMAT.open };

fn detect(_head: &[Outline]) -> bool {
    false
}
