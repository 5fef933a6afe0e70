//! The rules that look at more than one key: open calls and starts, words, prompts, and what is left alone.

use std::collections::{HashMap, HashSet};

use super::rule::{ATTENTION, PATIENCE, RULES, UTTERANCE, number};
use super::weave::{MOST_CANDIDATES, Weaving};
use crate::domain::{KeyKind, Kind, Speaker, Via};

/// The keys by which a result without a call looks for one, in this order.
const COARSER: [KeyKind; 3] = [KeyKind::Request, KeyKind::Trace, KeyKind::Intent];

/// The rows by the values of their keys that make a result or a start look for its other half.
struct Halves {
    /// Open rows by kind and value of a key, in timeline order.
    open: HashMap<(KeyKind, u64), Vec<u32>>,
    /// Loose rows with the values of their keys.
    loose: Vec<(u32, KeyKind, u64)>,
}

/// `looks_by` is how a loose row has the keys by which it looks for its other half.
fn halves(weaving: &Weaving, kind: Kind, looks_by: Via) -> Halves {
    let mut halves = Halves { open: HashMap::new(), loose: Vec::new() };
    for key in COARSER {
        for entry in weaving.groups(key).flatten() {
            let node = &weaving.nodes[entry.node as usize];
            if node.kind == kind && node.is_open() && entry.via == Via::Same {
                halves.open.entry((key, entry.value)).or_default().push(entry.node);
            } else if node.kind == kind && node.is_loose() && entry.via == looks_by {
                halves.loose.push((entry.node, key, entry.value));
            }
        }
    }
    halves.loose.sort_by_key(|(node, key, _)| {
        let row = &weaving.nodes[*node as usize];
        (row.time, *node, COARSER.iter().position(|coarser| coarser == key))
    });
    halves
}

/// A result that names no call of its own belongs to the only call that waits for one under the same key.
///
/// A key that several calls have is narrowed by the next one; what is still several stays open. A call that has
/// found its result waits no more.
pub(super) fn open_calls(weaving: &mut Weaving) {
    let (in_time, late) = (number("open call with the same key"), number("open call long before, with the same key"));
    let halves = halves(weaving, Kind::Tool, Via::ResultOf);
    let mut answered: HashSet<u32> = HashSet::new();
    for result in halves.loose.chunk_by(|one, other| one.0 == other.0) {
        let node = result[0].0;
        let waiting = |call: &&u32| !answered.contains(call) && waits_for(weaving, **call, node);
        let mut fitting: Vec<u32> = Vec::new();
        let mut decided = None;
        for (_, key, value) in result {
            let calls = halves.open.get(&(*key, *value)).map_or(&[][..], Vec::as_slice).iter().filter(waiting);
            let calls: Vec<u32> = calls.filter(|call| fitting.is_empty() || fitting.contains(call)).copied().collect();
            if !calls.is_empty() && calls.len() != fitting.len() {
                (fitting, decided) = (calls, Some(*key));
            }
            if fitting.len() == 1 {
                break;
            }
        }
        match fitting.as_slice() {
            [] => {}
            [only] => {
                let waited = weaving.nodes[node as usize].time.0 - weaving.nodes[*only as usize].time.0;
                answered.insert(*only);
                weaving.tie(node, *only, if waited > PATIENCE { late } else { in_time }, decided, false);
            }
            several => weaving.leave_open(node, several, in_time, decided),
        }
    }
}

/// Whether a call of the same session stood open when the result came.
fn waits_for(weaving: &Weaving, call: u32, result: u32) -> bool {
    let (call, result) = (&weaving.nodes[call as usize], &weaving.nodes[result as usize]);
    call.part == result.part && call.time <= result.time
}

/// A queue task is one row that changes: what it was leads to what it is.
pub(super) fn newest_states(weaving: &mut Weaving, rule: u8) {
    for (older, newest) in weaving.older_states() {
        weaving.link(older, newest, rule);
    }
}

/// An outcome of a model call that no id ties to a start belongs to the only start of its emitter that is open.
pub(super) fn open_starts(weaving: &mut Weaving) {
    let rule = number("open start of the same call");
    let halves = halves(weaving, Kind::Model, Via::Same);
    for outcome in halves.loose.chunk_by(|one, other| one.0 == other.0) {
        let (node, key, value) = outcome[0];
        let own = weaving.nodes[node as usize];
        let fits =
            |start: &&u32| weaving.nodes[**start as usize].writer == own.writer && waits_for(weaving, **start, node);
        let starts = halves.open.get(&(key, value)).map_or(&[][..], Vec::as_slice);
        let fitting: Vec<u32> = starts.iter().filter(fits).take(MOST_CANDIDATES).copied().collect();
        match fitting.as_slice() {
            [] => {}
            [only] => weaving.tie(node, *only, rule, Some(key), false),
            several => weaving.leave_open(node, several, rule, Some(key)),
        }
    }
}

/// A line that an agent spoke is what a model said in the same words.
pub(super) fn same_words(weaving: &mut Weaving, rule: u8) {
    let lines: Vec<u32> = nodes(weaving, |node| node.speaker == Speaker::Agent && node.words != 0);
    let spoken: HashSet<u64> = lines.iter().map(|line| weaving.nodes[*line as usize].words).collect();
    let mut models: HashMap<u64, Vec<u32>> = HashMap::new();
    for model in nodes(weaving, |node| node.kind == Kind::Model && spoken.contains(&node.words)) {
        models.entry(weaving.nodes[model as usize].words).or_default().push(model);
    }
    for line in lines {
        let same = models.get(&weaving.nodes[line as usize].words).map_or(&[][..], Vec::as_slice);
        let fitting: Vec<u32> =
            same.iter().filter(|model| weaving.is_near(line, **model, UTTERANCE)).copied().collect();
        match fitting.as_slice() {
            [] => {}
            [only] => weaving.tie(line, *only, rule, None, true),
            several => weaving.leave_open(line, several, rule, None),
        }
    }
}

/// What a model did that nothing ties to a person's words may answer the nearest ones before.
pub(super) fn prompts_before(weaving: &mut Weaving, rule: u8) {
    let mut heard: HashSet<u32> = HashSet::new();
    for line in nodes(weaving, |node| node.speaker == Speaker::Person) {
        heard.insert(weaving.tied.root(line));
    }
    let mut last: Option<u32> = None;
    for node in 0..weaving.nodes.len() as u32 {
        let own = weaving.nodes[node as usize];
        if own.speaker == Speaker::Person {
            last = Some(node);
        }
        let Some(prompt) = last.filter(|prompt| weaving.is_near(node, *prompt, ATTENTION)) else { continue };
        let root = weaving.tied.root(node);
        if own.kind == Kind::Model && own.is_named && !heard.contains(&root) {
            weaving.tie(node, prompt, rule, None, true);
            heard.insert(weaving.tied.root(node));
        }
    }
}

/// Halves that no rule has tied, not even to several.
pub(super) fn orphans(weaving: &mut Weaving, rule: u8) {
    let (kind, is_open) = match RULES[usize::from(rule)].name {
        "call without result" => (Kind::Tool, true),
        "result without call" => (Kind::Tool, false),
        "start without outcome" => (Kind::Model, true),
        _ => (Kind::Model, false),
    };
    let halves =
        ["open call with the same key", "open call long before, with the same key", "open start of the same call"]
            .map(number);
    let mut paired: HashSet<u32> = HashSet::new();
    for link in weaving.links.iter().filter(|link| halves.contains(&link.rule)) {
        let (from, count) = link.candidates;
        paired.extend([link.from, link.to]);
        paired.extend(&weaving.candidates[from as usize..from as usize + usize::from(count)]);
    }
    let alone = nodes(weaving, |node| node.kind == kind && if is_open { node.is_open() } else { node.is_loose() });
    for node in alone.into_iter().filter(|node| !paired.contains(node)) {
        weaving.leave_alone(node, rule);
    }
}

/// The nodes of a sort, in order.
fn nodes(weaving: &Weaving, sort: impl Fn(&super::weave::Node) -> bool) -> Vec<u32> {
    let all = weaving.nodes.iter().enumerate();
    all.filter(|(_, node)| sort(node)).map(|(number, _)| number as u32).collect()
}
