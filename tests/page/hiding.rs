//! A page without its secrets: it opens and draws like any other, and what its models were told is hidden in it, too.

use std::fs;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::browser::Browser;
use crate::desk::Desk;
use crate::example::{self, CANVAS};
use crate::report::{report, written};
use crate::world::MODELS;

const PROMPT: &str = "You listen. The password: t0p-Orchid-44.";

/// The worked example with a secret in a system prompt, and in the result of a run.
fn desk() -> Desk {
    let mut world = example::world();
    let row =
        world.rows.iter_mut().find(|(table, row)| *table == MODELS && row["event_type"] == "system_prompt_loaded");
    row.expect("a prompt").1["system_prompt"] = json!(PROMPT);
    let desk = Desk::with_file();
    desk.write("original.json", written(&report(&world)));
    desk.write(
        "result.json",
        json!({"runId": "run-1", "canvasId": CANVAS, "note": "token=abcdef0123456789x"}).to_string(),
    );
    desk.done(&["import", "original.json"]);
    desk
}

fn texts(desk: &Desk, told: &Value) -> [String; 2] {
    ["htmlPath", "jsonPath"]
        .map(|name| fs::read_to_string(desk.path(told[name].as_str().expect("a path"))).expect("is text"))
}

#[test]
fn a_redacted_page_draws_every_section() {
    let Some(browser) = Browser::start() else { return };
    let desk = desk();
    let told = desk.done(&["report", "--canvas-id", CANVAS, "--out-dir", "out", "--redact"]).objects().remove(0);
    browser.open(&desk.path(told["htmlPath"].as_str().expect("a path")), "");
    browser.run("document.querySelectorAll('section[id] > details').forEach((fold) => { fold.open = true; });");
    assert!(browser.becomes(
        "const lists = [...document.querySelectorAll('section .list')]; \
             return lists.length > 10 && lists.every((list) => list.firstChild);"
    ));
    browser.run("document.querySelectorAll('#prompts .payload').forEach((fold) => { fold.open = true; });");
    assert!(browser.becomes("return document.querySelector('#prompts').innerText.includes('[redacted:password:1:');"));
    let header = browser.text("return document.querySelector('header').innerText;");
    assert!(header.contains("taken out") && header.contains("password"), "{header}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn neither_a_prompt_nor_its_digest_nor_what_is_said_beside_leaves() {
    let desk = desk();
    let arguments = ["report", "--canvas-id", CANVAS, "--result-json", "result.json", "--out-dir"];
    let prompt = hex::encode(Sha256::digest(PROMPT));
    let plain = desk.done(&[&arguments[..], &["plain"]].concat()).objects().remove(0);
    let [page, json] = texts(&desk, &plain);
    assert!(page.contains("t0p-Orchid-44") && page.contains(&prompt) && json.contains("t0p-Orchid-44"));
    let shared = desk.done(&[&arguments[..], &["shared", "--redact"]].concat());
    for text in texts(&desk, &shared.objects()[0]).iter().chain([&shared.err]) {
        for secret in ["t0p-Orchid-44", prompt.as_str(), "abcdef0123456789x"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
    assert!(shared.err.contains("runArtifact"), "what is said beside is told, too: {}", shared.err);
}
