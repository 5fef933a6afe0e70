//! A row in words, for a person at a terminal.

use anyhow::Result;

use super::output::Output;
use super::progress::size;
use super::show::{Whole, flags};
use super::table::duration;
use crate::domain::{Body, Event, Key, Timestamp, Usage, flag, safe};
use crate::store::Origin;
use crate::timeline::Join;

pub fn print(whole: &Whole, output: &mut Output) -> Result<()> {
    let turn = &whole.step.turn;
    heading(output, &format!("{} {}", turn.kind.name(), turn.id))?;
    let time = |time: Option<Timestamp>| time.map(|time| output.zone.full(time)).unwrap_or_default();
    let (at, ended) = (time(turn.at), time(turn.ended));
    let facts = [
        ("session", whole.session.id.clone()),
        ("title", whole.session.title.clone().unwrap_or_default()),
        ("label", turn.label.clone()),
        ("status", turn.status.clone()),
        ("error", turn.error.clone().unwrap_or_default()),
        ("who", turn.who.clone()),
        ("model", turn.model.clone().unwrap_or_default()),
        ("source", turn.source.clone()),
        ("at", at),
        ("written", time(turn.written)),
        ("ended", ended),
        ("latency", turn.latency.map(duration).unwrap_or_default()),
        ("tokens", turn.usage.as_ref().map(tokens).unwrap_or_default()),
        ("flags", flags(turn.flags).join(" ")),
    ];
    for (name, value) in facts {
        if !value.is_empty() {
            output.line(&format!("  {name:<9}{}", safe(&value)))?;
        }
    }
    if !turn.keys.is_empty() {
        heading(output, "keys")?;
        turn.keys.iter().try_for_each(|one| output.line(&key(one)))?;
    }
    if !whole.joins.is_empty() {
        heading(output, "joins")?;
        whole.joins.iter().try_for_each(|one| output.line(&join(one)))?;
    }
    heading(output, "events")?;
    for (event, (origins, others)) in whole.step.events.iter().zip(whole.origins.iter().zip(&whole.others)) {
        print_event(event, origins, others, &whole.bodies, output)?;
    }
    Ok(())
}

fn heading(output: &mut Output, text: &str) -> Result<()> {
    let text = output.bold(&safe(text));
    output.line(&text)
}

fn print_event(
    event: &Event,
    origins: &[Origin],
    others: &[String],
    bodies: &[Body],
    output: &mut Output,
) -> Result<()> {
    let written = event.at.map(|time| output.zone.full(time)).unwrap_or_else(|| "no time written".to_owned());
    let revision = if event.revision > 0 { format!("  revision {}", event.revision) } else { String::new() };
    let line = format!("  {}  {}  {}  {written}{revision}", event.name(), event.event_type, event.phase.name());
    output.line(&safe(&line))?;
    if !others.is_empty() {
        let which = if event.has(flag::CONFLICT) { "rivals" } else { "states" };
        output.line(&safe(&format!("    {which:<10}{}", others.join(" "))))?;
    }
    for origin in origins {
        let Origin { importer, path, offset, size } = origin;
        output.line(&safe(&format!("    from      {path}:{offset}  {size} bytes, read by {importer}")))?;
    }
    for body in bodies.iter().filter(|body| body.event == event.number) {
        let bytes = size(u64::try_from(body.size).unwrap_or_default());
        output.line(&format!("    {:<10}{bytes}  sha256 {}", body.role.name(), hex::encode(body.digest)))?;
    }
    for (name, value) in &event.attributes {
        output.line(&safe(&format!("    {name:<9} {value}")))?;
    }
    Ok(())
}

fn key(key: &Key) -> String {
    let origin = match &key.rule {
        None => "native".to_owned(),
        Some(rule) => format!("derived: {rule}"),
    };
    safe(&format!("  {:<20}{}  {origin}", key.kind.name(), key.value)).into_owned()
}

fn join(join: &Join) -> String {
    let to = match (join.to.as_str(), join.candidates.as_slice()) {
        ("", []) => "nothing".to_owned(),
        ("", candidates) => format!("one of {}", candidates.join(", ")),
        (to, _) => to.to_owned(),
    };
    let basis = &join.basis;
    let line = format!(
        "  {:<10}{to}  because of {}: {} ({})",
        join.strength.name(),
        basis.key,
        basis.rule,
        basis.values.join(", ")
    );
    safe(&line).into_owned()
}

fn tokens(usage: &Usage) -> String {
    let known = usage.named().into_iter().filter_map(|(name, count)| Some(format!("{name} {}", count?)));
    let known: Vec<String> = known.collect();
    format!("{} ({}, {})", known.join(", "), usage.rule, usage.source.name())
}
