//! `turnscope show`: one row in full, or one of its parts.

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

use super::location::Location;
use super::output::Output;
use super::selection::{self, Chosen};
use super::shape::{self, RowLine};
use super::{Ended, part, summary, tell};
use crate::cli::{Part, Show};
use crate::domain::price::Prices;
use crate::domain::{Body, Event, Session, flag};
use crate::report::{Joined, Step, row_of};
use crate::store::{Origin, Store};
use crate::timeline::Join;

/// Everything that is known of one row.
pub struct Whole {
    pub session: Session,
    pub step: Step,
    pub joins: Vec<Join>,
    pub bodies: Vec<Body>,
    /// The places of each event's record, in the order of the events.
    pub origins: Vec<Vec<Origin>>,
    /// The names of the others that have each event's id: other states of it, or rivals.
    pub others: Vec<Vec<String>>,
}

pub async fn show(location: &Location, wanted: &Show, output: &mut Output) -> Result<Ended> {
    let store = location.open().await?;
    let (named, event) = wanted.names();
    let Chosen { session, window, .. } = selection::find(&store, named, &wanted.original, &output.zone).await?;
    let mut numbers = store.named(session.number, event).await?;
    if !window.is_open() {
        let events = store.events(&numbers).await?;
        let inside = events.iter().filter(|event| window.holds(event.order.time));
        numbers = inside.map(|event| event.number).collect();
    }
    let Some((step, others)) = row_of(&store, &session, &numbers).await? else {
        bail!("session {} has no event or row `{event}`: `turnscope timeline` lists them", session.id);
    };
    if others > 0 {
        tell(&format!("`{event}` is the id of {others} more, in other rows: `{event}~1` and so on"));
    }
    match wanted.part {
        Some(part) => write_part(&store, wanted, part, &step, output).await?,
        None => {
            let whole = gather(&store, session, step).await?;
            if output.json {
                output.object(&object(&whole, &output.prices))?;
            } else {
                summary::print(&whole, output)?;
            }
        }
    }
    store.close().await;
    Ok(Ended::Well)
}

async fn write_part(store: &Store, wanted: &Show, part: Part, step: &Step, output: &mut Output) -> Result<()> {
    let numbers: Vec<i64> = step.events.iter().map(|event| event.number).collect();
    let bodies = store.bodies(&numbers).await?;
    let event = wanted.names().1;
    let named = step.events.iter().filter(|known| known.id == event || known.name() == event).map(|known| known.number);
    let named: Vec<i64> = named.collect();
    let role = part.role();
    let (body, others) = part::choose(&bodies, role, &named, step)?;
    part::tell_of_others(role, body, others, step);
    match &wanted.output {
        Some(path) if path.as_os_str() != "-" => part::write_file(store, body, path, wanted.force).await,
        _ => part::print(store, body, output).await,
    }
}

async fn gather(store: &Store, session: Session, step: Step) -> Result<Whole> {
    let numbers: Vec<i64> = step.events.iter().map(|event| event.number).collect();
    let bodies = store.bodies(&numbers).await?;
    let mut origins = Vec::with_capacity(numbers.len());
    let mut others = Vec::with_capacity(numbers.len());
    for event in &step.events {
        origins.push(store.origins(event.number).await?);
        let alike = store.revisions(session.number, &event.id).await?.into_iter();
        others.push(
            alike.filter(|other| *other != event.revision).map(|other| Event::name_of(&event.id, other)).collect(),
        );
    }
    let joins =
        Joined::of(store, &session).await?.joins(store, std::slice::from_ref(&step)).await?.pop().unwrap_or_default();
    Ok(Whole { session, step, joins, bodies, origins, others })
}

/// The row as `timeline --json` has it, with its events, their bodies and their origins.
fn object(whole: &Whole, prices: &Prices) -> Value {
    let turn = &whole.step.turn;
    let row = RowLine::of(turn, super::timeline::depth(&whole.step), &whole.joins, prices);
    let mut object = match serde_json::to_value(row) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    };
    let mut first = Map::new();
    first.insert("session".to_owned(), json!(whole.session.id));
    first.append(&mut object);
    first.insert("joins".to_owned(), whole.joins.iter().map(shape::explained).collect());
    first.insert("who".to_owned(), json!(turn.who));
    first.insert("model".to_owned(), json!(turn.model));
    first.insert("error".to_owned(), json!(turn.error));
    let usage = turn.usage.as_ref().map(|usage| json!({"rule": usage.rule, "source": usage.source.name()}));
    first.insert("usage".to_owned(), json!(usage));
    let events = whole.step.events.iter().zip(whole.origins.iter().zip(&whole.others));
    let object =
        |(event, (origins, others)): (_, (&Vec<_>, &Vec<_>))| event_object(event, origins, others, &whole.bodies);
    let events: Vec<Value> = events.map(object).collect();
    first.insert("events".to_owned(), Value::Array(events));
    Value::Object(first)
}

fn event_object(event: &Event, origins: &[Origin], others: &[String], bodies: &[Body]) -> Value {
    let attributes: Vec<Value> =
        event.attributes.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let bodies = bodies.iter().filter(|body| body.event == event.number);
    let bodies: Vec<Value> = bodies
        .map(|body| json!({"role": body.role.name(), "size": body.size, "sha256": hex::encode(body.digest)}))
        .collect();
    let origins: Vec<Value> = origins
        .iter()
        .map(|origin| {
            json!({
                "importer": origin.importer,
                "path": origin.path,
                "offset": origin.offset,
                "size": origin.size,
            })
        })
        .collect();
    json!({
        "id": event.id,
        "revision": event.revision,
        "others": others,
        "kind": event.kind.name(),
        "type": event.event_type,
        "phase": event.phase.name(),
        "at": shape::time(Some(event.order.time)),
        "written_at": shape::time(event.at),
        "status": event.status,
        "label": event.label,
        "source": event.source,
        "provider": event.provider,
        "model": event.model,
        "tool": event.tool,
        "participant": event.participant,
        "error": event.error,
        "flags": flags(event.flags),
        "keys": shape::keys(&event.keys),
        "tokens": event.usage.as_ref().map(shape::TokenCounts::from),
        "attributes": attributes,
        "bodies": bodies,
        "origins": origins,
    })
}

/// The names of the flags that are set.
pub fn flags(flags: i64) -> Vec<&'static str> {
    const NAMES: [(i64, &str); 14] = [
        (flag::ERROR, "error"),
        (flag::INFERRED_TIME, "inferred_time"),
        (flag::INHERITED, "inherited"),
        (flag::SIDECHAIN, "sidechain"),
        (flag::BAD, "bad"),
        (flag::TRUNCATED, "truncated"),
        (flag::TIME_RAN_BACK, "time_ran_back"),
        (flag::CONFLICT, "conflict"),
        (flag::TWIN, "twin"),
        (flag::IMPLAUSIBLE_USAGE, "implausible_usage"),
        (flag::UNKNOWN, "unknown"),
        (flag::SUPERSEDED, "superseded"),
        (flag::REPEATS_USAGE, "repeats_usage"),
        (flag::PURGED, "purged"),
    ];
    NAMES.into_iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| name).collect()
}
