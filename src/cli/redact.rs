//! What leaves without its secrets, and the search for them.

use std::path::PathBuf;

use clap::Args;

use super::Original;

/// Whether and how secrets are taken out of what leaves.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Redaction")]
pub struct Redact {
    /// Put stubs in the place of secrets, and say first what they are and where
    #[arg(long)]
    pub redact: bool,

    #[command(flatten)]
    pub by: By,

    /// A file whose bytes are the key of the HMAC in the stubs, so that exports can be compared
    #[arg(long, value_name = "FILE", requires = "redact")]
    pub redact_key: Option<PathBuf>,

    /// Only say what would be hidden
    #[arg(long, requires = "redact")]
    pub dry_run: bool,
}

impl Redact {
    pub fn is_wanted(&self) -> bool {
        self.redact
    }
}

/// By which rules secrets are told.
#[derive(Debug, Clone, Default, Args)]
pub struct By {
    /// A TOML file of rules, in the form of the built-in ones; may be given several times
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,

    /// Switch on rules that are off: ip, home, user
    #[arg(long, value_name = "RULES", value_delimiter = ',')]
    pub also: Vec<String>,

    /// Switch off rules
    #[arg(long, value_name = "RULES", value_delimiter = ',')]
    pub except: Vec<String>,

    /// The rules that the configuration adds, before all of these
    #[arg(skip)]
    pub usual: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope scan last                           likely secrets of the newest session, by rule and place
  turnscope scan                                of every session in the store
  turnscope scan ./notes.jsonl --json           of a file as it lies on the disk
  turnscope scan last --also home,ip            rules that are off otherwise
  turnscope scan --list                         the rules

A secret is never shown, only how its kind begins and how long it is.
Exit code 4 when something was found.")]
pub struct Scan {
    /// An id, the beginning of one, `last`, a room, or the path of a file [default: all sessions]
    #[arg(value_name = "SESSION|PATH")]
    pub what: Option<PathBuf>,

    #[command(flatten)]
    pub original: Original,

    #[command(flatten)]
    pub by: By,

    /// List the rules, and look for nothing
    #[arg(long)]
    pub list: bool,
}
