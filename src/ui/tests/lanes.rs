//! How rows stand: nested, beside bars, with gaps between them, in playback; and sessions in groups and searched.

use std::time::{Duration, Instant};

use super::bench::{Bench, keys};
use crate::domain::{Head, Kind, Phase, Timestamp};
use crate::timeline::Rows;
use crate::ui::keymap::Place;
use crate::ui::message::{Message, Request};
use crate::ui::state::{Lane, Timeline};
use crate::ui::update::update;

/// Opens the sample session that has a row of every sort: a prompt, a model turn, three calls of it, three others.
async fn timeline() -> Bench {
    let mut bench = Bench::new(100, 30).await;
    bench.press("e Enter").await;
    bench
}

fn opened(bench: &Bench) -> &Timeline {
    bench.state.timeline.as_ref().expect("is open")
}

fn notice(bench: &Bench) -> &str {
    bench.state.notice.as_ref().map_or("", |notice| notice.text.as_str())
}

/// The rows that are shown, from top to bottom.
fn rows(bench: &Bench) -> Vec<usize> {
    let timeline = opened(bench);
    (0..timeline.len()).filter_map(|line| timeline.row_at(line)).collect()
}

/// Replaces the rows by moments, given in seconds.
async fn with_moments(bench: &mut Bench, seconds: &[i64]) {
    let head = |(number, second): (i64, &i64)| Head {
        number,
        time: Timestamp(second * 1_000_000),
        turn: 0,
        kind: Kind::Trace,
        phase: Phase::Whole,
        flags: 0,
        tokens: -1,
        latency: -1,
    };
    let heads: Vec<Head> = (1..).zip(seconds).map(head).collect();
    let session = opened(bench).session.number;
    bench.send(Message::Heads { session, rows: Rows::of(&heads).into(), complete: true }).await;
}

#[tokio::test]
async fn long_gaps_are_called_out_and_walked() {
    let mut bench = timeline().await;
    with_moments(&mut bench, &[1_000, 1_001, 1_002, 1_062, 1_063, 8_300, 8_301]).await;
    assert!(bench.text().contains("⋯1m00s later") && bench.text().contains("⋯2h00m later"), "{}", bench.text());
    bench.press("g g ] s").await;
    assert_eq!(opened(&bench).current(), Some(3));
    bench.press("] s").await;
    assert_eq!(opened(&bench).current(), Some(5));
    bench.press("] s").await;
    assert_eq!(notice(&bench), "no long gap after this one");
    bench.press("[ s").await;
    assert_eq!(opened(&bench).current(), Some(3));
}

#[tokio::test]
async fn bars_change_their_meaning_and_a_waterfall_has_an_axis_that_is_cut() {
    let mut bench = timeline().await;
    with_moments(&mut bench, &[1_000, 1_001, 1_002, 8_300, 8_301]).await;
    bench.press("p d").await;
    assert_eq!(opened(&bench).lane, Lane::Waterfall);
    let text = bench.text();
    assert!(text.contains("in sight: 3.3s, ┆ 1 gap cut by 2h01m") && text.contains("╷+0"), "{text}");
    bench.press("d").await;
    assert_eq!((opened(&bench).lane, bench.state.areas().expect("fits").titles), (Lane::Gaps, None));
    assert!(bench.text().contains("2h01m ████████"), "{}", bench.text());
    bench.press("d d").await;
    assert_eq!(opened(&bench).lane, Lane::Duration);
}

#[tokio::test]
async fn rows_are_nested_below_what_called_them_and_the_choice_stays() {
    let mut bench = timeline().await;
    bench.press("j j T").await;
    assert_eq!((rows(&bench), opened(&bench).current()), ((0..8).collect(), Some(2)));
    let timeline = opened(&bench);
    let depths: Vec<usize> = (0..8).filter_map(|line| timeline.sign_at(line).map(|(depth, _)| depth)).collect();
    assert_eq!(depths, [0, 1, 2, 2, 2, 0, 0, 0], "three calls below their model turn, and that below its prompt");
    bench.press("q k k Enter").await;
    assert!(opened(&bench).branches.wanted, "{}", bench.text());
    bench.press("T").await;
    assert!(opened(&bench).nested().is_none());
}

#[tokio::test]
async fn a_closed_branch_says_what_it_hides_and_a_jump_into_it_opens_it() {
    let mut bench = timeline().await;
    bench.press("p T z M").await;
    assert_eq!(rows(&bench), [0, 5, 6, 7]);
    assert!(bench.text().contains("(+4 rows, 1 error"), "{}", bench.text());
    bench.press("g g e").await;
    assert_eq!((rows(&bench).len(), opened(&bench).current()), (8, Some(2)));
    bench.press("z M /").await;
    bench.type_text("login.rs").await;
    bench.press("Enter").await;
    assert_eq!((rows(&bench).len(), opened(&bench).current()), (8, Some(3)));
    // The fold that closes takes the cursor to the model turn, which is before both hits below it.
    bench.press("z M n").await;
    assert_eq!(opened(&bench).current(), Some(3), "hits in closed branches are walked too");
    bench.press("n").await;
    assert_eq!(opened(&bench).current(), Some(4));
    bench.press("z M ] t").await;
    assert_eq!(opened(&bench).current(), Some(2));
    bench.press("m z M g g ] m").await;
    assert_eq!(opened(&bench).current(), Some(2));
}

#[tokio::test]
async fn folds_open_and_close_by_every_key_and_h_goes_up_and_out() {
    let mut bench = timeline().await;
    bench.press("z c").await;
    assert_eq!(notice(&bench), "the rows stand flat; T nests them by branch");
    bench.press("T 4 G z c").await;
    assert_eq!((rows(&bench).len(), opened(&bench).current()), (5, Some(1)), "the cursor goes to the fold");
    bench.press("z a").await;
    assert_eq!(rows(&bench).len(), 8);
    bench.press("z 1").await;
    assert_eq!(rows(&bench).len(), 4);
    bench.press("z R j j h").await;
    assert_eq!((rows(&bench).len(), opened(&bench).current()), (8, Some(1)));
    bench.press("h").await;
    assert_eq!(rows(&bench).len(), 5);
    bench.press("h h").await;
    assert_eq!(rows(&bench).len(), 4);
    bench.press("h").await;
    assert_eq!(bench.state.place, Place::Sessions);
}

#[tokio::test]
async fn a_filter_nests_what_passes_below_what_is_above_and_passes() {
    let mut bench = timeline().await;
    bench.press("T a o").await;
    let timeline = opened(&bench);
    assert_eq!(rows(&bench), [0, 2, 3, 4, 5, 6, 7]);
    assert!(timeline.nested().is_some() && timeline.sign_at(1).is_some_and(|(depth, _)| depth == 1));
    bench.press("a a f").await;
    bench.type_text("login").await;
    bench.press("Enter").await;
    assert_eq!(rows(&bench), [0, 2, 3, 4]);
    bench.press("f ^U Enter").await;
    assert_eq!(opened(&bench).sign_at(2).map(|(depth, _)| depth), Some(2));
}

#[tokio::test]
async fn a_tree_of_many_rows_is_asked_for_once() {
    let mut bench = timeline().await;
    let now = Instant::now();
    let many: Vec<i64> = (0..20_001).collect();
    with_moments(&mut bench, &many).await;
    bench.press("T").await;
    assert!(opened(&bench).nested().is_some());
    let requests: Vec<Request> = keys("a u j").flat_map(|key| update(&mut bench.state, key, now)).collect();
    let nests = requests.iter().filter(|request| matches!(request, Request::Nest { .. })).count();
    assert_eq!((nests, opened(&bench).nested().is_none()), (1, true), "meanwhile the rows stand flat");
}

#[tokio::test]
async fn joins_of_very_many_rows_wait_until_something_asks_for_them() {
    let mut bench = timeline().await;
    let asked = |bench: &mut Bench, pressed: &str| {
        let requests: Vec<Request> =
            keys(pressed).flat_map(|key| update(&mut bench.state, key, Instant::now())).collect();
        requests.iter().filter(|request| matches!(request, Request::Weave { .. })).count()
    };
    let many: Vec<i64> = (0..50_001).collect();
    for pressed in ["T", "c", "I"] {
        let timeline = bench.state.timeline.as_mut().expect("is open");
        *timeline = Timeline::new(timeline.session.clone());
        with_moments(&mut bench, &many).await;
        assert!(opened(&bench).joined.is_none() && opened(&bench).weaving.is_none());
        assert_eq!(
            (asked(&mut bench, "j"), asked(&mut bench, pressed), asked(&mut bench, "k")),
            (0, 1, 0),
            "{pressed}"
        );
        bench.state.panel = None;
    }
}

/// Lets the deadlines of a time pass, and counts them.
fn pass(bench: &mut Bench, now: &mut Instant, time: Duration) -> usize {
    let until = *now + time;
    let mut frames = 0;
    while let Some(due) = bench.state.deadline().filter(|due| *due <= until) {
        update(&mut bench.state, Message::Deadline, due);
        frames += 1;
    }
    *now = until;
    frames
}

#[tokio::test]
async fn playback_fills_the_timeline_as_it_happened_and_cuts_gaps() {
    let mut bench = timeline().await;
    with_moments(&mut bench, &[1_000, 1_001, 1_002, 9_000, 9_001]).await;
    let mut now = Instant::now() + Duration::from_secs(60);
    keys("p g g P").for_each(|key| drop(update(&mut bench.state, key, now)));
    assert!(bench.text().contains("playing 1x") && !bench.text().contains("00:16:41"), "{}", bench.text());
    pass(&mut bench, &mut now, Duration::from_millis(1_600));
    assert!(bench.text().contains("00:16:41.000") && !bench.text().contains("00:16:42.000"), "{}", bench.text());
    assert_eq!(opened(&bench).current(), Some(1), "the cursor is where the moment is");
    let frames = pass(&mut bench, &mut now, Duration::from_millis(2_600));
    assert_eq!(opened(&bench).current(), Some(3), "two hours take two seconds");
    assert!(frames <= 52, "{frames} frames");
    pass(&mut bench, &mut now, Duration::from_secs(10));
    let playback = opened(&bench).playback.as_ref().expect("is there");
    assert!(!playback.playing && bench.state.deadline().is_none(), "at the end nothing ticks");
}

#[tokio::test]
async fn playback_pauses_steps_changes_its_speed_and_gives_the_place_back() {
    let mut bench = timeline().await;
    let mut now = Instant::now() + Duration::from_secs(60);
    let press = |bench: &mut Bench, names: &str| keys(names).for_each(|key| drop(update(&mut bench.state, key, now)));
    press(&mut bench, "j P");
    press(&mut bench, "P");
    assert_eq!(opened(&bench).playback.as_ref().and_then(|playback| playback.due), None);
    press(&mut bench, "j j");
    assert_eq!(opened(&bench).current(), Some(3));
    assert!(bench.text().contains("Read") && !bench.text().contains("Edit"), "rows to come are not there");
    press(&mut bench, ") ) ( P");
    assert!(bench.text().contains("playing 2x"), "{}", bench.text());
    press(&mut bench, "Esc");
    assert!(opened(&bench).playback.is_none() && bench.text().contains("Edit"));
    assert_eq!((opened(&bench).current(), bench.state.place), (Some(1), Place::Timeline));
    press(&mut bench, ")");
    assert_eq!(notice(&bench), "nothing is played; P plays");
    press(&mut bench, "P");
    press(&mut bench, "Enter");
    pass(&mut bench, &mut now, Duration::from_secs(1));
    assert_eq!(bench.state.deadline(), None, "what nobody sees does not play");
}

#[tokio::test]
async fn a_call_is_open_until_its_result_came() {
    let mut bench = timeline().await;
    let now = Instant::now() + Duration::from_secs(60);
    keys("p d 3 G P P").for_each(|key| drop(update(&mut bench.state, key, now)));
    let text = bench.text();
    assert!(text.contains("… open") && !text.contains('×') && !text.contains("✗ error"), "{text}");
    keys("j").for_each(|key| drop(update(&mut bench.state, key, now)));
    assert!(bench.text().contains("✗ error"), "{}", bench.text());
}

#[tokio::test]
async fn sessions_stand_in_groups_with_headings_that_open_nothing() {
    let mut bench = Bench::new(100, 30).await;
    bench.press("# a").await;
    let text = bench.text();
    assert!(text.contains("claude-code: 2 sessions") && text.contains("codex: 1 session,"), "{text}");
    assert_eq!(bench.state.sessions.current().map(|session| session.id.as_str()), Some("other"));
    bench.press("g g Enter").await;
    assert_eq!((bench.state.place, notice(&bench)), (Place::Sessions, "this is a heading; its sessions stand below"));
    bench.press("f").await;
    bench.type_text("checkout").await;
    bench.press("Enter").await;
    assert!(bench.text().contains("1 of 3") && !bench.text().contains("claude-code:"), "{}", bench.text());
    bench.press("f ^U Enter # #").await;
    assert_eq!(bench.state.sessions.lines.len(), 3);
}

#[tokio::test]
async fn a_text_is_found_in_the_contents_of_all_sessions() {
    let mut bench = Bench::new(100, 30).await;
    bench.press(":").await;
    bench.type_text("find number 42").await;
    bench.press("Enter").await;
    assert!(bench.text().contains(" number 42: 1 hit ") && bench.text().contains("span number 42"), "{}", bench.text());
    bench.press("Enter").await;
    assert_eq!((bench.state.place, opened(&bench).session.id.as_str()), (Place::Timeline, "other"));
    assert_eq!(opened(&bench).current(), Some(42));
    bench.press("^O :").await;
    bench.type_text("find").await;
    bench.press("Enter").await;
    assert!(bench.text().contains(" number 42: 1 hit "), "without a text the last hits come back");
    bench.press("Esc :").await;
    bench.type_text("find re:(").await;
    bench.press("Enter").await;
    assert!(notice(&bench).starts_with("could not read the regular expression"), "{}", notice(&bench));
}

#[tokio::test]
async fn a_search_through_all_sessions_is_cancelled_and_its_late_hits_are_dropped() {
    let mut bench = Bench::new(100, 30).await;
    let now = Instant::now();
    let mut requests = Vec::new();
    for key in keys(": f i n d Space l o g i n Enter") {
        requests = update(&mut bench.state, key, now);
    }
    let Some(Request::Find { job, .. }) = requests.first() else { panic!("{requests:?}") };
    let cancelled: Vec<Request> = keys("Esc Esc").flat_map(|key| update(&mut bench.state, key, now)).collect();
    assert_eq!(cancelled, [Request::Cancel(*job)]);
    update(&mut bench.state, Message::Found { job: *job, hits: Vec::new(), total: 9 }, now);
    assert_eq!(bench.state.found.as_ref().map(|found| (found.total, found.job)), Some((0, None)));
}
