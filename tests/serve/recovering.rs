//! What is left of a server that ended too soon, and of a store that is damaged.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::desk::{Server, turnscope};

#[test]
fn what_was_recorded_comes_back_from_a_damaged_store_as_it_was() {
    let server = Server::start(&[]);
    let tool = json!({"event": "saved", "room": "blue", "eventId": "e1", "payload": {"file": "a.txt"}});
    let model = json!({"kind": "model", "event": "call", "room": "blue", "eventId": "e2", "model": "m", "input": "hi"});
    assert_eq!(server.send(&json!([tool, model])).results(), ["stored", "stored"]);
    let store = server.store();
    let (_, home) = server.end();
    let run = |arguments: &[&str]| {
        let output = turnscope(home.path(), arguments).output().expect("runs");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("is text")
    };
    let (saved, new) = (home.path().join("saved"), home.path().join("new.db"));
    let [saved, new, store] = [&saved, &new, &store].map(|path| path.to_str().expect("is UTF-8"));
    let told: Value = serde_json::from_str(&run(&["recover", store, "--out-dir", saved, "--json"])).expect("one line");
    assert_eq!((&told["source"], &told["lost"]), (&json!("room:blue"), &json!(0)), "{told}");
    run(&["import", saved, "--store", new]);
    let before = run(&["timeline", "blue", "--json", "--store", store]);
    assert_eq!(run(&["timeline", "blue", "--json", "--store", new]), before);
    assert!(before.contains("\"e1\"") && before.contains("\"e2\""), "{before}");
}

#[test]
fn what_a_killed_server_left_uncounted_is_counted_by_whoever_reads_next() {
    let mut server = Server::start(&[]);
    let events: Vec<Value> =
        (0..300).map(|place| json!({"event": "x", "room": "left", "eventId": place.to_string()})).collect();
    // Killed at once: nothing of it is counted.
    assert_eq!(server.send(&json!(events)).results().len(), 300);
    server.child.kill().expect("is killed");
    server.child.wait().expect("it is gone");
    let began = Instant::now();
    loop {
        let listed: Value = serde_json::from_str(&server.command(&["sessions", "--json"])).expect("one session");
        if listed["events"] == 300 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{listed}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
