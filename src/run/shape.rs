//! The JSON that the commands print: one object a line, names and order fixed.

use serde::Serialize;
use serde_json::{Map, Number, Value, json};

use crate::domain::price::{Cost, Money, Prices};
use crate::domain::{Key, KeyKind, Session, Timestamp, Tokens, Usage, flag};
use crate::timeline::{Join, Turn, tokens_of};

#[derive(Serialize)]
pub struct SessionLine<'a> {
    id: &'a str,
    parent_id: Option<&'a str>,
    lineage: &'a str,
    title: Option<&'a str>,
    agent: &'a str,
    project: Option<&'a str>,
    room: Option<&'a str>,
    canvas: Option<&'a str>,
    cwd: Option<&'a str>,
    git_branch: Option<&'a str>,
    started: Option<String>,
    ended: Option<String>,
    events: i64,
    turns: i64,
    errors: i64,
    findings: i64,
    models: &'a [String],
    tokens: TokenCounts,
    usage_source: &'a str,
}

impl<'a> SessionLine<'a> {
    pub fn of(session: &'a Session) -> Self {
        Self {
            id: &session.id,
            parent_id: session.parent.as_deref(),
            lineage: &session.lineage,
            title: session.title.as_deref(),
            agent: &session.agent,
            project: session.project.as_deref(),
            room: session.room.as_deref(),
            canvas: session.canvas.as_deref(),
            cwd: session.cwd.as_deref(),
            git_branch: session.git_branch.as_deref(),
            started: time(session.started),
            ended: time(session.ended),
            events: session.events,
            turns: session.turns,
            errors: session.errors,
            findings: session.findings,
            models: &session.models,
            tokens: TokenCounts::from(session.tokens),
            usage_source: &session.usage_source,
        }
    }
}

/// Tokens by bucket; unknown is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TokenCounts {
    input: Option<i64>,
    cache_read: Option<i64>,
    cache_write: Option<i64>,
    output: Option<i64>,
    reasoning: Option<i64>,
    total: Option<i64>,
    /// `false` where other rows report them too, and they are counted there.
    #[serde(skip_serializing_if = "Option::is_none")]
    counted: Option<bool>,
}

impl TokenCounts {
    fn of(usage: &Usage, flags: i64) -> Self {
        let counted = (flags & flag::REPEATS_USAGE != 0).then_some(false);
        Self { counted, ..Self::from(usage) }
    }
}

impl From<Tokens> for TokenCounts {
    fn from(tokens: Tokens) -> Self {
        let Tokens { input, cache_read, cache_write, output, reasoning, total } = tokens;
        Self { input, cache_read, cache_write, output, reasoning, total, counted: None }
    }
}

impl From<&Usage> for TokenCounts {
    fn from(usage: &Usage) -> Self {
        tokens_of(usage).into()
    }
}

/// What calls of models cost; null where there were none that used anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CostLine {
    /// Of the calls whose price is known; null where there is none.
    micro_usd: Option<i64>,
    /// Calls without a known price.
    unpriced: usize,
}

impl CostLine {
    pub fn of(cost: Cost) -> Option<Self> {
        let used = cost.priced + cost.unpriced > 0;
        used.then(|| Self { micro_usd: cost.known().map(Money::micros), unpriced: cost.unpriced })
    }
}

#[derive(Serialize)]
pub struct RowLine<'a> {
    id: &'a str,
    kind: &'static str,
    at: Option<String>,
    ended: Option<String>,
    label: &'a str,
    status: Option<&'a str>,
    source: &'a str,
    depth: usize,
    keys: Map<String, Value>,
    joins: Vec<Value>,
    tokens: Option<TokenCounts>,
    latency_ms: Option<Number>,
    events: &'a [String],
    cost: Option<CostLine>,
}

impl<'a> RowLine<'a> {
    pub fn of(turn: &'a Turn, depth: usize, joins: &[Join], prices: &Prices) -> Self {
        Self {
            id: &turn.id,
            kind: turn.kind.name(),
            at: time(turn.at),
            ended: time(turn.ended),
            label: &turn.label,
            status: Some(turn.status.as_str()).filter(|status| !status.is_empty()),
            source: &turn.source,
            depth,
            keys: keys(&turn.keys),
            joins: joins.iter().map(join).collect(),
            tokens: turn.usage.as_ref().map(|usage| TokenCounts::of(usage, turn.flags)),
            latency_ms: turn.latency.and_then(millis),
            events: &turn.events,
            cost: CostLine::of(turn.cost(prices)),
        }
    }
}

/// `{name: [{value, origin, rule?}]}`, in the order in which keys are shown.
pub fn keys(keys: &[Key]) -> Map<String, Value> {
    let mut named = Map::new();
    for kind in KeyKind::ALL {
        let values: Vec<Value> = keys.iter().filter(|key| key.kind == kind).map(key).collect();
        if !values.is_empty() {
            named.insert(kind.name().to_owned(), Value::Array(values));
        }
    }
    named
}

fn key(key: &Key) -> Value {
    match &key.rule {
        None => json!({"value": key.value, "origin": "native"}),
        Some(rule) => json!({"value": key.value, "origin": "derived", "rule": rule}),
    }
}

pub fn join(join: &Join) -> Value {
    json!({
        "to": some(&join.to),
        "strength": join.strength.name(),
        "basis": {"key": join.basis.key, "rule": join.basis.rule, "values": join.basis.values},
        "candidates": join.candidates,
    })
}

/// A join with all that explains it: its two events, the row that left it open, and why others were rejected.
pub fn explained(shown: &Join) -> Value {
    let mut object = join(shown);
    object["of"] = json!(some(&shown.of));
    object["events"] = json!([some(&shown.from_event), some(&shown.to_event)]);
    object["rejected"] = shown.rejected.iter().map(|row| json!({"to": row.to, "why": row.why})).collect();
    object
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

pub fn time(time: Option<Timestamp>) -> Option<String> {
    time.map(Timestamp::rfc3339)
}

/// Microseconds as milliseconds, whole where they are.
pub fn millis(micros: i64) -> Option<Number> {
    if micros % 1000 == 0 { Some(Number::from(micros / 1000)) } else { Number::from_f64(micros as f64 / 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_say_who_wrote_them_and_by_which_rule() {
        let known = [
            Key::derived(KeyKind::Request, "r1", "trace alias"),
            Key::native(KeyKind::Session, "s1"),
            Key::native(KeyKind::Request, "r0"),
        ];
        assert_eq!(
            Value::Object(keys(&known)).to_string(),
            concat!(
                r#"{"session_id":[{"value":"s1","origin":"native"}],"#,
                r#""request_id":[{"value":"r1","origin":"derived","rule":"trace alias"},"#,
                r#"{"value":"r0","origin":"native"}]}"#
            )
        );
    }

    #[test]
    fn milliseconds_are_whole_where_they_can_be() {
        let shown = [2_000_000, 1_500].map(|micros| millis(micros).map(|number| number.to_string()));
        assert_eq!(shown, [Some("2000".to_owned()), Some("1.5".to_owned())]);
    }
}
