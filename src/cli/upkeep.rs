//! What may be typed behind `turnscope verify`, `copy` and `quarantine`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope verify run.json && echo unchanged
  turnscope verify ~/.local/share/turnscope/turnscope.db    every record and body of a store")]
pub struct Verify {
    /// A slice written by `turnscope export`, or a store
    pub file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope copy team.db postgres://db.example/team       all of it, from a file to a server
  turnscope copy postgres://db.example/team here.db --session 7f3a

A session goes with its sub-agents, its sources byte for byte, marks and notes. What is there already stays; Ctrl-C
stops after the source under way, and the same command goes on. Tokens and saved filters stay where they are.")]
pub struct Copy {
    /// A store: a file, or the address of a PostgreSQL database
    #[arg(value_name = "FROM")]
    pub from: OsString,

    /// The store to copy to, made where there is none
    #[arg(value_name = "TO")]
    pub to: OsString,

    /// Only this session, with its sub-agents; may be given several times
    #[arg(long, value_name = "SESSION")]
    pub session: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope quarantine                  what lies there, and why
  turnscope quarantine --json           with the rows themselves
  turnscope quarantine --retry          try all of it again

What is stored leaves the quarantine. What is not makes the exit code 3. The quarantine of a store that is a file lies
beside it; that of a database on the machine that recorded, where TURNSCOPE_RECORDER_FOLDER says, else in
~/.local/share/turnscope.")]
pub struct Quarantine {
    /// Only the events with these ids
    #[arg(value_name = "EVENT")]
    pub events: Vec<String>,

    /// Try to store them again
    #[arg(long)]
    pub retry: bool,
}
