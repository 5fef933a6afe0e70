//! What the configuration adds to the rules of redaction: rules in the file itself, or the path of a table of them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::redact::{Fault, Rules};
use crate::domain::telling;

/// Rules of the user's own, known to be sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRules {
    /// In the form of the built-in ones.
    pub text: String,
    /// The table that they come from; `None` where they stand in the configuration.
    pub path: Option<PathBuf>,
}

/// `redaction` as it may be written.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Written {
    Path(String),
    Rules(toml::Table),
}

/// Why they cannot be used, and the rule that it is about.
#[derive(Debug)]
pub(super) struct Refused {
    pub rule: Option<String>,
    pub reason: String,
}

impl OwnRules {
    /// Reads and tries them; `beside` says where a path leads.
    pub(super) fn of(written: &Written, beside: impl Fn(&str) -> PathBuf) -> Result<Self, Refused> {
        let told = |reason: String| Refused { rule: None, reason: format!("redaction: {reason}") };
        let (text, path) = match written {
            Written::Path(path) => {
                let path = beside(path);
                let read = fs::read_to_string(&path);
                (read.map_err(|error| told(unread(&path, &error)))?, Some(path))
            }
            Written::Rules(table) => (toml::to_string(table).map_err(|error| told(error.to_string()))?, None),
        };
        match (Rules::new(&[&text], &[]), path) {
            (Ok(_), path) => Ok(Self { text, path }),
            (Err(fault), Some(path)) => Err(told(format!("could not use {}: {fault}", path.display()))),
            (Err(fault), None) => {
                let rule = match &fault {
                    Fault::Rule { rule, .. } => Some(rule.clone()),
                    Fault::Form(_) => None,
                };
                Err(Refused { rule, ..told(fault.to_string().replace('\n', " ")) })
            }
        }
    }

    /// Where they stand, in words.
    pub fn told(&self) -> String {
        self.path.as_ref().map_or_else(|| "in the file".to_owned(), |path| path.to_string_lossy().into_owned())
    }
}

fn unread(path: &Path, error: &std::io::Error) -> String {
    format!("could not read {}: {}", path.display(), telling::in_plain_words(error))
}
