//! What may be typed behind `turnscope purge`.

use clap::{ArgGroup, Args, Subcommand};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  turnscope purge                               what has expired, kind by kind; removes nothing
  turnscope purge --apply                       takes it away, and says what went in a receipt
  turnscope purge --as-of 'in 30 days'          what will have expired then
  turnscope purge --session 7f3a --all --apply  a whole session with its sub-agents, expired or not
  turnscope purge hold 7f3a --reason 'case 12'  keeps a session until `turnscope purge release 7f3a`

Prompts, payloads and ids of what is purged are gone; its place in the timeline, its marks and notes stay and say by
which receipt it went. Freed bytes are overwritten where they lie; that no copy of them is left elsewhere in the file
is sure once it was written anew, with --vacuum or `turnscope vacuum`. Ctrl-C stops after the batch under way, and the receipt tells how far it came. An import does
not bring back what was purged, unless with --purged."
)]
#[command(group = ArgGroup::new("scoped").args(["session", "room", "agent"]).multiple(true))]
pub struct Purge {
    /// Take it away; without this nothing is removed
    #[arg(long)]
    pub apply: bool,

    /// Then write the store anew, as `turnscope vacuum` does
    #[arg(long, requires = "apply")]
    pub vacuum: bool,

    /// Judge expiry at this time: 2026-12-31, "in 30 days" [default: now]
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,

    /// Only this session and its sub-agents
    #[arg(long, value_name = "SESSION")]
    pub session: Option<String>,

    /// Only the sessions of this room
    #[arg(long, value_name = "ROOM")]
    pub room: Option<String>,

    /// Only the sessions of this agent
    #[arg(long, value_name = "AGENT")]
    pub agent: Option<String>,

    /// Also what has not expired
    #[arg(long, requires = "scoped")]
    pub all: bool,

    #[command(subcommand)]
    pub purging: Option<Purging>,
}

#[derive(Debug, Subcommand)]
pub enum Purging {
    /// Keep a session and its sub-agents from every purge
    Hold {
        /// An id, the beginning of one, `last`, or a room
        session: String,
        /// Why, for `turnscope purge holds`
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Take a hold back
    Release {
        /// An id, the beginning of one, `last`, or a room
        session: String,
    },
    /// List what is held, since when and why
    Holds,
    /// List what each purge took away
    Receipts,
}
