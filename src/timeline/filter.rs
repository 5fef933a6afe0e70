//! Judges rows and sessions by a filter: the one evaluator, which the screen, the command line and exports ask.

use std::borrow::Cow;

use super::{Join, Strength, Turn};
use crate::domain::filter::{Condition, Expression, Feature, Field, Frame, Verdict};
use crate::domain::{Event, KeyKind, Session, Timestamp, Usage, flag};

/// Flags that are findings.
pub const FINDINGS: i64 =
    flag::BAD | flag::CONFLICT | flag::TRUNCATED | flag::TIME_RAN_BACK | flag::IMPLAUSIBLE_USAGE | flag::UNKNOWN;

/// A row with all that a filter may ask of it. What is `None` is not known, and matches neither a test nor its `not`.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub session: &'a Session,
    pub turn: &'a Turn,
    /// The events of the row.
    pub events: &'a [Event],
    pub marked: Option<bool>,
    pub noted: Option<bool>,
    /// The joins of the row; worked out only where a filter asks for them.
    pub joins: Option<&'a [Join]>,
    /// Whether there is a finding beside those that the flags of its events tell.
    pub finding: Option<bool>,
}

/// Whether a row passes.
pub fn matches(expression: &Expression, subject: &Subject<'_>, frame: &Frame) -> bool {
    let judge = |field, condition: &Condition| match condition {
        Condition::Has(features) => any(features.iter().map(|feature| subject.has(*feature))),
        Condition::Moment(..) => moment(subject.turn.at, condition, frame),
        Condition::Number(..) | Condition::Span(..) => number(subject.number(field), condition),
        Condition::Like(_) | Condition::Regex(_) => texts(&subject.texts(field), is_long(field), condition),
    };
    expression.judge(&|test| judge(test.field, &test.condition)) == Verdict::Yes
}

/// Whether a session passes. `words` are what a bare word looks at.
pub fn matches_session(expression: &Expression, session: &Session, words: &str, frame: &Frame) -> bool {
    let judge = |field, condition: &Condition| match condition {
        Condition::Has(features) => any(features.iter().map(|feature| session_has(session, *feature))),
        Condition::Moment(..) => {
            let is_end = matches!(field, Field::Since | Field::After);
            moment(if is_end { session.ended } else { session.started }, condition, frame)
        }
        Condition::Number(..) | Condition::Span(..) => number(session_number(session, field), condition),
        Condition::Like(_) | Condition::Regex(_) => {
            texts(&session_texts(session, field, words), is_long(field), condition)
        }
    };
    expression.judge(&|test| judge(test.field, &test.condition)) == Verdict::Yes
}

impl<'a> Subject<'a> {
    /// A row of which no more is known than its events say.
    pub fn of(session: &'a Session, turn: &'a Turn, events: &'a [Event]) -> Self {
        Self { session, turn, events, marked: None, noted: None, joins: None, finding: None }
    }

    fn has(&self, feature: Feature) -> Verdict {
        let flagged = |bit: i64| Verdict::of(self.turn.flags & bit != 0);
        let known = |known: Option<bool>| known.map_or(Verdict::Unknown, Verdict::of);
        let joined = |wanted: fn(&Join) -> bool| known(self.joins.map(|joins| joins.iter().any(wanted)));
        match feature {
            Feature::Error => flagged(flag::ERROR),
            Feature::Truncated => flagged(flag::TRUNCATED),
            Feature::Bad => flagged(flag::BAD),
            Feature::Unknown => flagged(flag::UNKNOWN),
            Feature::Conflict => flagged(flag::CONFLICT),
            Feature::Superseded => flagged(flag::SUPERSEDED),
            Feature::Purged => flagged(flag::PURGED),
            Feature::Inferred => flagged(flag::INFERRED_TIME),
            Feature::Inherited => flagged(flag::INHERITED),
            Feature::Sidechain => flagged(flag::SIDECHAIN),
            Feature::Twin => flagged(flag::TWIN),
            Feature::Backwards => flagged(flag::TIME_RAN_BACK),
            Feature::Implausible => flagged(flag::IMPLAUSIBLE_USAGE),
            Feature::Usage => Verdict::of(self.turn.usage.is_some()),
            Feature::Note => known(self.noted),
            Feature::Mark => known(self.marked),
            Feature::Orphan => joined(|join| join.strength == Strength::Orphan),
            Feature::Ambiguous => joined(|join| join.strength == Strength::Ambiguous),
            Feature::Joined => joined(|join| join.strength < Strength::Ambiguous),
            Feature::Finding => any([flagged(FINDINGS), self.has(Feature::Orphan), known(self.finding)].into_iter()),
        }
    }

    fn number(&self, field: Field) -> Option<i64> {
        match field {
            Field::Tokens => self.turn.usage.as_ref().and_then(Usage::total),
            Field::Latency => self.turn.latency,
            _ => None,
        }
    }

    /// The values of a field; none where it is not known.
    fn texts(&self, field: Field) -> Vec<Cow<'a, str>> {
        let turn = self.turn;
        let each = |pick: fn(&Event) -> Option<&str>| self.events.iter().filter_map(pick).map(Cow::Borrowed).collect();
        match field {
            Field::Kind => vec![turn.kind.name().into()],
            Field::Status => named(turn.status.as_str()),
            Field::Tool => each(|event| event.tool.as_deref()),
            Field::Model => each(|event| event.model.as_deref()),
            Field::Provider => each(|event| event.provider.as_deref()),
            Field::Participant => each(|event| event.participant.as_deref()),
            Field::Error => each(|event| event.error.as_deref()),
            Field::Source => each(|event| Some(&event.source)),
            Field::Type => each(|event| Some(&event.event_type)),
            Field::Who => vec![turn.who.as_str().into()],
            Field::Id => [turn.id.as_str()]
                .into_iter()
                .chain(turn.events.iter().map(String::as_str))
                .map(Cow::Borrowed)
                .collect(),
            Field::Key(kind) => self.keys(kind),
            Field::Agent => vec![self.session.agent.as_str().into()],
            Field::Project => self.session.project.as_deref().map(Cow::Borrowed).into_iter().collect(),
            Field::Text => self.words(),
            _ => Vec::new(),
        }
    }

    fn keys(&self, kind: KeyKind) -> Vec<Cow<'a, str>> {
        let own = self.turn.keys.iter().filter(|key| key.kind == kind).map(|key| key.value.as_str());
        let of_session = match kind {
            KeyKind::Session => Some(self.session.id.as_str()),
            KeyKind::Room => self.session.room.as_deref(),
            _ => None,
        };
        own.chain(of_session).map(Cow::Borrowed).collect()
    }

    /// What a bare word looks at: what the list shows, and the ids.
    fn words(&self) -> Vec<Cow<'a, str>> {
        let turn = self.turn;
        let mut words = vec![turn.label.as_str(), &turn.who, turn.kind.name(), &turn.status, turn.state.name()];
        words.extend([turn.source.as_str(), &turn.id]);
        words.extend(turn.model.as_deref());
        words.extend(turn.error.as_deref());
        words.extend(turn.keys.iter().map(|key| key.value.as_str()));
        words.into_iter().map(Cow::Borrowed).collect()
    }
}

fn session_has(session: &Session, feature: Feature) -> Verdict {
    match feature {
        Feature::Error => Verdict::of(session.errors > 0),
        Feature::Finding => Verdict::of(session.findings > 0),
        Feature::Usage => Verdict::of(session.tokens.total.is_some()),
        _ => Verdict::Unknown,
    }
}

fn session_number(session: &Session, field: Field) -> Option<i64> {
    match field {
        Field::Tokens => session.tokens.total,
        Field::Errors => Some(session.errors),
        Field::Turns => Some(session.turns),
        Field::Events => Some(session.events),
        _ => None,
    }
}

fn session_texts<'a>(session: &'a Session, field: Field, words: &'a str) -> Vec<Cow<'a, str>> {
    let value = match field {
        Field::Model => return session.models.iter().map(|model| model.as_str().into()).collect(),
        Field::Agent => Some(session.agent.as_str()),
        Field::Project => session.project.as_deref(),
        Field::Title => Some(session.name()),
        Field::Id | Field::Key(KeyKind::Session) => Some(session.id.as_str()),
        Field::Key(KeyKind::Room) => session.room.as_deref(),
        Field::Text => Some(words),
        _ => None,
    };
    value.map(Cow::Borrowed).into_iter().collect()
}

/// A text as a value: an empty one is not known.
fn named(text: &str) -> Vec<Cow<'_, str>> {
    Some(text).filter(|text| !text.is_empty()).map(Cow::Borrowed).into_iter().collect()
}

/// Whether a value must only occur in the text, as in words, errors and titles.
fn is_long(field: Field) -> bool {
    field.sort() == crate::domain::filter::Sort::Words
}

fn texts(values: &[Cow<'_, str>], long: bool, condition: &Condition) -> Verdict {
    if values.is_empty() {
        return Verdict::Unknown;
    }
    Verdict::of(values.iter().any(|value| match condition {
        Condition::Like(patterns) if long => patterns.iter().any(|pattern| pattern.occurs_in(value)),
        Condition::Like(patterns) => patterns.iter().any(|pattern| pattern.fits(value)),
        Condition::Regex(regex) => regex.occurs_in(value),
        _ => false,
    }))
}

fn number(value: Option<i64>, condition: &Condition) -> Verdict {
    match (value, condition) {
        (Some(value), Condition::Number(comparison, limit) | Condition::Span(comparison, limit)) => {
            Verdict::of(comparison.holds(value, *limit))
        }
        _ => Verdict::Unknown,
    }
}

fn moment(value: Option<Timestamp>, condition: &Condition, frame: &Frame) -> Verdict {
    let Condition::Moment(comparison, moment) = condition else { return Verdict::Unknown };
    match (value, moment.at(frame)) {
        (Some(value), Some(limit)) => Verdict::of(comparison.holds(value.0, limit.0)),
        _ => Verdict::Unknown,
    }
}

/// One yes is enough; without one, what is unknown stays unknown.
fn any(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.fold(Verdict::No, |before, verdict| match (before, verdict) {
        (Verdict::Yes, _) | (_, Verdict::Yes) => Verdict::Yes,
        (Verdict::Unknown, _) | (_, Verdict::Unknown) => Verdict::Unknown,
        _ => Verdict::No,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::filter::{Filter, Saved, Scope};
    use crate::domain::{Key, Kind, Order, Phase, UsageSource};
    use crate::timeline::describe;

    const START: i64 = 1_772_445_600_000_000;

    fn frame() -> Frame {
        Frame { now: Timestamp(START + 3_600_000_000), offset: 0, start: Some(Timestamp(START)) }
    }

    /// A call that failed after three seconds, a minute after the start.
    fn failed_call() -> Vec<Event> {
        let mut call = Event::new(Kind::Tool, "canvas_runner", "tool_use");
        (call.id, call.turn, call.tool) = ("c1".into(), Some("tool:t1".into()), Some("canvas.create".into()));
        (call.label, call.phase) = ("a note".into(), Phase::Call);
        call.keys = vec![Key::native(KeyKind::Trace, "TR-1"), Key::native(KeyKind::Trace, "tr-2")];
        call.order = Order { time: Timestamp(START + 60_000_000), origin: 0, sequence: 1 };
        let mut result = call.clone();
        (result.id, result.phase, result.status) = ("c2".into(), Phase::Result, Some("failed".into()));
        result.order.time = Timestamp(START + 63_000_000);
        (result.flags, result.error) = (flag::ERROR | flag::TRUNCATED, Some("no such board".into()));
        vec![call, result]
    }

    fn session() -> Session {
        Session { id: "s1".into(), agent: "present".into(), started: Some(Timestamp(START)), ..Session::default() }
    }

    fn holds(text: &str, events: &[Event]) -> bool {
        let filter = Filter::parse(text, Scope::Rows, &Saved::new()).map_err(|fault| format!("{text}: {fault}"));
        let expression = filter.expect("valid").expect("is one").expression;
        let (session, turn) = (session(), describe(events).expect("has events"));
        matches(&expression, &Subject::of(&session, &turn, events), &frame())
    }

    #[test]
    fn every_field_of_a_row_can_be_asked() {
        let row = failed_call();
        for text in [
            "kind:tool has:error not status:error",
            "status:failed tool:\"canvas.*\" source:CANVAS_runner",
            "trace:tr-1 trace:tr-2 call:x or latency>2s",
            "latency=3s at>+10s at<=+1m since:59m before:10:02",
            "after:2026-03-02T10:01:00Z not after:10:01:01",
            "has:error,orphan has:truncated not has:bad,usage",
            "note BOARD \"a note\" failed tr-2",
            "text~\"no such.*d$\" error~such error:board",
            "who:canvas.create type:tool_use id:c2 id:tool:t1",
            "session:s1 agent:present not agent:codex",
        ] {
            assert!(holds(text, &row), "{text}");
        }
        for text in ["kind:model", "status:ok", "tool:canvas", "latency>3s", "at>+1m", "nowhere", "has:bad"] {
            assert!(!holds(text, &row) && holds(&format!("not ({text})"), &row), "{text}");
        }
    }

    #[test]
    fn a_status_is_the_word_that_the_list_shows() {
        let mut call = failed_call();
        assert!(holds("status:failed", &call) && !holds("status:error", &call) && holds("has:error", &call));
        call[1].status = None;
        assert!(holds("status:error", &call) && !holds("status:failed", &call));
        assert!(holds("\"no result\" status:\"no result\"", &call[..1]) && !holds("has:error", &call[..1]));
    }

    #[test]
    fn since_and_after_begin_at_their_moment_and_before_ends_short_of_it() {
        let row = failed_call();
        for exactly in ["10:01:00", "+1m", "59m", "2026-03-02T10:01:00Z", "2026-03-02T10:01"] {
            for test in ["since:T", "after:T", "at>=T", "at<=T", "not before:T", "not at>T", "not at<T"] {
                assert!(holds(&test.replace('T', exactly), &row), "{test} {exactly}");
            }
            for test in ["before:T", "at>T", "at<T", "not since:T", "not after:T"] {
                assert!(!holds(&test.replace('T', exactly), &row), "{test} {exactly}");
            }
        }
        for (text, expected) in
            [("after:10:01:00.000001", false), ("before:10:01:00.000001", true), ("at>10:00:59.999999", true)]
        {
            assert_eq!(holds(text, &row), expected, "{text}");
        }
    }

    #[test]
    fn what_a_row_does_not_say_matches_neither_way() {
        let mut said = Event::new(Kind::Transcript, "voice_agent", "line");
        said.id = "e1".into();
        for text in ["latency>2s", "tokens<5", "tool:*", "model:x", "status:error", "at>+1s", "trace:x", "error:x"] {
            assert!(!holds(text, &[said.clone()]) && !holds(&format!("not {text}"), &[said.clone()]), "{text}");
        }
        for text in ["has:note", "has:orphan", "has:joined"] {
            assert!(!holds(text, &[said.clone()]) && !holds(&format!("not {text}"), &[said.clone()]), "{text}");
        }
    }

    #[test]
    fn the_last_usage_of_a_turn_is_its_number_of_tokens() {
        let mut first = Event::new(Kind::Model, "x", "y");
        first.usage = Some(Usage { output: Some(10), ..Usage::new("r", UsageSource::Provider) });
        let mut last = first.clone();
        last.order.time = Timestamp(5);
        last.usage = Some(Usage { output: Some(2_000), ..Usage::new("r", UsageSource::Provider) });
        assert!(holds("tokens>1k has:usage", &[first.clone(), last.clone()]));
        assert!(!holds("tokens=10", &[first, last]));
    }

    #[test]
    fn sessions_are_asked_for_what_they_have() {
        let session = Session {
            errors: 2,
            models: vec!["claude-1".into(), "gpt-5".into()],
            ended: Some(Timestamp(START + 3_599_000_000)),
            ..session()
        };
        let holds = |text: &str| {
            let filter = Filter::parse(text, Scope::Sessions, &Saved::new()).expect("valid").expect("is one");
            matches_session(&filter.expression, &session, "the flaky test\ns1", &frame())
        };
        assert!(holds("agent:PRESENT model:gpt* errors>=2 since:10s before:10:01 flaky has:error title:s"));
        assert!(!holds("since:1ms") && !holds("project:x") && !holds("not project:x") && !holds("tokens>0"));
    }
}
