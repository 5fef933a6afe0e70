//! Finds sources: the files that are named, the sessions below a folder, and the folders of known agents.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::unpack::plain_path;
use crate::domain::telling::in_plain_words;
use crate::store::digest_of;

/// A file to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    pub size: u64,
    /// Which of the named folders it lies below. The user named any other very file, so that any text of JSON
    /// values in it is a session.
    pub below: Option<usize>,
    /// What it is called in the store, where that is not its path.
    pub name: Option<String>,
    /// That name follows from what is in it.
    pub is_by_content: bool,
}

impl Found {
    pub fn is_named(&self) -> bool {
        self.below.is_none()
    }

    /// What it is called, as a path.
    pub fn called(&self) -> PathBuf {
        self.name.as_ref().map_or_else(|| self.path.clone(), PathBuf::from)
    }
}

/// What was piped in, in a file of its own; it is called by its content, so that it is the same source when it comes
/// again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piped {
    file: PathBuf,
    name: String,
}

impl Piped {
    pub fn of(file: PathBuf) -> Result<Self> {
        let content = fs::File::open(&file).and_then(digest_of).context("could not read what was piped in")?;
        Ok(Self { file, name: format!("stdin:{}", hex::encode(&content[..8])) })
    }

    /// Calls what was found by its content, where it is this file.
    pub fn call(&self, found: &mut Found) {
        if found.path == self.file {
            (found.name, found.is_by_content) = (Some(self.name.clone()), true);
        }
    }

    pub fn file(&self) -> &Path {
        &self.file
    }
}

/// What is said of a folder without sessions.
pub fn nothing_below(folder: &Path) -> String {
    format!("no sessions found below {}", folder.display())
}

/// The files that the paths lead to, and a reason for each path that leads to none.
pub fn find(paths: &[PathBuf]) -> (Vec<Found>, Vec<String>) {
    let mut found = Vec::new();
    let mut failures = Vec::new();
    for (place, path) in paths.iter().enumerate() {
        match fs::metadata(path) {
            Err(error) => failures.push(format!("{}: {}", path.display(), in_plain_words(&error))),
            Ok(metadata) if metadata.is_dir() => {
                let before = (found.len(), failures.len());
                walk(path, place, &mut found, &mut failures);
                if before == (found.len(), failures.len()) {
                    failures.push(nothing_below(path));
                }
            }
            Ok(metadata) if metadata.is_file() => found.push(Found {
                path: path.clone(),
                size: metadata.len(),
                below: None,
                name: None,
                is_by_content: false,
            }),
            Ok(_) => failures.push(format!("{}: neither a file nor a folder", path.display())),
        }
    }
    (found, failures)
}

/// A path as text that loses nothing: bytes that are no UTF-8 are written `\xff`, and so is the backslash of a name
/// in which such an escape already stands.
pub fn path_text(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace("\\x", "\\x5cx"));
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// The path that is written as such a text.
pub fn path_of(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.extend_from_slice(b"\\x");
                rest = after;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    PathBuf::from(OsString::from_vec(bytes))
}

/// Session files below a folder, in the order of their names. Links to folders are not followed.
fn walk(folder: &Path, place: usize, found: &mut Vec<Found>, failures: &mut Vec<String>) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            failures.push(format!("{}: {}", folder.display(), in_plain_words(&error)));
            return;
        }
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    // A session before its sub-agents, which lie in a folder of its name.
    paths.sort_by_key(|path| (path.with_extension(""), path.is_dir()));
    for path in paths {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.is_dir() {
            walk(&path, place, found, failures);
        } else if may_hold_a_session(&path) {
            match fs::metadata(&path) {
                // To open a pipe, a socket or a device would be to wait for whoever is at its other end.
                Ok(metadata) if !metadata.is_file() => {}
                Ok(metadata) => {
                    let (size, below) = (metadata.len(), Some(place));
                    found.push(Found { path, size, below, name: None, is_by_content: false });
                }
                Err(error) => failures.push(format!("{}: {}", path.display(), in_plain_words(&error))),
            }
        }
    }
}

fn may_hold_a_session(path: &Path) -> bool {
    // A workflow's journal names the agents that ran; it is no session.
    let is_journal = path.file_name() == Some(OsStr::new("journal.jsonl"));
    let plain = plain_path(path);
    let is_text = plain.extension().is_some_and(|extension| extension == "jsonl" || extension == "json");
    is_text && !is_journal
}

/// The folders in which known agents keep their sessions, as far as they exist.
pub fn known_folders() -> Vec<PathBuf> {
    agents_folders().into_iter().map(|(_, folder)| folder).filter(|folder| folder.is_dir()).collect()
}

/// Session files below a folder with their sizes, and what of it could not be read.
pub fn below(folder: &Path) -> (Vec<(PathBuf, u64)>, Vec<String>) {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    walk(folder, 0, &mut found, &mut failures);
    (found.into_iter().map(|found| (found.path, found.size)).collect(), failures)
}

/// Where known agents keep their sessions, by agent, whether there is such a folder or not.
pub fn agents_folders() -> Vec<(&'static str, PathBuf)> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let base = |variable: &str, folder: &str| {
        let named = std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
        named.or_else(|| home.as_ref().map(|home| home.join(folder)))
    };
    let claude = base("CLAUDE_CONFIG_DIR", ".claude").map(|folder| folder.join("projects"));
    let codex = base("CODEX_HOME", ".codex");
    let sessions = codex.as_ref().map(|folder| folder.join("sessions"));
    let archived = codex.map(|folder| folder.join("archived_sessions"));
    let folders = [("claude-code", claude), ("codex", sessions), ("codex", archived)];
    folders.into_iter().filter_map(|(agent, folder)| Some((agent, folder?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_no_utf_8_loses_nothing_as_text() {
        let text = |bytes: &[u8]| path_text(Path::new(OsStr::from_bytes(bytes)));
        let written = [&b"/a/\xc5\xbc.jsonl"[..], b"/a/\xff\xfe.jsonl", b"/a/\\xff.jsonl"].map(text);
        assert_eq!(written, ["/a/ż.jsonl", "/a/\\xff\\xfe.jsonl", "/a/\\x5cxff.jsonl"]);
        let read = written.map(|text| path_of(&text).into_os_string().into_vec());
        assert_eq!(read, [&b"/a/\xc5\xbc.jsonl"[..], b"/a/\xff\xfe.jsonl", b"/a/\\xff.jsonl"]);
    }
}
