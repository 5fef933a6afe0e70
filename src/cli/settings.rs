//! What may be typed behind `turnscope config`, and what may stand in the file.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope config check                        what is wrong with the file, line by line
  turnscope config show                         what is in force, and who said so
  turnscope config keys --json | jq -r .name    the names of everything that has a key
  $EDITOR \"$(turnscope config path)\"

The file, in TOML; everything may be left out, and what is unknown is an error:
  store = \"postgres://db.example/team\"          or a path, from the file's folder or ~/
  color = \"auto\"                                auto, always, never
  theme = \"dark\"                                auto, dark, light, or the path of a theme (*.toml)
  mouse = false
  tz = \"+02:00\"
  retention = 90                                days; 0 for never
  prices = \"prices.toml\"                        see `turnscope stats --help`
  redaction = \"rules.toml\"                      more rules of what to hide
  [sources]                                     what `turnscope import` reads when nothing is named
  agents = true                                 the folders of every known agent
  folders = [\"~/runs\"]                          these too
  [keys]                                        by the names of `turnscope config keys`
  find-search = [\"/\", \"^F\"]
  [keys.timeline]                               in one place: sessions, timeline, event
  find-next-error = \"X\"

A flag goes before the environment, the environment before the file, the file before what comes with turnscope.")]
pub struct ConfigLine {
    #[command(subcommand)]
    pub action: ConfigAction,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigAction {
    /// Say what is wrong with the file; exit code 1 where something is
    Check,
    /// Show what is in force, and whether a flag, the environment, the file or nobody said so
    Show,
    /// List everything that has a key, by the name that the file takes
    Keys,
    /// Print where the file is
    Path,
}
