//! A home of its own for each test, and the program run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::server;

pub struct Desk {
    folder: tempfile::TempDir,
    /// A database instead of the file in its home, where the tests run on a server.
    database: Option<String>,
}

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl Desk {
    /// A desk with a store that is a database where a server is named, else a file.
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { database: runtime.block_on(server::database()), ..Self::with_file() }
    }

    /// A desk whose store is a file, whatever else there is.
    pub fn with_file() -> Self {
        let folder = tempfile::tempdir().expect("makes a folder");
        fs::create_dir(folder.path().join("home")).expect("makes a home");
        Self { folder, database: None }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the store lies when none is named.
    pub fn store(&self) -> PathBuf {
        self.path("home/.local/share/turnscope/turnscope.db")
    }

    /// The store as a command takes it.
    pub fn named_store(&self) -> String {
        self.database.clone().unwrap_or_else(|| text(&self.store()).to_owned())
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("lies in a folder")).expect("makes the folder");
        fs::write(&path, content).expect("writes");
        path
    }

    /// The program, ready to run here; nothing of the one who runs the tests reaches it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_turnscope"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("HOME", self.path("home")).stdin(Stdio::null());
        command.envs(self.database.iter().map(|address| ("TURNSCOPE_STORE", address)));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().expect("runs");
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: output.stdout,
            err: String::from_utf8(output.stderr).expect("words are UTF-8"),
        }
    }

    /// A run that must go well.
    pub fn done(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran
    }

    /// A run that must fail with this exit code, one that says why on stderr in the program's name.
    pub fn refused(&self, code: i32, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
        assert!(ran.err.starts_with("turnscope: "), "{arguments:?}: {ran:?}");
        ran.err
    }

    pub fn import(&self, path: &Path) -> Vec<Value> {
        self.done(&["import", "--json", text(path)]).objects()
    }
}

impl Ran {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.out).expect("tables are UTF-8")
    }

    /// One JSON object a line, and nothing else.
    pub fn objects(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

/// The names of an object's members, in their order.
pub fn names(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}
