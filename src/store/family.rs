//! A family: sessions that hold the same events, ordered by age. Nothing of the database is in here.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How many events of its own may stand before what a fork has copied.
const HEADER: usize = 8;

/// An event as one session holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub event: i64,
    pub time: i64,
    /// Equal for the same event in another session.
    pub name: u128,
    /// Equal for a copy of the same event under another time, and for an event that happens to say the same.
    pub copied: Option<u128>,
    pub is_inherited: bool,
    /// Only its tombstone is there: it still tells who is older, and another session that has the event owns it.
    pub is_purged: bool,
}

impl Held {
    /// A name of an event's id and content.
    pub(super) fn name(id: &str, content: &[u8]) -> u128 {
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, id, content).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        half(0) << 64 | half(1)
    }
}

/// A session with its events in their order.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub session: i64,
    pub id: String,
    pub parent: Option<String>,
    pub lineage: String,
    pub forked_from: Option<String>,
    pub held: Vec<Held>,
}

/// Sessions from the oldest to the youngest.
#[derive(Debug)]
pub(super) struct Family {
    members: Vec<Member>,
}

impl Family {
    pub(super) fn of(mut members: Vec<Member>) -> Self {
        members.sort_by(|one, other| one.id.cmp(&other.id));
        let said = said(&members);
        name_copies(&mut members, &said);
        let ages = ages(&members, &said);
        let mut placed: Vec<Option<Member>> = members.into_iter().map(Some).collect();
        Self { members: ages.into_iter().filter_map(|place| placed[place].take()).collect() }
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter()
    }

    /// For each session its events, and whether an older session has each of them too.
    pub(super) fn inherited(&self) -> Vec<(&Member, Vec<(&Held, bool)>)> {
        let mut oldest: HashMap<u128, usize> = HashMap::new();
        for (age, member) in self.members.iter().enumerate() {
            for held in member.held.iter().filter(|held| !held.is_purged) {
                oldest.entry(held.name).or_insert(age);
            }
        }
        let of = |(age, member): (usize, &'_ Member)| -> Vec<bool> {
            member.held.iter().map(|held| oldest.get(&held.name).is_some_and(|owner| *owner < age)).collect()
        };
        let all = self.members.iter().enumerate();
        all.map(|(age, member)| (member, member.held.iter().zip(of((age, member))).collect())).collect()
    }

    /// The lineage of the oldest: what it was itself forked from, where that is not in the store, else its id.
    pub(super) fn lineage(&self) -> String {
        let Some((oldest, younger)) = self.members.split_first() else { return String::new() };
        let is_stale = younger.iter().any(|member| member.id == oldest.lineage);
        if is_stale {
            return oldest.forked_from.clone().unwrap_or_else(|| oldest.id.clone());
        }
        oldest.lineage.clone()
    }
}

/// Which member each one says it was forked from.
fn said(members: &[Member]) -> Vec<Option<usize>> {
    let places: HashMap<&str, usize> =
        members.iter().enumerate().map(|(place, member)| (member.id.as_str(), place)).collect();
    let origin = |member: &Member| places.get(member.forked_from.as_deref()?).copied();
    members.iter().map(origin).collect()
}

/// A fork that begins with its own header and then with all that its ancestor began with holds copies, even under
/// other times: up to the first record that its ancestor does not have.
fn name_copies(members: &mut [Member], said: &[Option<usize>]) {
    let mut waiting: Vec<usize> = (0..members.len()).filter(|place| said[*place].is_some()).collect();
    while !waiting.is_empty() {
        // Ancestors first, so that what a fork of a fork copies bears the first one's names.
        let is_free = |place: &usize| said[*place].is_none_or(|origin| !waiting.contains(&origin));
        let next = waiting.iter().position(is_free).unwrap_or(0);
        let heir = waiting.remove(next);
        if let Some(origin) = said[heir].filter(|origin| *origin != heir) {
            for (place, name) in copies(&members[origin].held, &members[heir].held) {
                members[heir].held[place].name = name;
            }
        }
    }
}

/// The events of an heir that are copies, with the names of what they are copies of.
fn copies(origin: &[Held], heir: &[Held]) -> Vec<(usize, u128)> {
    let mut places: HashMap<u128, Vec<usize>> = HashMap::new();
    for (place, held) in origin.iter().enumerate() {
        places.entry(held.copied.unwrap_or(held.name)).or_default().push(place);
    }
    let mut named = Vec::new();
    let mut next = 0;
    for (place, held) in heir.iter().enumerate() {
        let same = places.get(&held.copied.unwrap_or(held.name));
        let after = same.and_then(|same| same.get(same.partition_point(|found| *found < next)));
        let begins = |found: usize| next > 0 || found < HEADER;
        match after.filter(|found| begins(**found)) {
            Some(found) => {
                named.push((place, origin[*found].name));
                next = *found + 1;
            }
            None if next == 0 && place < HEADER => {}
            // A record too long to be compared may well have been copied.
            None if held.copied.is_none() => {}
            None => break,
        }
    }
    named
}

/// The places of the members from the oldest to the youngest.
///
/// What they say of themselves decides first. Else a session is older the more of the others it is older than; of
/// two, the one that has nothing of its own, or went on alone first.
fn ages(members: &[Member], said: &[Option<usize>]) -> Vec<usize> {
    let firsts = Firsts::of(members);
    let mut older = vec![0_usize; members.len()];
    for one in 0..members.len() {
        for other in one + 1..members.len() {
            let (mine, theirs) = (firsts.own(one, other), firsts.own(other, one));
            let is_older = match (mine, theirs) {
                (None, Some(_)) => true,
                (Some(_), None) => false,
                // Members are sorted by id, which decides last.
                (mine, theirs) => mine <= theirs,
            };
            older[if is_older { one } else { other }] += 1;
        }
    }
    let mut rest: Vec<usize> = (0..members.len()).collect();
    rest.sort_by_key(|place| (std::cmp::Reverse(older[*place]), *place));
    let mut ages: Vec<usize> = Vec::with_capacity(members.len());
    while !rest.is_empty() {
        let is_free = |place: &usize| said[*place].is_none_or(|origin| ages.contains(&origin));
        // Sessions that say they were forked from each other are taken as if they had not said so.
        let next = rest.iter().position(is_free).unwrap_or(0);
        ages.push(rest.remove(next));
    }
    ages
}

/// When each session first had an event, by which sessions hold that event.
struct Firsts {
    by_holders: Vec<HashMap<usize, i64>>,
    holders: Vec<Vec<usize>>,
}

impl Firsts {
    fn of(members: &[Member]) -> Self {
        let mut holding: HashMap<u128, Vec<usize>> = HashMap::new();
        for (place, member) in members.iter().enumerate() {
            for held in &member.held {
                let holders = holding.entry(held.name).or_default();
                if holders.last() != Some(&place) {
                    holders.push(place);
                }
            }
        }
        let mut numbers: HashMap<&[usize], usize> = HashMap::new();
        let mut holders: Vec<Vec<usize>> = Vec::new();
        let mut by_holders = vec![HashMap::new(); members.len()];
        for (place, member) in members.iter().enumerate() {
            for held in &member.held {
                let Some(together) = holding.get(&held.name) else { continue };
                let number = *numbers.entry(together).or_insert_with(|| {
                    holders.push(together.clone());
                    holders.len() - 1
                });
                let first = by_holders[place].entry(number).or_insert(held.time);
                *first = held.time.min(*first);
            }
        }
        Self { by_holders, holders }
    }

    /// When the first event of a session happened that another one does not hold.
    fn own(&self, one: usize, other: usize) -> Option<i64> {
        let firsts = self.by_holders[one].iter();
        firsts.filter(|(number, _)| !self.holders[**number].contains(&other)).map(|(_, time)| *time).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, forked_from: Option<&str>, held: &[(u128, i64)]) -> Member {
        let held = held.iter().map(|(name, time)| Held {
            event: 0,
            time: *time,
            name: *name,
            copied: None,
            is_inherited: false,
            is_purged: false,
        });
        Member {
            session: 0,
            id: id.to_owned(),
            parent: None,
            lineage: id.to_owned(),
            forked_from: forked_from.map(str::to_owned),
            held: held.collect(),
        }
    }

    fn own(family: &Family) -> Vec<(&str, usize)> {
        let all = family.inherited().into_iter();
        all.map(|(member, held)| (member.id.as_str(), held.iter().filter(|(_, inherited)| !inherited).count()))
            .collect()
    }

    #[test]
    fn a_fork_of_a_fork_has_only_what_neither_of_them_had() {
        let all = [
            member("c", None, &[(1, 1), (2, 2), (3, 10), (4, 20)]),
            member("a", None, &[(1, 1), (2, 2), (9, 3)]),
            member("b", None, &[(1, 1), (2, 2), (3, 10), (5, 11)]),
        ];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let family = Family::of(order.map(|place: usize| all[place].clone()).to_vec());
            assert_eq!(own(&family), [("a", 3), ("b", 2), ("c", 1)]);
            assert_eq!(family.lineage(), "a");
        }
    }

    #[test]
    fn what_a_session_says_of_itself_wins_over_its_times() {
        let late = member("old", None, &[(1, 1), (2, 90)]);
        let early = member("new", Some("old"), &[(1, 1), (3, 2)]);
        assert_eq!(own(&Family::of(vec![early, late])), [("old", 2), ("new", 1)]);
    }

    #[test]
    fn what_a_fork_copied_under_another_time_is_its_ancestors() {
        let copy = |member: &str, origin: Option<&str>, held: &[(u128, i64, u128)]| {
            let plain: Vec<(u128, i64)> = held.iter().map(|(name, time, _)| (*name, *time)).collect();
            let mut member = self::member(member, origin, &plain);
            for (held, (_, _, copied)) in member.held.iter_mut().zip(held) {
                held.copied = Some(*copied);
            }
            member
        };
        let all = [
            copy("a", None, &[(1, 1, 100), (2, 2, 101), (3, 3, 101), (4, 4, 102), (5, 9, 101)]),
            copy("b", Some("a"), &[(11, 5, 900), (12, 5, 100), (13, 5, 101), (14, 5, 101), (15, 6, 903), (16, 7, 101)]),
            copy("c", Some("b"), &[(21, 8, 901), (22, 8, 900), (23, 8, 100), (24, 8, 101), (25, 9, 904)]),
        ];
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let family = Family::of(order.map(|place: usize| all[place].clone()).to_vec());
            assert_eq!(own(&family), [("a", 5), ("b", 3), ("c", 2)]);
        }
    }

    #[test]
    fn sessions_that_say_they_were_forked_from_each_other_end() {
        let family = Family::of(vec![member("x", Some("y"), &[(1, 1)]), member("y", Some("x"), &[(1, 1)])]);
        assert_eq!(own(&family), [("x", 1), ("y", 0)]);
    }
}
