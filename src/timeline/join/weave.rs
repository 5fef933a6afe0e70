//! Weaves the web: applies the table of rules to all rows of a lineage, the strongest rules first.

use std::collections::{HashMap, HashSet};

use super::rule::{Choice, RULES, Rule, Side};
use super::union::Union;
use super::web::{Link, NOBODY};
use super::{Strength, special};
use crate::domain::{Head, KeyKind, Kind, Phase, Speaker, Ties, Timestamp, Via, flag};
use crate::timeline::Rows;

/// More candidates than this are not listed; that they are several is certain.
pub(super) const MOST_CANDIDATES: usize = 64;

/// One session with what joins need of it; `heads` and `ties` are parallel, in timeline order.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    pub session: i64,
    pub heads: &'a [Head],
    pub ties: &'a Ties,
}

/// A row, as far as joins look at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub part: u32,
    pub kind: Kind,
    pub time: Timestamp,
    pub has_call: bool,
    pub has_result: bool,
    pub is_inherited: bool,
    /// A newer state of the same thing is known.
    pub is_superseded: bool,
    /// It has an identifier of its own.
    pub is_named: bool,
    pub speaker: Speaker,
    pub words: u64,
    pub writer: u64,
}

impl Node {
    /// A call or a start that waits for its result.
    pub(super) fn is_open(&self) -> bool {
        self.has_call && !self.has_result
    }

    /// A result or an outcome that lacks its call.
    pub(super) fn is_loose(&self) -> bool {
        self.has_result && !self.has_call
    }
}

/// One key of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub kind: KeyKind,
    pub value: u64,
    pub node: u32,
    pub via: Via,
}

/// The web while it is woven.
#[derive(Debug)]
pub(super) struct Weaving {
    pub nodes: Vec<Node>,
    /// Sorted: all rows with one value of one kind of key stand together, in timeline order.
    pub entries: Vec<Entry>,
    pub links: Vec<Link>,
    pub candidates: Vec<u32>,
    pub tied: Union,
    pairs: HashSet<(u32, u32)>,
}

/// What is handed to the web.
#[derive(Debug)]
pub(super) struct Woven {
    pub sessions: Vec<(i64, u32, u32)>,
    pub links: Vec<Link>,
    pub candidates: Vec<u32>,
}

/// Applies all rules; `None` where `goes_on`, told how far it is in percent, answers `false`.
pub(super) fn weave(parts: &[Part<'_>], goes_on: &mut dyn FnMut(usize) -> bool) -> Option<Woven> {
    let runs = named_runs(parts);
    let (mut nodes, mut entries, mut sessions) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        let first = nodes.len() as u32;
        add_part(part, sessions.len() as u32, &runs, &mut nodes, &mut entries);
        sessions.push((part.session, first, nodes.len() as u32 - first));
    }
    entries.sort_unstable();
    entries.dedup();
    let tied = Union::of(nodes.len());
    let mut weaving =
        Weaving { nodes, entries, links: Vec::new(), candidates: Vec::new(), tied, pairs: HashSet::new() };
    // Which call a result belongs to says more than that both are of one request, so halves are paired before keys.
    let (exact, others): (Vec<_>, Vec<_>) = numbered().partition(|(_, rule)| rule.strength == Strength::Exact);
    let (halves, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|(_, rule)| rule.pairs_halves());
    for (done, (number, rule)) in exact.into_iter().chain(halves).chain(others).enumerate() {
        if !goes_on(done * 100 / RULES.len()) {
            return None;
        }
        weaving.apply(number, rule);
    }
    Some(Woven { sessions, links: weaving.links, candidates: weaving.candidates })
}

fn numbered() -> impl Iterator<Item = (u8, &'static Rule)> {
    RULES.iter().enumerate().map(|(number, rule)| (number as u8, rule))
}

/// The runs that some row names: of the sessions that emitters call their own, only these tell anything.
fn named_runs(parts: &[Part<'_>]) -> HashSet<u64> {
    let ties = parts.iter().flat_map(|part| (0..part.ties.len()).flat_map(|event| part.ties.keys(event)));
    ties.filter(|tie| tie.kind == KeyKind::Session && tie.via != Via::Same).map(|tie| tie.value).collect()
}

fn add_part(part: &Part<'_>, number: u32, runs: &HashSet<u64>, nodes: &mut Vec<Node>, entries: &mut Vec<Entry>) {
    let first = nodes.len() as u32;
    for (event, (head, row)) in part.heads.iter().zip(Rows::places(part.heads)).enumerate() {
        let node = first + row;
        if node as usize == nodes.len() {
            nodes.push(start(number, head, part.ties, event));
        }
        let known = &mut nodes[node as usize];
        known.has_call |= head.phase == Phase::Call;
        known.has_result |= head.phase == Phase::Result;
        known.is_inherited &= head.flags & flag::INHERITED != 0;
        known.is_superseded &= head.flags & flag::SUPERSEDED != 0;
        for tie in part.ties.keys(event) {
            let tells = match tie.kind {
                KeyKind::Room => false,
                KeyKind::Session => tie.via != Via::Same || runs.contains(&tie.value),
                _ => true,
            };
            known.is_named |= tells && tie.via == Via::Same && tie.kind != KeyKind::Session;
            entries.extend(tells.then_some(Entry { kind: tie.kind, value: tie.value, node, via: tie.via }));
        }
    }
}

fn start(part: u32, head: &Head, ties: &Ties, event: usize) -> Node {
    Node {
        part,
        kind: head.kind,
        time: head.time,
        has_call: false,
        has_result: false,
        is_inherited: true,
        is_superseded: true,
        is_named: false,
        speaker: ties.speaker(event),
        words: ties.words(event),
        writer: ties.writer(event),
    }
}

impl Weaving {
    fn apply(&mut self, number: u8, rule: &Rule) {
        match rule.choice {
            Choice::First => self.by_first(number, rule),
            Choice::Only(within) => self.by_only(number, rule, within),
            // The late results are told apart while the others are looked at.
            Choice::OpenCall if rule.strength == Strength::Unique => special::open_calls(self),
            Choice::OpenCall => {}
            Choice::NewestState => special::newest_states(self, number),
            Choice::OpenStart => special::open_starts(self),
            Choice::SameWords => special::same_words(self, number),
            Choice::PromptBefore => special::prompts_before(self, number),
            Choice::None => special::orphans(self, number),
        }
    }

    /// The entries of a kind of key, value by value.
    pub(super) fn groups(&self, kind: KeyKind) -> impl Iterator<Item = &[Entry]> {
        let from = self.entries.partition_point(|entry| entry.kind < kind);
        let to = self.entries.partition_point(|entry| entry.kind <= kind);
        self.entries[from..to].chunk_by(|one, other| one.value == other.value)
    }

    fn is_on(&self, side: Side, entry: &Entry) -> bool {
        entry.via == side.via && side.kind.is_none_or(|kind| self.nodes[entry.node as usize].kind == kind)
    }

    /// Ties every row with the value to the first one on the other side.
    fn by_first(&mut self, number: u8, rule: &Rule) {
        let Some(kind) = rule.key else { return };
        let mut found = Vec::new();
        let mut firsts: Vec<u32> = Vec::new();
        for group in self.groups(kind).filter(|group| group.len() > 1) {
            self.firsts(rule.theirs, group, &mut firsts);
            let ours = group.iter().filter(|entry| self.is_on(rule.ours, entry));
            found.extend(ours.filter_map(|entry| Some((entry.node, self.first_for(entry.node, &firsts)?))));
        }
        for (from, to) in found {
            self.tie(from, to, number, None, rule.apart);
        }
    }

    /// The first row of each session on a side, or where only older states are there, the latest of them.
    fn firsts(&self, side: Side, group: &[Entry], firsts: &mut Vec<u32>) {
        firsts.clear();
        for entry in group.iter().filter(|entry| self.is_on(side, entry)) {
            let part = self.nodes[entry.node as usize].part;
            match firsts.last_mut() {
                Some(first) if self.nodes[*first as usize].part == part => {
                    if self.nodes[*first as usize].is_superseded {
                        *first = entry.node;
                    }
                }
                _ => firsts.push(entry.node),
            }
        }
    }

    /// That of the own session, else the earliest; copies that a fork inherited are joined in their session only.
    fn first_for(&self, node: u32, firsts: &[u32]) -> Option<u32> {
        let own = &self.nodes[node as usize];
        if let Some(first) = firsts.iter().find(|first| self.nodes[**first as usize].part == own.part) {
            return (*first != node).then_some(*first);
        }
        let others = firsts.iter().filter(|first| !own.is_inherited && !self.nodes[**first as usize].is_inherited);
        others.min_by_key(|first| (self.nodes[**first as usize].time, **first)).copied()
    }

    /// Ties a row to the only one that fits; names all where there are several.
    fn by_only(&mut self, number: u8, rule: &Rule, within: i64) {
        let Some(kind) = rule.key else { return };
        let mut found: Vec<(u32, Vec<u32>)> = Vec::new();
        let newest: HashMap<u32, u32> = self.older_states().into_iter().collect();
        let newest_state = |entry: &Entry| newest.get(&entry.node).copied().unwrap_or(entry.node);
        for group in self.groups(kind).filter(|group| group.len() > 1) {
            let mut theirs: Vec<u32> =
                group.iter().filter(|entry| self.is_on(rule.theirs, entry)).map(newest_state).collect();
            theirs.sort_unstable();
            theirs.dedup();
            for ours in group.iter().filter(|entry| self.is_on(rule.ours, entry)) {
                let fits = |node: &&u32| **node != ours.node && self.is_near(ours.node, **node, within);
                let fitting: Vec<u32> = theirs.iter().filter(fits).take(MOST_CANDIDATES).copied().collect();
                found.push((ours.node, fitting));
            }
        }
        for (from, fitting) in found {
            match fitting.as_slice() {
                [] => {}
                [only] => self.tie(from, *only, number, None, rule.apart),
                several => self.leave_open(from, several, number, None),
            }
        }
    }

    /// The older states of the queue tasks of each session, each with the newest one, which stands for the task.
    pub(super) fn older_states(&self) -> Vec<(u32, u32)> {
        let mut older = Vec::new();
        let mut newest: Vec<u32> = Vec::new();
        let task = Side { via: Via::Same, kind: Some(Kind::Task) };
        for group in self.groups(KeyKind::Task).filter(|group| group.len() > 1) {
            self.firsts(task, group, &mut newest);
            for entry in group.iter().filter(|entry| self.is_on(task, entry)) {
                let part = self.nodes[entry.node as usize].part;
                let own = newest.iter().find(|newest| self.nodes[**newest as usize].part == part);
                older.extend(own.filter(|own| **own != entry.node).map(|own| (entry.node, *own)));
            }
        }
        older
    }

    /// Of one session, and so near in time.
    pub(super) fn is_near(&self, one: u32, other: u32, within: i64) -> bool {
        let (one, other) = (&self.nodes[one as usize], &self.nodes[other as usize]);
        one.part == other.part && one.time.0.saturating_sub(other.time.0).saturating_abs() <= within
    }

    /// Ties two rows, unless a stronger rule has.
    pub(super) fn tie(&mut self, from: u32, to: u32, rule: u8, key: Option<KeyKind>, apart: bool) {
        if from == to || (apart && self.tied.root(from) == self.tied.root(to)) {
            return;
        }
        if self.pairs.insert((from.min(to), from.max(to))) {
            self.tied.unite(from, to);
            self.links.push(Link { from, to, rule, key, candidates: (0, 0) });
        }
    }

    /// Links two rows without making them one branch: each stands where its own keys put it.
    pub(super) fn link(&mut self, from: u32, to: u32, rule: u8) {
        if from != to && self.pairs.insert((from.min(to), from.max(to))) {
            self.links.push(Link { from, to, rule, key: None, candidates: (0, 0) });
        }
    }

    /// Names the rows that fit, and chooses none.
    pub(super) fn leave_open(&mut self, from: u32, fitting: &[u32], rule: u8, key: Option<KeyKind>) {
        let fitting = &fitting[..fitting.len().min(MOST_CANDIDATES)];
        let candidates = (self.candidates.len() as u32, fitting.len() as u16);
        self.candidates.extend(fitting);
        self.links.push(Link { from, to: NOBODY, rule, key, candidates });
    }

    /// Marks a half without its other half.
    pub(super) fn leave_alone(&mut self, node: u32, rule: u8) {
        self.links.push(Link { from: node, to: NOBODY, rule, key: None, candidates: (0, 0) });
    }
}
