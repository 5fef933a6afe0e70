//! What may be typed behind `turnscope stats` and `check`.

use clap::{Args, ValueEnum};

use super::Original;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope stats                               everything in the store
  turnscope stats last --json                   one session
  turnscope stats --prices prices.toml          with prices of your own before those that come with turnscope

Costs are those of price lists, on the day of each call: a model without a row has no known price, which is not zero,
and `+?` behind a sum says that more of it is not known. A file of prices has rows such as
  [[price]]
  models = [\"my-model\", \"my-model-*\"]         * stands for anything
  input = 3_000_000                             micro-dollars per million tokens
  output = 15_000_000
and, where a call without them may not be guessed at, cache-read, cache-write, cache-write-1h, reasoning, batch (percent), from (a day), vendor,
source, seen, and [[price.above]] with tokens = 200_000 for longer inputs.")]
pub struct Stats {
    /// An id, the beginning of one, `last`, or a room [default: all sessions]
    pub session: Option<String>,

    #[command(flatten)]
    pub original: Original,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope check last                          what does not add up in the newest session
  turnscope check --severity error --json       in all sessions; fails only for what is lost or contradicts itself
  turnscope check --result-json result.json     the session of one run

All findings are listed. Exit code 4 when there are any at or above --severity.")]
pub struct Check {
    /// An id, the beginning of one, `last`, or a room [default: all sessions]
    pub session: Option<String>,

    #[command(flatten)]
    pub original: Original,

    /// Findings from this severity on make the exit code 4
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = Gravity::Warning)]
    pub severity: Gravity,
}

/// From which severity on findings count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Gravity {
    /// Worth knowing
    Info,
    /// What is shown may be incomplete or wrong
    Warning,
    /// Something is lost, damaged or contradicts itself
    Error,
}
