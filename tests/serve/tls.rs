//! TLS with a client of its own, `curl`, and a certificate that `openssl` makes; skipped where these are missing.

use std::io::Write;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::desk::{SERVE, Server, turnscope};

fn run(home: &std::path::Path, program: &str, arguments: &[&str]) -> Option<Output> {
    let output = Command::new(program).args(arguments).current_dir(home).output();
    if output.is_err() {
        writeln!(std::io::stderr(), "skipped: {program} is not there").expect("stderr is open");
    }
    output.ok()
}

#[test]
fn a_client_that_trusts_the_certificate_is_served_and_no_other() {
    let home = tempfile::tempdir().expect("a folder");
    let key = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    let names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    let files = ["-keyout", "key.pem", "-out", "cert.pem"];
    let Some(made) = run(home.path(), "openssl", &[&key[..], &names, &files].concat()) else { return };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    if run(home.path(), "curl", &["--version"]).is_none() {
        return;
    }
    let command = turnscope(home.path(), &[&SERVE[..], &["--certificate", "cert.pem", "--key", "key.pem"]].concat());
    let server = Server::run(home, command, &[]);
    let url = format!("https://{}/api/agent/telemetry", server.address);
    let body = json!({"event": "x", "room": "tls", "eventId": "1"}).to_string();
    let ask = |more: &[&str]| {
        let sent =
            ["--silent", "--show-error", "--max-time", "60", "-H", "Content-Type: application/json", "-d", &body];
        run(server.home.path(), "curl", &[&sent[..], more, &[url.as_str()]].concat()).expect("it was there")
    };
    // Somebody who greets with nothing, and somebody who speaks without TLS, are nobody's trouble.
    let _silent = server.connect();
    server.connect().write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").expect("is sent");
    for expected in ["stored", "duplicate"] {
        let told = ask(&["--cacert", "cert.pem"]);
        let answer: Value = serde_json::from_slice(&told.stdout).expect("is JSON");
        assert_eq!(answer["results"][0]["result"], expected, "{answer}");
    }
    let distrusted = ask(&[]);
    assert!(!distrusted.status.success() && distrusted.stdout.is_empty());
    assert_eq!(server.rows("tls").len(), 1);
}
