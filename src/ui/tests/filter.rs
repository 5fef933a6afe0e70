//! The filter on the screen: typed, completed, refused, narrowed by what is under the cursor, saved, taken away.

use super::bench::Bench;
use crate::ui::keymap::Place;
use crate::ui::message::Request;
use crate::ui::state::Panel;
use crate::ui::update::in_force;

/// Opens the sample session that has a row of every sort.
async fn timeline() -> Bench {
    let mut bench = Bench::new(120, 30).await;
    bench.press("e Enter").await;
    bench
}

async fn filtered(text: &str) -> Bench {
    let mut bench = timeline().await;
    bench.press("f").await;
    bench.type_text(text).await;
    bench.press("Enter").await;
    bench
}

fn length(bench: &Bench) -> usize {
    bench.state.timeline.as_ref().expect("is open").len()
}

fn text(bench: &Bench) -> &str {
    in_force(&bench.state).map_or("", |filter| filter.text.as_str())
}

fn notice(bench: &Bench) -> &str {
    bench.state.notice.as_ref().map_or("", |notice| notice.text.as_str())
}

#[tokio::test]
async fn fields_choose_rows_and_the_filter_is_always_shown() {
    let mut bench = filtered("kind:tool status:error").await;
    assert_eq!(length(&bench), 1);
    assert!(bench.text().contains("filter \"kind:tool status:error\" 1 of 8"));
    bench.press("Enter").await;
    assert!(bench.text().contains("filter \"kind:tool status:error\""));
}

#[tokio::test]
async fn what_is_wrong_is_said_while_it_is_typed_and_enter_waits_until_it_is_right() {
    let mut bench = timeline().await;
    bench.press("f").await;
    bench.type_text("tol:x").await;
    assert_eq!(notice(&bench), "unknown field \"tol\" at 1; did you mean \"tool\"?");
    bench.press("Enter").await;
    assert!(matches!(bench.state.panel, Some(Panel::Prompt { .. })) && in_force(&bench.state).is_none());
    bench.press("^U").await;
    assert_eq!(notice(&bench), "");
    bench.type_text("kind:tool").await;
    bench.press("Enter").await;
    assert_eq!((text(&bench), length(&bench)), ("kind:tool", 3));
}

#[tokio::test]
async fn tab_completes_fields_and_the_values_of_the_session() {
    let mut bench = timeline().await;
    bench.press("f").await;
    bench.type_text("kind:to").await;
    bench.press("Tab").await;
    bench.type_text(" too").await;
    bench.press("Tab").await;
    assert!(bench.text().contains("Bash"), "{}", bench.text());
    bench.type_text("b").await;
    bench.press("Tab Enter").await;
    assert_eq!((text(&bench), length(&bench)), ("kind:tool tool:Bash", 1));
}

#[tokio::test]
async fn plus_and_minus_edit_the_filter_in_force() {
    let mut bench = timeline().await;
    bench.press("e +").await;
    assert_eq!((text(&bench), length(&bench)), ("tool:Bash", 1));
    bench.press("+").await;
    assert_eq!(notice(&bench), "the filter has tool:Bash already");
    bench.press("Esc").await;
    assert_eq!((text(&bench), length(&bench), bench.state.place), ("", 8, Place::Timeline));
    bench.press("-").await;
    assert_eq!((text(&bench), length(&bench)), ("not (kind:tool tool:Bash)", 7));
    bench.press("g g -").await;
    assert_eq!(text(&bench), "not (kind:tool tool:Bash) not (kind:transcript source:claude-code)");
    assert!(length(&bench) < 7);
}

#[tokio::test]
async fn the_cursor_stays_at_its_row_or_near_it() {
    let at = |bench: &Bench| bench.state.timeline.as_ref().and_then(|timeline| timeline.current());
    let mut bench = timeline().await;
    bench.press("4 G").await;
    let row = at(&bench);
    bench.press("f k i n d : t o o l Enter").await;
    assert_eq!((at(&bench), length(&bench)), (row, 3));
    bench.press("-").await;
    assert!(length(&bench) == 2 && at(&bench) > row);
    bench.press("Esc").await;
    assert!(length(&bench) == 8 && at(&bench) > row);
}

#[tokio::test]
async fn in_an_event_the_key_under_the_cursor_is_filtered_by() {
    let mut bench = timeline().await;
    bench.press("e Enter").await;
    let lines = bench.text();
    let line = lines.lines().position(|line| line.contains("tool_call_id")).expect("has the key");
    let first = lines.lines().position(|line| line.contains("tool turn of")).expect("has a heading");
    for _ in first..line {
        bench.press("j").await;
    }
    bench.press("+").await;
    assert_eq!(text(&bench), "call:t1");
    bench.press("g g +").await;
    assert_eq!(notice(&bench), "there is nothing under the cursor to filter by");
    bench.press("g t").await;
    assert_eq!(length(&bench), 1);
}

#[tokio::test]
async fn a_filter_is_saved_used_by_its_name_and_forgotten() {
    let mut bench = filtered("kind:tool").await;
    bench.press(":").await;
    bench.type_text("save tools").await;
    bench.press("Enter Esc f").await;
    bench.type_text("not @to").await;
    bench.press("Tab Enter").await;
    assert_eq!((text(&bench), length(&bench)), ("not @tools", 5));
    bench.state.saved.clear();
    bench.answer(Request::SavedFilters).await;
    bench.press(":").await;
    bench.type_text("filter tools").await;
    bench.press("Enter").await;
    assert_eq!((text(&bench), length(&bench)), ("@tools", 3));
    bench.press(":").await;
    bench.type_text("forget tools").await;
    bench.press("Enter").await;
    bench.answer(Request::SavedFilters).await;
    assert!(bench.state.saved.is_empty());
}

#[tokio::test]
async fn sessions_are_filtered_by_their_own_fields() {
    let mut bench = Bench::new(120, 30).await;
    let all = bench.state.sessions.lines.len();
    bench.press("f").await;
    bench.type_text("errors>0 agent:claude*").await;
    bench.press("Enter").await;
    assert_eq!(bench.state.sessions.lines.len(), 1);
    bench.press("Esc").await;
    assert_eq!(bench.state.sessions.lines.len(), all);
    bench.press("f").await;
    bench.type_text("tool:Bash").await;
    assert_eq!(notice(&bench), "\"tool\" says nothing about sessions at 1");
}

#[tokio::test]
async fn marks_can_be_asked_for() {
    let mut bench = timeline().await;
    bench.press("j m f").await;
    bench.type_text("has:mark").await;
    bench.press("Enter").await;
    assert_eq!(length(&bench), 1);
}
