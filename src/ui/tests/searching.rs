//! Prompts and searches: what is found where, and that no text becomes keys.

use std::time::Instant;

use super::bench::{Bench, keys};
use super::flow::{copied, event, notice, place, timeline};
use crate::ui::keymap::Place;
use crate::ui::message::{Message, Outside, Request};
use crate::ui::state::{Ended, Tab};
use crate::ui::update::update;

#[tokio::test]
async fn every_tab_of_an_event_is_searched_and_no_text_becomes_commands() {
    let mut bench = event().await;
    for tab in 1..=9 {
        bench.press(&format!("g {tab}")).await;
        bench.press("/").await;
        bench.type_text("exec").await;
        bench.press("Enter").await;
        assert_eq!(bench.state.place, Place::Event, "tab {tab}");
        assert!(bench.state.panel.is_none() && bench.outward.is_empty(), "tab {tab}");
    }
    bench.press("g 1 /").await;
    bench.type_text("tool").await;
    bench.press("Enter").await;
    assert!(bench.text().contains("/tool 1/"), "{}", bench.text());
    let first = bench.state.event.as_ref().map(|event| event.list(Tab::Summary).at);
    bench.press("n").await;
    assert!(bench.text().contains("/tool 2/"), "{}", bench.text());
    bench.press("N").await;
    assert_eq!(bench.state.event.as_ref().map(|event| event.list(Tab::Summary).at), first);
    bench.press("/").await;
    bench.type_text("nowhere").await;
    bench.press("Enter").await;
    assert_eq!(notice(&bench), "not found: nowhere");
}

#[tokio::test]
async fn text_typed_for_a_prompt_that_did_not_open_is_not_taken_for_keys() {
    let mut bench = event().await;
    bench.press("f").await;
    bench.type_text("xq").await;
    bench.press("Enter").await;
    assert_eq!((bench.state.place, bench.outward.len()), (Place::Event, 0));
    assert!(bench.state.panel.is_none());
    assert_eq!(notice(&bench), "f does nothing here; ? shows what does");
    bench.pause();
    bench.press("z /").await;
    bench.type_text("xq").await;
    bench.press("Enter").await;
    assert_eq!((bench.state.place, bench.outward.len()), (Place::Event, 0));
    assert_eq!(notice(&bench), "z/ does nothing here; ? shows what does");
    bench.pause();
    bench.press("q").await;
    assert_eq!(bench.state.place, Place::Timeline);
}

#[tokio::test]
async fn a_backspace_held_too_long_closes_the_prompt_and_no_more() {
    let mut bench = Bench::new(100, 30).await;
    bench.press("/ a Backspace Backspace Backspace Backspace").await;
    assert_eq!((bench.state.ended, bench.state.panel.is_some()), (None, false));
    bench.pause();
    bench.press("Backspace").await;
    assert_eq!(bench.state.ended, Some(Ended::Quit));
}

#[tokio::test]
async fn a_timeline_search_finds_what_stands_inside_rows_and_the_event_shows_it() {
    let mut bench = timeline().await;
    bench.press("/").await;
    bench.type_text("rust_log").await;
    bench.press("Enter").await;
    bench.press("/").await;
    assert!(bench.text().contains("in what the rows say, then inside them"), "{}", bench.text());
    bench.press("Enter").await;
    assert_eq!(place(&bench).1, 2);
    assert!(bench.text().contains("/rust_log 1/1, 1 inside rows"), "{}", bench.text());
    bench.press("Enter g 2 n").await;
    assert!(bench.text().contains("/rust_log 1/1"), "{}", bench.text());
}

#[tokio::test]
async fn a_search_means_the_same_on_every_screen() {
    for (keys, small, capital) in
        [("", "login", "LOGIN"), ("Enter", "login", "LOGIN"), ("Enter j j Enter", "bash", "BASH")]
    {
        let mut bench = Bench::new(120, 30).await;
        bench.press("e").await;
        bench.press(keys).await;
        for (text, found) in [(small, true), (capital, false), (&format!("re:^.*{small}"), true), ("lo.in", false)] {
            bench.press("/").await;
            bench.type_text(text).await;
            bench.press("Enter").await;
            assert_eq!(notice(&bench).is_empty(), found, "{text} after {keys}: {}", notice(&bench));
        }
        bench.press("/").await;
        bench.type_text("re:(").await;
        bench.press("Enter").await;
        assert_eq!(notice(&bench), "re:( is no expression: unclosed group at character 1");
    }
}

#[tokio::test]
async fn a_search_that_is_stopped_says_how_far_it_came() {
    let mut bench = timeline().await;
    let now = Instant::now();
    let mut requests = Vec::new();
    for message in keys("/ b a s h Enter") {
        requests = update(&mut bench.state, message, now);
    }
    let Some(Request::Search { job, .. }) = requests.first() else { panic!("{requests:?}") };
    update(&mut bench.state, Message::Hits { job: *job, rows: vec![2], scanned: 8 }, now);
    update(&mut bench.state, Message::Inside { job: *job, rows: vec![3], scanned: 12 }, now);
    keys("Esc").for_each(|message| drop(update(&mut bench.state, message, now)));
    assert_eq!(notice(&bench), "cancelled: searching bash, stopped early at 75%");
    bench.press("k j").await;
    let text = bench.text();
    assert!(text.contains("/bash 1/2, 1 inside rows, stopped early at 75 %"), "{text}");
}

#[tokio::test]
async fn goto_finds_any_key_and_n_goes_on_to_the_other_rows() {
    let mut bench = timeline().await;
    for (id, line) in [("t2", 3), ("msg_1", 1)] {
        bench.press(":").await;
        bench.type_text(&format!("goto {id}")).await;
        bench.press("Enter").await;
        assert_eq!(place(&bench).1, line, "{id}");
    }
    assert_eq!(notice(&bench), "4 rows have message_id msg_1; n goes on");
    bench.press("n n").await;
    assert_eq!(place(&bench).1, 3);
}

#[tokio::test]
async fn marking_in_the_event_says_so_and_what_narrows_the_rows_is_seen_there() {
    let mut bench = event().await;
    bench.press("m").await;
    assert_eq!(notice(&bench), "marked: tool:t1");
    bench.press("j").await;
    assert!(bench.text().contains("this row is marked"), "{}", bench.text());
    bench.press("m").await;
    assert_eq!(notice(&bench), "unmarked: tool:t1");
    bench.press("q a k Enter").await;
    assert!(bench.text().contains("hidden: 1 task"), "{}", bench.text());
}

#[tokio::test]
async fn a_path_needs_the_pretty_view_and_says_so() {
    let mut bench = event().await;
    bench.press("g 2 j r y p").await;
    assert_eq!(notice(&bench), "paths need the pretty view; r shows it");
    bench.press("r j y p").await;
    assert_eq!(copied(&bench), "command");
}

#[tokio::test]
async fn the_last_place_is_also_one_that_was_left_by_going_back() {
    let mut bench = timeline().await;
    bench.press("G H").await;
    assert_eq!(place(&bench), (Place::Timeline, 0));
    bench.press("' '").await;
    assert_eq!(place(&bench), (Place::Timeline, 7));
}

#[tokio::test]
async fn a_store_that_went_bad_says_so_where_the_rows_should_be_and_is_tried_again() {
    let mut bench = Bench::new(100, 30).await;
    bench.spoil("store.db");
    bench.press("e Enter").await;
    let text = bench.text();
    assert!(text.contains("is damaged or is no turnscope store"), "{text}");
    assert!(text.contains("Enter or ^L tries again, q goes back"), "{text}");
    assert!(!text.contains("reading the rows") && !text.contains("code:"), "{text}");
    assert_eq!(text.matches("store.db is damaged").count(), 2, "in the rows and in the status line, once each: {text}");
    bench.press("Enter").await;
    assert!(bench.state.unread.is_some(), "it was tried, and failed again");
    bench.press("G").await;
    assert_eq!(notice(&bench), "this could not be read; Enter or ^L tries again");
}

#[tokio::test]
async fn rows_that_could_not_be_read_to_their_end_are_tried_again() {
    let mut bench = timeline().await;
    let session = bench.state.timeline.as_ref().expect("is open").session.number;
    bench.send(Message::NoRows { session, words: "no disk".to_owned() }).await;
    assert_eq!(notice(&bench), "no disk; ^L tries again");
    let asked = update(&mut bench.state, keys("^L").next().expect("a key"), Instant::now());
    assert!(matches!(asked.first(), Some(Request::Rows { .. })), "{asked:?}");
    assert!(bench.state.timeline.as_ref().is_some_and(|timeline| timeline.reading), "it is not asked for twice");
    bench.press("^L").await;
    assert!(bench.state.unread.is_none());
}

#[tokio::test]
async fn paths_with_nothing_in_them_say_so_where_the_sessions_would_be() {
    let mut bench = Bench::empty(60, 20).await;
    bench.send(Message::Outside(Outside::Nothing(vec!["a: is no text".to_owned(), "b: is empty".to_owned()]))).await;
    let text = bench.text();
    assert!(text.contains("a: is no text\n b: is empty"), "{text}");
    assert!(!text.contains("turnscope import"), "{text}");
}

#[tokio::test]
async fn a_narrow_screen_shows_values_and_a_list_that_grows_is_filled() {
    let mut bench = Bench::new(20, 10).await;
    bench.press("e Enter G k k k k k Enter").await;
    let text = bench.text();
    assert!(text.contains("id\n  tool:t1"), "{text}");
    bench.press("q q g g Enter G").await;
    bench.send(Message::Resized { columns: 120, rows: 40 }).await;
    let text = bench.text();
    assert!(text.contains("number 59") && text.contains("number 30"), "{text}");
}

#[tokio::test]
async fn without_more_than_ascii_nothing_else_is_drawn_of_our_own() {
    let mut bench = timeline().await;
    bench.state.ascii = true;
    bench.press("t t g g").await;
    for names in ["", "Enter", "?"] {
        bench.press(names).await;
        let text = bench.text();
        let signs: String = text.chars().filter(|sign| "›·…Δµ↓↑←→│─━▲×└".contains(*sign)).collect();
        assert_eq!(signs, "", "{text}");
    }
}

#[tokio::test]
async fn tabs_that_have_no_room_are_seen_to_be_there() {
    for columns in 12..60 {
        let mut bench = Bench::new(columns, 20).await;
        bench.press("e Enter e Enter").await;
        let text = bench.text();
        let tabs = text.lines().nth(1).expect("a line of tabs");
        assert!(tabs.contains("1 Summary]") && (tabs.contains('9') || tabs.ends_with('…')), "{columns}: {tabs}");
    }
}

#[tokio::test]
async fn hits_in_a_long_body_are_counted_to_its_end() {
    // With the quote before it, every 256th hit lies over the end of a piece that is read at once.
    let text = format!("{} jumps", "x".repeat(4090)).repeat(2_200);
    let mut bench = Bench::with_output(&text, 120, 20).await;
    bench.press("Enter Enter g 3 /").await;
    bench.type_text("jumps").await;
    bench.press("Enter").await;
    assert!(bench.text().contains("/jumps 1/255 in this part, 2200 in all"), "{}", bench.text());
    bench.press("/").await;
    bench.type_text("zzzz").await;
    bench.press("Enter").await;
    assert_eq!(notice(&bench), "not found in the rest of this body");
    assert!(bench.text().contains("/zzzz -/0 in this part"), "{}", bench.text());
    bench.press("g g y y").await;
    assert!(matches!(bench.outward.last(), Some(Request::CopyBody { .. })), "{:?}", bench.outward.last());
}

#[tokio::test]
async fn more_hits_than_are_kept_are_said_to_be_more() {
    let mut bench = Bench::with_output(&"ab ".repeat(60_000), 120, 20).await;
    bench.press("Enter Enter g 3 / a b Enter").await;
    assert!(bench.text().contains("/ab 1/50000+"), "{}", bench.text());
}
