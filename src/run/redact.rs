//! Redaction on the command line: rules and keys from files, and what was found in words.

use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::output::Output;
use super::{tell, usage};
use crate::cli::{Redact, RedactBy as By};
use crate::domain::redact::Rules;
use crate::domain::safe;
use crate::report::{Cleared, Extra, Redaction, Review, Secret, Selection, Spot, review};
use crate::store::Store;

/// The rules that are asked for; what is wrong with them is told before anything else is done.
pub fn rules(by: &By) -> Result<Rules> {
    let mut tables: Vec<String> = by.usual.iter().cloned().collect();
    for file in &by.rules {
        let text = fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
        // Alone first, so that the fault is told with the file it is in.
        Rules::new(&[&text], &[]).with_context(|| format!("could not use {}", file.display()))?;
        tables.push(text);
    }
    let off: Vec<String> = by.except.iter().map(|name| format!("[[rule]]\nname = {name:?}\noff = true\n")).collect();
    let known = Rules::new(&tables.iter().map(String::as_str).collect::<Vec<_>>(), &by.also)
        .map_err(|fault| usage(fault.to_string()))?;
    if let Some(name) = by.except.iter().find(|name| !known.list.iter().any(|rule| rule.name == **name)) {
        return Err(usage(format!("--except {name}: there is no such rule; `turnscope scan --list` lists them")));
    }
    if off.is_empty() {
        return Ok(known);
    }
    tables.extend(off);
    Ok(Rules::new(&tables.iter().map(String::as_str).collect::<Vec<_>>(), &by.also)?)
}

/// How secrets are taken out, where that is wanted.
pub fn redaction(wanted: &Redact) -> Result<Option<Redaction>> {
    if !wanted.redact {
        let by = &wanted.by;
        if !by.rules.is_empty() || !by.also.is_empty() || !by.except.is_empty() {
            return Err(usage("`--rules`, `--also` and `--except` say how to redact: add `--redact`"));
        }
        return Ok(None);
    }
    let rules = rules(&wanted.by)?;
    let redaction = match &wanted.redact_key {
        None => Redaction::new(rules)?,
        Some(file) => {
            let key = fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
            Redaction::with_key(rules, key).with_context(|| format!("could not use {}", file.display()))?
        }
    };
    Ok(Some(redaction))
}

/// Looks for secrets and says what will be hidden: as data for a dry run, in words otherwise.
pub async fn show(
    store: &Store,
    selection: &Selection,
    extra: &Extra,
    redaction: &Redaction,
    wanted: &Redact,
    output: &mut Output,
) -> Result<Cleared> {
    let found = review(store, selection, extra, redaction, &mut |_| Ok(())).await?;
    if wanted.dry_run {
        list(redaction.rules(), &found, output)?;
    } else {
        summary(redaction.rules(), &found).iter().for_each(|line| tell(line));
    }
    Ok(found.cleared)
}

/// What was found, a line for each different secret.
pub fn list(rules: &Rules, found: &Review, output: &mut Output) -> Result<()> {
    for secret in &found.secrets {
        if output.json {
            output.object(&row(rules, secret))?;
            continue;
        }
        let spots: Vec<String> = secret.spots.iter().take(3).map(Spot::to_string).collect();
        let more = secret.count.saturating_sub(spots.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let name = &rules.list[secret.rule].name;
        output.line(&format!("{name:<18} {:<32} {}{more}", safe(&secret.hint), safe(&spots.join(", "))))?;
    }
    if !output.json {
        summary(rules, found).iter().take(1).for_each(|line| tell(line));
    }
    Ok(())
}

/// One secret for a script; its value is not in it.
pub fn row(rules: &Rules, secret: &Secret) -> Value {
    let spots: Vec<Value> = secret
        .spots
        .iter()
        .map(|spot| {
            json!({
                "session": spot.session, "event": spot.event, "part": spot.part, "path": spot.path, "at": spot.at,
                "shared": spot.shared,
            })
        })
        .collect();
    let rule = &rules.list[secret.rule];
    json!({
        "rule": rule.name, "why": rule.about, "hint": secret.hint, "hmac": hex::encode(secret.mark),
        "count": secret.count, "places": spots,
    })
}

/// How many of which rule.
fn summary(rules: &Rules, found: &Review) -> Vec<String> {
    let all: usize = found.secrets.iter().map(|secret| secret.count).sum();
    if all == 0 {
        return vec!["nothing was found that looks like a secret".to_owned()];
    }
    let mut lines = vec![format!("{all} places hold {} different secrets", found.secrets.len())];
    for (at, rule) in rules.list.iter().enumerate() {
        let of_rule: Vec<&Secret> = found.secrets.iter().filter(|secret| secret.rule == at).collect();
        let count: usize = of_rule.iter().map(|secret| secret.count).sum();
        let Some(first) = of_rule.first().and_then(|secret| secret.spots.first()) else { continue };
        let different = of_rule.len();
        lines.push(format!("  {}: {count} ({different} different), first in {}", rule.name, first));
    }
    for withheld in &found.withheld {
        let times = withheld.count;
        lines.push(format!("  withheld unseen: {times} of {}, {} bytes", withheld.kind, withheld.bytes));
    }
    lines
}
