//! A session's joins: the web of its lineage and room, and each join with the values and rows that explain it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context, Result};

use super::walk::Step;
use crate::domain::{Event, Head, Session, Ties};
use crate::store::Store;
use crate::timeline::{Join, Link, Part, Place, Rows, Seen, Strength, Web, describe, explain, inner};

/// Rows on either side of a row among which those are looked for that were considered and rejected.
const AROUND: usize = 16;
/// Joins that lead to one row and are told with it; each of them is told with its own row too.
const MOST_INCOMING: usize = 1000;

/// The share of the whole that reading takes, in percent.
const READING: i64 = 60;

/// The joins of one session with all that it is related to.
#[derive(Debug, Clone, PartialEq)]
pub struct Joined {
    pub web: Arc<Web>,
    /// The rows of each session that the web covers.
    rows: Arc<HashMap<i64, Rows>>,
    /// The rows of the session by the number of their leading event.
    leads: Arc<HashMap<i64, u32>>,
    session: i64,
}

impl Joined {
    /// Reads and weaves what is needed; near-linear in the number of events.
    pub async fn of(store: &Store, session: &Session) -> Result<Self> {
        Self::watched(store, session, |_| true).await?.context("nobody stops this")
    }

    /// The same for one who waits: `goes_on` is told how far it is, in percent, and stops it by `false`. Then there is
    /// nothing.
    pub async fn watched(
        store: &Store,
        session: &Session,
        mut goes_on: impl FnMut(usize) -> bool + Send + 'static,
    ) -> Result<Option<Self>> {
        let related = store.related(session).await?;
        let all = related.iter().map(|related| related.events).sum::<i64>().max(1);
        let mut read: Vec<(i64, Vec<Head>, Ties)> = Vec::new();
        let mut before = 0;
        for related in &related {
            let mut is_reading = |events: usize| {
                let done = before + i64::try_from(events).unwrap_or(i64::MAX - before);
                goes_on((done.min(all) * READING / all) as usize)
            };
            let Some((heads, ties)) = store.tied(related.number, &mut is_reading).await? else { return Ok(None) };
            before += heads.len() as i64;
            read.push((related.number, heads, ties));
        }
        let session = session.number;
        let joined = tokio::task::spawn_blocking(move || {
            let share = 100 - READING as usize;
            Self::weave(session, &read, &mut |percent| goes_on(READING as usize + percent * share / 100))
        });
        Ok(joined.await?)
    }

    /// The joins of a session after another's: those of that one where they cover the same sessions.
    pub async fn after(store: &Store, session: &Session, before: Option<Self>) -> Result<Self> {
        let related = store.related(session).await?;
        let covers = |joined: &Self| {
            joined.rows.len() == related.len() && related.iter().all(|other| joined.rows.contains_key(&other.number))
        };
        match before.filter(covers).and_then(|joined| joined.for_session(session.number)) {
            Some(joined) => Ok(joined),
            None => Self::of(store, session).await,
        }
    }

    fn weave(session: i64, read: &[(i64, Vec<Head>, Ties)], goes_on: &mut dyn FnMut(usize) -> bool) -> Option<Self> {
        let parts: Vec<Part<'_>> =
            read.iter().map(|(session, heads, ties)| Part { session: *session, heads, ties }).collect();
        let web = Arc::new(Web::watched(&parts, goes_on)?);
        let rows: HashMap<i64, Rows> = read.iter().map(|(session, heads, _)| (*session, Rows::of(heads))).collect();
        let leads = rows.get(&session).map(leads).unwrap_or_default();
        Some(Self { web, rows: Arc::new(rows), leads: Arc::new(leads), session })
    }

    /// The same joins, seen from another session that they cover.
    pub fn for_session(&self, session: i64) -> Option<Self> {
        let leads = leads(self.rows.get(&session)?);
        Some(Self { leads: Arc::new(leads), session, ..self.clone() })
    }

    /// The rows of a session that the web covers.
    pub fn rows(&self, session: i64) -> Option<&Rows> {
        self.rows.get(&session)
    }

    /// The node of the row that an event of the session leads.
    pub fn node(&self, lead: i64) -> Option<u32> {
        let row = *self.leads.get(&lead)? as usize;
        self.web.node(Place { session: self.session, row })
    }

    /// The numbers of the events of a node, the call first.
    pub fn members(&self, node: u32) -> &[i64] {
        let place = self.web.place(node);
        self.rows.get(&place.session).map_or(&[], |rows| rows.members(place.row))
    }

    /// The joins of each of these rows, the strongest first; those between its own events come last.
    pub async fn joins(&self, store: &Store, steps: &[Step]) -> Result<Vec<Vec<Join>>> {
        let nodes: Vec<Option<u32>> = steps.iter().map(|step| self.node(step.events.first()?.number)).collect();
        let mut wanted: BTreeSet<u32> = BTreeSet::new();
        for node in nodes.iter().flatten() {
            wanted.extend(self.around(*node));
            for link in self.shown(*node) {
                wanted.extend(self.ends(link));
            }
        }
        let known = self.read(store, steps, &nodes, &wanted).await?;
        let of_step = |(step, node): (&Step, &Option<u32>)| {
            let own = node.map(|node| (node, self.shown(node))).into_iter();
            let links = own.flat_map(|(node, links)| links.into_iter().map(move |link| (node, link)));
            let mut joins: Vec<Join> = links.filter_map(|(node, link)| self.explain(link, node, &known)).collect();
            joins.extend(inner(&step.turn.id, &step.events));
            joins
        };
        Ok(steps.iter().zip(&nodes).map(of_step).collect())
    }

    /// The links of a node: all that start at it, and of those that lead to it not more than a person reads.
    fn shown(&self, node: u32) -> Vec<&Link> {
        let mut incoming = 0;
        let mut shown: Vec<&Link> = self.web.links_of(node).collect();
        shown.retain(|link| {
            incoming += usize::from(link.from != node);
            link.from == node || incoming <= MOST_INCOMING
        });
        shown.sort_by_key(|link| link.strength());
        shown
    }

    fn ends(&self, link: &Link) -> impl Iterator<Item = u32> {
        let candidates = self.web.candidates_of(link).iter().copied();
        [Some(link.from), link.other(link.from)].into_iter().flatten().chain(candidates)
    }

    /// The nodes of the rows around one, in its own session.
    fn around(&self, node: u32) -> impl Iterator<Item = u32> {
        let place = self.web.place(node);
        let count = self.rows.get(&place.session).map_or(0, Rows::len);
        let first = node - place.row as u32;
        let near = place.row.saturating_sub(AROUND)..(place.row + AROUND + 1).min(count);
        near.map(move |row| first + row as u32)
    }

    /// The rows of nodes, each with its name and its events; those of the steps are at hand.
    async fn read(
        &self,
        store: &Store,
        steps: &[Step],
        nodes: &[Option<u32>],
        wanted: &BTreeSet<u32>,
    ) -> Result<HashMap<u32, (String, Vec<Event>)>> {
        let own = nodes.iter().zip(steps).filter_map(|(node, step)| Some(((*node)?, step.events.clone())));
        let named = |events: Vec<Event>| Some((events.first()?.row(), events));
        let mut known: HashMap<u32, (String, Vec<Event>)> =
            own.filter_map(|(node, events)| Some((node, named(events)?))).collect();
        let missing: Vec<u32> = wanted.iter().filter(|node| !known.contains_key(node)).copied().collect();
        let numbers: Vec<i64> = missing.iter().flat_map(|node| self.members(*node)).copied().collect();
        let mut events: HashMap<i64, Event> =
            store.events(&numbers).await?.into_iter().map(|event| (event.number, event)).collect();
        for node in missing {
            let members: Vec<Event> = self.members(node).iter().filter_map(|number| events.remove(number)).collect();
            known.extend(named(members).map(|members| (node, members)));
        }
        Ok(known)
    }

    /// A link as a row shows it; `None` where its events are no longer in the store.
    fn explain(&self, link: &Link, node: u32, known: &HashMap<u32, (String, Vec<Event>)>) -> Option<Join> {
        let seen = |node: u32| {
            let (id, events) = known.get(&node)?;
            Some(Seen { id, events })
        };
        let shown = seen(node)?;
        let to = match link.other(link.from) {
            Some(to) => Some(seen(to)?),
            None => None,
        };
        let candidates: Vec<Seen<'_>> = self.web.candidates_of(link).iter().filter_map(|node| seen(*node)).collect();
        let near: Vec<Seen<'_>> = self.around(node).filter_map(seen).collect();
        Some(explain(link, shown.id, seen(link.from)?, to, &candidates, &near))
    }

    /// The words of rows, by the ids under which joins name them: the number of the leading event, and what it says.
    pub async fn words(&self, store: &Store, node: u32) -> Result<HashMap<String, (i64, String)>> {
        let mut nodes: BTreeSet<u32> = self.around(node).collect();
        for link in self.shown(node) {
            nodes.extend(self.ends(link));
        }
        let known = self.read(store, &[], &[], &nodes).await?;
        let said = known.into_values().filter_map(|(_, events)| {
            let turn = describe(&events)?;
            let lead = events.first()?.number;
            Some((turn.id.clone(), (lead, turn.words())))
        });
        Ok(said.collect())
    }

    /// The place of a node in the timeline of the session; `None` for a node of another one.
    pub fn place(&self, node: u32) -> Option<u32> {
        let place = self.web.place(node);
        (place.session == self.session).then_some(place.row as u32)
    }

    /// All nodes of the session that joins lead to from some nodes, over however many others, themselves among them.
    pub fn branch(&self, starts: Vec<u32>) -> Vec<u32> {
        let mut waiting: Vec<u32> = starts.into_iter().filter(|node| self.place(*node).is_some()).collect();
        let mut reached: HashSet<u32> = waiting.iter().copied().collect();
        while let Some(node) = waiting.pop() {
            let certain = self.web.links_of(node).filter(|link| link.strength() < Strength::Ambiguous);
            let others = certain.filter_map(|link| link.other(node));
            let others = others.filter(|other| self.place(*other).is_some());
            waiting.extend(others.filter(|other| reached.insert(*other)));
        }
        reached.into_iter().collect()
    }

    /// How a node is joined with another, where it is: the strength of the strongest link between them.
    pub fn strength(&self, node: u32, other: u32) -> Option<Strength> {
        let between = self.web.links_of(node).filter(|link| link.other(node) == Some(other));
        between.map(Link::strength).min()
    }
}

fn leads(rows: &Rows) -> HashMap<i64, u32> {
    (0..rows.len()).filter_map(|row| Some((*rows.members(row).first()?, row as u32))).collect()
}
