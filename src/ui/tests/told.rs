//! What a session's models were told and did: seen on the screen, over a session made for it.

use super::bench::Bench;
use super::sample::{Writer, event, session};
use crate::domain::{Event, Key, KeyKind, Kind, Phase, Role, flag};
use crate::ui::keymap::Place;
use crate::ui::request::Backend;
use crate::ui::request::stored::Store;
use crate::ui::state::{Panel, Tab};

const TOOLS: &str =
    r#"[{"name":"move","input_schema":{"type":"object","required":["x"],"properties":{"x":{"type":"number"}}}}]"#;

fn asked(turn: &str, phase: Phase) -> Event {
    Event {
        turn: Some(turn.to_owned()),
        phase,
        keys: vec![Key::native(KeyKind::Request, "r1")],
        model: Some("haiku".to_owned()),
        ..Event::new(Kind::Model, "runner", "model_call")
    }
}

fn called(call: &str) -> Event {
    Event {
        turn: Some(format!("tool:{call}")),
        phase: Phase::Call,
        tool: Some("move".to_owned()),
        keys: vec![Key::native(KeyKind::Request, "r1")],
        ..Event::new(Kind::Tool, "runner", "tool_call")
    }
}

/// Opens a session of two requests with a prompt that changes, and two calls, one of which is wrong.
async fn told(columns: u16, rows: u16) -> (Bench, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("told.db")).await.expect("opens");
    let mut writer = Writer { session: "told".to_owned(), content: Vec::new(), records: Vec::new() };
    let first =
        [(Role::System, "\"Be brief.\""), (Role::Tools, TOOLS), (Role::Input, r#"[{"role":"user","content":"hi"}]"#)];
    writer.add(0, asked("a", Phase::Call), &first);
    let done = r#"{"actions":[{"name":"move","params":{"x":1}}],"maxOutputTokens":100}"#;
    writer.add(1, asked("a", Phase::Result), &[(Role::Output, done)]);
    writer.add(2, called("c1"), &[(Role::Input, r#"{"x":1}"#)]);
    writer.add(3, Event { flags: flag::ERROR, ..called("c2") }, &[(Role::Input, r#"{"x":"one"}"#)]);
    let second =
        [(Role::System, "\"Be kind.\""), (Role::Tools, TOOLS), (Role::Input, r#"[{"role":"user","content":"ho"}]"#)];
    writer.add(4, asked("b", Phase::Call), &second);
    writer.add(5, event(Kind::Task, "todo", "nothing"), &[(Role::Output, r#"{"actionCount":3}"#)]);
    writer.store(&store, session("told", "Told", "present", "shop")).await;
    store.settle().await.expect("settles");
    let mut bench = Bench::over(Backend::new(store), columns, rows).await;
    bench.press("Enter").await;
    (bench, folder)
}

#[tokio::test]
async fn the_tabs_say_what_was_found_where_and_in_which_version() {
    let (mut bench, _folder) = told(100, 30).await;
    bench.press("4 G Enter g 4").await;
    let text = bench.text();
    assert!(text.contains("system prompt      8 B at system of model_call"), "{text}");
    assert!(text.contains("version 2 of 2, changed at turn 4; D shows what changed"), "{text}");
    assert!(text.contains(">    2  turn 4, in 1 turn"), "{text}");
    bench.press("g 6").await;
    let text = bench.text();
    assert!(text.contains("the only version, since turn 1") && text.contains("tools[].input_schema"), "{text}");
}

#[tokio::test]
async fn a_call_names_the_schema_in_force_and_what_does_not_satisfy_it() {
    let (mut bench, _folder) = told(100, 30).await;
    bench.press("2 G Enter").await;
    let text = bench.text();
    assert!(text.contains("tools of runner, since turn 1") && text.contains("satisfy the schema in force"), "{text}");
    bench.press("}").await;
    let text = bench.text();
    assert!(text.contains("do not satisfy the schema in force at 1 place"), "{text}");
    assert!(text.contains("/x: want number, but got string"), "{text}");
    bench.press("g 6").await;
    assert_eq!(bench.state.event.as_ref().map(|event| event.tab), Some(Tab::Tools));
}

#[tokio::test]
async fn settings_stand_apart_from_what_was_measured() {
    let (mut bench, _folder) = told(100, 30).await;
    bench.press("Enter g 7").await;
    let text = bench.text();
    assert!(text.contains("set, not measured") && text.contains("at output.maxOutputTokens"), "{text}");
    bench.press("u G").await;
    let text = bench.text();
    assert!(text.contains("runner maxOutputTokens") && text.contains("2 of 2 model calls report"), "{text}");
}

#[tokio::test]
async fn actions_have_a_tab_where_there_are_any_and_a_sheet_for_all() {
    let (mut bench, _folder) = told(100, 30).await;
    bench.press("Enter").await;
    assert!(bench.text().contains("A Actions"));
    bench.press("A").await;
    let text = bench.text();
    assert!(
        text.contains("1 action: move 1") && text.contains("tasks and tools of the same request: turns 2, 3"),
        "{text}"
    );
    bench.press("A").await;
    assert!(bench.text().contains("1 array of actions, 1 more kept only as a count"), "{}", bench.text());
    bench.press("j j j Enter").await;
    let place = bench.state.timeline.as_ref().map(|timeline| timeline.list.at);
    assert_eq!((bench.state.place, place, bench.state.panel.is_none()), (Place::Timeline, Some(1), true));
    bench.press("G Enter").await;
    assert!(bench.text().contains("A Actions"), "a count alone has the tab, too");
}

#[tokio::test]
async fn d_compares_with_the_marked_turn_and_with_the_version_before() {
    let (mut bench, _folder) = told(100, 30).await;
    bench.press("D").await;
    let words = bench.state.notice.as_ref().map(|notice| notice.text.clone());
    assert!(words.is_some_and(|words| words.contains("mark another row first")));
    bench.press("m G k D").await;
    let text = bench.text();
    for line in ["- Be brief.", "+ Be kind.", "~ 1 tool the same", "~ message 1 of user changed", "- hi", "+ ho"] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    bench.press("n n").await;
    assert!(bench.text().lines().nth(1).is_some_and(|line| line.contains("- hi")), "{}", bench.text());
    bench.press("Esc Enter g 4 D").await;
    let text = bench.text();
    assert!(text.contains("turn 1, version 1") && text.contains("turn 4, version 2"), "{text}");
    assert!(text.contains("+ Be kind.") && !text.contains("+ ho"), "{text}");
    bench.press("Esc g 1 { { { g 4 D").await;
    let words = bench.state.notice.as_ref().map(|notice| notice.text.clone());
    assert_eq!(words.as_deref(), Some("this is the first version of the system prompt"));
}

#[tokio::test]
async fn sheets_are_drawn_at_any_size_and_esc_closes_them() {
    for (columns, rows) in [(80, 24), (200, 60), (40, 12), (8, 1), (20, 4)] {
        let (mut bench, _folder) = told(columns, rows).await;
        for keys in ["u", "A", "m j j j D"] {
            bench.press(keys).await;
            assert!(matches!(bench.state.panel, Some(Panel::Sheet(_))), "{keys} at {columns}x{rows}");
            bench.draw();
            bench.press("j G n N k Esc").await;
            assert!(bench.state.panel.is_none());
        }
        assert!(bench.state.ended.is_none());
    }
}
