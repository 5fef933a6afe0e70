//! Whose the rows are that lie in no session's window: keys tie them to each other, and to the windows of sessions.
//!
//! Rows that share keys belong together, in whatever room they lie. Where exactly one session has a key of them in its
//! window, they are its own; else each is its room's, or its emitter's. Whoever asks gets the same answer.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::store::original::{Fault, KeyName, Keys, Original, RoomWindow, Stray};

/// Keys lead to rows with further keys; a chain longer than this, or so many rows, is no session's.
const MOST_STEPS: usize = 16;
const MOST_ROWS: usize = 50_000;
/// So many rows are looked at to say how many each session has before it is brought over.
pub const MOST_LISTED: i64 = 20_000;

/// The rows in no window that some keys lead to.
#[derive(Debug, Default)]
pub struct Web {
    strays: Vec<Stray>,
    /// Which strays belong together: for each the number of its group.
    groups: Vec<usize>,
    /// For each group the places of the windows that have a key of it.
    owners: BTreeMap<usize, BTreeSet<usize>>,
    rooms: BTreeMap<usize, BTreeSet<String>>,
    /// It became too large, and nothing is said about it.
    pub is_cut: bool,
}

/// Whose a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// The session of a window.
    Window(usize),
    Room(String),
    Emitter(String),
}

impl Web {
    /// Follows keys from row to row.
    pub async fn of(original: &mut Original, keys: Keys, windows: &[RoomWindow]) -> Result<Self, Fault> {
        Self::from(original, keys, Vec::new(), windows).await
    }

    /// Follows the keys of all rows that have no room.
    pub async fn of_roomless(original: &mut Original, windows: &[RoomWindow]) -> Result<Self, Fault> {
        let most = i64::try_from(MOST_ROWS).unwrap_or(i64::MAX);
        let strays = original.roomless(most + 1).await?;
        if strays.len() > MOST_ROWS {
            return Ok(Self { is_cut: true, ..Self::default() });
        }
        let mut keys = Keys::default();
        for (key, value) in strays.iter().flat_map(|stray| stray.keys.clone()) {
            keys.add(key, value);
        }
        Self::from(original, keys, strays, windows).await
    }

    /// All rows in no window, where they are few.
    pub async fn of_all(original: &mut Original, windows: &[RoomWindow]) -> Result<Self, Fault> {
        let strays = original.all_strays(windows, MOST_LISTED + 1).await?;
        if i64::try_from(strays.len()).is_ok_and(|count| count > MOST_LISTED) {
            return Ok(Self { is_cut: true, ..Self::default() });
        }
        let mut web = Self { strays, ..Self::default() };
        web.tie(original, windows).await?;
        Ok(web)
    }

    async fn from(
        original: &mut Original,
        keys: Keys,
        strays: Vec<Stray>,
        windows: &[RoomWindow],
    ) -> Result<Self, Fault> {
        let most = i64::try_from(MOST_ROWS).unwrap_or(i64::MAX);
        let mut known: HashSet<(&'static str, String)> =
            strays.iter().map(|stray| (stray.table, stray.id.clone())).collect();
        let mut web = Self { strays, ..Self::default() };
        let mut all = keys.clone();
        let mut next = keys;
        let mut steps = 0;
        while !next.is_empty() && !web.is_cut {
            let found = original.strays(&next, windows, most + 1).await?;
            next = Keys::default();
            for stray in found {
                if !known.insert((stray.table, stray.id.clone())) {
                    continue;
                }
                for (key, value) in &stray.keys {
                    if all.add(*key, value.clone()) {
                        next.add(*key, value.clone());
                    }
                }
                web.strays.push(stray);
            }
            steps += 1;
            web.is_cut = web.strays.len() > MOST_ROWS || (steps > MOST_STEPS && !next.is_empty());
        }
        if web.is_cut {
            return Ok(Self { is_cut: true, ..Self::default() });
        }
        web.tie(original, windows).await?;
        Ok(web)
    }

    /// Puts together what shares keys, and finds the sessions that have these keys.
    async fn tie(&mut self, original: &mut Original, windows: &[RoomWindow]) -> Result<(), Fault> {
        let mut ties = Ties::default();
        let mut keys = Keys::default();
        let numbers: Vec<usize> = self
            .strays
            .iter()
            .map(|stray| {
                let own = ties.new_group();
                for (key, value) in &stray.keys {
                    keys.add(*key, value.clone());
                    ties.tie(own, (*key, value.clone()));
                }
                own
            })
            .collect();
        self.groups = numbers.into_iter().map(|number| ties.root(number)).collect();
        for (key, value, window) in original.owners(&keys, windows).await? {
            if let Some(group) = ties.group_of(&(key, value)) {
                self.owners.entry(group).or_default().insert(window);
                self.rooms.entry(group).or_default().extend(windows.get(window).map(|(room, _)| room.clone()));
            }
        }
        for (stray, group) in self.strays.iter().zip(&self.groups) {
            self.rooms.entry(*group).or_default().extend(stray.room.clone());
        }
        Ok(())
    }

    /// All rows that were found, each with whose it is.
    pub fn rows(&self) -> impl Iterator<Item = (&Stray, Whose)> {
        self.strays.iter().zip(&self.groups).map(|(stray, group)| (stray, self.whose(stray, *group)))
    }

    fn whose(&self, stray: &Stray, group: usize) -> Whose {
        if let Some(owners) = self.owners.get(&group).filter(|owners| owners.len() == 1) {
            return Whose::Window(*owners.first().unwrap_or(&usize::MAX));
        }
        if let Some(room) = &stray.room {
            return Whose::Room(room.clone());
        }
        match self.rooms.get(&group).map(|rooms| rooms.iter().collect::<Vec<_>>()).as_deref() {
            Some([room]) => Whose::Room((*room).clone()),
            _ => Whose::Emitter(stray.emitter.clone()),
        }
    }

    /// The rows that several sessions have keys of, this one among them, with the places of their windows.
    pub fn ambiguous(&self, window: usize) -> impl Iterator<Item = (&Stray, &BTreeSet<usize>, Whose)> {
        self.strays.iter().zip(&self.groups).filter_map(move |(stray, group)| {
            let owners = self.owners.get(group).filter(|owners| owners.len() > 1 && owners.contains(&window))?;
            Some((stray, owners, self.whose(stray, *group)))
        })
    }
}

/// Groups that grow together.
#[derive(Debug, Default)]
struct Ties {
    parents: Vec<usize>,
    by_key: HashMap<(KeyName, String), usize>,
}

impl Ties {
    fn new_group(&mut self) -> usize {
        self.parents.push(self.parents.len());
        self.parents.len() - 1
    }

    fn root(&mut self, mut group: usize) -> usize {
        while self.parents[group] != group {
            self.parents[group] = self.parents[self.parents[group]];
            group = self.parents[group];
        }
        group
    }

    fn tie(&mut self, group: usize, key: (KeyName, String)) {
        let other = *self.by_key.entry(key).or_insert(group);
        let (one, other) = (self.root(group), self.root(other));
        self.parents[one.max(other)] = one.min(other);
    }

    fn group_of(&mut self, key: &(KeyName, String)) -> Option<usize> {
        let group = *self.by_key.get(key)?;
        Some(self.root(group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stray(id: &str, room: Option<&str>, keys: &[(KeyName, &str)]) -> Stray {
        Stray {
            table: "agent_tool_io",
            id: id.to_owned(),
            event: None,
            room: room.map(str::to_owned),
            emitter: format!("source:{id}"),
            at: None,
            is_untold: false,
            keys: keys.iter().map(|(key, value)| (*key, (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn what_shares_keys_grows_together_whatever_comes_first() {
        use KeyName::{Request, Task, Trace};
        let strays = [
            stray("a", Some("blue"), &[(Trace, "1")]),
            stray("b", Some("blue"), &[(Trace, "2"), (Task, "x")]),
            stray("c", None, &[(Trace, "1"), (Task, "x")]),
            stray("d", None, &[(Request, "1")]),
            stray("e", None, &[(Trace, "9")]),
            stray("f", Some("green"), &[(Trace, "9")]),
        ];
        let mut ties = Ties::default();
        let numbers: Vec<usize> = strays
            .iter()
            .map(|stray| {
                let own = ties.new_group();
                stray.keys.iter().for_each(|key| ties.tie(own, key.clone()));
                own
            })
            .collect();
        let groups: Vec<usize> = numbers.into_iter().map(|number| ties.root(number)).collect();
        assert_eq!(groups, [0, 0, 0, 3, 4, 4]);
        let mut web = Web { strays: strays.to_vec(), groups, ..Web::default() };
        web.rooms.insert(0, BTreeSet::from(["blue".to_owned()]));
        web.rooms.insert(4, BTreeSet::from(["blue".to_owned(), "green".to_owned()]));
        web.owners.insert(4, BTreeSet::from([0, 1]));
        let whose = |web: &Web| web.rows().map(|(_, whose)| whose).collect::<Vec<_>>();
        let room = |name: &str| Whose::Room(name.to_owned());
        let emitter = |id: &str| Whose::Emitter(format!("source:{id}"));
        assert_eq!(whose(&web), [room("blue"), room("blue"), room("blue"), emitter("d"), emitter("e"), room("green")]);
        web.owners.insert(0, BTreeSet::from([1]));
        assert_eq!(whose(&web)[..3], [Whose::Window(1), Whose::Window(1), Whose::Window(1)]);
        assert_eq!(web.ambiguous(1).map(|(stray, ..)| stray.id.as_str()).collect::<Vec<_>>(), ["e", "f"]);
        assert_eq!(web.ambiguous(2).count(), 0);
    }
}
