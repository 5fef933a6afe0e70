//! Killed while it takes events: what was answered for is there.

use serde_json::json;

use crate::desk::Server;

#[test]
fn what_was_answered_for_outlives_a_kill() {
    let mut home = tempfile::tempdir().expect("a folder");
    let mut answered = 0;
    for round in 0..5 {
        let server = Server::start_in(home, &[]);
        for number in 0..20 + round * 7 {
            let body = json!({"event": "n", "room": "k", "eventId": format!("{round}-{number}"), "payload": number});
            assert_eq!(server.send(&body).results(), ["stored"]);
            answered += 1;
        }
        server.signal("KILL");
        let mut server = server;
        server.child.wait().expect("it is gone");
        home = std::mem::replace(&mut server.home, tempfile::tempdir().expect("a folder"));
    }
    let server = Server::start_in(home, &[]);
    assert_eq!(server.rows("k").len(), answered);
}
