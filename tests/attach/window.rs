//! Rows of some times only: what is left out is said, and a row that may stand in two sessions is told.

use serde_json::{Value, json};

use crate::database::Database;
use crate::desk::Desk;
use crate::placing::{HOUR, MINUTE, events, row, session};
use crate::world::{World, stamp};

/// The labels of what a session says of itself.
fn notes(desk: &Desk, session: &str) -> Vec<String> {
    let rows = desk.done(&["timeline", session, "--json"]).objects();
    let notes = rows.iter().filter(|row| row["kind"] == "other");
    notes.map(|row| row["label"].as_str().unwrap_or_default().to_owned()).collect()
}

fn ambiguous(desk: &Desk, session: &str) -> Vec<String> {
    let found = desk.run(&["check", session, "--json"]).objects();
    let found = found.into_iter().filter(|finding| finding["finding"] == "ambiguous_join");
    found.map(|finding| finding["detail"].as_str().unwrap_or_default().to_owned()).collect()
}

fn between(start: i64, end: i64) -> [String; 4] {
    ["--window-start".to_owned(), stamp(start), "--window-end".to_owned(), stamp(end)]
}

fn import(desk: &Desk, url: &str, options: &[&str], times: &[String; 4]) -> String {
    let times: Vec<&str> = times.iter().map(String::as_str).collect();
    desk.done(&[&["import", url], options, &times].concat()).err
}

fn two_sessions() -> (World, [String; 2]) {
    let mut world = World::default();
    let one = session(&mut world, "one", "lab", 0, HOUR);
    let two = session(&mut world, "two", "lab", 5 * HOUR, 6 * HOUR);
    row(&mut world, "one-early", MINUTE, Some("lab"), json!({}));
    row(&mut world, "one-late", 50 * MINUTE, Some("lab"), json!({}));
    row(&mut world, "between", 3 * HOUR, Some("lab"), json!({}));
    row(&mut world, "two-early", 5 * HOUR + MINUTE, Some("lab"), json!({}));
    row(&mut world, "two-late", 5 * HOUR + 50 * MINUTE, Some("lab"), json!({}));
    (world, [one, two])
}

#[test]
fn times_cut_the_sessions_of_a_room_and_each_row_is_in_one() {
    let (world, [one, two]) = two_sessions();
    let Some(database) = Database::of(&world) else { return };
    let desk = Desk::with_file();
    let (start, end) = (40 * MINUTE, 5 * HOUR + 10 * MINUTE);
    let told = import(&desk, &database.url(), &["--room", "lab"], &between(start, end));
    let words = format!("rows from {} to {} only", rfc(start), rfc(end));
    for session in [&one, &two] {
        assert!(told.contains(&format!("{session}: {words}\n")), "{told}");
        assert!(notes(&desk, session).contains(&words), "{:?}", notes(&desk, session));
    }
    assert!(!told.contains("no rows"), "{told}");
    assert_eq!(events(&desk, &one), ["one-late"]);
    assert_eq!(events(&desk, &two), ["two-early"]);
    assert_eq!(events(&desk, "room:lab"), ["between"]);
    // All of it comes later, and is said to.
    desk.done(&["import", &database.url(), "--room", "lab"]);
    assert_eq!(events(&desk, &one), ["one-early", "one-late"]);
    assert_eq!(events(&desk, &two), ["two-early", "two-late"]);
    assert_eq!(events(&desk, "room:lab"), ["between"]);
    let whole = "all its rows, no longer those of some times only".to_owned();
    assert!(notes(&desk, &one).contains(&whole), "{:?}", notes(&desk, &one));
    let before = desk.done(&["stats", "--json"]).out;
    desk.done(&["import", &database.url(), "--room", "lab"]);
    import(&desk, &database.url(), &["--room", "lab"], &between(start, end));
    assert_eq!(desk.done(&["stats", "--json"]).out, before, "nothing is new, and what is whole stays so");
}

#[test]
fn a_session_of_which_no_time_was_asked_for_is_named_and_not_made() {
    let (world, [one, two]) = two_sessions();
    let Some(database) = Database::of(&world) else { return };
    let desk = Desk::with_file();
    let told = import(&desk, &database.url(), &["--room", "lab"], &between(5 * HOUR, 6 * HOUR));
    assert!(told.contains(&format!("{one}: none of its time was asked for")), "{told}");
    let sessions = desk.done(&["sessions", "--json"]).objects();
    assert_eq!(sessions.iter().map(|session| session["id"].clone()).collect::<Vec<Value>>(), [json!(two)]);
}

#[test]
fn one_session_takes_all_of_its_room_at_the_times_and_tells_what_may_stand_elsewhere() {
    let (world, [one, two]) = two_sessions();
    let Some(database) = Database::of(&world) else { return };
    let desk = Desk::with_file();
    let url = database.url();
    import(&desk, &url, &["--session-id", &one], &between(40 * MINUTE, 5 * HOUR + 10 * MINUTE));
    assert_eq!(events(&desk, &one), ["between", "one-late"]);
    let told = ambiguous(&desk, &one);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().any(|told| told.contains("between") || told.contains("room:lab")), "{told:?}");
    let notes = notes(&desk, &one);
    let elsewhere = notes.iter().find(|note| note.contains("two-early")).expect("it is told");
    assert!(elsewhere.contains("lies in the windows of") && elsewhere.contains(&two), "{elsewhere}");
    let beyond = notes.iter().find(|note| note.contains("between")).expect("it is told");
    assert!(beyond.contains("not in the session's own") && beyond.contains("in room:lab"), "{beyond}");
    // Whoever brings the room over later finds the row there too, which the first session has told.
    desk.done(&["import", &url]);
    assert_eq!(events(&desk, "room:lab"), ["between"]);
    assert_eq!(events(&desk, &two), ["two-early", "two-late"]);
    assert_eq!(events(&desk, &one), ["between", "one-early", "one-late"]);
}

fn rfc(millis: i64) -> String {
    stamp(millis).replace("+00:00", "000Z")
}
