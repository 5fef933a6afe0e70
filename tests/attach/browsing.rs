//! The original's sessions on the screen: listed at once, brought over when they are opened, and gone no more.

use crate::database::Database;
use crate::example;
use crate::harness::Terminal;

#[test]
fn sessions_are_listed_at_once_and_come_over_when_they_are_opened() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    let mut terminal = Terminal::start(&[&database.url()], 140, 30);
    terminal.wait("the session, and that it is not here", |grid| grid.has("[not brought over] canvas-0c5d8a52"));
    terminal.press("\r");
    terminal.wait("its timeline", |grid| grid.depth() == Some(1) && grid.has("system_prompt_loaded"));
    terminal.press("q");
    terminal.wait("the list, with the session under its own name", |grid| {
        grid.depth() == Some(0) && grid.has("Canvas: add a sticky note") && !grid.has("[not brought over]")
    });
    // What was brought over opens although the database is gone, and says so.
    database.close();
    terminal.press("\r");
    terminal.wait("its timeline again", |grid| grid.depth() == Some(1) && grid.has("system_prompt_loaded"));
    terminal.press("Q");
    assert_eq!(terminal.end(), Ok(0));
}

#[test]
fn a_store_of_ours_is_browsed_as_one() {
    let Some(database) = Database::empty() else { return };
    let desk = crate::desk::Desk::with_file();
    let file = desk.write("a.jsonl", "{\"message\":\"hello\"}\n");
    desk.done(&["--store", &database.url(), "import", crate::desk::text(&file)]);
    let mut terminal = Terminal::start(&[&database.url()], 100, 30);
    terminal.wait("the session", |grid| {
        grid.depth() == Some(0) && grid.footer().contains("? help") && !grid.has("not brought over")
    });
    terminal.press("Q");
    assert_eq!(terminal.end(), Ok(0));
}
