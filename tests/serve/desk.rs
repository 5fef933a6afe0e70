//! A server in a home of its own, and somebody who asks it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::mounts::own_mounts;

pub const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

/// A server in a home of its own.
pub struct Server {
    pub home: tempfile::TempDir,
    pub child: Child,
    pub address: String,
    /// What it says on stderr behind its address.
    pub said: Arc<Mutex<String>>,
}

/// What was answered: the status, the head, the body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What became of each event.
    pub fn results(&self) -> Vec<String> {
        let results = self.json()["results"].as_array().cloned().unwrap_or_default();
        results.iter().map(|result| result["result"].as_str().unwrap_or("?").to_owned()).collect()
    }
}

pub fn turnscope(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_turnscope"));
    command.args(arguments).current_dir(home).env_clear().env("HOME", home).stdin(Stdio::null());
    command
}

impl Server {
    pub fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), variables)
    }

    pub fn start_in(home: tempfile::TempDir, variables: &[(&str, &str)]) -> Self {
        let command = turnscope(home.path(), &SERVE);
        Self::run(home, command, variables)
    }

    pub fn start_with(arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let command = turnscope(home.path(), &[&SERVE, arguments].concat());
        Self::run(home, command, &[])
    }

    /// A server that may write no file longer than so many blocks of 512 bytes, which is what a full disk is to it.
    pub fn start_short_of_room(home: tempfile::TempDir, blocks: u32) -> Self {
        let mut command = Command::new("sh");
        let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" {}", SERVE.join(" "));
        command.args(["-c", &limited, env!("CARGO_BIN_EXE_turnscope")]);
        command.current_dir(home.path()).env_clear().env("HOME", home.path()).stdin(Stdio::null());
        Self::run(home, command, &[])
    }

    /// Runs a command that serves from a home.
    pub fn run(home: tempfile::TempDir, mut command: Command, variables: &[(&str, &str)]) -> Self {
        let mut child = command.envs(variables.iter().copied()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut told = BufReader::new(child.stderr.take().expect("is piped"));
        let mut line = String::new();
        told.read_line(&mut line).expect("it says where it listens");
        let address = line.trim().strip_prefix("listening on ").and_then(|address| address.split_once("://"));
        let address = address.unwrap_or_else(|| panic!("{line}")).1.to_owned();
        let said = Arc::<Mutex<String>>::default();
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in told.lines().map_while(Result::ok) {
                heard.lock().expect("is whole").push_str(&(line + "\n"));
            }
        });
        Self { home, child, address, said }
    }

    pub fn store(&self) -> PathBuf {
        self.home.path().join(".local/share/turnscope/turnscope.db")
    }

    /// A file of its home as the server itself sees it.
    pub fn inside(&self, name: &str) -> PathBuf {
        Path::new(&format!("/proc/{}/root", self.child.id()))
            .join(self.home.path().join(name).strip_prefix("/").expect("is absolute"))
    }

    /// Waits until it has said something.
    pub fn must_say(&self, words: &str) {
        for _ in 0..600 {
            if self.said.lock().expect("is whole").contains(words) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it never said {words:?}, but {:?}", self.said.lock().expect("is whole"));
    }

    /// The most memory that it has used: MiB.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is told");
        most.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") >> 10
    }

    /// One of the figures that it tells.
    pub fn figure(&self, name: &str) -> u64 {
        let figures = self.ask("GET /metrics HTTP/1.1", b"").body;
        let line = figures.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name}: {figures}")).parse().expect("a whole number")
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("is set");
        stream
    }

    pub fn ask(&self, head: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect();
        let length = body.len();
        let head = format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("is sent");
        // A server that refuses need not read all of it.
        let _ = stream.write_all(body);
        answer(stream)
    }

    pub fn send(&self, body: &Value) -> Answer {
        self.send_with("", body)
    }

    pub fn send_with(&self, more: &str, body: &Value) -> Answer {
        let head = format!("POST /api/agent/telemetry HTTP/1.1\r\nContent-Type: application/json{more}");
        self.ask(&head, body.to_string().as_bytes())
    }

    pub fn command(&self, arguments: &[&str]) -> String {
        let output = turnscope(self.home.path(), arguments).output().expect("runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("is UTF-8")
    }

    pub fn rows(&self, session: &str) -> Vec<Value> {
        let rows = self.command(&["timeline", session, "--json"]);
        rows.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect()
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(done.success());
    }

    pub fn end(mut self) -> (Option<i32>, tempfile::TempDir) {
        self.signal("TERM");
        let code = self.child.wait().expect("it ends").code();
        (code, std::mem::replace(&mut self.home, tempfile::tempdir().expect("a folder")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn answer(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // Where it closed before all was sent the connection is reset behind the answer.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// A client that keeps its connection.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("is set");
        stream.set_nodelay(true).expect("is set");
        Self { stream: BufReader::new(stream) }
    }

    /// Sends a body; the status and the body of the answer.
    pub fn post(&mut self, path: &str, kind: &str, body: &[u8]) -> std::io::Result<(u16, String)> {
        let length = body.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
        self.stream.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let broken = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let (mut status, mut size) = (0, 0);
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(broken());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(code) = line.strip_prefix("http/1.1 ") {
                status = code.split(' ').next().and_then(|code| code.parse().ok()).ok_or_else(broken)?;
            } else if let Some(length) = line.strip_prefix("content-length: ") {
                size = length.parse().map_err(|_| broken())?;
            }
        }
        let mut answer = vec![0; size];
        self.stream.read_exact(&mut answer)?;
        Ok((status, String::from_utf8(answer).expect("is UTF-8")))
    }
}

/// A server whose home was prepared by a script in mounts of its own; `None`, and a word of it, where that may not be.
pub fn in_own_mounts(script: &str) -> Option<Server> {
    let home = tempfile::tempdir().expect("a folder");
    let command = own_mounts(home.path(), script, env!("CARGO_BIN_EXE_turnscope"), &SERVE)?;
    Some(Server::run(home, command, &[]))
}
