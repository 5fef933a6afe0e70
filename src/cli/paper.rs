//! What may be typed behind `turnscope completions` and `man`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  echo 'source <(turnscope completions bash)' >> ~/.bashrc
  echo 'source <(turnscope completions zsh)' >> ~/.zshrc       behind the line with compinit
  echo 'turnscope completions fish | source' >> ~/.config/fish/config.fish

What is printed asks turnscope itself at every Tab, so sessions are those of the store that is named on the line,
else in TURNSCOPE_STORE, else the default one. A store is only looked at, never made or changed.")]
pub struct Completions {
    pub shell: Shell,
}

/// The shells that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope man | man -l -                      read it here
  turnscope man export | man -l -               the page of one command
  turnscope man --out-dir ~/.local/share/man/man1   all pages, for `man turnscope` and `man turnscope-export`

The pages say what --help says, from the same text.")]
pub struct Man {
    /// A command, such as `export` or `purge hold` [default: turnscope itself]
    #[arg(value_name = "COMMAND", conflicts_with = "out_dir")]
    pub command: Vec<String>,

    /// Write the pages of turnscope and of all its commands into this folder
    #[arg(long, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
}
