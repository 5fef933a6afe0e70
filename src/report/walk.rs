//! The rows of a session one after another, read in parts so that memory stays bounded.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use crate::domain::{Event, Head, Phase, Session};
use crate::store::Store;
use crate::timeline::{Rows, Turn, describe};

/// Rows, or events, that are read at once.
const PART: usize = 500;

/// A row with its words and its events, the call first.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub turn: Turn,
    pub events: Vec<Event>,
}

impl Step {
    /// Sums up events given with the call first; `None` for no events.
    pub fn of(events: Vec<Event>) -> Option<Self> {
        describe(&events).map(|turn| Self { turn, events })
    }
}

/// A walk through the rows of one session.
pub struct Walk<'a> {
    store: &'a Store,
    way: Way,
}

enum Way {
    /// Rows that were chosen before, and the next of them.
    Chosen(Rows, usize),
    /// All rows, found on the way: only as much is read as is walked.
    All(Finding),
    Done,
}

/// How far the rows of a session have been found.
struct Finding {
    session: i64,
    last: Option<Box<Event>>,
    /// The turns that were met: each is a row where its first event stands.
    met: HashSet<u64>,
}

impl<'a> Walk<'a> {
    /// A walk through all rows of a session.
    pub fn through(store: &'a Store, session: &Session) -> Self {
        Self { store, way: Way::All(Finding { session: session.number, last: None, met: HashSet::new() }) }
    }

    /// A walk through rows that were chosen before.
    pub fn over(store: &'a Store, rows: Rows) -> Self {
        Self { store, way: Way::Chosen(rows, 0) }
    }

    /// The next rows; none at the end.
    pub async fn part(&mut self) -> Result<Vec<Step>> {
        match &mut self.way {
            Way::Done => Ok(Vec::new()),
            Way::Chosen(rows, next) => {
                let wanted: Vec<usize> = (*next..(*next + PART).min(rows.len())).collect();
                *next += wanted.len();
                let steps = steps(self.store, rows, &wanted).await?;
                if *next >= rows.len() {
                    self.way = Way::Done;
                }
                Ok(steps)
            }
            Way::All(finding) => match finding.part(self.store).await? {
                Some(steps) => Ok(steps),
                None => {
                    self.way = Way::Done;
                    Ok(Vec::new())
                }
            },
        }
    }

    pub fn is_done(&self) -> bool {
        matches!(self.way, Way::Done)
    }
}

impl Finding {
    /// The rows that begin with the next events; `None` behind the last.
    async fn part(&mut self, store: &Store) -> Result<Option<Vec<Step>>> {
        let heads = store.heads_behind(self.session, self.last.as_deref(), PART as i64).await?;
        let Some(last) = heads.last() else { return Ok(None) };
        self.last = store.events(&[last.number]).await?.pop().map(Box::new);
        let fresh: HashSet<u64> =
            heads.iter().map(|head| head.turn).filter(|turn| *turn != 0 && !self.met.contains(turn)).collect();
        let known: HashSet<i64> = heads.iter().map(|head| head.number).collect();
        let mut own: Vec<Head> =
            heads.into_iter().filter(|head| head.turn == 0 || fresh.contains(&head.turn)).collect();
        let turns: Vec<u64> = fresh.iter().copied().collect();
        // What belongs to these turns and is not here stands behind.
        let behind = store.heads_of_turns(self.session, &turns).await?;
        own.extend(behind.into_iter().filter(|head| !known.contains(&head.number)));
        self.met.extend(fresh);
        let rows = Rows::of(&own);
        Ok(Some(steps(store, &rows, &(0..rows.len()).collect::<Vec<usize>>()).await?))
    }
}

/// Rows with their words and events.
async fn steps(store: &Store, rows: &Rows, wanted: &[usize]) -> Result<Vec<Step>> {
    Ok(read_rows(store, rows, wanted).await?.into_iter().map(|(_, step)| step).collect())
}

/// Some rows with their words, each with its place; those whose events are gone are left out.
pub(super) async fn read_rows(store: &Store, rows: &Rows, wanted: &[usize]) -> Result<Vec<(usize, Step)>> {
    let numbers: Vec<i64> = wanted.iter().flat_map(|row| rows.members(*row).iter().copied()).collect();
    let events = store.events(&numbers).await?;
    let mut by_number: HashMap<i64, Event> = events.into_iter().map(|event| (event.number, event)).collect();
    let mut steps = Vec::with_capacity(wanted.len());
    for row in wanted {
        let events = rows.members(*row).iter().filter_map(|number| by_number.remove(number)).collect();
        steps.extend(Step::of(events).map(|step| (*row, step)));
    }
    Ok(steps)
}

/// The row that holds the first of these events, and how many others with the same id it does not hold.
pub async fn row_of(store: &Store, session: &Session, numbers: &[i64]) -> Result<Option<(Step, usize)>> {
    let named = store.events(numbers).await?;
    let Some(first) = named.first() else { return Ok(None) };
    let others = named.iter().filter(|event| event.id == first.id && event.row() != first.row()).count();
    let mut events = match &first.turn {
        Some(turn) => {
            let members = store.named(session.number, turn).await?;
            let members = store.events(&members).await?;
            members.into_iter().filter(|event| event.turn.as_ref() == Some(turn)).collect()
        }
        None => vec![first.clone()],
    };
    events.sort_by(|one, other| {
        let place = |event: &Event| (event.phase != Phase::Call, event.order);
        place(one).cmp(&place(other)).then_with(|| one.id.cmp(&other.id))
    });
    Ok(Step::of(events).map(|step| (step, others)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Kind, Order, Timestamp};
    use crate::store::{Batch, NewEvent, NewRecord, RecordStatus};

    /// So many events in an order of their own, every third of a turn whose other half comes much later.
    fn record(index: i64) -> NewRecord {
        let mut event = Event::new(Kind::Tool, "test", "thing");
        (event.session, event.id) = ("s".into(), format!("e{index}"));
        event.order = Order { time: Timestamp(1 + index / 7), origin: 0, sequence: index };
        if index % 3 == 0 {
            event.turn = Some(format!("t{}", index % 800));
            event.phase = if index < 800 { Phase::Call } else { Phase::Result };
        }
        NewRecord {
            start: index,
            size: 1,
            status: RecordStatus::Good,
            digest: [0; 32],
            content: index.cast_unsigned().to_le_bytes().repeat(2).try_into().expect("16 bytes"),
            events: vec![NewEvent { event, bodies: Vec::new() }],
        }
    }

    #[tokio::test]
    async fn rows_found_on_the_way_are_those_of_the_whole_session() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("store.db")).await.expect("opens");
        let session = Session { id: "s".into(), ..Session::default() };
        let batch = Batch { sessions: vec![session], records: (0..1800).map(record).collect(), ..Batch::default() };
        store.append(&[batch]).await.expect("appends");
        let session = store.session("s").await.expect("reads").expect("is there");
        let rows = Rows::of(&store.heads(session.number, None).await.expect("reads"));
        let (mut whole, mut found) = (Walk::over(&store, rows), Walk::through(&store, &session));
        let (mut expected, mut steps) = (Vec::new(), Vec::new());
        while !whole.is_done() {
            expected.extend(whole.part().await.expect("reads"));
        }
        while !found.is_done() {
            steps.extend(found.part().await.expect("reads"));
        }
        assert_eq!((steps.len(), steps == expected), (expected.len(), true));
    }
}
