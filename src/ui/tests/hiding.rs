//! The review of a redacted export: every key of it from the table, and its prompt at 80 columns.

use super::bench::Bench;
use crate::ui::keymap::{BINDINGS, Keys, Rebinding, Scope};
use crate::ui::message::Request;
use crate::ui::state::Panel;

const SECRETS: &str = "the key is AKIAIOSFODNN7ABCDEFG and password=hunter2secret";

async fn prompt() -> Bench {
    let mut bench = Bench::with_output(SECRETS, 80, 24).await;
    bench.press("Enter x").await;
    bench
}

async fn review() -> Bench {
    let mut bench = prompt().await;
    bench.press("Tab").await;
    assert!(bench.text().contains("To be hidden: 2 secrets"), "{}", bench.text());
    bench
}

/// What would be written, if anything.
fn written(bench: &Bench) -> Option<&Request> {
    bench.outward.iter().find(|request| matches!(request, Request::Export { .. }))
}

#[tokio::test]
async fn the_prompt_says_at_80_columns_how_to_leave_secrets_out() {
    let mut bench = prompt().await;
    assert!(bench.text().contains("Tab: without secrets"), "{}", bench.text());
    bench.type_text(&"long/".repeat(30)).await;
    let text = bench.text();
    assert!(text.contains("Tab: without secrets") && text.contains("long/"), "{text}");
}

#[tokio::test]
async fn every_key_of_the_review_does_what_the_table_says() {
    for binding in BINDINGS.iter().filter(|binding| binding.on.contains(&Scope::Review)) {
        for name in binding.keys {
            let mut bench = review().await;
            let before = format!("{:?}", bench.state.panel);
            bench.press(name).await;
            assert!(before != format!("{:?}", bench.state.panel), "{name} does nothing");
        }
    }
}

#[tokio::test]
async fn accept_exempt_and_add_work_from_the_review() {
    let mut bench = review().await;
    bench.press("Space").await;
    assert!(bench.text().contains("Enter looks again"), "{}", bench.text());
    bench.press("Enter").await;
    assert!(bench.text().contains("To be hidden: 1 secret ") && written(&bench).is_none(), "{}", bench.text());
    bench.press("a").await;
    bench.type_text("the key").await;
    bench.press("Enter Enter").await;
    assert!(bench.text().contains("To be hidden: 2 secrets") && written(&bench).is_none(), "{}", bench.text());
    bench.press("Enter").await;
    let Some(Request::Export { selection, .. }) = written(&bench) else { panic!("{:?}", bench.outward) };
    assert!(selection.veil.is_some());
}

#[tokio::test]
async fn what_was_typed_is_taken_back_key_by_key_and_a_rule_of_it_is_switched_off() {
    let mut bench = review().await;
    bench.press("a").await;
    bench.type_text("t").await;
    bench.press("Backspace Backspace").await;
    assert!(bench.text().contains("To be hidden: 2 secrets"), "{}", bench.text());
    bench.press("a").await;
    bench.type_text("the key").await;
    bench.press("Enter Enter").await;
    assert!(bench.text().contains("To be hidden: 3 secrets"), "{}", bench.text());
    bench.press("j j j j Space").await;
    assert!(bench.text().contains("typed-here-1 (passes)"), "{}", bench.text());
    bench.press("Enter").await;
    assert!(bench.text().contains("To be hidden: 2 secrets"), "{}", bench.text());
}

#[tokio::test]
async fn help_lies_over_the_review_and_leads_back_to_it() {
    let mut bench = review().await;
    bench.press("?").await;
    let text = bench.text();
    assert!(text.contains("Help for Review") && text.contains("this whole rule"), "{text}");
    bench.press("Esc").await;
    assert!(bench.text().contains("To be hidden: 2 secrets"));
    bench.press("?").await;
    bench.type_text("hide more").await;
    bench.press("Enter").await;
    assert!(matches!(&bench.state.panel, Some(Panel::Prompt { .. })), "{:?}", bench.state.panel);
}

#[tokio::test]
async fn a_user_may_give_the_review_other_keys() {
    let own = |name: &str, key: &str| Rebinding {
        place: "review".to_owned(),
        name: name.to_owned(),
        keys: vec![key.to_owned()],
    };
    let mut bench = review().await;
    bench.state.keys = Keys::with(&[own("decide-pass", "p")]).expect("sound");
    assert!(bench.text().contains("p lets pass"), "{}", bench.text());
    bench.press("p").await;
    assert!(bench.text().contains("Enter looks again"), "{}", bench.text());
    assert!(Keys::with(&[own("decide-pass", "a")]).is_err(), "a adds a rule there");
    assert!(Keys::with(&[own("decide-pass", "d d")]).is_err(), "one key is one decision there");
    bench.state.keys = Keys::with(&[own("decide-close", "Esc")]).expect("sound");
    bench.press("q Backspace").await;
    assert!(bench.text().contains("To be hidden"), "{}", bench.text());
}
