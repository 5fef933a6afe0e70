//! Where a recorder keeps what the store has not taken: beside a file; for a database in a folder of this machine.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use etcetera::base_strategy::{BaseStrategy, Xdg};

use crate::store::{Address, digest};

const ENDING: &str = ".recorder";

/// The folder of journals and quarantine of a store. `named` is where those of databases lie; without it, it is the
/// folder in which this user's own store lies as well.
pub(super) fn folder(store: &Address, named: Option<&Path>) -> Result<PathBuf> {
    match store {
        Address::File(path) => {
            let mut name = path.as_os_str().to_owned();
            name.push(ENDING);
            Ok(PathBuf::from(name))
        }
        Address::Server(url) => {
            let folder = match named {
                Some(folder) => folder.to_owned(),
                None => {
                    let folders = Xdg::new().context(
                        "could not find the home folder, for the journal of what the database has not taken; name \
                         a folder with TURNSCOPE_RECORDER_FOLDER",
                    )?;
                    folders.data_dir().join("turnscope")
                }
            };
            Ok(folder.join(format!("{}{ENDING}", name(&url.place()?))))
        }
    }
}

/// A name for a file, which no two places share, and by which a person knows the place.
fn name(place: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' };
    let words: String = place.chars().map(plain).take(100).collect();
    format!("{}-{}", words.trim_matches(['-', '.']), hex::encode(&digest(place.as_bytes())[..4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(store: &str) -> PathBuf {
        folder(&Address::from(store), Some(Path::new("/var/lib/agent"))).expect("a folder")
    }

    #[test]
    fn it_lies_beside_a_file_and_for_a_database_where_it_is_named() {
        assert_eq!(of("data/agent.db"), Path::new("data/agent.db.recorder"));
        let own = of("postgres://me:secret@db.example:5433/team?sslmode=require");
        let text = own.to_str().expect("text");
        assert!(text.starts_with("/var/lib/agent/db.example-5433-team-") && text.ends_with(".recorder"), "{text}");
        assert_eq!(own, of("postgresql://another:word@db.example:5433/team"), "whoever asks, and however");
        for other in
            ["postgres://db.example:5433/team-2", "postgres://db.example:5434/team", "postgres://db.example-5433/team"]
        {
            assert_ne!(own, of(other));
        }
    }
}
