//! Keys that ask why rows belong together and what does not add up, pressed on the sample store.

use std::time::Instant;

use super::bench::{Bench, keys};
use crate::timeline::Strength;
use crate::ui::keymap::Place;
use crate::ui::message::{Message, Request};
use crate::ui::state::{Panel, State, Tab};
use crate::ui::update::update;

/// Opens the sample session that has a row of every sort.
async fn timeline() -> Bench {
    let mut bench = Bench::new(100, 30).await;
    bench.press("e Enter").await;
    bench
}

fn shown(state: &State) -> Vec<usize> {
    let timeline = state.timeline.as_ref().expect("is open");
    (0..timeline.len()).filter_map(|line| timeline.row_at(line)).collect()
}

fn at(state: &State) -> usize {
    state.timeline.as_ref().and_then(|timeline| timeline.current()).expect("has rows")
}

#[tokio::test]
async fn the_lens_lists_the_rows_that_share_a_key_and_goes_to_one() {
    let mut bench = timeline().await;
    bench.press("e c").await;
    let here = at(&bench.state);
    let lens = bench.state.timeline.as_ref().and_then(|timeline| timeline.correlation.lens.as_ref());
    let group = &lens.expect("is open").groups[0];
    assert_eq!(group.reason.key().map(|key| key.value.as_str()), Some("msg_1"));
    let joined: Vec<Option<Strength>> = group.rows.iter().map(|row| row.strength).collect();
    assert!(joined.contains(&Some(Strength::Exact)), "{joined:?}");
    let first = group.rows[0].row.expect("is of this session");
    assert_ne!(first, here);
    bench.press("j Enter").await;
    assert_eq!((bench.state.panel.as_ref(), at(&bench.state)), (None, first));
    bench.press("H").await;
    assert_eq!(at(&bench.state), here);
}

#[tokio::test]
async fn the_lens_shows_what_keys_tell_at_once_and_esc_cancels_the_joins() {
    let mut bench = timeline().await;
    bench.press("e").await;
    let now = Instant::now();
    let woven = bench.state.timeline.as_mut().and_then(|timeline| timeline.joined.take()).expect("is woven");
    let asked: Vec<Request> = keys("c").flat_map(|key| update(&mut bench.state, key, now)).collect();
    let [Request::Lens { joined: None, .. }, Request::Weave { job, session }] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    let (job, session) = (*job, session.number);
    bench.answer(asked[0].clone()).await;
    update(&mut bench.state, Message::Progress { job, words: "40%".to_owned() }, now);
    let text = bench.text();
    assert!(text.contains("message_id msg_1  4 rows") && text.contains("being worked out 40%"), "{text}");
    let cancelled: Vec<Request> = keys("Esc Esc").flat_map(|key| update(&mut bench.state, key, now)).collect();
    assert_eq!(cancelled, [Request::Cancel(job)]);
    let late = || Message::Woven { job, session, joined: woven.clone(), findings: Vec::new() };
    assert_eq!(update(&mut bench.state, late(), now), []);
    let timeline = bench.state.timeline.as_ref().expect("is open");
    assert!(timeline.joined.is_none() && timeline.weaving.is_none());
    bench.press("c").await;
    let text = bench.text();
    assert!(text.contains("exact") && !text.contains("worked out"), "{text}");
}

#[tokio::test]
async fn a_key_is_isolated_and_released_again() {
    let mut bench = timeline().await;
    let all = shown(&bench.state);
    bench.press("e i").await;
    let only = shown(&bench.state);
    assert!(only.len() > 1 && only.len() < all.len(), "{only:?}");
    bench.press("Esc").await;
    assert_eq!((shown(&bench.state), bench.state.place), (all, Place::Timeline));
}

#[tokio::test]
async fn findings_are_listed_and_walked() {
    let mut bench = timeline().await;
    let rows = bench.state.timeline.as_ref().expect("is open").correlation.finding_rows.clone();
    let after_first = *rows.iter().find(|row| **row > 0).expect("a row behind the first is a finding");
    bench.press("g g ] f").await;
    assert_eq!(at(&bench.state), after_first as usize);
    bench.press("g g I").await;
    assert!(matches!(bench.state.panel, Some(Panel::Findings { .. })));
    bench.press("Enter").await;
    assert!(rows.contains(&(at(&bench.state) as u32)));
}

#[tokio::test]
async fn why_names_the_rule_and_enter_goes_to_the_other_row() {
    let mut bench = timeline().await;
    bench.press("e Enter g 8").await;
    let event = bench.state.event.as_ref().expect("is open");
    let links = event.links.as_ref().expect("are worked out");
    assert_eq!(links[0].join.basis.rule, "same model call");
    assert_eq!(event.tab, Tab::Joins);
    let before = event.key;
    bench.press("Enter").await;
    assert_ne!(bench.state.event.as_ref().map(|event| event.key), Some(before));
}

#[tokio::test]
async fn the_kind_of_key_that_o_goes_by_can_be_picked() {
    let mut bench = timeline().await;
    bench.press("e g o o").await;
    let notice = bench.state.notice.as_ref().map(|notice| notice.text.clone());
    assert_eq!(notice.as_deref(), Some("no row after this one shares a key with it"));
}
