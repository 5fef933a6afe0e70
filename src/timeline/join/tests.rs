//! What the rules of joining say, case by case.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Join, Part, Seen, Strength, Web, explain, inner};
use crate::domain::{Event, Head, Key, KeyKind, Kind, Order, Phase, Ties, Timestamp, flag};
use crate::timeline::Rows;

const SECOND: i64 = 1_000_000;

/// An event with its place: the second at which it happened is its sequence too.
fn event(id: &str, kind: Kind, second: i64) -> Event {
    let mut event = Event::new(kind, "voice_agent", "x");
    (event.id, event.session) = (id.to_owned(), "s".to_owned());
    event.order = Order { time: Timestamp(second * SECOND), origin: 0, sequence: second };
    event
}

fn call(id: &str, second: i64, keys: &[(KeyKind, &str)]) -> Event {
    half(id, second, keys, Phase::Call)
}

fn result(id: &str, second: i64, keys: &[(KeyKind, &str)]) -> Event {
    half(id, second, keys, Phase::Result)
}

/// Half of a tool turn; the turn is named by its call id, as importers do.
fn half(id: &str, second: i64, keys: &[(KeyKind, &str)], phase: Phase) -> Event {
    let mut event = with(event(id, Kind::Tool, second), keys);
    let named = keys.iter().find(|(kind, _)| *kind == KeyKind::ToolCall).map(|(_, value)| format!("tool:{value}"));
    (event.phase, event.turn) = (phase, named);
    event
}

/// A result that the source reports without its call's id.
fn loose(id: &str, second: i64, keys: &[(KeyKind, &str)]) -> Event {
    let looking = keys.iter().filter(|(kind, _)| *kind != KeyKind::ToolCall);
    looking.fold(result(id, second, keys), |event, (kind, value)| derived(event, *kind, value, "present.result_of"))
}

fn with(mut event: Event, keys: &[(KeyKind, &str)]) -> Event {
    event.keys.extend(keys.iter().map(|(kind, value)| Key::native(*kind, *value)));
    event
}

fn derived(mut event: Event, kind: KeyKind, value: &str, rule: &str) -> Event {
    event.keys.push(Key::derived(kind, value, rule));
    event
}

fn person(id: &str, second: i64, words: &str) -> Event {
    let mut event = event(id, Kind::Transcript, second);
    (event.participant, event.label) = (Some("user-ana".to_owned()), words.to_owned());
    event
}

fn agent(id: &str, second: i64, words: &str) -> Event {
    let mut event = person(id, second, words);
    event.participant = Some("voice-agent".to_owned());
    event
}

fn said(id: &str, second: i64, words: &str) -> Event {
    let mut event = with(event(id, Kind::Model, second), &[(KeyKind::Request, id)]);
    event.label = words.to_owned();
    event
}

/// The numbers that a store would give, and timeline order.
fn in_order(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by(|one, other| (one.order, &one.id).cmp(&(other.order, &other.id)));
    for (number, event) in events.iter_mut().enumerate() {
        event.number = number as i64 + 1;
    }
    events
}

fn heads(events: &[Event]) -> Vec<Head> {
    let mut turns: BTreeMap<&str, u64> = BTreeMap::new();
    let head = |event: &Event, turn: u64| Head {
        number: event.number,
        time: event.order.time,
        turn,
        kind: event.kind,
        phase: event.phase,
        flags: event.flags,
        tokens: -1,
        latency: -1,
    };
    let mut all = Vec::new();
    for event in events {
        let fresh = turns.len() as u64 + 1;
        let turn = event.turn.as_deref().map_or(0, |turn| *turns.entry(turn).or_insert(fresh));
        all.push(head(event, turn));
    }
    all
}

/// All joins of one session: row by row in timeline order, without those inside rows.
fn joined(events: Vec<Event>) -> BTreeMap<String, Vec<Join>> {
    joined_over(vec![events])
}

fn joined_over(sessions: Vec<Vec<Event>>) -> BTreeMap<String, Vec<Join>> {
    let sessions: Vec<Vec<Event>> = sessions.into_iter().map(in_order).collect();
    let read: Vec<(Vec<Head>, Ties)> = sessions.iter().map(|events| (heads(events), Ties::of(events))).collect();
    let parts: Vec<Part<'_>> =
        read.iter().enumerate().map(|(session, (heads, ties))| Part { session: session as i64, heads, ties }).collect();
    let web = Web::of(&parts);
    let mut rows: Vec<Vec<Event>> = Vec::new();
    for (events, (heads, _)) in sessions.iter().zip(&read) {
        let of = Rows::of(heads);
        for row in 0..of.len() {
            let members = of.members(row).iter().map(|number| events[*number as usize - 1].clone());
            rows.push(members.collect());
        }
    }
    let seen: Vec<Seen<'_>> = rows.iter().map(|events| Seen { id: id(events), events }).collect();
    let mut all = BTreeMap::new();
    for (node, row) in seen.iter().enumerate() {
        let joins = web.links_of(node as u32).map(|link| {
            let to = link.other(link.from).map(|to| seen[to as usize]);
            let candidates: Vec<Seen<'_>> = web.candidates_of(link).iter().map(|node| seen[*node as usize]).collect();
            explain(link, row.id, seen[link.from as usize], to, &candidates, &seen)
        });
        all.insert(row.id.to_owned(), joins.collect());
    }
    all
}

fn id(events: &[Event]) -> &str {
    events[0].turn.as_deref().unwrap_or(&events[0].id)
}

/// One line a join: `strength rule > to`.
fn told(joins: &[Join]) -> Vec<String> {
    let line = |join: &Join| {
        let to = match join.strength {
            Strength::Ambiguous => format!("{:?}", join.candidates),
            _ => join.to.clone(),
        };
        format!("{} {} {} > {to}", join.strength.name(), join.basis.key, join.basis.values.join(" "))
    };
    joins.iter().map(line).collect()
}

#[test]
fn a_tool_call_is_joined_to_the_model_whose_answer_names_it() {
    let model = with(event("a", Kind::Model, 1), &[(KeyKind::Message, "m1"), (KeyKind::ToolCall, "t1")]);
    let calls = [
        call("c", 2, &[(KeyKind::ToolCall, "t1"), (KeyKind::Message, "m1")]),
        result("r", 3, &[(KeyKind::ToolCall, "t1")]),
    ];
    let joins = joined([vec![model], calls.to_vec()].concat());
    assert_eq!(told(&joins["tool:t1"]), ["exact tool_call_id t1 > a"]);
    assert_eq!(told(&joins["a"]), ["exact tool_call_id t1 > tool:t1"]);
    assert_eq!((joins["a"][0].from_event.as_str(), joins["a"][0].to_event.as_str()), ("a", "c"));
}

#[test]
fn without_the_call_in_the_answer_the_message_decides() {
    let model = with(event("a", Kind::Model, 1), &[(KeyKind::Message, "m1")]);
    let call = call("c", 2, &[(KeyKind::ToolCall, "t1"), (KeyKind::Message, "m1")]);
    let joins = joined(vec![model, call, result("r", 3, &[(KeyKind::ToolCall, "t1")])]);
    assert_eq!(told(&joins["tool:t1"]), ["exact message_id m1 > a"]);
}

#[test]
fn halves_stay_visible_in_both_directions_whether_they_failed_or_not() {
    let mut lost = result("r", 3, &[(KeyKind::ToolCall, "t2")]);
    lost.flags = flag::ERROR;
    let joins = joined(vec![call("c", 1, &[(KeyKind::ToolCall, "t1")]), lost]);
    assert_eq!(told(&joins["tool:t1"]), ["orphan tool_call_id t1 > "]);
    assert_eq!(joins["tool:t1"][0].basis.rule, "call without result");
    assert_eq!(joins["tool:t2"][0].basis.rule, "result without call");
}

#[test]
fn equal_values_of_other_kinds_are_no_match_and_are_named_as_rejected() {
    let first = with(event("a", Kind::Trace, 1), &[(KeyKind::Request, "x")]);
    let second = with(event("b", Kind::Trace, 2), &[(KeyKind::Request, "x")]);
    let other = with(event("c", Kind::Trace, 3), &[(KeyKind::Trace, "x")]);
    let joins = joined(vec![first, second, other]);
    assert_eq!(told(&joins["b"]), ["keyed request_id x > a"]);
    assert!(joins["c"].is_empty());
    assert_eq!(joins["b"][0].rejected[0].why, "x is its trace_id, not its request_id");
}

#[test]
fn rows_of_one_key_are_tied_to_the_first_and_never_twice() {
    let row = |id: &str, second| {
        with(event(id, Kind::Trace, second), &[(KeyKind::Request, "i"), (KeyKind::Trace, "i"), (KeyKind::Intent, "i")])
    };
    let joins = joined(vec![row("a", 1), row("b", 2), row("c", 3)]);
    assert_eq!(told(&joins["a"]), ["keyed request_id i > b", "keyed request_id i > c"]);
    assert_eq!(told(&joins["c"]), ["keyed request_id i > a"]);
}

#[test]
fn requests_of_one_trace_are_tied_once_by_the_trace() {
    let row = |id: &str, second, request| {
        with(event(id, Kind::Trace, second), &[(KeyKind::Request, request), (KeyKind::Trace, "t")])
    };
    let joins = joined(vec![row("a", 1, "r1"), row("b", 2, "r1"), row("c", 3, "r2"), row("d", 4, "r2")]);
    assert_eq!(told(&joins["c"]), ["keyed request_id r2 > d", "keyed trace_id t > a"]);
    assert_eq!(told(&joins["d"]), ["keyed request_id r2 > c"]);
}

#[test]
fn a_result_finds_the_only_open_call_of_its_request() {
    let open = call("c", 1, &[(KeyKind::ToolCall, "t1"), (KeyKind::Request, "i")]);
    let late = loose("r", 2, &[(KeyKind::ToolCall, "other"), (KeyKind::Request, "i")]);
    let joins = joined(vec![open, late]);
    // That they share a request is said no second time: the pairing says more.
    assert_eq!(told(&joins["tool:t1"]), ["unique request_id i > tool:other"]);
    assert_eq!(joins["tool:other"][0].basis.rule, "open call with the same key");
}

#[test]
fn a_result_that_names_its_call_is_given_to_no_other() {
    let open = call("c", 1, &[(KeyKind::ToolCall, "t1"), (KeyKind::Intent, "i")]);
    let other = result("r", 2, &[(KeyKind::ToolCall, "t2"), (KeyKind::Intent, "i")]);
    let joins = joined(vec![open, other]);
    assert_eq!(
        joins["tool:t2"].iter().map(|join| join.strength).collect::<Vec<_>>(),
        [Strength::Keyed, Strength::Orphan]
    );
}

#[test]
fn two_open_calls_of_one_request_leave_a_result_open() {
    let keys = |call| [(KeyKind::ToolCall, call), (KeyKind::Request, "i")];
    let events =
        vec![call("c1", 1, &keys("t1")), call("c2", 2, &keys("t2")), loose("r", 3, &[(KeyKind::Request, "i")])];
    let joins = joined(events);
    let open = joins["r"].iter().find(|join| join.strength == Strength::Ambiguous).expect("is ambiguous");
    assert_eq!(
        (open.to.as_str(), open.candidates.as_slice()),
        ("", ["tool:t1".to_owned(), "tool:t2".to_owned()].as_slice())
    );
    let seen = joins["tool:t2"].iter().find(|join| join.strength == Strength::Ambiguous).expect("says so too");
    assert_eq!(seen.of, "r");
    assert!(joins.values().flatten().all(|join| join.strength != Strength::Orphan));
}

#[test]
fn a_finer_key_narrows_what_a_coarser_one_leaves_open() {
    let keys = |call, trace| [(KeyKind::ToolCall, call), (KeyKind::Request, "i"), (KeyKind::Trace, trace)];
    let narrow = loose("r", 3, &[(KeyKind::Request, "i"), (KeyKind::Trace, "x")]);
    let joins = joined(vec![call("c1", 1, &keys("t1", "x")), call("c2", 2, &keys("t2", "y")), narrow]);
    let unique = joins["r"].iter().find(|join| join.strength == Strength::Unique).expect("is unique");
    assert_eq!((unique.to.as_str(), unique.basis.key.as_str()), ("tool:t1", "trace_id"));
}

#[test]
fn a_result_that_comes_late_is_only_near() {
    let open = call("c", 1, &[(KeyKind::ToolCall, "t1"), (KeyKind::Request, "i")]);
    let joins = joined(vec![open, loose("r", 90, &[(KeyKind::Request, "i")])]);
    assert_eq!(joins["r"].iter().map(|join| join.strength).collect::<Vec<_>>(), [Strength::Near]);
}

#[test]
fn an_answered_call_waits_for_no_other_result_and_says_so() {
    let keys = [(KeyKind::ToolCall, "t1"), (KeyKind::Request, "i")];
    let events = vec![call("c", 1, &keys), result("d", 2, &keys), loose("r", 3, &[(KeyKind::Request, "i")])];
    let orphan = joined(events)["r"].iter().find(|join| join.strength == Strength::Orphan).cloned();
    let orphan = orphan.expect("is an orphan");
    assert_eq!(orphan.rejected[0].why, "same request_id, but it has its own result");
}

#[test]
fn a_line_is_what_the_recogniser_heard_from_the_same_speaker_at_the_same_millisecond() {
    let line = derived(person("e1", 1, "hello"), KeyKind::Request, "user-ana:1000", "present.transcript_ts");
    let heard = with(event("m1", Kind::Model, 2), &[(KeyKind::Request, "user-ana:1000")]);
    assert_eq!(told(&joined(vec![line.clone(), heard.clone()])["e1"]), ["exact request_id user-ana:1000 > m1"]);
    let other = with(event("m1", Kind::Model, 2), &[(KeyKind::Request, "user-ana:1001")]);
    assert_eq!(told(&joined(vec![line, other])["e1"])[0].split(' ').next(), Some("near"));
}

#[test]
fn rows_that_name_a_queue_task_are_joined_to_its_row() {
    let task = with(event("TA", Kind::Task, 1), &[(KeyKind::Task, "TA"), (KeyKind::Request, "i")]);
    let worker = with(event("w", Kind::Tool, 2), &[(KeyKind::Task, "TA"), (KeyKind::Request, "i")]);
    assert_eq!(told(&joined(vec![task, worker])["w"]), ["exact task_id TA > TA"]);
}

#[test]
fn a_status_line_is_near_the_task_whose_id_begins_so_and_open_where_two_do() {
    let line = derived(agent("e2", 5, "queued (task 1a2b3c4d)"), KeyKind::Task, "1a2b3c4d", "present.status_line_task");
    let task = |id: &str, second| {
        derived(
            with(event(id, Kind::Task, second), &[(KeyKind::Task, id)]),
            KeyKind::Task,
            &id[..8],
            "present.task_prefix",
        )
    };
    let joins = joined(vec![line.clone(), task("1a2b3c4d-one", 1), task("99999999-two", 2)]);
    assert_eq!(told(&joins["e2"]), ["near task_id 1a2b3c4d > 1a2b3c4d-one"]);
    assert_eq!(joins["e2"][0].rejected[0].why, "its id begins with 99999999");
    let joins = joined(vec![line, task("1a2b3c4d-one", 1), task("1a2b3c4d-two", 2)]);
    assert_eq!(joins["e2"][0].strength, Strength::Ambiguous);
    assert_eq!(joins["e2"][0].candidates, ["1a2b3c4d-one", "1a2b3c4d-two"]);
}

#[test]
fn joins_lead_to_the_newest_state_of_a_task_and_older_ones_stand_where_it_does() {
    let line = derived(agent("e2", 5, "queued (task 1a2b3c4d)"), KeyKind::Task, "1a2b3c4d", "present.status_line_task");
    let step = with(event("step", Kind::Trace, 4), &[(KeyKind::Task, "1a2b3c4d-one")]);
    let asked = with(event("asked", Kind::Trace, 0), &[(KeyKind::Request, "r")]);
    let state = |id: &str, flags| {
        let keys = [(KeyKind::Task, "1a2b3c4d-one"), (KeyKind::Request, "r")];
        let mut task = derived(with(event(id, Kind::Task, 1), &keys), KeyKind::Task, "1a2b3c4d", "present.task_prefix");
        task.flags = flags;
        task
    };
    let (queued, running) = (state("a", flag::SUPERSEDED), state("b", flag::SUPERSEDED));
    let joins = joined(vec![line.clone(), step, asked, queued.clone(), running.clone(), state("c", 0)]);
    assert_eq!(told(&joins["e2"]), ["near task_id 1a2b3c4d > c"]);
    assert_eq!(told(&joins["step"]), ["exact task_id 1a2b3c4d-one > c"]);
    let of_state = ["exact task_id 1a2b3c4d-one > c", "keyed request_id r > asked"];
    assert_eq!(
        (told(&joins["a"]), told(&joins["b"])),
        (of_state.map(str::to_owned).to_vec(), of_state.map(str::to_owned).to_vec())
    );
    // A slice may hold older states alone.
    let joins = joined(vec![line, queued, running]);
    assert_eq!(told(&joins["e2"]), ["near task_id 1a2b3c4d > b"]);
    assert_eq!(told(&joins["a"]), ["exact task_id 1a2b3c4d-one > b"]);
}

#[test]
fn a_follow_up_is_a_child_and_not_the_same_request() {
    let parent = with(event("p", Kind::Trace, 1), &[(KeyKind::Request, "X")]);
    let keys = [(KeyKind::Request, "X:d1:0123456789")];
    let by_suffix = derived(with(event("c", Kind::Trace, 2), &keys), KeyKind::Request, "X", "present.request_parent");
    let joins = joined(vec![parent.clone(), by_suffix.clone()]);
    assert_eq!(told(&joins["c"]), ["unique request_id X > p"]);
    let by_parameter = derived(by_suffix, KeyKind::Request, "X", "present.followup_parent");
    assert_eq!(told(&joined(vec![parent.clone(), by_parameter])["c"]), ["exact request_id X > p"]);
    let bare = with(event("c", Kind::Trace, 2), &keys);
    assert!(joined(vec![parent, bare])["c"].is_empty());
}

#[test]
fn rows_of_a_run_are_joined_to_its_first_row() {
    let run = with(event("m", Kind::Model, 1), &[(KeyKind::Session, "canvas-agent-1-x")]);
    let ledger = derived(event("l", Kind::Other, 2), KeyKind::Session, "canvas-agent-1-x", "present.run_id");
    let stranger = with(event("z", Kind::Model, 3), &[(KeyKind::Session, "voice-1")]);
    let joins = joined(vec![run, ledger, stranger]);
    assert_eq!(told(&joins["l"]), ["exact session_id canvas-agent-1-x > m"]);
    assert!(joins["z"].is_empty());
}

#[test]
fn the_same_words_and_the_prompt_before_are_near_only() {
    let events =
        vec![person("e1", 1, "Draw it"), said("m1", 3, "It's on the board."), agent("e2", 4, "its on the board")];
    let joins = joined(events);
    assert_eq!(told(&joins["e2"]), ["near text its on the board > m1"]);
    let prompt = joins["m1"].iter().find(|join| join.to == "e1").expect("answers the prompt");
    assert_eq!((prompt.strength, prompt.basis.key.as_str()), (Strength::Near, "time"));
    let twice = vec![said("m1", 1, "Yes"), said("m2", 2, "yes"), agent("e2", 4, "Yes.")];
    assert_eq!(joined(twice)["e2"][0].candidates, ["m1", "m2"]);
}

#[test]
fn a_keyed_model_row_needs_no_prompt_by_time() {
    let asked = derived(person("p", 1, "go"), KeyKind::Intent, "p", "claude.prompt_ancestor");
    let answer = derived(said("m", 2, "done"), KeyKind::Intent, "p", "claude.prompt_ancestor");
    assert_eq!(told(&joined(vec![asked, answer])["m"]), ["keyed intent_id p > p"]);
}

#[test]
fn a_sub_agent_is_joined_to_its_call_over_sessions_and_copies_are_not() {
    let call = derived(result("r", 5, &[(KeyKind::ToolCall, "t1")]), KeyKind::Task, "ag1", "claude.agent_id");
    let parent = vec![self::call("c", 1, &[(KeyKind::ToolCall, "t1")]), call];
    let mut first = derived(person("u", 2, "look"), KeyKind::Task, "ag1", "claude.agent_id");
    first.session = "child".to_owned();
    let joins = joined_over(vec![parent.clone(), vec![first]]);
    assert_eq!(told(&joins["u"]), ["exact task_id ag1 > tool:t1"]);
    let copy: Vec<Event> = parent
        .iter()
        .cloned()
        .map(|mut event| {
            (event.flags, event.session) = (flag::INHERITED, "fork".to_owned());
            event
        })
        .collect();
    assert!(joined_over(vec![parent, copy]).values().flatten().all(|join| join.session != "fork"));
}

#[test]
fn two_open_starts_leave_an_outcome_open() {
    let start = |id: &str, second| {
        let mut start = with(event(id, Kind::Model, second), &[(KeyKind::Request, "i")]);
        start.phase = Phase::Call;
        start
    };
    let mut outcome = with(event("o", Kind::Model, 3), &[(KeyKind::Request, "i")]);
    outcome.phase = Phase::Result;
    let joins = joined(vec![start("s1", 1), start("s2", 2), outcome.clone()]);
    assert_eq!(joins["o"][0].candidates, ["s1", "s2"]);
    assert_eq!(joined(vec![outcome])["o"][0].basis.rule, "outcome without start");
}

#[test]
fn events_of_one_row_say_why_they_are_one() {
    let row = [call("c", 1, &[(KeyKind::ToolCall, "t1")]), result("r", 2, &[(KeyKind::ToolCall, "t1")])];
    let joins = inner("tool:t1", &row);
    assert_eq!(told(&joins), ["exact tool_call_id t1 > tool:t1"]);
    assert_eq!((joins[0].from_event.as_str(), joins[0].to_event.as_str()), ("c", "r"));
    let base = |id: &str, phase| {
        let mut event = derived(event(id, Kind::Model, 1), KeyKind::Message, "B", "present.event_base");
        event.phase = phase;
        event
    };
    assert_eq!(
        inner("model:B", &[base("s", Phase::Call), base("o", Phase::Result)])[0].basis.rule,
        "same base of the event ids"
    );
}

/// Kind, phase, second and keys of an event, by number.
type Drawn = (usize, usize, i64, Vec<(usize, u8)>);

/// Small stores of rows whose keys overlap in every way.
fn any_events() -> impl Strategy<Value = Vec<Event>> {
    let kinds = [Kind::Transcript, Kind::Model, Kind::Tool, Kind::Trace, Kind::Task];
    let phases = [Phase::Whole, Phase::Call, Phase::Part, Phase::Result];
    let one = (0..5usize, 0..4usize, 0..40i64, prop::collection::vec((0..10usize, 0..4u8), 0..4));
    prop::collection::vec(one, 1..24).prop_map(move |rows| {
        let build = |(place, (kind, phase, second, keys)): (usize, Drawn)| {
            let mut event = event(&format!("e{place}"), kinds[kind], second);
            event.phase = if kinds[kind] == Kind::Tool { phases[phase] } else { Phase::Whole };
            event.keys =
                keys.iter().map(|(kind, value)| Key::native(KeyKind::ALL[*kind], format!("v{value}"))).collect();
            event
        };
        rows.into_iter().enumerate().map(build).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_order_of_arrival_changes_nothing((events, shuffled) in any_events().prop_flat_map(|events| {
        (Just(events.clone()), Just(events).prop_shuffle())
    })) {
        prop_assert_eq!(joined(events), joined(shuffled));
    }

    #[test]
    fn without_the_key_that_decided_the_answer_is_another(events in any_events()) {
        let before = joined(events.clone());
        let decided = before.values().flatten().find(|join| !join.to.is_empty() && KeyKind::parse(&join.basis.key).is_some());
        if let Some(join) = decided {
            let kind = KeyKind::parse(&join.basis.key);
            let mut without = events;
            for event in without.iter_mut().filter(|event| event.id == join.from_event) {
                event.keys.retain(|key| Some(key.kind) != kind || !join.basis.values.contains(&key.value));
            }
            prop_assert_ne!(before, joined(without));
        }
    }

    #[test]
    fn nothing_is_chosen_among_several(events in any_events()) {
        for joins in joined(events).values() {
            for join in joins.iter().filter(|join| join.strength == Strength::Ambiguous) {
                prop_assert!(join.to.is_empty() && join.candidates.len() > 1);
            }
        }
    }
}

#[test]
fn whoever_waits_is_told_how_far_it_is_and_may_stop_it() {
    let events = vec![call("a", 1, &[(KeyKind::Request, "r")]), result("b", 2, &[(KeyKind::Request, "r")])];
    let (heads, ties) = (heads(&events), Ties::of(&events));
    let parts = [Part { session: 0, heads: &heads, ties: &ties }];
    let mut told = Vec::new();
    let web = Web::watched(&parts, &mut |percent| {
        told.push(percent);
        true
    });
    assert_eq!(web, Some(Web::of(&parts)));
    assert!(told.is_sorted() && told.first() == Some(&0) && told.last().is_some_and(|last| (90..100).contains(last)));
    assert_eq!(Web::watched(&parts, &mut |percent| percent < 50), None);
}
