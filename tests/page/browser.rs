//! A headless browser that does what a test tells it, over the WebDriver protocol.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// What keeps the browser from looking for anything outside.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,900",
];

/// Milliseconds; other tests may run beside the browser.
const PATIENCE: u64 = 300_000;

pub struct Browser {
    driver: Child,
    /// Kept open, so that the driver can go on writing.
    _output: BufReader<ChildStdout>,
    address: String,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// A browser with a profile of its own; `None`, and a word about it, where there is no driver for one.
    pub fn start() -> Option<Self> {
        let spawned = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let Ok(mut driver) = spawned else {
            writeln!(
                io::stderr(),
                "skipped: pages in a browser (chromedriver is missing: apt-get install chromium-driver)"
            )
            .expect("stderr is open");
            return None;
        };
        let mut output = BufReader::new(driver.stdout.take().expect("is piped"));
        let port = output.by_ref().lines().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let address = format!("127.0.0.1:{}", port.expect("the driver says its port"));
        let profile = tempfile::tempdir().expect("makes a folder");
        let own = format!("--user-data-dir={}", profile.path().display());
        let arguments: Vec<&str> = ARGUMENTS.iter().copied().chain([own.as_str()]).collect();
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": PATIENCE, "pageLoad": PATIENCE},
        }}});
        let mut browser = Self { driver, _output: output, address, session: String::new(), _profile: profile };
        let made = browser.ask("POST", "/session", &wanted);
        browser.session = format!("/session/{}", made["sessionId"].as_str().expect("a session"));
        Some(browser)
    }

    pub fn open(&self, page: &Path, fragment: &str) {
        // Another fragment alone would not load the page anew.
        self.command("url", &json!({"url": "about:blank"}));
        self.command("url", &json!({"url": format!("file://{}{fragment}", page.display())}));
        // On a busy machine the driver has been seen to answer before the page had run.
        let patience = Instant::now() + Duration::from_millis(PATIENCE);
        let ready = loop {
            let ready = self.run("return document.documentElement.dataset.ready");
            if ready.is_string() || Instant::now() > patience {
                break ready;
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        assert!(ready.is_string(), "the page is not ready: {:?}", self.complaints());
    }

    /// What a script gives back.
    pub fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({"script": script, "args": []}))
    }

    pub fn text(&self, script: &str) -> String {
        let value = self.run(script);
        value.as_str().unwrap_or_else(|| panic!("{script} gives {value}")).to_owned()
    }

    /// Runs a script until it is true; false where it never is.
    pub fn becomes(&self, script: &str) -> bool {
        let waited = format!(
            "const done = arguments[0]; let left = 4000; \
             const look = () => {{ if ((() => {{ {script} }})()) done(true); else if (left-- > 0) setTimeout(look, 50); else done(false); }}; look();"
        );
        self.command("execute/async", &json!({"script": waited, "args": []})) == true
    }

    /// Types characters, one key each.
    pub fn press(&self, keys: &str) {
        let strokes: Vec<Value> = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()})))
            .collect();
        self.command("actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]}));
    }

    /// What the browser has written to its console since it was asked last: errors and refusals.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.command("se/log", &json!({"type": "browser"}));
        let messages = log.as_array().into_iter().flatten();
        messages.map(|entry| entry["message"].as_str().unwrap_or("").to_owned()).collect()
    }

    fn command(&self, name: &str, body: &Value) -> Value {
        self.ask("POST", &format!("{}/{name}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.send(method, path, body).expect("the driver answers");
        assert!(answer["error"].is_null(), "{path}: {answer}");
        answer
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> io::Result<Value> {
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.address)?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        let mut answer = BufReader::new(stream);
        let mut length = 0;
        for line in answer.by_ref().lines() {
            let line = line?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            length = line.strip_prefix("content-length:").map_or(length, |size| size.trim().parse().expect("a size"));
        }
        let mut content = vec![0; length];
        answer.read_exact(&mut content)?;
        let mut answer: Value = serde_json::from_slice(&content)?;
        Ok(answer["value"].take())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its browser with the session.
        let _ = self.send("DELETE", &self.session, &json!({}));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
