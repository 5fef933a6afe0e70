//! What keys do: pressed on the sample store, seen in the state and in what goes outward.

use std::time::{Duration, Instant};

use super::bench::{Bench, keys, options};
use crate::domain::{Head, Kind, Phase, Timestamp};
use crate::timeline::Rows;
use crate::ui::keymap::{BINDINGS, Place};
use crate::ui::message::{Message, Outside, Request, Terminal, Then};
use crate::ui::state::{Ended, State, Tab};
use crate::ui::update::update;

/// Opens the sample session that has a row of every sort.
pub(super) async fn timeline() -> Bench {
    let mut bench = Bench::new(100, 30).await;
    bench.press("e Enter").await;
    bench
}

/// Opens the failed call in it.
pub(super) async fn event() -> Bench {
    let mut bench = timeline().await;
    bench.press("e Enter").await;
    bench
}

pub(super) fn place(bench: &Bench) -> (Place, usize) {
    (bench.state.place, bench.state.timeline.as_ref().map_or(0, |timeline| timeline.list.at))
}

pub(super) fn notice(bench: &Bench) -> &str {
    bench.state.notice.as_ref().map_or("", |notice| notice.text.as_str())
}

/// The bytes that went to the clipboard last.
pub(super) fn copied(bench: &Bench) -> String {
    match bench.outward.last() {
        Some(Request::Terminal(Terminal::Copy(bytes))) => String::from_utf8(bytes.clone()).expect("is text"),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn opening_a_session_asks_for_its_first_rows_and_for_all() {
    let mut bench = Bench::new(100, 30).await;
    let requests: Vec<Request> =
        keys("Enter").flat_map(|message| update(&mut bench.state, message, Instant::now())).collect();
    let number = bench.state.timeline.as_ref().expect("is open").session.number;
    let all = Request::Rows { session: number, growing: Box::default(), settled: false };
    assert_eq!(requests, [Request::Heads { session: number, first: 500 }, all]);
}

#[tokio::test]
async fn counts_repeat_and_name_lines() {
    let mut bench = timeline().await;
    bench.press("3 j").await;
    assert_eq!(place(&bench), (Place::Timeline, 3));
    bench.press("2 G").await;
    assert_eq!(place(&bench).1, 1);
    bench.press("1 0 0 %").await;
    assert_eq!(place(&bench).1, 7);
    bench.press("%").await;
    assert_eq!(notice(&bench), "type a number first: 40%");
}

#[tokio::test]
async fn esc_never_quits_and_q_goes_back_level_by_level() {
    let mut bench = event().await;
    bench.press("Esc Esc Esc Esc").await;
    assert_eq!((bench.state.place, bench.state.ended), (Place::Sessions, None));
    bench.press("Enter Enter q q").await;
    assert_eq!((bench.state.place, bench.state.ended), (Place::Sessions, None));
    bench.press("q").await;
    assert_eq!(bench.state.ended, Some(Ended::Quit));
}

#[test]
fn two_interrupts_within_a_second_quit() {
    let now = Instant::now();
    let ended = |pause: Duration| {
        let mut state = State::new(&options(), 80, 24);
        for (message, at) in keys("^C ^C").zip([now, now + pause]) {
            update(&mut state, message, at);
        }
        state.ended
    };
    assert_eq!(ended(Duration::from_millis(900)), Some(Ended::Quit));
    assert_eq!(ended(Duration::from_millis(1100)), None);
}

#[tokio::test]
async fn a_deadline_that_passes_elsewhere_is_past() {
    let mut bench = Bench::new(120, 30).await;
    bench.press("e Enter").await;
    let now = Instant::now() + Duration::from_secs(60);
    for message in keys("j Enter ]") {
        update(&mut bench.state, message, now);
    }
    let due = bench.state.deadline().expect("the preview is due");
    update(&mut bench.state, Message::Deadline, due + Duration::from_secs(1));
    assert_eq!(bench.state.deadline(), None);
}

#[tokio::test]
async fn errors_kinds_and_marks_can_be_walked() {
    let mut bench = timeline().await;
    bench.press("e").await;
    assert_eq!(place(&bench).1, 2);
    bench.press("e").await;
    assert_eq!(notice(&bench), "no error after this one");
    bench.press("] k").await;
    assert_eq!(place(&bench).1, 5);
    bench.press("[ t").await;
    assert_eq!(place(&bench).1, 4);
    bench.press("m g g ] m").await;
    assert_eq!(place(&bench).1, 4);
}

#[tokio::test]
async fn a_filter_looks_at_all_words_and_an_empty_one_shows_all() {
    let mut bench = timeline().await;
    bench.press("f").await;
    bench.type_text("LOGIN error").await;
    bench.press("Enter").await;
    let timeline = bench.state.timeline.as_ref().expect("is open");
    assert_eq!((timeline.len(), timeline.rows.len()), (1, 8));
    assert!(bench.text().contains("filter \"LOGIN error\" 1 of 8"));
    bench.press("f ^U Enter").await;
    assert_eq!(bench.state.timeline.as_ref().expect("is open").len(), 8);
}

#[tokio::test]
async fn a_search_counts_its_hits_and_goes_round() {
    let mut bench = timeline().await;
    bench.press("/").await;
    bench.type_text("login").await;
    bench.press("Enter").await;
    assert_eq!(place(&bench).1, 0);
    assert!(bench.text().contains("/login 1/4"));
    bench.press("n n").await;
    assert!(bench.text().contains("/login 3/4"));
    bench.press("N N N").await;
    assert!(bench.text().contains("/login 4/4"));
    bench.press("/").await;
    bench.type_text("nowhere").await;
    bench.press("Enter").await;
    assert_eq!(notice(&bench), "not found: nowhere");
}

#[tokio::test]
async fn hidden_kinds_are_counted_and_shown_again() {
    let mut bench = timeline().await;
    bench.press("a t").await;
    assert_eq!(bench.state.timeline.as_ref().expect("is open").len(), 5);
    assert!(bench.text().contains("hidden: 3 tool"));
    bench.press("a a").await;
    assert_eq!(bench.state.timeline.as_ref().expect("is open").len(), 8);
}

#[tokio::test]
async fn marks_and_notes_survive_leaving_the_session() {
    let mut bench = timeline().await;
    bench.press("j j M").await;
    bench.type_text("look here").await;
    bench.press("Enter v j m").await;
    bench.press("q k k Enter q j Enter").await;
    let timeline = bench.state.timeline.as_ref().expect("is open");
    assert_eq!(timeline.session.id, "main");
    assert_eq!(timeline.marked_rows(), [2, 3]);
    assert_eq!(timeline.mark(2).and_then(|mark| mark.note.as_deref()), Some("look here"));
    bench.press("U y").await;
    let timeline = bench.state.timeline.as_ref().expect("is open");
    assert!(timeline.marked_rows().is_empty());
    assert_eq!(timeline.mark(2).map(|mark| mark.marked), Some(false), "the note stays");
}

#[tokio::test]
async fn a_slice_takes_what_is_marked_else_selected_else_filtered_else_current() {
    let mut bench = timeline().await;
    let mut expected = Vec::new();
    for (before, why) in [
        ("", "current row"),
        ("f B a s h Enter", "filter \"Bash\" (1 row)"),
        ("f ^U Enter g g v j", "selected 2 rows"),
        ("Esc m", "marked rows (1)"),
    ] {
        bench.press(before).await;
        bench.press("x Enter").await;
        expected.push(why);
    }
    let taken: Vec<&str> = bench
        .outward
        .iter()
        .filter_map(|request| match request {
            Request::Export { selection, .. } => Some(selection.why.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(taken, expected);
    let named: Vec<bool> = bench
        .outward
        .iter()
        .filter_map(|request| match request {
            Request::Export { path, numbered, .. } => {
                Some(*numbered && path.to_string_lossy().starts_with("turnscope-main-"))
            }
            _ => None,
        })
        .collect();
    assert_eq!(named, [true; 4]);
}

#[tokio::test]
async fn history_leads_back_and_forth() {
    let mut bench = event().await;
    bench.press("^O").await;
    assert_eq!(place(&bench), (Place::Timeline, 2));
    bench.press("L").await;
    assert_eq!(place(&bench), (Place::Event, 2));
    bench.press("g s ' '").await;
    assert_eq!(place(&bench), (Place::Event, 2));
    bench.press("' '").await;
    assert_eq!(place(&bench), (Place::Sessions, 2));
}

#[tokio::test]
async fn a_join_is_followed_and_left_again() {
    let mut bench = event().await;
    bench.press("g 8 Enter").await;
    let event = bench.state.event.as_ref().expect("is open");
    let to = event.detail.as_ref().map(|detail| detail.turn.id.clone());
    assert_ne!(to.as_deref(), Some("tool:t1"));
    bench.press("^O").await;
    let event = bench.state.event.as_ref().expect("is open");
    assert_eq!(event.detail.as_ref().map(|detail| detail.turn.id.as_str()), Some("tool:t1"));
    assert_eq!(event.tab, Tab::Joins);
}

#[tokio::test]
async fn rows_that_share_a_key_are_walked() {
    let mut bench = timeline().await;
    bench.press("j o").await;
    assert_eq!(place(&bench).1, 2);
    assert_eq!(notice(&bench), "same message_id msg_1");
    bench.press("O O").await;
    assert_eq!(notice(&bench), "no row before this one shares a key with it");
}

#[tokio::test]
async fn tabs_without_content_say_so_and_rows_change_under_a_tab() {
    let mut bench = event().await;
    bench.press("g 4").await;
    assert_eq!(notice(&bench), "this row has no system");
    bench.press("g 2 }").await;
    let event = bench.state.event.as_ref().expect("is open");
    assert_eq!((event.tab, place(&bench)), (Tab::Input, (Place::Event, 3)));
    assert!(bench.text().contains("\"file_path\": \"src/login.rs\""));
    bench.press("G } } } } } }").await;
    assert_eq!(notice(&bench), "this is the last row");
}

#[tokio::test]
async fn values_paths_ids_and_records_are_copied() {
    let mut bench = event().await;
    bench.press("g 2 j y p").await;
    assert_eq!(copied(&bench), "command");
    bench.press("j y y").await;
    assert_eq!(copied(&bench), "cargo test login\ncargo clippy");
    bench.press("y i").await;
    assert_eq!(copied(&bench), "tool:t1");
    bench.press("y l").await;
    assert_eq!(copied(&bench), "turnscope://session/main#tool:t1");
    bench.press("y r").await;
    let record = copied(&bench);
    assert!(record.starts_with("{\"type\":\"tool_use\"") && record.lines().count() == 2, "{record}");
}

#[tokio::test]
async fn what_is_too_long_for_a_clipboard_goes_into_a_file() {
    let mut bench = event().await;
    bench.send(Message::Record { bytes: vec![b'x'; 70_001] }).await;
    assert!(matches!(bench.outward.last(), Some(Request::SaveCopy { .. })));
    bench.press("! w c Enter").await;
    assert!(matches!(
        bench.outward.last(),
        Some(Request::Spill { then: Then::Pipe(command), bodies, .. }) if command == "wc" && bodies.is_empty()
    ));
}

#[tokio::test]
async fn a_payload_is_searched_folded_and_shown_raw() {
    let mut bench = event().await;
    bench.press("g 2 z M").await;
    assert!(!bench.text().contains("RUST_LOG"));
    bench.press("/").await;
    bench.type_text("rust_log").await;
    bench.press("Enter").await;
    assert!(bench.text().contains("RUST_LOG") && bench.text().contains("/rust_log 1/1"));
    bench.press("r").await;
    assert!(bench.text().contains("{\"command\":\"cargo test login\\ncargo clippy\""));
    bench.press("X").await;
    assert!(bench.text().contains("7b 22 63 6f"));
    bench.press("q").await;
    assert_eq!(bench.state.place, Place::Timeline);
}

#[tokio::test]
async fn goto_takes_times_percentages_lines_and_ids() {
    let mut bench = timeline().await;
    for (argument, line) in [("+20s", 3), ("10:00:40", 5), ("50%", 3), ("2", 1), ("tool:t3", 4), ("e10", 7)] {
        bench.press(":").await;
        bench.type_text(&format!("goto {argument}")).await;
        bench.press("Enter").await;
        assert_eq!(place(&bench).1, line, "{argument}");
    }
    bench.press(":").await;
    bench.type_text("goto nowhere").await;
    bench.press("Enter").await;
    assert_eq!(notice(&bench), "there is no such id in this session");
}

#[tokio::test]
async fn help_and_palette_do_what_is_chosen() {
    let mut bench = timeline().await;
    bench.press("? n e x t Space e r r o r Enter").await;
    assert_eq!(place(&bench).1, 2);
    bench.press(":").await;
    bench.type_text("all kinds").await;
    assert!(bench.text().contains("(show all kinds)"), "{}", bench.text());
    bench.press("Enter").await;
    assert_eq!(notice(&bench), "no kind is hidden");
    bench.press(": t i m Tab").await;
    bench.type_text("delta").await;
    bench.press("Enter").await;
    assert!(bench.text().contains("Δ12s") || bench.text().contains("Δ4.0s"), "{}", bench.text());
}

#[tokio::test]
async fn work_is_cancelled_by_esc_and_its_late_answers_are_dropped() {
    let mut bench = timeline().await;
    let now = Instant::now();
    let mut requests = Vec::new();
    for message in keys("f x Enter") {
        requests = update(&mut bench.state, message, now);
    }
    let Some(Request::Filter { job, .. }) = requests.first() else { panic!("{requests:?}") };
    let cancelled: Vec<Request> = keys("Esc").flat_map(|message| update(&mut bench.state, message, now)).collect();
    assert_eq!(cancelled, [Request::Cancel(*job)]);
    update(&mut bench.state, Message::Hits { job: *job, rows: vec![1], scanned: 8 }, now);
    assert!(bench.text().contains("stopped early"));
}

#[tokio::test]
async fn more_rows_leave_the_cursor_on_its_event() {
    let mut bench = timeline().await;
    bench.press("j j j").await;
    let session = bench.state.timeline.as_ref().expect("is open").session.number;
    let before = bench.state.timeline.as_ref().and_then(|timeline| timeline.key(3)).expect("a row");
    let rows = Rows::of(&[head(900, 1), head(901, 2), head(902, 3), head(903, 4), head(before, 5)]);
    bench.send(Message::Heads { session, rows: rows.into(), complete: true }).await;
    assert_eq!(place(&bench).1, 4);
    bench.send(Message::Heads { session: session + 100, rows: Rows::default().into(), complete: true }).await;
    assert_eq!(bench.state.timeline.as_ref().expect("is open").rows.len(), 5);
}

#[tokio::test]
async fn the_end_asked_for_early_is_gone_to_once_it_is_here() {
    let mut bench = Bench::new(100, 30).await;
    let now = Instant::now();
    for message in keys("e Enter") {
        update(&mut bench.state, message, now);
    }
    let session = bench.state.timeline.as_ref().expect("is open").session.number;
    let heads: Vec<Head> = (1..=9).map(|number| head(number, number)).collect();
    for (count, complete, line) in [(3, false, 2), (9, true, 8)] {
        let rows = Rows::of(&heads[..count]).into();
        update(&mut bench.state, Message::Heads { session, rows, complete }, now);
        if !complete {
            keys("G").for_each(|message| drop(update(&mut bench.state, message, now)));
        }
        assert_eq!(place(&bench).1, line);
    }
}

fn head(number: i64, seconds: i64) -> Head {
    Head {
        number,
        time: Timestamp(seconds),
        turn: 0,
        kind: Kind::Other,
        phase: Phase::Whole,
        flags: 0,
        tokens: -1,
        latency: -1,
    }
}

#[tokio::test]
async fn an_import_refreshes_what_is_open_and_can_be_cancelled() {
    let mut bench = Bench::new(100, 30).await;
    bench.send(Message::Outside(Outside::Progress("3 of 9 files".to_owned()))).await;
    assert!(bench.text().contains("3 of 9 files"));
    bench.send(Message::Outside(Outside::Open("main".to_owned()))).await;
    assert_eq!(bench.state.place, Place::Timeline);
    let session = bench.state.timeline.as_ref().expect("is open").session.number;
    let requests = update(&mut bench.state, Message::Outside(Outside::Changed), Instant::now());
    assert!(matches!(requests.as_slice(), [Request::Rows { session: asked, .. }] if *asked == session));
    bench.press("^C").await;
    assert_eq!(bench.outward.last(), Some(&Request::CancelImport));
    bench.send(Message::Outside(Outside::Done("9 files".to_owned()))).await;
    assert_eq!(notice(&bench), "9 files");
}

#[tokio::test]
async fn every_key_does_something_or_says_why_not() {
    for place in Place::ALL {
        for binding in BINDINGS.iter().filter(|binding| binding.on.contains(&place.into())) {
            for names in binding.keys {
                let mut bench = match place {
                    Place::Sessions => Bench::new(120, 40).await,
                    Place::Timeline => timeline().await,
                    Place::Event => event().await,
                };
                let before = format!("{:?}", bench.state);
                bench.press(names).await;
                let changed = before != format!("{:?}", bench.state) || !bench.outward.is_empty();
                let at_an_end =
                    matches!(*names, "k" | "↑" | "g g" | "Home" | "^U" | "^B" | "PgUp" | "z b" | "z z" | "Esc" | "g 1");
                assert!(changed || at_an_end || names.starts_with("z"), "{names} on {}", place.name());
            }
        }
    }
}

#[tokio::test]
async fn the_end_of_an_import_has_the_rows_joined_once_more() {
    let mut bench = timeline().await;
    bench.state.import = Some("reading".to_owned());
    let now = Instant::now();
    let asked = update(&mut bench.state, Message::Outside(Outside::Done("done".to_owned())), now);
    let Some(Request::Rows { session, settled: true, .. }) = asked.last() else { panic!("{asked:?}") };
    let rows = bench.state.timeline.as_ref().expect("is open").rows.clone();
    let heads: Vec<Head> = (1..=9).map(|number| head(number, number)).collect();
    let mut growing = crate::timeline::Growing::default();
    growing.extend(&heads);
    let answer = |growing| Message::Grown { session: *session, growing: Box::new(growing) };
    let woven = update(&mut bench.state, answer(growing.clone()), now);
    assert!(woven.iter().any(|request| matches!(request, Request::Weave { .. })), "{woven:?}");
    assert_ne!(bench.state.timeline.as_ref().expect("is open").rows, rows);
    if let Some(timeline) = &mut bench.state.timeline {
        timeline.weaving = None;
    }
    let again = update(&mut bench.state, answer(growing), now);
    assert!(again.iter().any(|request| matches!(request, Request::Weave { .. })), "{again:?}");
}

#[tokio::test]
async fn while_more_comes_in_only_what_is_in_sight_is_asked_for_and_not_at_once_again() {
    let mut bench = timeline().await;
    bench.state.import = Some("reading".to_owned());
    let now = Instant::now();
    let changed = || Message::Outside(Outside::Changed);
    let first = update(&mut bench.state, changed(), now);
    assert!(matches!(first.as_slice(), [Request::Rows { .. }]), "{first:?}");
    assert_eq!(update(&mut bench.state, changed(), now + Duration::from_secs(9)), []);
    let Some(Request::Rows { session, growing, .. }) = first.into_iter().next() else { return };
    update(&mut bench.state, Message::Grown { session, growing }, now);
    let due = bench.state.deadline().expect("what came meanwhile is due");
    assert!(due > now);
    let next = update(&mut bench.state, Message::Deadline, due);
    assert!(matches!(next.as_slice(), [Request::Rows { .. }]), "{next:?}");
    let back: Vec<Request> = keys("q").flat_map(|message| update(&mut bench.state, message, due)).collect();
    assert_eq!(back, []);
    let list = update(&mut bench.state, Message::Deadline, due + Duration::from_secs(1));
    assert_eq!(list, [Request::Sessions]);
}
