//! Rows that leave whole, in the order of the timeline; and what was found out on the way: totals, artifacts, actions.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::Result;
use serde_json::{Value, json};

use super::bodies::{Place, Reader};
use super::{Section, Walking, finding_rows, rows};
use crate::domain::{Body, Event, Head, Session, Tokens, flag};
use crate::report::joined::Joined;
use crate::report::walk::{Step, Walk};
use crate::store::Store;
use crate::timeline::{
    ActionArray, ArtifactKind, Found, Ledger, Rows, Spot, Surveyor, Tally, Totals, Version, describe, percentile,
    speaker,
};

/// A longer body is not looked into; it is read in one go.
const LONGEST: i64 = 8 << 20;
/// Rows that are named for one artifact; more are counted.
const NAMED: usize = 20;

/// Whose text it is, of which kind, and its digest.
type Told = (String, ArtifactKind, [u8; 32]);

/// What was found out while rows went by.
#[derive(Default)]
struct Insight {
    surveyor: Surveyor,
    totals: Totals,
    /// The rows that went by.
    rows: usize,
    /// The place of each text in `artifacts`.
    known: HashMap<Told, usize>,
    artifacts: Vec<Seen>,
}

/// One text that a model was told, and where.
struct Seen {
    told: Told,
    row: Value,
    rows: Vec<usize>,
    seen: usize,
}

impl Insight {
    fn see(&mut self, step: &Step, told: &[Found]) {
        for (event, found) in step.events.iter().zip(told) {
            for artifact in &found.artifacts {
                let told = (speaker(event), artifact.kind, artifact.digest);
                let index = *self.known.entry(told.clone()).or_insert(self.artifacts.len());
                if index == self.artifacts.len() {
                    let row = rows::artifact_row(artifact, event);
                    self.artifacts.push(Seen { told, row, rows: Vec::new(), seen: 0 });
                }
                let own = &mut self.artifacts[index];
                if own.rows.last() != Some(&self.rows) {
                    own.seen += 1;
                    if own.rows.len() < NAMED {
                        own.rows.push(self.rows);
                    }
                }
            }
        }
        let counted: Vec<Event> = step.events.iter().filter(|event| !event.has(flag::INHERITED)).cloned().collect();
        if let Some(turn) = describe(&counted) {
            self.totals.add(&turn, &counted);
        }
        self.rows += 1;
    }
}

impl Walking<'_> {
    /// Every row of the chosen sessions, and what does not add up in them.
    pub(super) async fn whole_rows(&mut self, chosen: &[(Session, Vec<Head>)]) -> Result<()> {
        let totals = Totals::with(self.form.prices());
        let (mut insight, mut findings) = (Insight { totals, ..Insight::default() }, Vec::new());
        let mut reader = Reader::default();
        // Joins that lead out of the selection are told as such, so what is in it must be known first.
        let mut names: HashSet<String> = HashSet::new();
        for (_, heads) in chosen {
            let numbers: Vec<i64> = heads.iter().map(|head| head.number).collect();
            for chunk in numbers.chunks(super::CHUNK) {
                names.extend(self.store.events(chunk).await?.iter().map(Event::row));
            }
        }
        self.form.begin(Section::Rows)?;
        for (session, heads) in chosen {
            let joined = Joined::of(self.store, session).await?;
            findings.extend(finding_rows(self.store, session, heads, &joined).await?);
            let above = insight.rows;
            let own = Rows::of(heads);
            let parents = parents(&joined, session, &own, heads);
            let mut walk = Walk::over(self.store, own);
            while !walk.is_done() {
                let steps = walk.part().await?;
                let joins = joined.joins(self.store, &steps).await?;
                let numbers: Vec<i64> = steps.iter().flat_map(|step| &step.events).map(|event| event.number).collect();
                let contents = self.store.contents(&numbers).await?;
                let mut bodies = self.bodies_of(&numbers).await?;
                for (step, joins) in steps.iter().zip(&joins) {
                    let (mut events, mut worth) = (Vec::with_capacity(step.events.len()), Vec::new());
                    for event in &step.events {
                        let own = bodies.remove(&event.number).unwrap_or_default();
                        events.push(self.event(event, &own, contents.get(&event.number)));
                        for body in own.into_iter().filter(|body| Surveyor::is_worth(event, body.role)) {
                            let bytes = looked_into(self.store, &mut reader, &insight.surveyor, &body).await?;
                            worth.push((body, bytes));
                        }
                    }
                    let told = insight.surveyor.take(insight.rows, &step.events, &worth);
                    let joins = joins.iter().map(|join| {
                        let external = !join.to.is_empty() && !names.contains(&join.to);
                        rows::join_row(&session.id, &step.turn.id, join, external)
                    });
                    let mut row = rows::whole_row(step, &session.id, events, joins.collect(), &told);
                    let parent = parents.get(insight.rows - above).copied().flatten();
                    row["parent"] = json!(parent.map(|parent| above + parent as usize));
                    row["cost"] = rows::cost_row(step.turn.cost(&insight.totals.prices));
                    insight.see(step, &told);
                    self.row(Section::Rows, None, row)?;
                }
            }
        }
        self.form.end(Section::Rows)?;
        self.section(Section::Findings, findings.into_iter())?;
        self.insight(insight).await
    }

    async fn insight(&mut self, insight: Insight) -> Result<()> {
        let Insight { surveyor, totals, rows, artifacts, .. } = insight;
        let survey = surveyor.finish(rows);
        let mut known = BTreeMap::new();
        let artifacts: Vec<Value> = artifacts
            .into_iter()
            .map(|Seen { told: (speaker, kind, digest), mut row, rows, seen }| {
                (row["rows"], row["seen"]) = (json!(rows), json!(seen));
                let versions = survey.versions.of(&speaker, kind);
                let by_text = known.entry((speaker, kind)).or_insert_with(|| by_text(versions));
                let (numbers, from) = by_text.get(&digest).map_or((&[][..], &[][..]), |(own, from)| (own, from));
                row["versions"] = json!({ "numbers": numbers, "from": from, "of": versions.len() });
                row
            })
            .collect();
        self.value("artifacts", json!(artifacts))?;
        let names = names(self.store, &survey.ledger).await?;
        self.value("actions", actions(&survey.ledger, &names))?;
        self.value("unread", json!({ "bodies": survey.unread, "cut": survey.cut }))?;
        self.value("totals", totals_of(&totals.finish()))
    }
}

/// The versions that each text is, by its digest: their numbers from 1, and the rows from which on they hold.
fn by_text(versions: &[Version]) -> HashMap<[u8; 32], (Vec<usize>, Vec<usize>)> {
    let mut by_text: HashMap<[u8; 32], (Vec<usize>, Vec<usize>)> = HashMap::new();
    for (version, number) in versions.iter().zip(1..) {
        let (numbers, from) = by_text.entry(version.digest).or_default();
        numbers.push(number);
        from.push(version.first);
    }
    by_text
}

/// The bytes of a body, where they must be looked into and can be.
async fn looked_into(store: &Store, reader: &mut Reader, known: &Surveyor, body: &Body) -> Result<Option<Vec<u8>>> {
    if known.knows(body) || body.size > LONGEST {
        return Ok(None);
    }
    let place = Place { blob: body.blob, start: body.start, size: body.size, order: 0 };
    Ok(Some(match reader.whole(store, &place).await? {
        Some(bytes) => bytes.to_vec(),
        None => store.read(body.blob, body.start, body.size).await?,
    }))
}

/// The row that each row belongs below, where the whole session leaves; of a part of it the rows lie elsewhere.
fn parents(joined: &Joined, session: &Session, rows: &Rows, heads: &[Head]) -> Vec<Option<u32>> {
    let is_whole = joined.rows(session.number).is_some_and(|all| all.len() == rows.len()) && !heads.is_empty();
    if is_whole { joined.web.parents(session.number) } else { Vec::new() }
}

/// The names of the events in which actions stand.
async fn names(store: &Store, ledger: &Ledger) -> Result<BTreeMap<i64, String>> {
    let arrays = ledger.arrays.iter().flat_map(|array| &array.spots);
    let spots = arrays.chain(ledger.only_counts.iter().map(|(spot, _)| spot));
    let mut numbers: Vec<i64> = spots.map(|spot| spot.event).collect();
    numbers.sort_unstable();
    numbers.dedup();
    Ok(store.events(&numbers).await?.into_iter().map(|event| (event.number, event.name())).collect())
}

fn actions(ledger: &Ledger, names: &BTreeMap<i64, String>) -> Value {
    let spot = |spot: &Spot| json!({ "row": spot.row, "event": names.get(&spot.event), "path": spot.path });
    let array = |array: &ActionArray| {
        json!({
            "sha256": hex::encode(array.digest), "count": array.count, "sorts": array.sorts,
            "spots": array.spots.iter().map(spot).collect::<Vec<_>>(), "downstream": array.downstream,
            "further": array.further,
        })
    };
    let counts = ledger.only_counts.iter().map(|(own, count)| {
        let mut value = spot(own);
        value["count"] = json!(count);
        value
    });
    json!({
        "arrays": ledger.arrays.iter().map(array).collect::<Vec<_>>(), "only_counts": counts.collect::<Vec<_>>(),
        "cut": ledger.cut,
    })
}

fn totals_of(totals: &Totals) -> Value {
    let line = |name: &str, tally: &Tally| {
        let Tokens { input, cache_read, cache_write, output, reasoning, total } = tally.tokens;
        json!({
            "name": name, "calls": tally.calls, "errors": tally.errors, "model_calls": tally.model_calls,
            "unreported": tally.unreported, "cost": rows::cost_row(tally.cost),
            "tokens": { "input": input, "cache_read": cache_read, "cache_write": cache_write, "output": output,
                "reasoning": reasoning, "total": total },
            "median": percentile(&tally.latencies, 50), "slowest": tally.latencies.last(),
        })
    };
    let named = |group: &BTreeMap<String, Tally>| -> Vec<Value> {
        group.iter().map(|(name, tally)| line(name, tally)).collect()
    };
    json!({
        "models": line("all", &totals.models),
        "by_model": named(&totals.by_model), "by_tool": named(&totals.by_tool), "by_source": named(&totals.by_source),
        "unreported": totals.models.unreported, "wrappers": totals.wrappers,
    })
}
