//! The lens on every row of the built-in session: what it lists, where it goes, and the way back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::bench::Bench;
use crate::import::{Control, bring_in};
use crate::report::Reason;
use crate::timeline::Strength;
use crate::ui::keymap::Place;
use crate::ui::list::List;
use crate::ui::request::Backend;
use crate::ui::request::stored::Store;
use crate::ui::state::{Lens, LensLine, Panel, State, Timeline};

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/run/demo.json");

/// The sessions of the demo.
async fn demo() -> (tempfile::TempDir, Bench) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("demo.db")).await.expect("opens");
    let (notices, _) = tokio::sync::mpsc::unbounded_channel();
    let control = Control { notices, cancelled: Arc::new(AtomicBool::new(false)) };
    bring_in(&store, &[DEMO.into()], &control).await.expect("is imported");
    let bench = Bench::over(Backend::new(store), 80, 24).await;
    (folder, bench)
}

fn timeline(state: &State) -> &Timeline {
    state.timeline.as_ref().expect("is open")
}

/// The lens, where it is open.
fn lens(state: &State) -> Option<&Lens> {
    matches!(state.panel, Some(Panel::Lens { .. }))
        .then(|| timeline(state).correlation.lens.as_ref().expect("is known"))
}

/// The request ids of a row, as the store has them.
async fn requests(bench: &Bench) -> Vec<BTreeSet<String>> {
    let rows = timeline(&bench.state).rows.clone();
    let mut all = Vec::new();
    for row in 0..rows.len() {
        let events = bench.store().events(rows.members(row)).await.expect("reads");
        all.push(
            events.iter().flat_map(|event| event.values(crate::domain::KeyKind::Request)).map(str::to_owned).collect(),
        );
    }
    all
}

/// The rows that joins lead to from each row, and those that may be meant by it or mean it.
fn neighbours(state: &State) -> Vec<BTreeSet<usize>> {
    let timeline = timeline(state);
    let joined = timeline.joined.as_ref().expect("is woven");
    let node = |row: usize| joined.node(timeline.key(row)?);
    let of = |row: usize| {
        let own = node(row).expect("is in the web");
        let links = joined.web.links_of(own);
        let ends = links.flat_map(|link| {
            [Some(link.from), link.other(link.from)]
                .into_iter()
                .flatten()
                .chain(joined.web.candidates_of(link).to_vec())
        });
        ends.filter_map(|end| joined.place(end)).map(|row| row as usize).filter(|other| *other != row).collect()
    };
    (0..timeline.rows.len()).map(of).collect()
}

#[tokio::test]
async fn from_every_row_of_the_demo_all_rows_of_its_request_are_listed_and_history_comes_back() {
    let (_folder, mut bench) = demo().await;
    let (mut walked, mut signs) = (0, BTreeSet::new());
    for session in 0..bench.state.sessions.lines.len() {
        bench.press("g s g g").await;
        bench.press(&"j ".repeat(session)).await;
        bench.press("Enter").await;
        let (requests, neighbours) = (requests(&bench).await, neighbours(&bench.state));
        for row in 0..timeline(&bench.state).rows.len() {
            bench.press(if row == 0 { "g g" } else { "j" }).await;
            // Any scroll position will do; the one that a jump makes is none of these.
            bench.press(["z t", "z b", "k j"][row % 3]).await;
            settle(&mut bench.state);
            let before = timeline(&bench.state).list;
            assert_eq!(timeline(&bench.state).current(), Some(row));
            let with = |row: usize| [row].into_iter().chain(neighbours[row].iter().copied());
            let ids: BTreeSet<&String> = with(row).flat_map(|row| &requests[row]).collect();
            let same =
                |other: &usize| requests[*other].iter().any(|id| ids.contains(id)) || neighbours[row].contains(other);
            let expected: BTreeSet<usize> = (0..requests.len()).filter(same).filter(|other| *other != row).collect();
            bench.press("c").await;
            let Some(found) = lens(&bench.state) else {
                assert_eq!(expected, BTreeSet::new(), "row {row} of session {session}");
                continue;
            };
            let listed: BTreeSet<usize> =
                found.groups.iter().flat_map(|group| &group.places).map(|place| *place as usize).collect();
            assert!(listed.is_superset(&expected), "row {row} of {session}: {expected:?} {listed:?}");
            signs.extend(found.groups.iter().filter_map(|group| match group.reason {
                Reason::Rule(_, Strength::Near) => Some("near"),
                Reason::Candidates(_) | Reason::CandidateOf(_) => Some("ambiguous"),
                Reason::Branch => Some("branch"),
                _ => None,
            }));
            walked += go_everywhere(&mut bench, before).await;
        }
    }
    assert_eq!(signs, BTreeSet::from(["near", "ambiguous", "branch"]));
    assert!(walked > 300, "{walked} ways");
}

/// Leaves no line blank: a list that is read anew does not either.
fn settle(state: &mut State) {
    let height = state.height();
    let timeline = state.timeline.as_mut().expect("is open");
    let length = timeline.len();
    timeline.list.keep(length, height);
}

/// Goes to every row that the open lens lists, and back each time; returns how many these were.
async fn go_everywhere(bench: &mut Bench, before: List) -> usize {
    let id = timeline(&bench.state).session.id.clone();
    let here = timeline(&bench.state).current().and_then(|row| timeline(&bench.state).key(row));
    let mut seen = BTreeSet::new();
    let lines: Vec<(usize, i64, String)> = lens(&bench.state)
        .expect("is open")
        .lines()
        .into_iter()
        .enumerate()
        .filter_map(|(line, shown)| match shown {
            // The way to where one is needs no way back.
            LensLine::Row(group, row) if Some(group.rows[row].lead) == here => None,
            LensLine::Row(group, row) => Some((line, group.rows[row].lead, group.rows[row].session.clone())),
            _ => None,
        })
        .filter(|(_, lead, _)| seen.insert(*lead))
        .collect();
    for (line, lead, session) in &lines {
        if lens(&bench.state).is_none() {
            bench.press("c").await;
        }
        bench.press("g").await;
        bench.press(&"j ".repeat(*line)).await;
        bench.press("Enter").await;
        assert_eq!((&bench.state.panel, &timeline(&bench.state).session.id), (&None, session));
        let row = timeline(&bench.state).current().expect("has rows");
        assert_eq!(timeline(&bench.state).key(row), Some(*lead));
        bench.press("^O").await;
        assert_eq!((bench.state.place, &timeline(&bench.state).session.id), (Place::Timeline, &id));
        assert_eq!(timeline(&bench.state).list, before);
    }
    bench.state.panel = None;
    lines.len()
}
