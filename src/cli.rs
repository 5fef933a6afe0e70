//! What may be typed: the commands, their arguments and their help.

mod counting;
mod export;
mod paper;
mod purge;
mod redact;
mod report;
mod serving;
mod settings;
mod upkeep;

pub use counting::{Check, Gravity, Stats};
pub use export::{Export, Form};
pub use paper::{Completions, Man, Shell};
pub use purge::{Purge, Purging};
pub use redact::{By as RedactBy, Redact, Scan};
pub use report::Report;
pub use serving::{Serve, TokenAction, TokenLine};
pub use settings::{ConfigAction, ConfigLine};
pub use upkeep::{Copy, Doctor, Open, Quarantine, Recover, Reindex, Verify};

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::domain::Role;

const EXAMPLES: &str = "\
Examples:
  turnscope                          browse what the store holds
  turnscope run.jsonl other/         browse files and folders without keeping them
  turnscope demo                     browse a built-in session
  turnscope import                   bring in the sessions of every known agent
  turnscope sessions --json          list them, one JSON object a line
  turnscope timeline last            what happened in the newest session

SESSION is an id, the beginning of an id that fits only one, `last`, or a room.
A path named like a command is written `./sessions`.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done with bad records,
4 findings (`check`, `scan`), 130 cancelled.";

/// A terminal replay browser for AI-agent sessions.
#[derive(Debug, Parser)]
#[command(name = "turnscope", version, after_help = EXAMPLES)]
pub struct Line {
    #[command(flatten)]
    pub options: Options,

    /// Files and folders to browse, or the postgres:// address of a database; without any, the store
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What holds for every command; may stand before it or behind it.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The store to use, a file or a postgres:// address [default: turnscope.db in the user's data folder]
    #[arg(long, global = true, value_name = "PATH|URL", env = "TURNSCOPE_STORE", hide_env_values = true)]
    pub store: Option<OsString>,

    /// Write one JSON object a line
    #[arg(long, global = true)]
    pub json: bool,

    /// When to use colors; `always` wins over NO_COLOR [default: auto]
    #[arg(long, global = true, value_name = "WHEN", value_enum)]
    pub color: Option<Color>,

    /// The colors of the screen [default: auto]
    #[arg(long, global = true, value_name = "THEME", value_enum)]
    pub theme: Option<Theme>,

    /// Take the mouse wheel from the terminal
    #[arg(long, global = true)]
    pub mouse: bool,

    /// The time zone of tables and of times that are typed: UTC or a fixed offset such as +02:00 [default: UTC]
    #[arg(long, global = true, value_name = "ZONE", allow_hyphen_values = true)]
    pub tz: Option<String>,

    /// More prices, before those that come with turnscope
    #[arg(long, global = true, value_name = "FILE", env = "TURNSCOPE_PRICES", hide_env_values = true)]
    pub prices: Option<PathBuf>,

    /// The configuration to use [default: config.toml in the user's configuration folder]
    #[arg(long, global = true, value_name = "FILE", env = "TURNSCOPE_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Everywhere, also where NO_COLOR is set
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    /// As the terminal's background asks
    Auto,
    Dark,
    Light,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Browse a built-in session, nothing to install
    #[command(after_help = "\
Examples:
  turnscope demo                                walk through it; ? shows the keys
  turnscope demo --theme light")]
    Demo,
    /// Browse from the place that a link names
    Open(Open),
    /// Bring sessions in
    Import(Import),
    /// List all sessions, newest first
    #[command(after_help = "\
Examples:
  turnscope sessions
  turnscope sessions --json | jq -r 'select(.errors > 0) | .id'
  turnscope sessions --store postgres://me@host/db")]
    Sessions,
    /// List the rows of a session
    Timeline(Timeline),
    /// Show one row of a session, or write out one of its parts
    Show(Show),
    /// Search the contents of all sessions
    Search(Search),
    /// List what does not add up: lost events, open calls, ambiguous joins, cut bodies
    Check(Check),
    /// Write a session to a file
    Export(Export),
    /// Write a session as one HTML page that opens in any browser, and a JSON file beside it
    Report(Report),
    /// List what is likely a secret, without showing it
    Scan(Scan),
    /// Count turns, errors, tokens and times
    Stats(Stats),
    /// Check a slice or a store against its own digests
    Verify(Verify),
    /// Copy sessions from one store to another
    Copy(Copy),
    /// Take what agents send over HTTP, and answer once it is on the disk
    Serve(Serve),
    /// Make, list and revoke the tokens of those who send
    Token(TokenLine),
    /// List recorded events that the store could not hold, or try them again
    Quarantine(Quarantine),
    /// Save what can still be read of a damaged store
    Recover(Recover),
    /// Read anew what was kept, by the rules of this version
    Reindex(Reindex),
    /// Take away what has expired
    Purge(Purge),
    /// Write the store anew, without the room that purged events left in it
    #[command(after_help = "\
Examples:
  turnscope vacuum                              needs as much room again as the store holds, for a while
  turnscope vacuum --store old.db --json")]
    Vacuum,
    /// Look at the configuration file, and at what is in force
    Config(ConfigLine),
    /// Say how this machine, this terminal and the store are, and what to do about it
    Doctor(Doctor),
    /// Print what has a shell complete commands, options, files and sessions
    Completions(Completions),
    /// Print the manual page of turnscope, or of one of its commands
    Man(Man),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope import                              the folders of every known agent
  turnscope import ~/.claude/projects           all sessions below a folder
  turnscope import run.jsonl --json             what it gave, for a script
  turnscope import postgres://me@host/db        the sessions of the original's database
  turnscope export last | ssh desk turnscope import -   a slice that is piped in
  turnscope import --watch                      go on, as sessions are written, until Ctrl-C

Bad records are kept, told on stderr as `path:line: reason`, and make the exit code 3.
In --json a byte of a path that is no UTF-8 is written as \\xff, and a backslash before an x as \\x5c.")]
pub struct Import {
    /// Files and folders, `-` for what is piped in, or the postgres:// address of the original's database [default: the folders of every known agent]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub original: Original,

    /// Go on and bring in what is new as it is written, until Ctrl-C
    #[arg(long)]
    pub watch: bool,

    #[command(flatten)]
    pub retention: Retention,

    /// Bring in again what was purged
    #[arg(long)]
    pub purged: bool,
}

/// How long what is stored now is kept.
#[derive(Debug, Args)]
pub struct Retention {
    /// Days until what is stored now expires, unless its source says when; 0 for never [default: 90]
    #[arg(long = "retention", value_name = "DAYS", env = "AGENT_REPLAY_RETENTION_DAYS", hide_env_values = true)]
    pub days: Option<u32>,
}

impl Retention {
    pub fn days(&self) -> u32 {
        self.days.unwrap_or(90)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope timeline last
  turnscope timeline 7f3a --json | head
  turnscope timeline last --where 'kind:tool has:error'
  turnscope timeline last --where 'tool:\"canvas.*\",Bash latency>2s not has:orphan'
  turnscope timeline last --where '(tokens>10k or text~\"time(d)? ?out\") after:12:30'
  turnscope timeline last --where @slow --from +10m --to +20m
  turnscope timeline last --from 'yesterday 14:00' --to '2 hours ago'

FILTER is made of tests; side by side all must hold, else `or`, `not` and brackets say what must:
  kind status tool model source provider participant who type id agent project
  trace request intent task call span message session room     FIELD:VALUE,VALUE with * and ?
  text error, a bare word or a \"phrase\"                       what must occur somewhere
  tokens>1000 latency>2s at>+10m                               numbers, durations, times
  since:10m after:12:30 before:2026-03-02T10:00:00Z            10m is before now, +10m after the start
                                                               since and after take the moment in, before leaves it out
  since:\"2 hours ago\" before:\"yesterday 14:00\" after:monday    the last monday; in UTC or the zone of --tz
  status:error                                                 the word that is shown; what failed may have another
  has:error,orphan,truncated,finding,usage,mark,note,…         what a row has
  FIELD~REGEX                                                  a regular expression
  @NAME                                                        a filter saved on the screen with :save NAME
What is not known, as the latency of a typed line, matches neither a test nor its `not`.")]
pub struct Timeline {
    /// An id, the beginning of one, `last`, or a room
    #[arg(required_unless_present_any = DESCRIBE)]
    pub session: Option<String>,

    #[command(flatten)]
    pub original: Original,

    #[command(flatten)]
    pub rows: Rows,
}

/// The options that describe a session, so that it need not be named.
const DESCRIBE: [&str; 4] = ["room", "canvas_id", "session_id", "result_json"];

/// A session of the original system, described as its report was asked for one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Which session of the original, as its report was asked for one")]
pub struct Original {
    /// The session of this room
    #[arg(long, value_name = "ROOM")]
    pub room: Option<String>,

    /// The session of this canvas
    #[arg(long, value_name = "UUID")]
    pub canvas_id: Option<String>,

    /// The session with exactly this id
    #[arg(long, value_name = "UUID")]
    pub session_id: Option<String>,

    /// The session of the run that left this file
    #[arg(long, value_name = "FILE")]
    pub result_json: Option<PathBuf>,

    /// Only what happened from this time on: 2026-03-02T10:00:00Z, "yesterday 14:00", "2 hours ago"
    #[arg(long, value_name = "TIME")]
    pub window_start: Option<String>,

    /// Only what happened up to this time
    #[arg(long, value_name = "TIME")]
    pub window_end: Option<String>,
}

impl Original {
    /// Whether a session is described.
    pub fn describes(&self) -> bool {
        let Self { room, canvas_id, session_id, result_json, .. } = self;
        room.is_some() || canvas_id.is_some() || session_id.is_some() || result_json.is_some()
    }
}

/// Which rows of a session are meant.
#[derive(Debug, Clone, Default, Args)]
pub struct Rows {
    /// Only rows that match; `turnscope timeline --help` tells what can be asked
    #[arg(long = "where", value_name = "FILTER")]
    pub filter: Option<String>,

    /// Only rows from this time on: 12:30, +10m (after the start), "2 hours ago", "yesterday 14:00", or with a day
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,

    /// Only rows up to this time
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope show last EVENT                     what is known of it
  turnscope show last EVENT --part output       escaped on a terminal, the exact bytes in a pipe
  turnscope show last EVENT --part raw -o record.json")]
pub struct Show {
    /// An id, the beginning of one, `last`, or a room; left out where options describe the session
    pub session: String,

    /// The id of a row, or of any event of it
    #[arg(required_unless_present_any = DESCRIBE)]
    pub event: Option<String>,

    #[command(flatten)]
    pub original: Original,

    /// Write this part, byte for byte as the source wrote it
    #[arg(long, value_enum)]
    pub part: Option<Part>,

    /// Write the part to this file
    #[arg(short, long, value_name = "FILE", requires = "part")]
    pub output: Option<PathBuf>,

    /// Overwrite the file
    #[arg(long, requires = "output")]
    pub force: bool,
}

impl Show {
    /// The session, unless it is described, and the event.
    pub fn names(&self) -> (Option<&str>, &str) {
        match &self.event {
            Some(event) => (Some(&self.session), event),
            None => (None, &self.session),
        }
    }
}

/// The parts of an event that can be written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    Input,
    Output,
    System,
    Context,
    Tools,
    Metadata,
    /// The whole record
    Raw,
}

impl Part {
    pub fn role(self) -> Role {
        match self {
            Self::Input => Role::Input,
            Self::Output => Role::Output,
            Self::System => Role::System,
            Self::Context => Role::Context,
            Self::Tools => Role::Tools,
            Self::Metadata => Role::Metadata,
            Self::Raw => Role::Raw,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope search connection refused           both words, in any order
  turnscope search '\"connection refused\"'       the phrase
  turnscope search 're:time(d)? ?out'           a regular expression
  turnscope search 'lit:E_FAIL' --session last  exactly this text, in one session
  turnscope search refused --where 'kind:tool'  only in the rows that a filter matches")]
pub struct Search {
    /// Words, a phrase in double quotes, `re:REGEX` or `lit:TEXT`
    #[arg(required = true, value_name = "WORDS")]
    pub words: Vec<String>,

    /// Show so many hits
    #[arg(long, value_name = "N", default_value_t = 100, conflicts_with = "all")]
    pub limit: usize,

    /// Show all hits
    #[arg(long)]
    pub all: bool,

    /// Search this session only
    #[arg(long, value_name = "SESSION")]
    pub session: Option<String>,

    #[command(flatten)]
    pub original: Original,
    /// Only in rows that match; `turnscope timeline --help` tells what can be asked
    #[arg(long = "where", value_name = "FILTER")]
    pub filter: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Line::command().debug_assert();
    }

    #[test]
    fn options_stand_before_or_behind_the_command() {
        for typed in [["turnscope", "--json", "sessions"], ["turnscope", "sessions", "--json"]] {
            let line = Line::try_parse_from(typed).expect("valid");
            assert!(line.options.json && matches!(line.command, Some(Command::Sessions)));
        }
    }

    #[test]
    fn what_is_no_command_is_a_path() {
        let line = Line::try_parse_from(["turnscope", "run.jsonl", "--tz", "-05:00"]).expect("valid");
        assert_eq!((line.paths, line.options.tz.as_deref()), (vec![PathBuf::from("run.jsonl")], Some("-05:00")));
        assert!(line.command.is_none());
    }
}
