//! `turnscope import --watch`: what is written later comes in as well.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::desk::{Desk, text};
use crate::sample;

#[test]
fn what_is_written_later_comes_in_until_it_is_interrupted() {
    let desk = Desk::new();
    let records = sample::claude_records();
    let whole = |count: usize| [records[..count].join(&b"\n"[..]), b"\n".to_vec()].concat();
    desk.write("in/one.jsonl", whole(1));
    let mut command = desk.command(&["import", "--watch", "--json", text(&desk.path("in"))]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut out = BufReader::new(child.stdout.take().expect("is piped"));
    let mut next = || -> Value {
        let mut line = String::new();
        out.read_line(&mut line).expect("is read");
        serde_json::from_str(&line).expect("is JSON")
    };
    assert_eq!(next()["records"], json!(1));
    // The first look is over: what follows is news.
    let mut told = String::new();
    BufReader::new(child.stderr.take().expect("is piped")).read_line(&mut told).expect("is read");
    let mut file = fs::File::options().append(true).open(desk.path("in/one.jsonl")).expect("opens");
    file.write_all(&whole(records.len())[whole(1).len()..]).expect("is written");
    assert_eq!(next()["records"], json!(records.len()));
    desk.write("in/two.jsonl", sample::codex());
    assert_eq!(next()["agent"], json!("codex"));
    let status = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(status.success());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!(desk.done(&["sessions", "--json"]).objects().len(), 2);
}
