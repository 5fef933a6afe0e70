//! Following what is being recorded: the cursor stays at the end until the user moves away from it.

use std::time::{Duration, Instant};

use super::bench::Bench;
use crate::domain::{Head, Kind, Phase, Timestamp};
use crate::timeline::Growing;
use crate::ui::keymap::Place;
use crate::ui::message::{Message, Request};
use crate::ui::state::Timeline;
use crate::ui::update::update;

/// Opens the sample session, whose last call has no result.
async fn timeline() -> Bench {
    let mut bench = Bench::new(100, 30).await;
    bench.press("e Enter").await;
    bench
}

fn opened(bench: &Bench) -> &Timeline {
    bench.state.timeline.as_ref().expect("is open")
}

fn is_at_the_end(bench: &Bench) -> bool {
    let timeline = opened(bench);
    timeline.list.at + 1 == timeline.len()
}

fn job(bench: &Bench) -> u64 {
    match bench.outward.iter().rev().find_map(|request| match request {
        Request::Follow { job, .. } => Some(*job),
        _ => None,
    }) {
        Some(job) => job,
        None => panic!("nothing is followed: {:?}", bench.outward),
    }
}

/// Takes rows as they are after so many moments have come in.
async fn with_rows(bench: &mut Bench, count: i64) {
    let head = |number: i64| Head {
        number,
        time: Timestamp(number * 1_000_000),
        turn: 0,
        kind: Kind::Trace,
        phase: Phase::Whole,
        flags: 0,
        tokens: -1,
        latency: -1,
    };
    let heads: Vec<Head> = (1..=count).map(head).collect();
    let mut growing = Growing::default();
    growing.extend(&heads);
    let session = opened(bench).session.number;
    bench.send(Message::Grown { session, growing: Box::new(growing) }).await;
}

#[tokio::test]
async fn the_cursor_stays_at_the_end_until_it_is_moved_away() {
    let mut bench = timeline().await;
    bench.press("F").await;
    assert!(is_at_the_end(&bench) && bench.text().contains("  follow"), "{}", bench.text());
    with_rows(&mut bench, 50).await;
    assert!(is_at_the_end(&bench));
    bench.press("k k").await;
    assert!(bench.text().contains(" follow paused"), "{}", bench.text());
    with_rows(&mut bench, 60).await;
    assert_eq!(opened(&bench).list.at, 47);
    bench.press("G").await;
    assert!(!bench.text().contains("paused"));
    with_rows(&mut bench, 70).await;
    assert!(is_at_the_end(&bench));
    bench.press("g g").await;
    with_rows(&mut bench, 80).await;
    assert_eq!(opened(&bench).list.at, 0);
    // F goes on where it was paused, and ends it where it was not.
    bench.press("F").await;
    assert!(is_at_the_end(&bench));
    let job = job(&bench);
    bench.press("F").await;
    assert!(bench.outward.contains(&Request::Cancel(job)));
    assert!(bench.state.follow.is_none() && !bench.text().contains("  follow"), "{}", bench.text());
}

#[tokio::test]
async fn news_ask_for_what_is_new_only() {
    let mut bench = timeline().await;
    bench.press("F").await;
    let job = job(&bench);
    with_rows(&mut bench, 20).await;
    let later = Instant::now() + Duration::from_secs(9);
    let asked = update(&mut bench.state, Message::News { job }, later);
    let Some(Request::Rows { growing, settled: false, .. }) = asked.first() else { panic!("{asked:?}") };
    assert_eq!((growing.events(), growing.last()), (20, 20));
    // News of what is no longer followed are nobody's.
    assert_eq!(update(&mut bench.state, Message::News { job: job + 7 }, later), []);
}

#[tokio::test]
async fn a_call_that_may_still_get_its_result_is_open_while_it_is_followed() {
    let mut bench = timeline().await;
    assert!(bench.text().contains("no result") && !bench.text().contains("… open"), "{}", bench.text());
    bench.press("F").await;
    assert!(bench.text().contains("… open") && !bench.text().contains("no result"), "{}", bench.text());
    bench.press("F").await;
    assert!(bench.text().contains("no result"), "{}", bench.text());
}

#[tokio::test]
async fn reading_an_event_is_not_disturbed() {
    let mut bench = timeline().await;
    bench.press("F Enter").await;
    let before = bench.state.event.as_ref().map(|event| event.key);
    with_rows(&mut bench, 90).await;
    assert_eq!((bench.state.place, bench.state.event.as_ref().map(|event| event.key)), (Place::Event, before));
    assert!(bench.text().contains(" follow paused"), "{}", bench.text());
    bench.press("F").await;
    assert!(bench.state.place == Place::Timeline && is_at_the_end(&bench));
}

#[tokio::test]
async fn another_session_and_control_c_end_it() {
    let mut bench = timeline().await;
    bench.press("F").await;
    let first = job(&bench);
    bench.press("g s j j j Enter").await;
    assert!(opened(&bench).session.id != "main" && bench.outward.contains(&Request::Cancel(first)));
    bench.press("F").await;
    let second = job(&bench);
    bench.press("^C").await;
    assert!(bench.outward.contains(&Request::Cancel(second)) && bench.state.follow.is_none());
}

#[tokio::test]
async fn the_list_is_followed_by_itself() {
    let mut bench = Bench::new(100, 30).await;
    bench.press("F").await;
    assert!(bench.text().contains("  follow"), "{}", bench.text());
    let news = Message::News { job: job(&bench) };
    let later = Instant::now() + Duration::from_secs(9);
    assert_eq!(update(&mut bench.state, news, later), [Request::Sessions]);
    assert_eq!(bench.state.sessions.list.at, 0);
}

#[tokio::test]
async fn a_session_is_live_for_a_while_after_its_newest_event() {
    let mut bench = Bench::new(100, 30).await;
    let ended = bench.state.sessions.catalog.find("main").and_then(|session| session.ended).expect("has ended");
    assert!(!bench.text().contains('•'));
    bench.state.frame.now = Timestamp(ended.0 + 30_000_000);
    assert!(bench.text().contains('•'), "{}", bench.text());
    bench.state.frame.now = Timestamp(ended.0 + 90_000_000);
    assert!(!bench.text().contains('•'));
}
