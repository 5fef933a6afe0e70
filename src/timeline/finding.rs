//! Findings: what does not add up in a session, each with its severity and the event at which to look.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::join::{Choice, Rule, Strength, Web};
use super::{Place, Rows};
use crate::domain::filter::write_span;
use crate::domain::{Event, Head, KeyKind, Kind, Phase, flag};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// What is shown may be incomplete or wrong.
    Warning,
    /// Something is lost, damaged or contradicts itself.
    Error,
}

impl Severity {
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Error];

    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

/// What does not add up at one event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The store's number of the event.
    pub event: i64,
    pub severity: Severity,
    /// The name of its sort, such as `unpaired_call`.
    pub name: &'static str,
    pub detail: Cow<'static, str>,
}

/// What the flags of an event say.
const FLAGGED: &[(i64, Severity, &str, &str)] = &[
    (flag::BAD, Severity::Error, "bad_record", "the record could not be read; its bytes are kept"),
    (flag::CONFLICT, Severity::Error, "conflict", "another event has this id and other content; both are kept"),
    (flag::TRUNCATED, Severity::Warning, "truncated_body", "the source cut a body"),
    (
        flag::IMPLAUSIBLE_USAGE,
        Severity::Warning,
        "usage_implausible",
        "far fewer output tokens are reported than the text needs",
    ),
    (flag::UNKNOWN, Severity::Info, "unknown_record", "a type of record that turnscope does not know"),
];

/// What attributes say that importers leave where something does not add up.
pub const TELLING_ATTRIBUTES: &[(&str, Severity, &str)] = &[
    ("digest_mismatch", Severity::Error, "digest_mismatch"),
    ("blob_missing", Severity::Warning, "truncated_body"),
    ("usage_mismatch", Severity::Warning, "usage_mismatch"),
    ("last_token_usage_differs", Severity::Warning, "usage_mismatch"),
    ("out_of_window", Severity::Warning, "out_of_window"),
    ("time_out_of_range", Severity::Warning, "time_out_of_range"),
    ("not_understood", Severity::Warning, "not_understood"),
    ("events_missing", Severity::Error, "gap"),
    ("place_ambiguous", Severity::Warning, "ambiguous_join"),
];

/// Emitters whose sequences have no holes unless an event was lost; those on one line share a counter.
const DENSE: &[&[&str]] = &[&["voice_agent", "transcription_agent", "voice_transcript"], &["canvas_runner"]];

/// The sources whose sequences prove something.
pub fn dense_sources() -> impl Iterator<Item = &'static str> {
    DENSE.iter().flat_map(|sources| sources.iter().copied())
}

/// What the events' own flags say. What a fork inherited is told of its ancestor.
pub fn flagged(heads: &[Head]) -> Vec<Finding> {
    let own = heads.iter().filter(|head| head.flags & flag::INHERITED == 0);
    let told = |head: &Head| {
        let set = FLAGGED.iter().filter(|(bit, ..)| head.flags & bit != 0);
        let event = head.number;
        set.map(move |(_, severity, name, detail)| Finding {
            event,
            severity: *severity,
            name,
            detail: Cow::Borrowed(*detail),
        })
        .collect::<Vec<_>>()
    };
    own.flat_map(told).collect()
}

/// Written times that run against the order of their source, as one finding at the first event that has such a time.
///
/// `furthest` names those that lie furthest back, the furthest first, and how far in microseconds.
pub fn ran_back(heads: &[Head], furthest: &[(String, i64)]) -> Option<Finding> {
    let mut back =
        heads.iter().filter(|head| head.flags & (flag::TIME_RAN_BACK | flag::INHERITED) == flag::TIME_RAN_BACK);
    let first = back.next()?;
    let count = 1 + back.count();
    let far = furthest.first().map_or(String::new(), |(_, micros)| format!(", {} at most", write_span(*micros)));
    let names: Vec<&str> = furthest.iter().map(|(name, _)| name.as_str()).collect();
    let more = if count > names.len() { ", …" } else { "" };
    let events = if count == 1 { "1 event is" } else { &format!("{count} events are") };
    Some(Finding {
        event: first.number,
        severity: Severity::Info,
        name: "clock_skew",
        detail: format!("{events} dated before what the source wrote above{far}: {}{more}", names.join(", ")).into(),
    })
}

/// What the joins of a session's rows say: halves without their other half, and what could not be decided.
pub fn unjoined(web: &Web, session: i64, rows: &Rows) -> Vec<Finding> {
    let lead = |node: u32| {
        let place = web.place(node);
        let inherited = rows.get(place.row).is_none_or(|row| row.has(flag::INHERITED));
        (place.session == session && !inherited).then(|| rows.members(place.row).first().copied()).flatten()
    };
    let told = web.links().iter().filter_map(|link| {
        let event = lead(link.from)?;
        let rule = link.rule();
        let (severity, name, detail) = match link.strength() {
            Strength::Ambiguous => {
                let count = web.candidates_of(link).len();
                (Severity::Warning, "ambiguous_join", Cow::Owned(format!("{count} rows fit: {}", rule.name)))
            }
            Strength::Orphan if is_open_half(rule) => (Severity::Warning, "unpaired_call", Cow::Borrowed(rule.name)),
            Strength::Orphan => (Severity::Warning, "orphan", Cow::Borrowed(rule.name)),
            _ => return None,
        };
        Some(Finding { event, severity, name, detail })
    });
    told.collect()
}

fn is_open_half(rule: &Rule) -> bool {
    rule.choice == Choice::None && matches!(rule.name, "call without result" | "start without outcome")
}

/// Calls that took an id which another call of the session has.
pub fn reused(heads: &[Head]) -> Vec<Finding> {
    let mut calls: HashMap<u64, Vec<i64>> = HashMap::new();
    let is_call = |head: &&Head| head.kind == Kind::Tool && head.phase == Phase::Call && head.turn != 0;
    for head in
        heads.iter().filter(is_call).filter(|head| head.flags & (flag::TWIN | flag::INHERITED | flag::PURGED) == 0)
    {
        calls.entry(head.turn).or_default().push(head.number);
    }
    let several = calls.into_values().filter(|calls| calls.len() > 1);
    let told = several.map(|calls| Finding {
        event: calls[1],
        severity: Severity::Warning,
        name: "id_reuse",
        detail: format!("{} calls have one id; their results cannot be told apart", calls.len()).into(),
    });
    told.collect()
}

/// What is left of rows that were purged tells nothing else about them.
pub fn is_purged(head: &Head) -> bool {
    head.flags & flag::PURGED != 0
}

/// Holes in the sequences of emitters that count without any.
///
/// `events` are those of the sources that [`dense_sources`] names.
pub fn holes(events: &[Event]) -> Vec<Finding> {
    let mut counted: BTreeMap<(usize, &str), Vec<&Event>> = BTreeMap::new();
    // A tombstone does not tell its emitter, so it accounts for its number in every sequence of its counter.
    let mut purged: BTreeSet<(usize, i64)> = BTreeSet::new();
    for event in events {
        let Some(counter) = DENSE.iter().position(|sources| sources.contains(&event.source.as_str())) else { continue };
        if event.has(flag::PURGED) {
            purged.insert((counter, event.order.sequence));
        } else if let Some(emitter) = event.values(KeyKind::Session).next() {
            counted.entry((counter, emitter)).or_default().push(event);
        }
    }
    let mut findings = Vec::new();
    for ((counter, emitter), mut events) in counted {
        let is_purged = |from: i64, upto: i64| {
            purged.range((counter, from)..(counter, upto.max(from))).count() as i64 == (upto - from).max(0)
        };
        events.sort_by_key(|event| (event.order.sequence, event.order.time, event.number));
        if !is_purged(1, events[0].order.sequence) {
            findings.extend(beginning(emitter, events[0]));
        }
        for pair in events.windows(2) {
            if !is_purged(pair[0].order.sequence + 1, pair[1].order.sequence) {
                findings.extend(hole(emitter, pair[0], pair[1]));
            }
        }
    }
    findings
}

/// A counter that does not begin with its first number: what was before may lie outside of what was brought in.
fn beginning(emitter: &str, first: &Event) -> Option<Finding> {
    (first.order.sequence > 1).then(|| Finding {
        event: first.number,
        severity: Severity::Info,
        name: "sequence_gap",
        detail: format!("{emitter} begins with {}; what it wrote before is not here", first.order.sequence).into(),
    })
}

fn hole(emitter: &str, before: &Event, after: &Event) -> Option<Finding> {
    let (from, to) = (before.order.sequence + 1, after.order.sequence - 1);
    let lost = if from == to { format!("{from} is") } else { format!("{from} to {to} are") };
    (from <= to).then(|| Finding {
        event: after.number,
        severity: Severity::Error,
        name: "sequence_gap",
        detail: format!(
            "{lost} missing from {emitter}: {} lost",
            if from == to { "an event was" } else { "events were" }
        )
        .into(),
    })
}

/// In the order of the timeline; at one event the gravest first.
pub fn in_order(findings: &mut [Finding], heads: &[Head]) {
    let places: HashMap<i64, usize> = heads.iter().enumerate().map(|(place, head)| (head.number, place)).collect();
    findings.sort_by_key(|finding| {
        (places.get(&finding.event).copied(), std::cmp::Reverse(finding.severity), finding.name)
    });
}

/// The row of a finding, where the session has it.
pub fn row_of(finding: &Finding, session: i64, rows: &Rows) -> Option<Place> {
    rows.position(finding.event).map(|row| Place { session, row })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Key, Order, Timestamp};

    fn head(number: i64, turn: u64, phase: Phase, flags: i64) -> Head {
        Head { number, time: Timestamp(number), turn, kind: Kind::Tool, phase, flags, tokens: -1, latency: -1 }
    }

    fn counted(source: &str, emitter: &str, sequence: i64) -> Event {
        let mut event = Event::new(Kind::Model, source, "x");
        event.number = sequence * 10;
        event.order = Order { time: Timestamp(sequence), origin: 0, sequence };
        event.keys = vec![Key::native(KeyKind::Session, emitter)];
        event
    }

    fn told(findings: &[Finding]) -> Vec<(i64, &str, &str)> {
        findings.iter().map(|finding| (finding.event, finding.name, &*finding.detail)).collect()
    }

    #[test]
    fn a_hole_in_a_dense_sequence_proves_a_loss() {
        let events =
            [counted("voice_agent", "v", 1), counted("transcription_agent", "v", 2), counted("voice_agent", "v", 5)];
        assert_eq!(told(&holes(&events)), [(50, "sequence_gap", "3 to 4 are missing from v: events were lost")]);
        assert_eq!(holes(&events)[0].severity, Severity::Error);
    }

    #[test]
    fn counters_of_other_emitters_and_of_processes_prove_nothing() {
        let events =
            [counted("canvas_runner", "a", 1), counted("canvas_runner", "b", 1), counted("fairy_router", "r", 40)];
        assert_eq!(holes(&events), []);
        assert_eq!(
            told(&holes(&[counted("canvas_runner", "a", 3)]))[0].2,
            "a begins with 3; what it wrote before is not here"
        );
    }

    #[test]
    fn one_id_for_two_calls_is_told_once_and_twins_are_no_second_call() {
        let calls = [head(1, 7, Phase::Call, 0), head(2, 7, Phase::Call, 0), head(3, 7, Phase::Result, 0)];
        assert_eq!(
            told(&reused(&calls))[0],
            (2, "id_reuse", "2 calls have one id; their results cannot be told apart")
        );
        assert_eq!(reused(&[head(1, 7, Phase::Call, 0), head(2, 7, Phase::Call, flag::TWIN)]), []);
    }

    #[test]
    fn every_flag_that_matters_is_a_finding_and_inherited_ones_are_told_elsewhere() {
        let heads = [
            head(1, 0, Phase::Whole, flag::BAD | flag::TRUNCATED),
            head(2, 0, Phase::Whole, flag::BAD | flag::INHERITED),
        ];
        let names: Vec<&str> = flagged(&heads).iter().map(|finding| finding.name).collect();
        assert_eq!(names, ["bad_record", "truncated_body"]);
    }

    #[test]
    fn times_that_run_back_are_one_finding_with_its_extent() {
        let back = |number, flags| head(number, 0, Phase::Whole, flag::TIME_RAN_BACK | flags);
        let heads = [back(1, flag::INHERITED), head(2, 0, Phase::Whole, 0), back(3, 0), back(4, 0)];
        let furthest = [("d".to_owned(), 2_500_000), ("c".to_owned(), 1000)];
        let told_of =
            |heads: &[Head], furthest: &[(String, i64)]| told(ran_back(heads, furthest).as_slice())[0].2.to_owned();
        let finding = ran_back(&heads, &furthest).expect("some run back");
        assert_eq!((finding.event, finding.severity, finding.name), (3, Severity::Info, "clock_skew"));
        assert_eq!(finding.detail, "2 events are dated before what the source wrote above, 2s500ms at most: d, c");
        let ending = "2 events are dated before what the source wrote above, 2s500ms at most: d, …";
        assert_eq!(told_of(&heads, &furthest[..1]), ending);
        let one = "1 event is dated before what the source wrote above, 1ms at most: c";
        assert_eq!(told_of(&heads[1..3], &furthest[1..]), one);
        assert_eq!(ran_back(&heads[..2], &[]), None);
    }

    #[test]
    fn every_note_and_every_flag_that_counts_as_a_finding_has_its_sort() {
        assert!(crate::domain::NOTED.iter().all(|name| TELLING_ATTRIBUTES.iter().any(|(known, ..)| known == name)));
        // Times that run back are told together.
        let each = flag::FINDINGS.iter().filter(|bit| **bit != flag::TIME_RAN_BACK);
        assert!(each.clone().all(|bit| FLAGGED.iter().any(|(known, ..)| known == bit)));
        assert_eq!((crate::domain::NOTED.len(), each.count()), (TELLING_ATTRIBUTES.len(), FLAGGED.len()));
    }
}
