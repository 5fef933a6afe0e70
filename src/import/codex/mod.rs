//! Codex.
use super::{Format, Opening, Reader};
use crate::domain::Outline;

pub const FORMAT: Format = Format { agent: "codex", detect, open };

fn detect(_head: &[Outline]) -> bool {
    false
}

fn open(opening: &Opening<'_>) -> Box<dyn Reader> {
    (super::unknown::FORMAT.open)(opening)
}
