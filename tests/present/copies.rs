//! Payloads of every kind: wrapped, null, missing, cut, damaged; which copy is shown, and what is said about it.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::example::{self, router, runner};
use crate::report::{Told, attributes, report};
use crate::world::{BLOBS, MODELS, TOOLS, World, with};

/// A world with one more model row; `change` sees the row and its output blob.
fn with_output(output: Value, change: impl FnOnce(&mut Value, &mut Value)) -> (Told, String, World) {
    let mut world = World::default();
    let emitter =
        with(router(), json!({"sequence": 1, "event_type": "model_call", "status": "completed", "request_id": "r"}));
    let id = world.io(MODELS, 0, &emitter, json!({ "output": output }));
    let mut blob = world.rows.remove(0).1;
    change(&mut world.rows[0].1, &mut blob);
    if !blob.is_null() {
        world.add(BLOBS, blob);
    }
    (Told::of(&report(&world)), id, world)
}

fn said(told: &Told, id: &str, names: &[&str]) -> Vec<String> {
    let event = told.event(id);
    names.iter().map(|name| attributes(&event, name).join("|")).collect()
}

#[test]
fn lists_and_null_are_unwrapped_where_the_blob_proves_it_or_nothing_else_fits() {
    let (told, id, _) = with_output(json!([1, 2]), |_, _| {});
    assert_eq!(
        (told.part(&id, "output"), said(&told, &id, &["output_copy", "output_size"])),
        (b"[1,2]".to_vec(), vec!["blob".to_owned(), "5".to_owned()])
    );
    let (told, id, _) = with_output(Value::Null, |_, _| {});
    assert_eq!(told.part(&id, "output"), b"null");
    // An object that holds a member of that name was never wrapped.
    let (told, id, _) = with_output(json!({"value": 5}), |_, _| {});
    assert_eq!(told.part(&id, "output"), b"{\"value\":5}");
    let (told, id, _) = with_output(json!([1, 2]), |row, blob| {
        (row["output_blob_id"], *blob) = (Value::Null, Value::Null);
    });
    assert_eq!(said(&told, &id, &["output_copy", "output_unwrapped", "blob_missing"]), ["inline", "only member", ""]);
    assert_eq!(serde_json::from_slice::<Value>(&told.part(&id, "output")).expect("JSON"), json!([1, 2]));
    let (told, id, _) = with_output(json!({"value": {"a": 1}}), |row, blob| {
        (row["output_blob_id"], *blob) = (Value::Null, Value::Null);
    });
    assert_eq!(serde_json::from_slice::<Value>(&told.part(&id, "output")).expect("JSON"), json!({"value": {"a": 1}}));
}

#[test]
fn a_dangling_blob_is_marked_and_the_row_speaks() {
    let (told, id, world) = with_output(json!({"text": "here"}), |_, blob| *blob = Value::Null);
    let named = world.of(MODELS).next().expect("a row")["output_blob_id"].as_str().expect("an id").to_owned();
    assert_eq!(said(&told, &id, &["output_copy", "blob_missing"]), ["inline".to_owned(), format!("output: {named}")]);
    assert_eq!(told.event(&id)["flags"], json!([]), "nothing is missing of what it says");
    let (told, id, _) = with_output(json!({"text": "here"}), |row, blob| {
        (row["output_payload"], *blob) = (Value::Null, Value::Null);
    });
    assert_eq!(told.event(&id)["flags"], json!(["truncated"]));
}

#[test]
fn a_blob_that_lost_its_link_is_found_by_its_event() {
    let (told, id, world) = with_output(json!({"text": "here"}), |row, _| row["output_blob_id"] = Value::Null);
    let blob = world.of(BLOBS).next().expect("a blob")["id"].as_str().expect("an id").to_owned();
    assert_eq!(said(&told, &id, &["output_copy", "blob_by_event_id"]), ["blob".to_owned(), format!("output: {blob}")]);
}

#[test]
fn a_long_value_comes_whole_from_the_blob_and_as_a_preview_without_it() {
    let long = json!({"textContent": "é".repeat(60_000)});
    let (told, id, _) = with_output(long.clone(), |_, _| {});
    assert_eq!(told.part(&id, "output"), long.to_string().into_bytes());
    assert_eq!(told.event(&id)["flags"], json!([]));
    let (told, id, _) =
        with_output(long.clone(), |row, blob| (row["output_blob_id"], *blob) = (Value::Null, Value::Null));
    let full = long.to_string().len();
    let have: usize = long.to_string().chars().take(4000).map(char::len_utf8).sum();
    assert_eq!(
        said(&told, &id, &["output_copy", "output_size", "output_missing", "payload_truncated"]),
        ["preview".to_owned(), full.to_string(), (full - have).to_string(), format!("output: {have} of {full} bytes")]
    );
    assert_eq!(told.event(&id)["flags"], json!(["truncated"]));
}

#[test]
fn a_flag_that_counts_in_other_units_does_not_make_a_whole_blob_a_cut_one() {
    // 400,002 bytes are more than the limit, but 200,002 units are not: marked as cut, yet stored whole.
    let (told, id, world) = with_output(json!("é".repeat(200_000)), |_, _| {});
    assert_eq!(world.of(BLOBS).next().expect("a blob")["truncated"], true);
    assert_eq!(said(&told, &id, &["output_copy", "output_size"]), ["blob", "400002"]);
    assert!(said(&told, &id, &["blob_flag_wrong"])[0].contains("400002"));
    assert_eq!(told.event(&id)["flags"], json!([]));
}

#[test]
fn a_blob_cut_inside_an_escape_is_shown_as_far_as_it_goes() {
    let text = "\\\"\u{1f600}".repeat(90_000);
    let (told, id, world) = with_output(json!({ "textContent": text }), |_, _| {});
    let payload = world.of(BLOBS).next().expect("a blob")["payload"].as_str().expect("text").to_owned();
    assert!(serde_json::from_str::<Value>(&payload).is_err());
    assert_eq!(told.part(&id, "output"), payload.as_bytes());
    assert_eq!(said(&told, &id, &["output_copy"]), ["cut blob"]);
}

#[test]
fn a_digest_that_does_not_recompute_is_told_and_the_row_is_trusted() {
    let (told, id, _) = with_output(json!({"text": "here"}), |_, blob| blob["payload"] = json!("{\"text\":\"gone\"}"));
    let [copy, mismatch] = said(&told, &id, &["output_copy", "digest_mismatch"]).try_into().expect("two");
    let computed = hex::encode(Sha256::digest(b"{\"text\":\"gone\"}"));
    assert!(copy == "inline" && mismatch.contains(&computed), "{copy}: {mismatch}");
}

#[test]
fn what_could_not_be_encoded_is_told() {
    let failed = json!({"encode_error": true, "type": "function", "reason": "non_json_value"});
    let (told, id, _) = with_output(failed, |row, blob| (row["output_blob_id"], *blob) = (Value::Null, Value::Null));
    assert_eq!(said(&told, &id, &["encode_error", "output_copy"]), ["output: non_json_value", "inline"]);
}

#[test]
fn a_context_that_was_cut_is_gone_for_good_and_says_how_much() {
    let mut world = World::default();
    let tools: Vec<Value> = (0..2000).map(|tool| json!({"name": format!("tool_{tool}"), "description": "…"})).collect();
    let row = json!({"sequence": 4, "event_type": "system_prompt_loaded", "status": "ready", "context_priming": {"tools": tools}});
    let id = world.io(MODELS, 0, &example::voice(), row);
    let told = Told::of(&report(&world));
    assert_eq!(said(&told, &id, &["context_priming_copy"]), ["preview"]);
    assert_eq!(told.event(&id)["flags"], json!(["truncated"]));
}

#[test]
fn blobs_without_a_row_are_events_of_their_own() {
    let mut world = example::world();
    let id = "b10b0000-0000-4000-8000-000000000000";
    world.add(BLOBS, json!({"id": id, "event_id": "gone", "kind": "input", "payload": "{\"a\":1}", "size_bytes": 7}));
    let told = Told::of(&report(&world));
    let rows = told.rows();
    let stray = rows
        .iter()
        .find(|row| row["label"].as_str().is_some_and(|label| label.contains("no row refers to")))
        .expect("an event");
    let stray = stray["id"].as_str().expect("an id");
    assert_eq!(
        (told.part(stray, "output"), said(&told, stray, &["blob_without_row"])),
        (b"{\"a\":1}".to_vec(), vec![id.to_owned()])
    );
}

/// Rule, total, and where the usage stood.
fn usage(output: Value, metadata: Value) -> (String, Option<i64>, Vec<String>) {
    let mut world = World::default();
    let row = json!({"sequence": 1, "event_type": "model_call", "status": "completed", "output": output, "metadata": metadata,
        "input": {"usage": {"prompt_tokens": 99, "completion_tokens": 99}}});
    let id = world.io(MODELS, 0, &runner(), row);
    let told = Told::of(&report(&world));
    let shown = told.desk.done(&["show", &told.session, &id, "--json"]).objects().remove(0);
    let rule = shown["usage"]["rule"].as_str().unwrap_or("none").to_owned();
    (rule, shown["tokens"]["total"].as_i64(), said(&told, &id, &["usage_at", "usage_mismatch"]))
}

#[test]
fn usage_is_found_in_each_place_and_never_in_what_went_in() {
    let counts = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15});
    let none = ["", ""].map(str::to_owned).to_vec();
    let at = |place: &str| vec![place.to_owned(), String::new()];
    assert_eq!(usage(json!({"text": "x"}), json!({})), ("none".to_owned(), None, none.clone()));
    assert_eq!(usage(json!({"tuning": {"maxTokens": 9}, "text": "{\"total_tokens\":7}"}), json!({})).1, None);
    assert_eq!(usage(json!({}), json!({ "usage": counts })), ("chat.usage".to_owned(), Some(15), at("metadata.usage")));
    assert_eq!(usage(json!({"response": {"usage": counts}}), json!({})).2, at("output.response.usage"));
    let gemini = json!({"usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 2, "totalTokenCount": 9}});
    assert_eq!(usage(gemini, json!({})), ("gemini.usage".to_owned(), Some(9), at("output.usageMetadata")));
    let by_provider = json!({"providerMetadata": {"anthropic": {"usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 1}}}});
    assert_eq!(
        usage(by_provider, json!({})),
        ("anthropic.usage".to_owned(), Some(8), at("output.providerMetadata.anthropic.usage"))
    );
    let fake = json!({"usage": {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}});
    assert_eq!(usage(fake, json!({})).1, Some(0));
}

#[test]
fn a_total_that_differs_is_told_and_usage_before_a_cut_is_recovered() {
    let wrong = json!({"usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 99}});
    assert_eq!(usage(wrong, json!({})).2[1], "output.usage: total 99, sum of the parts 15");
    let cut = json!({"usage": {"inputTokens": 10, "outputTokens": 5}, "generatedActions": "x".repeat(300_000)});
    assert_eq!(usage(cut, json!({})).0, "ai_sdk.usage.recovered");
    let behind = json!({"generatedActions": "x".repeat(100_000), "usage": {"inputTokens": 10, "outputTokens": 5}});
    assert_eq!(usage(behind, json!({})).0, "ai_sdk.usage", "usage that is only in the blob");
    let lost = json!({"generatedActions": "x".repeat(300_000), "usage": {"inputTokens": 10, "outputTokens": 5}});
    assert_eq!(usage(lost, json!({})).0, "none");
}

#[test]
fn tool_rows_choose_their_copies_too() {
    let mut world = World::default();
    let row = json!({"sequence": 1, "event_type": "tool_call", "status": "queued", "tool_name": "t", "tool_call_id": "c", "input": [1]});
    let id = world.io(TOOLS, 0, &runner(), row);
    let told = Told::of(&report(&world));
    assert_eq!(
        (told.part(&id, "input"), said(&told, &id, &["input_copy"])),
        (b"[1]".to_vec(), vec!["blob".to_owned()])
    );
}
