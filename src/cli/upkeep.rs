//! What may be typed behind `turnscope verify`, `copy`, `quarantine`, `doctor`, `open`, `reindex` and `recover`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::Redact;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope verify run.json && echo unchanged
  turnscope verify reports/agent-chat-report-7f3a.html      every payload of a page, and all around them
  turnscope verify ~/.local/share/turnscope/turnscope.db    every record, body and event of a store

What was changed in a slice or a page is named by its place. Of a store every source is read once more, and its events
are compared with what their records tell; what was recorded without a file, purged in part, or read by older rules
cannot be compared, which is said. Exit code 1 when something does not agree.")]
pub struct Verify {
    /// A slice or a page written by `turnscope export` or `turnscope report`, or a store
    pub file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope copy team.db postgres://db.example/team       all of it, from a file to a server
  turnscope copy postgres://db.example/team here.db --session 7f3a
  turnscope copy here.db team.db --redact                 without secrets, and without the sources that hold them

A session goes with its sub-agents, its sources byte for byte, marks and notes. What is there already stays; Ctrl-C
stops after the source under way, and the same command goes on. Tokens and saved filters stay where they are.

With --redact every session is looked through before one goes; rows, joins, marks and notes go, and expire anew. To copy
again into the same store, name the same --redact-key: under another one the same secret has another stub.")]
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

    #[command(flatten)]
    pub redact: Redact,
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

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope doctor                      the terminal, the store, the agents' folders, the configuration
  turnscope doctor --json | jq -r 'select(.state != \"ok\") | .advice'
  turnscope doctor --store postgres://me@host/db

Nothing is changed; to measure the disk, a file is written beside the store for a moment and synced. Exit code 1 where
something fails.")]
pub struct Doctor {
    /// Do not ask the terminal anything
    #[arg(long)]
    pub no_probe: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope open 'turnscope://session/7f3a…#tool:t1'    what `yl` copied
  turnscope open last                                   the newest session
  turnscope open 7f3a#tool:t1                           a session by its beginning, and a row of it")]
pub struct Open {
    /// A link, or SESSION#ROW
    #[arg(value_name = "LINK")]
    pub link: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope reindex                     what older versions have read, by the rules of this one
  turnscope reindex --all --json        everything that came from a file

Labels, keys, turns, usage, titles and counts come out as a fresh import would give them; the kept bytes, marks, notes,
and when things came in and expire, stay. Sources that share events are read within one transaction: Ctrl-C, or a
machine that goes down, leaves each as it was before or as it is after. What came from no file, or was purged in part,
stays as it was, and is named. Whoever else writes waits meanwhile.")]
pub struct Reindex {
    /// Also what the rules of this version have read already
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope recover broken.db --out-dir saved       the source files, as far as they can still be read
  turnscope import saved --store new.db             and into a new store

The damaged file is only read. Of each source the bytes that are whole are written, and where some are missing a line
ends; what was recorded without a file goes into slices, marks and notes into one of their own. Where an index is
damaged, rows are found without it; where the schema is, files alone are found. Exit code 3 where something is lost.")]
pub struct Recover {
    /// The file of the damaged store
    #[arg(value_name = "STORE")]
    pub store: OsString,

    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    pub out_dir: PathBuf,

    /// Write into a folder that is there, over files that are there
    #[arg(long)]
    pub force: bool,
}
