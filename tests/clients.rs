//! What OpenTelemetry's exporters for Python and JavaScript and curl really sent, sent again: all of it arrives, once.
//!
//! `TURNSCOPE_CLIENTS=1 cargo test --test clients` installs these clients from their registries and has them send it
//! themselves; `tests/clients/run.py target/debug/turnscope --record` keeps what they send.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use turnscope::ingest::{Options, Server, Stop, UserKeys};
use turnscope::record::GroupPolicy;
use turnscope::store::Store;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// The recorded requests of each client, in the order in which it sent them.
fn recorded() -> BTreeMap<String, Vec<Vec<u8>>> {
    let entries = fs::read_dir(folder().join("recorded")).expect("the recorded requests");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let mut clients: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for path in paths {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let client = name.split('.').next().expect("a client").to_owned();
        clients.entry(client).or_default().push(fs::read(&path).expect("can be read"));
    }
    clients
}

fn options() -> Options {
    let listen = "127.0.0.1:0".parse().expect("an address");
    let (token, policy) = (Some("recorded-token".to_owned()), GroupPolicy::default());
    Options { listen, token, users: UserKeys::default(), certificate: None, memory: 160 << 20, policy, tell: |_| () }
}

/// Sends a request as it is: the status, and the type of what is answered.
fn send(address: &str, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(request).expect("is sent");
    let mut answer = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        answer.read_line(&mut line).expect("an answer");
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_ascii_lowercase()),
        }
    }
    let field = |name: &str| head.iter().find_map(|line| line.strip_prefix(name)).unwrap_or("").trim().to_owned();
    let mut body = vec![0; field("content-length:").parse().expect("a length")];
    answer.read_exact(&mut body).expect("a body");
    (head[0].split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0), field("content-type:"))
}

/// The head of a request in lower case, and its body without how it was cut for the way.
fn parts(request: &[u8]) -> (String, Vec<u8>) {
    let end = request.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let mut rest = &request[end + 4..];
    if !head.contains("transfer-encoding: chunked") {
        return (head, rest.to_vec());
    }
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").expect("a length");
        let size = std::str::from_utf8(&rest[..line]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.expect("a length");
        if size == 0 {
            return (head, body);
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 4 + size..];
    }
}

fn turnscope(store: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_turnscope"));
    let output = command.arg("--store").arg(store).args(arguments).output().expect("runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("is UTF-8")
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect()
}

/// What `expected.json` says of each row.
fn outline(row: &Value) -> Value {
    let id = row["id"].as_str().expect("an id");
    let last = if id.starts_with("tool:") { id.rsplit("-call-").next() } else { id.rsplit(':').next() };
    let mut joins: Vec<String> = row["joins"]
        .as_array()
        .expect("joins")
        .iter()
        .map(|join| format!("{} {}", join["strength"], join["basis"]["rule"]).replace('"', ""))
        .collect();
    joins.sort();
    joins.dedup();
    json!({
        "id": last, "kind": row["kind"], "label": row["label"], "status": row["status"],
        "tokens": row["tokens"]["total"], "events": row["events"].as_array().map(Vec::len), "joins": joins,
    })
}

/// All clients said the same, each in a session of its own name.
fn compare(store: &Path, clients: impl Iterator<Item = String>) {
    let expected: Value =
        serde_json::from_slice(&fs::read(folder().join("expected.json")).expect("is there")).expect("is JSON");
    let sessions = lines(&turnscope(store, &["sessions", "--json"]));
    for client in clients {
        let rows = lines(&turnscope(store, &["timeline", &client, "--json"]));
        assert_eq!(Value::from_iter(rows.iter().map(outline)), expected, "{client}");
        let session = sessions.iter().find(|session| session["id"] == *client).expect("a session");
        let told = ["title", "project", "events", "turns", "errors", "findings"].map(|name| session[name].clone());
        let title = json!("Wie viele Stimmen für Option zwei? ☑");
        assert_eq!(told, [title, json!("board-agent"), json!(8), json!(4), json!(1), json!(0)], "{client}");
        assert_eq!(
            session["tokens"],
            json!({"input": 131, "cache_read": 100, "cache_write": null, "output": 46, "reasoning": 15, "total": 292})
        );
        let part = |row: usize, name: &str| {
            turnscope(store, &["show", &client, rows[row]["id"].as_str().expect("an id"), "--part", name])
        };
        assert_eq!(part(1, "system"), r#"[{"type":"text","content":"You keep a whiteboard."}]"#);
        let tools: Value = serde_json::from_str(&part(1, "tools")).expect("is JSON");
        assert_eq!(tools[0]["parameters"]["required"], json!(["option"]));
        assert_eq!((part(2, "input"), part(2, "output")), (r#"{"option":"two"}"#.into(), r#"{"votes":3}"#.into()));
        let spoken: Value = serde_json::from_str(&part(4, "output")).expect("is JSON");
        assert_eq!(spoken["message"]["content"], json!("Three hands for option two."));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_real_clients_sent_arrives_once_however_often_they_send_it() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("store.db");
    let store = Store::open(&path).await.expect("opens");
    let server = Server::bind(&store, &options()).await.expect("listens");
    let address = server.address().expect("an address").replace("http://", "");
    let (sender, stop) = Stop::new();
    let serving = tokio::spawn(server.run(stop));
    let sending = tokio::task::spawn_blocking(move || {
        // Whoever sends metrics is told that they are not kept.
        let metrics =
            "POST /v1/metrics HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(send(&address, metrics.as_bytes()), (404, "application/json".to_owned()));
        for (client, requests) in recorded() {
            assert_eq!(requests.len(), 2, "{client}");
            for request in requests.iter().chain(&requests) {
                let kind =
                    if client.starts_with("python") || client.contains("protobuf") { "x-protobuf" } else { "json" };
                assert_eq!(send(&address, request), (200, format!("application/{kind}")), "{client}");
            }
        }
    });
    sending.await.expect("all is sent");
    sender.send(true).expect("it runs");
    serving.await.expect("it ends");
    store.settle().await.expect("reckons");
    store.close().await;
    compare(&path, recorded().into_keys());
}

#[test]
fn the_same_requests_as_files_are_the_same_sessions() {
    let home = tempfile::tempdir().expect("a folder");
    let mut clients = Vec::new();
    for (client, requests) in recorded() {
        for (place, request) in requests.iter().enumerate() {
            let (head, body) = parts(request);
            let packed = if head.contains("content-encoding: gzip") { ".gz" } else { "" };
            let name = format!("{client}-{place}.{}{packed}", if head.contains("protobuf") { "binpb" } else { "json" });
            fs::write(home.path().join(name), body).expect("is written");
        }
        clients.push(client);
    }
    assert_eq!(clients.len(), 8);
    let store = home.path().join("store.db");
    let files = fs::read_dir(home.path()).expect("is listed").map(|entry| entry.expect("an entry").path());
    let files: Vec<String> = files.map(|path| path.to_string_lossy().into_owned()).collect();
    let mut arguments = vec!["import"];
    arguments.extend(files.iter().map(String::as_str));
    turnscope(&store, &arguments);
    compare(&store, clients.into_iter());
}

#[test]
fn real_clients_send_it_themselves() {
    if std::env::var_os("TURNSCOPE_CLIENTS").is_none() {
        println!(
            "skipped: real OpenTelemetry clients (set TURNSCOPE_CLIENTS=1; needs python3, node, npm, curl and a network)"
        );
        return;
    }
    let run = Command::new("python3").arg(folder().join("run.py")).arg(env!("CARGO_BIN_EXE_turnscope")).output();
    let run = run.expect("python3 runs");
    let told = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{told}");
    assert_eq!(told.matches("arrived once").count(), 9, "{told}");
}
