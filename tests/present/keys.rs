//! Keys: what a column says is native, and what a rule derives names its rule.

use serde_json::json;

use crate::example::{self, ROOM, RUN, SESSION, VOICE, intent, queued};
use crate::report::{Told, ids, keys, report};
use crate::world::{LEDGER, LINES, MODELS, T0, TASKS, TOOLS, TRACES, stamp, uuid};

/// The keys of an event that are not those of its room.
fn keys_of(told: &Told, id: &str) -> Vec<String> {
    let room = format!("room={ROOM}");
    keys(&told.event(id)).into_iter().filter(|key| *key != room).collect()
}

#[test]
fn each_rule_gives_its_key_and_its_name() {
    let world = example::world();
    let told = Told::of(&report(&world));
    let one = |table, columns: &[(&str, &str)]| ids(&world, table, columns).remove(0);
    let (a, b, c) = (intent("A"), intent("B"), intent("C"));

    let line = one(LINES, &[("participant_id", "user-ben")]);
    let spoken = format!("request_id=user-ben:{}/present.transcript_ts", T0 + 140_000);
    assert_eq!(keys_of(&told, &line), [spoken, format!("session_id={SESSION}")]);

    let status = ids(&world, LINES, &[("participant_id", "voice-agent")]).remove(0);
    let prefix = &queued("A")[..8];
    assert!(keys_of(&told, &status).contains(&format!("task_id={prefix}/present.status_line_task")));

    assert_eq!(
        keys_of(&told, &queued("A")),
        [
            format!("intent_id={a}/present.params_intent"),
            format!("request_id={a}"),
            format!("task_id={}", queued("A")),
            format!("task_id={prefix}/present.task_prefix"),
            format!("trace_id={a}"),
        ]
    );

    let follow = keys_of(&told, &queued("F"));
    assert!(follow.contains(&format!("session_id=canvas-agent-{RUN}/present.followup_run")), "{follow:?}");
    let parent = follow.iter().find(|key| key.starts_with(&format!("request_id={b}/"))).expect("the parent");
    assert!(parent.ends_with("present.request_parent") || parent.ends_with("present.followup_parent"), "{parent}");

    let outcome = one(MODELS, &[("source", "canvas_runner"), ("status", "completed"), ("event_type", "model_call")]);
    assert!(keys_of(&told, &outcome).contains(&format!("message_id={}/present.event_base", uuid("base B1"))));

    let routed = one(MODELS, &[("source", "fairy_router"), ("status", "completed")]);
    let routed = keys_of(&told, &routed);
    assert!(routed.contains(&format!("tool_call_id={b}:route_intent/present.named_call")), "{routed:?}");
    assert!(routed.contains(&"provider_request_id=chatcmpl-1".to_owned()));

    let counted = keys_of(&told, &one(MODELS, &[("source", "fast_crowd_pulse_steward"), ("status", "completed")]));
    assert!(counted.contains(&"tool_call_id=tc-1/present.named_call".to_owned()));
    assert!(counted.contains(&format!("tool_call_id={c}:commit_crowd_pulse/present.named_call")), "{counted:?}");

    let ledger = world.of(LEDGER).next().expect("a row")["id"].as_str().expect("an id").to_owned();
    let ledger_keys = keys_of(&told, &ledger);
    assert!(ledger_keys.contains(&format!("session_id=canvas-agent-{RUN}/present.run_id")));
    assert!(ledger_keys.iter().all(|key| !key.starts_with("task_id=")), "a project's task is none of the queue");

    let heard = one(MODELS, &[("event_type", "transcript_final")]);
    assert!(keys_of(&told, &heard).contains(&format!("session_id={VOICE}")));

    let ended = one(TOOLS, &[("event_type", "agent_end")]);
    assert!(keys_of(&told, &ended).contains(&format!("request_id={b}/present.client_payload")));
}

#[test]
fn params_stand_in_for_columns_in_the_order_of_the_original() {
    let mut world = example::world();
    let long = "r".repeat(300);
    for (task, more) in [
        ("t-1", json!({"params": {"requestId": " r1 ", "traceId": "t1", "intentId": "i1"}})),
        ("t-2", json!({"params": {"id": "i2", "metadata": {"traceId": "t2"}}})),
        ("t-3", json!({"params": {"executionId": "x3", "_trace": {"id": "t3"}}})),
        ("t-4", json!({"params": {"requestId": long}})),
        // What an administrator starts again: a new request, the old trace only in the params.
        ("t-5", json!({"request_id": "r5:retry:1772445660123", "params": {"requestId": "r5", "traceId": "t5"}})),
        ("t-6", json!({"params": "{\"requestId\":\"r6\"}"})),
    ] {
        world.task(1000, ROOM, (task, "fairy.intent", "queued"), more);
    }
    let told = Told::of(&report(&world));
    let derived = |task: &str| -> Vec<String> {
        let keys = keys_of(&told, task).into_iter();
        keys.filter(|key| !key.starts_with("task_id")).map(|key| key.replace("/present.params_", "/")).collect()
    };
    assert_eq!(derived("t-1"), ["intent_id=i1/intent", "request_id=r1/request", "trace_id=t1/trace"]);
    assert_eq!(derived("t-2"), ["intent_id=i2/intent", "request_id=i2/request", "trace_id=t2/trace"]);
    assert_eq!(derived("t-3"), ["intent_id=x3/intent", "request_id=x3/request", "trace_id=t3/trace"]);
    let cut = "r".repeat(160);
    assert_eq!(derived("t-4")[1], format!("request_id={cut}/request"));
    assert_eq!(
        derived("t-5"),
        [
            "intent_id=r5:retry:1772445660123/intent",
            "request_id=r5/present.request_parent",
            "request_id=r5:retry:1772445660123",
            "trace_id=t5/trace"
        ]
    );
    assert_eq!(derived("t-6")[1], "request_id=r6/request");
}

#[test]
fn an_acknowledgement_names_the_run_that_drew() {
    let mut world = example::world();
    world.trace(
        5000,
        ROOM,
        ("ack_received", "ok", "canvas.agent_prompt"),
        &json!({}),
        json!({"id": "ack-of-run", "payload": {"sessionId": RUN}}),
    );
    let told = Told::of(&report(&world));
    assert_eq!(keys_of(&told, "ack-of-run"), [format!("session_id=canvas-agent-{RUN}/present.run_id")]);
    let quick = world.of(TRACES).find(|row| row["stage"] == "ack_received").expect("there")["id"]
        .as_str()
        .expect("id")
        .to_owned();
    assert!(keys_of(&told, &quick).iter().all(|key| !key.starts_with("session_id")), "quick-text is no run");
}

#[test]
fn two_processes_with_clashing_counters_are_ordered_each_by_its_own() {
    let mut world = example::world();
    let other = json!({"session_id": "fairy-router-elsewhere", "source": "fairy_router", "room": ROOM});
    for (emitter, sequence) in [(example::router(), 2), (other.clone(), 1), (example::router(), 1), (other, 2)] {
        let row = json!({"sequence": sequence, "event_type": "model_skipped", "status": "fallback"});
        world.io(MODELS, 90_000, &emitter, row);
    }
    let told = Told::of(&report(&world));
    let skipped = ids(&world, MODELS, &[("event_type", "model_skipped")]);
    let place = |index: usize| told.rows().iter().position(|row| row["id"] == *skipped[index]).expect("a row");
    assert!(place(2) < place(0) && place(1) < place(3));
    assert_eq!(place(2).abs_diff(place(0)), 1, "the rows of one process stand together");
}

#[test]
fn a_task_that_changed_is_a_revision_and_no_conflict() {
    let mut world = example::world();
    let before = json!({"request_id": "x", "trace_id": "x", "updated_at": stamp(500), "attempt": 0});
    world.task(100, ROOM, ("task-changes", "auto", "queued"), before);
    let told = Told::of(&report(&world));
    let mut later = example::world();
    later.task(
        100,
        ROOM,
        ("task-changes", "auto", "failed"),
        json!({"request_id": "x", "trace_id": "x", "updated_at": stamp(900), "attempt": 1, "error": "no"}),
    );
    let path = told.desk.write("later.json", crate::report::written(&report(&later)));
    told.desk.import(&path);
    let states: Vec<String> = told
        .desk
        .done(&["timeline", SESSION, "--json"])
        .objects()
        .into_iter()
        .filter(|row| row["id"].as_str().is_some_and(|id| id.starts_with("task-changes")))
        .map(|row| row["status"].as_str().expect("a status").to_owned())
        .collect();
    assert_eq!(states, ["queued", "failed"]);
    let shown = told.desk.done(&["show", SESSION, "task-changes", "--json"]).objects().remove(0);
    let flags: Vec<_> = shown["events"]
        .as_array()
        .expect("events")
        .iter()
        .flat_map(|event| event["flags"].as_array().expect("flags").clone())
        .collect();
    assert!(flags.iter().all(|flag| flag != "conflict"), "{shown}");
    assert_eq!(world.of(TASKS).count(), later.of(TASKS).count());
}
