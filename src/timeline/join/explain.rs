//! Explains a join: the values that decided, and the rows that were considered and rejected, each with the reason.

use super::rule::{Choice, Rule};
use super::{Basis, Join, Link, Rejected, Strength};
use crate::domain::{Event, KeyKind, Kind, Phase, Speaker, Via};

/// Rejected rows that one join names.
const MOST_REJECTED: usize = 3;

/// A row with its events, as far as it is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub id: &'a str,
    pub events: &'a [Event],
}

/// The join that a link makes of a row.
///
/// `from` and `to` are the rows of the link in its own direction, `to` being `None` for an orphan and where nothing
/// was chosen; `shown` is the id of the row for which it is told. `near` are rows around it, among which those are
/// found that were considered and rejected.
pub fn explain(
    link: &Link,
    shown: &str,
    from: Seen<'_>,
    to: Option<Seen<'_>>,
    candidates: &[Seen<'_>],
    near: &[Seen<'_>],
) -> Join {
    let rule = link.rule();
    let (values, events) = decided(link, from, to.or(candidates.first().copied()));
    let other = to.map(|to| if to.id == shown { from } else { to });
    let (mut from_event, mut to_event) = events;
    if from.id != shown {
        std::mem::swap(&mut from_event, &mut to_event);
    }
    if to.is_none() {
        to_event.clear();
    }
    let own = if from.id == shown { from } else { to.unwrap_or(from) };
    let chosen: Vec<&str> = other.iter().chain(candidates).map(|row| row.id).collect();
    let target = other.or(candidates.first().copied()).or(Some(own)).and_then(kind_of);
    let rejected = reject(link, own, &chosen, target, &values, near);
    let named: Vec<String> = match candidates {
        [] => rejected.iter().map(|row| row.to.clone()).collect(),
        several => several.iter().map(|row| row.id.to_owned()).collect(),
    };
    Join {
        to: other.map(|other| other.id.to_owned()).unwrap_or_default(),
        session: other.and_then(|other| other.events.first()).map(|event| event.session.clone()).unwrap_or_default(),
        of: if from.id == shown || to.is_some() { String::new() } else { from.id.to_owned() },
        from_event,
        to_event,
        strength: link.strength(),
        basis: Basis { key: link.key().to_owned(), rule: rule.name.to_owned(), values },
        candidates: named,
        rejected,
    }
}

fn kind_of(row: Seen<'_>) -> Option<Kind> {
    row.events.first().map(|event| event.kind)
}

/// The values that decided, and the ids of the events that have them.
fn decided(link: &Link, from: Seen<'_>, to: Option<Seen<'_>>) -> (Vec<String>, (String, String)) {
    let rule = link.rule();
    // A decided key stands beside the one by which a result looks: the call has it as it is.
    let first = |row: Seen<'_>| row.events.first().map(Event::name).unwrap_or_default();
    let firsts = (first(from), to.map(first).unwrap_or_default());
    let Some(other) = to else { return (alone(rule, from), firsts) };
    match (link.key.or(rule.key), rule.choice) {
        (Some(kind), _) => match shared(kind, from.events, rule.ours.via, other.events, rule.theirs.via) {
            Some((value, one, two)) => (vec![value], (one, two)),
            None => (Vec::new(), firsts),
        },
        (None, Choice::SameWords) => (words(from), firsts),
        _ => (times(from, other), firsts),
    }
}

/// The first value that both have, and the events that have it.
pub(super) fn shared(
    kind: KeyKind,
    ours: &[Event],
    our_via: Via,
    theirs: &[Event],
    their_via: Via,
) -> Option<(String, String, String)> {
    ours.iter().find_map(|one| {
        let own = one.keys.iter().filter(|key| key.kind == kind && key.via() == our_via);
        own.into_iter().find_map(|key| {
            let has = |event: &&Event| {
                event
                    .keys
                    .iter()
                    .any(|other| other.kind == kind && other.via() == their_via && other.value == key.value)
            };
            theirs.iter().find(has).map(|two| (key.value.clone(), one.name(), two.name()))
        })
    })
}

/// What a half is known by.
fn alone(rule: &Rule, row: Seen<'_>) -> Vec<String> {
    let kinds = if kind_of(row) == Some(Kind::Tool) && rule.choice == Choice::None {
        [KeyKind::ToolCall, KeyKind::Request]
    } else {
        [KeyKind::Message, KeyKind::Request]
    };
    let values = |kind| {
        let mut values: Vec<String> =
            row.events.iter().flat_map(|event| event.values(kind)).map(str::to_owned).collect();
        values.sort();
        values.dedup();
        values
    };
    kinds.into_iter().map(values).find(|values| !values.is_empty()).unwrap_or_default()
}

fn words(row: Seen<'_>) -> Vec<String> {
    row.events.first().map(|event| event.label.clone()).into_iter().collect()
}

fn times(one: Seen<'_>, other: Seen<'_>) -> Vec<String> {
    let of = |row: Seen<'_>| row.events.first().map(|event| event.order.time.rfc3339());
    [of(other), of(one)].into_iter().flatten().collect()
}

/// The rows of the sort that was looked for, nearest first, that did not qualify.
fn reject(
    link: &Link,
    own: Seen<'_>,
    chosen: &[&str],
    target: Option<Kind>,
    values: &[String],
    near: &[Seen<'_>],
) -> Vec<Rejected> {
    let at = |row: Seen<'_>| row.events.first().map_or(0, |event| event.order.time.0);
    let mut others: Vec<Seen<'_>> = near
        .iter()
        .filter(|row| row.id != own.id && !chosen.contains(&row.id) && kind_of(**row) == target)
        .copied()
        .collect();
    others.sort_by_key(|row| (at(*row) - at(own)).abs());
    let why = |row: Seen<'_>| Some(Rejected { to: row.id.to_owned(), why: why_not(link, own, row, values)? });
    others.into_iter().filter_map(why).take(MOST_REJECTED).collect()
}

/// Why a row was not joined by this rule; `None` where nothing spoke for it in the first place.
fn why_not(link: &Link, own: Seen<'_>, row: Seen<'_>, values: &[String]) -> Option<String> {
    let rule = link.rule();
    match rule.choice {
        Choice::OpenCall | Choice::OpenStart | Choice::None => half(own, row),
        Choice::SameWords => own_time(own, row).map(|away| format!("says other words, {away}")),
        Choice::PromptBefore => {
            let person = |event: &&Event| Speaker::of(event.kind, event.participant.as_deref()) == Speaker::Person;
            row.events.iter().find(person)?;
            own_time(own, row).map(|away| format!("not the nearest before: {away}"))
        }
        Choice::Only(_) if rule.strength == Strength::Near => {
            let begins =
                row.events.iter().flat_map(|event| event.values(KeyKind::Task)).find(|value| value.len() > 8)?;
            Some(format!("its id begins with {}", begins.chars().take(8).collect::<String>()))
        }
        Choice::First | Choice::NewestState | Choice::Only(_) => of_key(rule.key?, own, row, values),
    }
}

/// What speaks against a row where a half looks for its other half.
fn half(own: Seen<'_>, row: Seen<'_>) -> Option<String> {
    let has = |row: Seen<'_>, phase| row.events.iter().any(|event| event.phase == phase);
    let start = |row: Seen<'_>| row.events.iter().map(|event| event.order.time).min();
    let weaker = weaker(own, row);
    if has(own, Phase::Call) && has(row, Phase::Call) {
        return None;
    }
    if has(row, Phase::Call) && has(row, Phase::Result) {
        return weaker.map(|kind| format!("same {}, but it has its own {}", kind.name(), "result"));
    }
    if has(row, Phase::Call) && start(row) > start(own) {
        return weaker.map(|kind| format!("same {}, but it starts later", kind.name()));
    }
    (has(row, Phase::Call) || has(row, Phase::Result)).then(|| match weaker {
        Some(kind) => format!("shares only {}", kind.name()),
        None => "shares no key".to_owned(),
    })
}

/// What speaks against a row where a key decides.
fn of_key(kind: KeyKind, own: Seen<'_>, row: Seen<'_>, values: &[String]) -> Option<String> {
    let value = values.first()?;
    let keys = || row.events.iter().flat_map(|event| &event.keys).filter(|key| key.via() == Via::Same);
    // Rows with the same value are tied to the first of them: they belong together too, and were not rejected.
    if keys().any(|key| key.kind == kind && key.value == *value) {
        return None;
    }
    if let Some(key) = keys().find(|key| key.value == *value) {
        return Some(format!("{value} is its {}, not its {}", key.kind.name(), kind.name()));
    }
    let follows = |longer: &str, shorter: &str| longer.strip_prefix(shorter).is_some_and(|rest| rest.starts_with(':'));
    if let Some(key) = keys().find(|key| key.kind == kind && (follows(&key.value, value) || follows(value, &key.value)))
    {
        return Some(format!("{} is a follow-up or its parent, not the same {}", key.value, kind.name()));
    }
    weaker(own, row).map(|shared| format!("shares only {}", shared.name()))
}

/// The strongest kind of key by which two rows are the same, session and room aside.
fn weaker(own: Seen<'_>, row: Seen<'_>) -> Option<KeyKind> {
    const STRONGEST_FIRST: [KeyKind; 8] = [
        KeyKind::ToolCall,
        KeyKind::Message,
        KeyKind::ProviderRequest,
        KeyKind::Span,
        KeyKind::Request,
        KeyKind::Trace,
        KeyKind::Intent,
        KeyKind::Task,
    ];
    STRONGEST_FIRST.into_iter().find(|kind| shared(*kind, own.events, Via::Same, row.events, Via::Same).is_some())
}

/// How far a row is away, in words.
fn own_time(own: Seen<'_>, row: Seen<'_>) -> Option<String> {
    let (own, other) = (own.events.first()?.order.time.0, row.events.first()?.order.time.0);
    let seconds = (own - other) as f64 / 1e6;
    Some(if seconds >= 0.0 { format!("{seconds:.1} s earlier") } else { format!("{:.1} s later", -seconds) })
}
