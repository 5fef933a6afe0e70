//! What a reader of the page does: looks at its sections, searches, filters, follows links, uses keys.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use crate::browser::Browser;
use crate::counting::reported;
use crate::desk::{Desk, text};
use crate::example;
use crate::world::MODELS;

/// The sections of facts §4.8 but for the header, and those that the original lacks.
const SECTIONS: [&str; 14] = [
    "Transcript",
    "Timeline",
    "Prompts and tools",
    "Actions",
    "Voice agent",
    "Transcription agent",
    "Orchestration agent",
    "Steward agents",
    "Fairy agents",
    "Fast agents",
    "Orchestration ledger",
    "Joins",
    "Findings",
    "Usage and cost",
];
/// A search is over when the page says so.
const FOUND: &str = "return document.getElementById('found').dataset.done === '1';";

fn worked_example() -> (Desk, PathBuf) {
    let (desk, told) = reported(&example::world());
    let page = desk.path(told["htmlPath"].as_str().expect("a path"));
    (desk, page)
}

fn search(browser: &Browser, words: &str) {
    browser.run(&format!(
        "const box = document.getElementById('search'); box.value = {}; document.getElementById('found').dataset.done = ''; \
         box.dispatchEvent(new Event('input'));",
        json!(words)
    ));
    assert!(browser.becomes(FOUND), "the search for {words} does not end");
}

/// The text of what is open in the row that is current.
const DETAIL: &str = "return document.querySelector('.row.current .detail').innerText;";

#[test]
fn every_section_is_there_and_draws_without_an_error() {
    let Some(browser) = Browser::start() else { return };
    let (_desk, page) = worked_example();
    browser.open(&page, "");
    let titles = browser.run("return [...document.querySelectorAll('section h2')].map((title) => title.textContent);");
    for title in SECTIONS {
        assert!(titles.as_array().expect("titles").contains(&json!(title)), "{title} is not among {titles}");
    }
    browser.run("document.querySelectorAll('section[id] > details').forEach((fold) => { fold.open = true; });");
    let drawn = "return [...document.querySelectorAll('section .list')].every((list) => list.firstChild);";
    assert!(browser.becomes(drawn), "each section draws something");
    browser.run("document.querySelectorAll('.payload, .json details').forEach((fold) => { fold.open = true; });");
    let links = browser.run("return [...document.querySelectorAll('nav a')].filter((link) => !document.querySelector(link.getAttribute('href'))).length;");
    assert_eq!(links, 0, "links of the navigation lead somewhere");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_link_opens_its_event_and_tells_all_of_it() {
    let Some(browser) = Browser::start() else { return };
    let (desk, page) = worked_example();
    let rows = desk.done(&["timeline", "last", "--json"]).objects();
    let failed = rows.iter().find(|row| row["kind"] == "tool" && row["source"] == "fast_crowd_pulse_steward");
    let events = failed.expect("a failed call")["events"].clone();
    let event = events[1].as_str().expect("an id");
    browser.open(&page, &format!("#{event}"));
    let detail = browser.text(DETAIL);
    for part in ["commit_crowd_pulse", "fast_crowd_pulse_steward", event, "input"] {
        assert!(detail.contains(part), "{part} is not in {detail}");
    }
    let digests =
        browser.run("return document.querySelectorAll('.row.current .payload summary [title^=\"sha256 \"]').length;");
    assert!(digests.as_i64().is_some_and(|count| count > 0), "payloads tell their digests");
    let joins = browser.run("return document.querySelectorAll('.row.current .join .strength').length;");
    assert!(joins.as_i64().is_some_and(|count| count > 0), "joins tell how sure they are");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn search_counts_filters_hide_and_keys_move() {
    let Some(browser) = Browser::start() else { return };
    let (_desk, page) = worked_example();
    browser.open(&page, "");
    search(&browser, "Ship it");
    let found = browser.text("return document.getElementById('found').textContent;");
    assert!(found.contains(" hits in ") && !found.starts_with("0 "), "{found}");
    browser.run("document.activeElement.blur();");
    browser.press("n");
    assert!(browser.text("return document.querySelector('.row.current').innerText;").contains("Ship it"));
    search(&browser, "no such words anywhere");
    assert_eq!(browser.text("return document.getElementById('found').textContent;"), "0 hits in 0 rows");
    let shown = "return document.getElementById('shown').textContent;";
    let all = browser.text(shown);
    browser.run("document.querySelector('[data-kind=model]').click();");
    let less = browser.text(shown);
    assert!(all != less && less.ends_with(&all), "{all}, then {less}");
    assert_eq!(browser.run("return document.querySelectorAll('#timeline .row.model').length;"), 0);
    browser.run(
        "document.querySelector('[data-kind=model]').click(); document.querySelector('[data-only=error]').click();",
    );
    assert_eq!(browser.run("return document.querySelectorAll('#timeline .row:not(.error)').length;"), 0);
    browser.run("document.querySelector('[data-only=error]').click();");
    browser.press("gjj\u{e007}");
    assert!(browser.becomes("return !!document.querySelector('#timeline .row:nth-child(3).open');"), "j, j, Enter");
    browser.press("\u{e007}?");
    assert_eq!(browser.run("return document.getElementById('help').open;"), true);
    assert_eq!(browser.run("return document.querySelectorAll('#timeline .row.open').length;"), 0);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn costs_versions_and_priming_are_told() {
    let Some(browser) = Browser::start() else { return };
    let mut world = example::world();
    let runner = |row: &serde_json::Value| row["source"] == "canvas_runner" && row["system_prompt"] == "You draw.";
    let last = world.rows.iter_mut().rfind(|(table, row)| *table == MODELS && runner(row));
    last.expect("a prompt").1["system_prompt"] = json!("You draw well.");
    let (desk, told) = reported(&world);
    let page = desk.path(told["htmlPath"].as_str().expect("a path"));
    browser.open(&page, "");
    browser.run("document.querySelectorAll('section[id] > details').forEach((fold) => { fold.open = true; });");
    let text = |id: &str| browser.text(&format!("return document.getElementById('{id}').innerText;"));
    // 14,210 fresh tokens and what was read from the cache, at a dollar a million, and 1,333 at five.
    let usage = text("usage");
    let line = usage.lines().find(|line| line.starts_with("claude-haiku-4-5")).unwrap_or_else(|| panic!("{usage}"));
    assert!(line.contains("$0.0"), "{line}");
    let unknown = usage.lines().find(|line| line.starts_with("llama3.3-70b")).unwrap_or_else(|| panic!("{usage}"));
    assert!(unknown.contains("unknown") && !unknown.contains('$'), "{unknown}");
    let all = usage.lines().find(|line| line.starts_with("all")).unwrap_or_else(|| panic!("{usage}"));
    assert!(all.contains("+?"), "a sum says that it is not all: {all}");
    assert!(text("top").contains("+?"), "and so does the overview");
    let prompts = text("prompts");
    assert!(prompts.contains("version 1 of 2") && prompts.contains("version 2 of 2, from row"), "{prompts}");
    let priming = "return document.querySelector('#voice .priming').innerText;";
    let priming = browser.text(priming);
    assert!(priming.contains("system prompt") && priming.contains("context priming"), "{priming}");
    assert_eq!(browser.run("return document.querySelectorAll('#ledger .priming').length;"), 0);
    let rows = desk.done(&["timeline", "last", "--json"]).objects();
    let called = rows.iter().find(|row| !row["cost"].is_null() && !row["cost"]["micro_usd"].is_null());
    let called = called.expect("a priced call");
    let event = called["events"][0].as_str().expect("an id");
    browser.open(&page, &format!("#{}", event.replace(' ', "%20")));
    let detail = browser.text(DETAIL);
    assert!(detail.contains("cost") && detail.contains("$0.0"), "{detail}");
    let links = browser.run(
        "const links = [...document.querySelectorAll('.row.current .event h4 a')]; \
         return links.length > 0 && links.every((link) => link.hash.length > 1);",
    );
    assert_eq!(links, true, "every event has a link of its own");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// TURNSCOPE_PAGE_EVENTS=50000 measures the page that a browser must open within two seconds.
#[test]
fn a_long_session_draws_only_what_is_looked_at() {
    let Some(browser) = Browser::start() else { return };
    let events: usize = std::env::var("TURNSCOPE_PAGE_EVENTS").map_or(3_000, |count| count.parse().expect("a number"));
    let desk = Desk::with_file();
    let mut lines = String::new();
    for number in 0..events {
        let line = json!({
            "type": "user", "uuid": format!("u{number}"), "sessionId": "long", "timestamp": format!("2026-01-01T00:{:02}:{:02}Z", number / 60 % 60, number % 60),
            "message": {"role": "user", "content": format!("Step {number}: {}", "look into this module and say what fails there. ".repeat(6))},
        });
        lines.push_str(&format!("{line}\n"));
    }
    let file = desk.write("long.jsonl", lines);
    desk.done(&["import", text(&file)]);
    let told = desk.done(&["report", "last", "--out-dir", "out"]).objects().remove(0);
    let page = desk.path(told["htmlPath"].as_str().expect("a path"));
    let before = Instant::now();
    browser.open(&page, "");
    let took = before.elapsed();
    let size = std::fs::metadata(&page).expect("is there").len();
    let ready = browser.text("return document.documentElement.dataset.ready");
    println!(
        "a page of {events} events, {size} bytes: rows to look at after {ready} ms, all of it read after {took:?}"
    );
    let rows = browser.run("return document.querySelectorAll('.row').length;");
    assert!(rows.as_u64().is_some_and(|rows| rows > 0 && rows < 1_500), "{rows} rows are drawn");
    browser.press("G");
    let last = format!("Step {}:", events - 1);
    assert!(browser.text("return document.querySelector('.row.current').innerText;").contains(&last));
    search(&browser, &last);
    assert!(browser.text("return document.getElementById('found').textContent;").ends_with(" in 1 row"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
