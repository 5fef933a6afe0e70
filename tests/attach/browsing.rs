//! The original's sessions on the screen: listed at once, brought over when they are opened, and gone no more.

use std::sync::atomic::Ordering;

use crate::database::Database;
use crate::example;
use crate::harness::Terminal;
use crate::proxy::{Proxy, Then};

#[test]
fn sessions_are_listed_at_once_and_come_over_when_they_are_opened() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    let mut terminal = Terminal::start(&[&database.url()], 140, 30);
    terminal.wait("the session, and that it is not here", |grid| {
        grid.has("canvas-0c5d8a52") && grid.has("↓ not brought over")
    });
    terminal.press("\r");
    terminal.wait("its timeline", |grid| grid.depth() == Some(1) && grid.has("system_prompt_loaded"));
    terminal.press("q");
    terminal.wait("the list, with the session under its own name", |grid| {
        grid.depth() == Some(0) && grid.has("Canvas: add a sticky note") && !grid.has("not brought over")
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

/// A table whose rows are counted at once, and take long to be fetched.
const NAP: &str = "ALTER TABLE agent_tool_io RENAME TO real_tool_io; \
     CREATE FUNCTION nap(text) RETURNS text IMMUTABLE LANGUAGE plpgsql \
     AS $$ BEGIN PERFORM pg_sleep(600); RETURN $1; END $$; \
     CREATE VIEW agent_tool_io AS SELECT t.*, nap(t.tool_name) AS nap FROM real_tool_io t";

#[test]
fn esc_cancels_what_is_being_brought_over_and_enter_begins_anew() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    database.execute(NAP);
    let mut terminal = Terminal::start(&[&format!("{}&statement_timeout=500", database.url())], 140, 30);
    terminal.wait("the session", |grid| grid.has("canvas-0c5d8a52") && grid.has("↓ not brought over"));
    terminal.press("\r");
    terminal.wait("how far it is", |grid| grid.depth() == Some(0) && grid.has("bringing the session over"));
    terminal.press("\u{1b}");
    terminal.wait("that it was cancelled", |grid| grid.depth() == Some(0) && grid.has("cancelled"));
    database.execute("DROP VIEW agent_tool_io; ALTER TABLE real_tool_io RENAME TO agent_tool_io");
    terminal.press("\r");
    terminal.wait("its timeline", |grid| grid.depth() == Some(1) && grid.has("system_prompt_loaded"));
    terminal.press("Q");
    assert_eq!(terminal.end(), Ok(0));
}

#[test]
fn a_network_that_stalls_is_told_and_tried_again_on_a_key() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    let proxy = Proxy::start(&database.socket(), 0, Then::GoOn);
    let address = format!(
        "postgres://tester@127.0.0.1:{}/{}?statement_timeout=1&connect_timeout=1&sslmode=disable",
        proxy.port,
        database.name()
    );
    let mut terminal = Terminal::start(&[&address], 140, 30);
    terminal.wait("the session", |grid| grid.has("canvas-0c5d8a52") && grid.has("↓ not brought over"));
    proxy.holds.store(true, Ordering::Relaxed);
    terminal.press("\r");
    terminal.wait("that nothing answers", |grid| {
        grid.depth() == Some(0) && grid.has("Enter tries again: ") && grid.has("does not answer")
    });
    terminal.press("?");
    terminal.wait("help all the same", |grid| grid.has("Sessions") && grid.has("down; a count repeats"));
    terminal.press("\u{1b}");
    proxy.holds.store(false, Ordering::Relaxed);
    terminal.wait("the list", |grid| grid.has("not brought over") && !grid.has("Help for Sessions"));
    terminal.press("\r");
    terminal.wait("its timeline", |grid| grid.depth() == Some(1) && grid.has("system_prompt_loaded"));
    terminal.press("Q");
    assert_eq!(terminal.end(), Ok(0));
}

#[test]
fn the_screen_is_alive_while_a_session_is_brought_over() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    let proxy = Proxy::start(&database.socket(), 0, Then::GoOn);
    let address = format!(
        "postgres://tester@127.0.0.1:{}/{}?statement_timeout=600&connect_timeout=600&sslmode=disable",
        proxy.port,
        database.name()
    );
    let mut terminal = Terminal::start(&[&address], 140, 30);
    terminal.wait("the session", |grid| grid.has("canvas-0c5d8a52") && grid.has("↓ not brought over"));
    proxy.holds.store(true, Ordering::Relaxed);
    terminal.press("\r");
    terminal.wait("that it is under way", |grid| grid.has("bringing the session over"));
    terminal.press("?");
    terminal.wait("help", |grid| grid.has("down; a count repeats"));
    terminal.press("\u{1b}");
    terminal.wait("the list", |grid| grid.has("not brought over") && !grid.has("down; a count repeats"));
    terminal.press("Q");
    assert_eq!(terminal.end(), Ok(0));
}

#[test]
fn what_a_session_lacks_has_room_on_a_narrow_screen() {
    let mut world = crate::world::World::default();
    let id = crate::placing::session(&mut world, "old", "canvas-0c5d8a52-7a30-4b55-9d38-3d1b2d4c6f10", 0, 3_600_000);
    world.line("canvas-0c5d8a52-7a30-4b55-9d38-3d1b2d4c6f10", &id, ("user-ana", "Ana"), 60_000, "Hello", false);
    let Some(database) = Database::of(&world) else { return };
    let mut terminal = Terminal::start(&[&database.url()], 80, 24);
    terminal.wait("the session under its whole name, and what it lacks with the reason", |grid| {
        grid.has("canvas-0c5d8a52-7a30-4b55-9d38-3d1b2d4c6f10 ")
            && grid.has("↓ not brought over; no replay rows: recorded before the cut-over")
    });
    terminal.press("Q");
    assert_eq!(terminal.end(), Ok(0));
}

#[test]
fn a_failure_on_a_narrow_screen_says_what_to_do_and_all_of_the_reason() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    let proxy = Proxy::start(&database.socket(), 0, Then::GoOn);
    let address = format!(
        "postgres://tester@127.0.0.1/{}?port={}&statement_timeout=1&connect_timeout=1&sslmode=disable",
        database.name(),
        proxy.port
    );
    let mut terminal = Terminal::start(&[&address], 80, 24);
    terminal.wait("the session", |grid| grid.has("↓ not brought over"));
    proxy.holds.store(true, Ordering::Relaxed);
    terminal.press("\r");
    let host = format!("at 127.0.0.1:{}", proxy.port);
    terminal.wait("all of it", |grid| {
        let (text, status) = (grid.to_string().replace("\n│", " "), grid.has("! Enter tries again: "));
        status && text.contains("does not answer") && text.contains(&host) && text.contains("(waited ")
    });
    proxy.holds.store(false, Ordering::Relaxed);
    terminal.press("\r");
    terminal.wait("its timeline", |grid| grid.depth() == Some(1) && grid.has("system_prompt_loaded"));
    terminal.press("Q");
    assert_eq!(terminal.end(), Ok(0));
}
