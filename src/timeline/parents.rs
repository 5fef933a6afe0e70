//! Which row started which: the row above each row, told by the keys that they share.

use std::collections::HashMap;

use super::Rows;
use crate::domain::{KeyKind, Kind};

/// A key of an event, by number: equal numbers are equal keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tie {
    pub event: i64,
    pub kind: KeyKind,
    pub key: i64,
}

/// The kinds of key by which the model turn that called a tool is found, the surest first.
const CALLS: [KeyKind; 2] = [KeyKind::ToolCall, KeyKind::Message];
/// The kinds of key whose first row started all others, the narrowest first.
const STARTS: [KeyKind; 4] = [KeyKind::Request, KeyKind::Intent, KeyKind::Task, KeyKind::Trace];

/// The kinds of key that [`parents`] looks at.
pub fn parent_kinds() -> Vec<KeyKind> {
    CALLS.into_iter().chain(STARTS).collect()
}

/// The row above each row: of a tool the model turn that called it, of all else the first row of the same request,
/// intent, task or trace. It always is an earlier row. Near-linear in rows and keys.
pub fn parents(rows: &Rows, ties: &[Tie]) -> Vec<Option<u32>> {
    let placed = placed(rows, ties);
    let mut first: HashMap<i64, u32> = HashMap::new();
    let mut model: HashMap<i64, u32> = HashMap::new();
    let mut parents = Vec::with_capacity(rows.len());
    let mut left = placed.as_slice();
    for (row, head) in (0u32..).zip(rows.iter()) {
        let (keys, rest) = left.split_at(left.iter().take_while(|(of, ..)| *of == row).count());
        left = rest;
        let among = |kinds: &[KeyKind], known: &HashMap<i64, u32>| {
            let of = |kind: &KeyKind| {
                keys.iter().filter(|(_, of, _)| of == kind).find_map(|(_, _, key)| known.get(key).copied())
            };
            kinds.iter().find_map(of)
        };
        let caller = if head.kind == Kind::Tool { among(&CALLS, &model) } else { None };
        parents.push(caller.or_else(|| among(&STARTS, &first)));
        for (_, _, key) in keys {
            first.entry(*key).or_insert(row);
            if head.kind == Kind::Model {
                model.entry(*key).or_insert(row);
            }
        }
    }
    parents
}

/// The keys of rows, row by row.
fn placed(rows: &Rows, ties: &[Tie]) -> Vec<(u32, KeyKind, i64)> {
    let events = (0..rows.len()).flat_map(|row| rows.members(row).iter().map(move |event| (*event, row as u32)));
    let mut row_of: Vec<(i64, u32)> = events.collect();
    row_of.sort_unstable();
    let row = |event: i64| Some(row_of[row_of.binary_search_by_key(&event, |(event, _)| *event).ok()?].1);
    let mut placed: Vec<(u32, KeyKind, i64)> =
        ties.iter().filter_map(|tie| Some((row(tie.event)?, tie.kind, tie.key))).collect();
    placed.sort_unstable();
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Head, Phase, Timestamp};

    fn rows(kinds: &[Kind]) -> Rows {
        let heads: Vec<Head> = (1..)
            .zip(kinds)
            .map(|(number, kind)| Head {
                number,
                time: Timestamp(number),
                turn: 0,
                kind: *kind,
                phase: Phase::Whole,
                flags: 0,
                tokens: -1,
                latency: -1,
            })
            .collect();
        Rows::of(&heads)
    }

    fn tie(event: i64, kind: KeyKind, key: i64) -> Tie {
        Tie { event, kind, key }
    }

    #[test]
    fn tools_stand_below_the_model_that_called_them_and_models_below_the_prompt() {
        let rows = rows(&[Kind::Transcript, Kind::Model, Kind::Tool, Kind::Tool, Kind::Transcript, Kind::Model]);
        let prompt = |event, key| tie(event, KeyKind::Intent, key);
        let ties = [
            prompt(1, 10),
            prompt(2, 10),
            prompt(3, 10),
            prompt(4, 10),
            prompt(5, 11),
            prompt(6, 11),
            tie(2, KeyKind::ToolCall, 20),
            tie(3, KeyKind::ToolCall, 20),
            tie(2, KeyKind::Message, 30),
            tie(4, KeyKind::Message, 30),
        ];
        assert_eq!(parents(&rows, &ties), [None, Some(0), Some(1), Some(1), None, Some(4)]);
    }

    #[test]
    fn the_narrowest_key_decides_and_rows_without_keys_stand_alone() {
        let rows = rows(&[Kind::Trace, Kind::Trace, Kind::Trace, Kind::Other]);
        let ties = [
            tie(1, KeyKind::Trace, 1),
            tie(2, KeyKind::Trace, 1),
            tie(3, KeyKind::Trace, 1),
            tie(2, KeyKind::Request, 2),
            tie(3, KeyKind::Request, 2),
            tie(9, KeyKind::Request, 2),
        ];
        assert_eq!(parents(&rows, &ties), [None, Some(0), Some(1), None]);
    }

    #[test]
    fn equal_tool_calls_of_two_tools_make_neither_the_parent() {
        let rows = rows(&[Kind::Tool, Kind::Tool]);
        let ties = [tie(1, KeyKind::ToolCall, 1), tie(2, KeyKind::ToolCall, 1)];
        assert_eq!(parents(&rows, &ties), [None, None]);
    }
}
