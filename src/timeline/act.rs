//! Actions: arrays of things that an agent did or wants done, each found once, with what came of them.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, VecDeque};

use serde_json::{Map, Value};

use super::artifact::{canonical, digest, normal};
use super::material::{Material, within};
use crate::domain::{Event, Key, KeyKind, Kind, Role};

/// Values that are looked at in one body.
const MOST: usize = 50_000;
/// Rows that are named as what came of an array; more are counted.
const MOST_ROWS: usize = 200;

/// Where an array, or a count of actions, stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    pub row: usize,
    /// The number of the event.
    pub event: i64,
    pub path: String,
}

/// What was found in one body.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Acts {
    /// Each array with its path.
    pub arrays: Vec<(String, Value)>,
    /// Counts of actions, each with its path.
    pub counts: Vec<(String, i64)>,
    /// The search ended before it had seen everything.
    pub cut: bool,
}

/// An array of actions, however often it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionArray {
    pub digest: [u8; 32],
    /// How many actions.
    pub count: usize,
    /// What sort, the most frequent first.
    pub sorts: Vec<(String, usize)>,
    /// Where it stands, the first place first.
    pub spots: Vec<Spot>,
    /// Rows of tasks and tools that share its request, trace or intent, in order.
    pub downstream: Vec<usize>,
    /// How many more there are.
    pub further: usize,
}

/// The actions of a session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    pub arrays: Vec<ActionArray>,
    /// Results that say how many actions there were and keep none of them.
    pub only_counts: Vec<(Spot, i64)>,
    pub cut: bool,
}

/// Collects the actions of a session, row by row.
#[derive(Debug, Default)]
pub struct Bookkeeper {
    ledger: Ledger,
    known: HashMap<[u8; 32], usize>,
    keys: Vec<BTreeSet<Key>>,
    doers: HashMap<(KeyKind, String), BTreeSet<usize>>,
}

impl Bookkeeper {
    /// Takes a row with its events and what was found in the bodies of each.
    pub fn add(&mut self, row: usize, events: &[Event], found: &[(i64, Acts)]) {
        for event in events.iter().filter(|event| matches!(event.kind, Kind::Task | Kind::Tool)) {
            for key in event.keys.iter().filter(|key| follows(key.kind)) {
                self.doers.entry((key.kind, key.value.clone())).or_default().insert(row);
            }
        }
        let any_array = found.iter().any(|(_, acts)| !acts.arrays.is_empty());
        for (number, acts) in found {
            self.ledger.cut |= acts.cut;
            let spot = |path: &str| Spot { row, event: *number, path: path.to_owned() };
            let keys = events.iter().filter(|event| event.number == *number).flat_map(|event| &event.keys);
            let keys: BTreeSet<Key> = keys.filter(|key| follows(key.kind)).cloned().collect();
            for (path, actions) in &acts.arrays {
                self.array(spot(path), actions, &keys);
            }
            let counts = acts.counts.iter().filter(|(_, count)| *count > 0 && !any_array);
            self.ledger.only_counts.extend(counts.map(|(path, count)| (spot(path), *count)));
        }
    }

    fn array(&mut self, spot: Spot, actions: &Value, keys: &BTreeSet<Key>) {
        let digest = digest(&canonical(actions));
        let index = *self.known.entry(digest).or_insert(self.ledger.arrays.len());
        if index == self.ledger.arrays.len() {
            let items = actions.as_array().map_or(&[][..], Vec::as_slice);
            self.ledger.arrays.push(ActionArray {
                digest,
                count: items.len(),
                sorts: sorts(items),
                spots: Vec::new(),
                downstream: Vec::new(),
                further: 0,
            });
            self.keys.push(BTreeSet::new());
        }
        let array = &mut self.ledger.arrays[index];
        if !array.spots.contains(&spot) {
            array.spots.push(spot);
        }
        self.keys[index].extend(keys.iter().cloned());
    }

    /// The actions, with what came of them.
    pub fn finish(mut self) -> Ledger {
        for (array, keys) in self.ledger.arrays.iter_mut().zip(&self.keys) {
            let own: BTreeSet<usize> = array.spots.iter().map(|spot| spot.row).collect();
            let rows = keys.iter().filter_map(|key| self.doers.get(&(key.kind, key.value.clone())));
            let rows: BTreeSet<usize> = rows.flatten().copied().filter(|row| !own.contains(row)).collect();
            array.further = rows.len().saturating_sub(MOST_ROWS);
            array.downstream = rows.into_iter().take(MOST_ROWS).collect();
        }
        self.ledger
    }
}

/// The keys that lead from actions to what came of them.
fn follows(kind: KeyKind) -> bool {
    matches!(kind, KeyKind::Request | KeyKind::Trace | KeyKind::Intent)
}

/// The arrays of actions in one body, and counts of actions.
pub fn acts(event: &Event, material: &Material) -> Acts {
    let acting = matches!(event.kind, Kind::Model | Kind::Tool | Kind::Task | Kind::Trace);
    let mut found = Acts { cut: material.partial, ..Acts::default() };
    if !acting || !matches!(material.role, Role::Input | Role::Output) {
        return Acts::default();
    }
    let mut queue: VecDeque<(Cow<'_, Value>, String, String)> = VecDeque::new();
    queue.push_back((Cow::Borrowed(&material.value), material.role.name().to_owned(), String::new()));
    let mut seen = 0;
    while let Some((value, path, name)) = queue.pop_front() {
        seen += 1;
        if seen > MOST {
            found.cut = true;
            break;
        }
        if let Some(items) = value.as_array().filter(|items| are_actions(&name, items)) {
            found.arrays.push((path, Value::Array(items.clone())));
            continue;
        }
        if let Some(inner) = value.as_str().filter(|_| !is_prose(&name)).and_then(within) {
            queue.push_back((Cow::Owned(inner), format!("{path}→"), name));
            continue;
        }
        for (key, inner, item) in children(value) {
            let path = match &key {
                Some(key) if path.ends_with('→') => format!("{path}{key}"),
                Some(key) => format!("{path}.{key}"),
                None => format!("{path}[{item}]"),
            };
            let name = key.as_deref().map_or_else(|| name.clone(), normal);
            match inner.as_i64() {
                Some(count) if is_count(&name) => found.counts.push((path, count)),
                _ if is_passed_over(&name) || speaks(&inner) => {}
                _ => queue.push_back((inner, path, name)),
            }
        }
    }
    found
}

type Child<'a> = (Option<String>, Cow<'a, Value>, usize);

fn children(value: Cow<'_, Value>) -> Vec<Child<'_>> {
    match value {
        Cow::Borrowed(Value::Array(items)) => {
            items.iter().enumerate().map(|(index, item)| (None, Cow::Borrowed(item), index)).collect()
        }
        Cow::Owned(Value::Array(items)) => {
            items.into_iter().enumerate().map(|(index, item)| (None, Cow::Owned(item), index)).collect()
        }
        Cow::Borrowed(Value::Object(members)) => {
            members.iter().map(|(name, item)| (Some(name.clone()), Cow::Borrowed(item), 0)).collect()
        }
        Cow::Owned(Value::Object(members)) => {
            members.into_iter().map(|(name, item)| (Some(name), Cow::Owned(item), 0)).collect()
        }
        _ => Vec::new(),
    }
}

fn is_count(name: &str) -> bool {
    matches!(name, "actioncount" | "generatedactioncount" | "actionsdispatched")
}

/// Descriptions of tools, examples and the state of the board hold what looks like actions and is none.
fn is_passed_over(name: &str) -> bool {
    matches!(
        name,
        "tools"
            | "toolcatalog"
            | "tooldescriptions"
            | "tooldefinitions"
            | "functiondeclarations"
            | "fewshotexamples"
            | "examples"
            | "shapes"
            | "selection"
            | "selectedsimpleshapes"
            | "blurryshapes"
            | "actionoptions"
            | "toolschema"
            | "jsonschema"
    )
}

/// JSON in these is a quotation.
fn is_prose(name: &str) -> bool {
    matches!(name, "message" | "text" | "textcontent" | "title" | "description")
}

/// A message of a conversation: what was done earlier stands in it again.
fn speaks(value: &Value) -> bool {
    let role = value.get("role").and_then(Value::as_str);
    matches!(role, Some("user" | "system" | "developer" | "tool"))
}

fn are_actions(name: &str, items: &[Value]) -> bool {
    let objects = || items.iter().filter_map(Value::as_object).filter(|item| !is_definition(item) && !is_content(item));
    if name == "actions" { objects().next().is_some() } else { objects().any(is_action) }
}

/// An object that says what is to be done, in one of the four shapes that the original writes.
fn is_action(item: &Map<String, Value>) -> bool {
    let text = |key: &str| item.get(key).is_some_and(Value::is_string);
    let any = |keys: &[&str]| keys.iter().any(|key| item.contains_key(*key));
    text("name") && any(&["params", "tool", "action"])
        || text("tool") && any(&["params", "arguments"])
        || text("action") && any(&["params", "payload"])
        || text("type") && any(&["id", "shapeId", "shape", "props", "patch", "changes", "op", "parentId", "index"])
}

/// The definition of a tool describes what could be done.
fn is_definition(item: &Map<String, Value>) -> bool {
    let any = |keys: &[&str]| keys.iter().any(|key| item.contains_key(*key));
    any(&["input_schema", "inputSchema", "parameters", "function"]) || any(&["description"]) && !any(&["id"])
}

/// A part of a message.
fn is_content(item: &Map<String, Value>) -> bool {
    let parts = [
        "text",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "tool_result",
        "image",
        "image_url",
        "audio",
        "input_text",
        "output_text",
        "input_image",
        "input_audio",
        "message",
        "reasoning",
        "function",
        "function_call",
        "function_call_output",
        "tool_call",
        "refusal",
        "document",
        "file",
    ];
    // A shape on a board can be a text, too; only it has a place.
    let placed = ["x", "props", "shape", "op"].iter().any(|key| item.contains_key(*key));
    !placed && item.get("type").and_then(Value::as_str).is_some_and(|kind| parts.contains(&kind))
}

/// What sort of actions, the most frequent first.
fn sorts(items: &[Value]) -> Vec<(String, usize)> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for item in items {
        let named = ["name", "tool", "action", "type", "kind"].iter().find_map(|key| item.get(*key)?.as_str());
        *counts.entry(named.unwrap_or("unnamed")).or_default() += 1;
    }
    let mut sorts: Vec<(String, usize)> = counts.into_iter().map(|(sort, count)| (sort.to_owned(), count)).collect();
    sorts.sort_by(|(one, many), (other, more)| more.cmp(many).then_with(|| one.cmp(other)));
    sorts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: Kind, number: i64, request: &str) -> Event {
        let mut event = Event::new(kind, "canvas_runner", "x");
        (event.number, event.keys) = (number, vec![Key::native(KeyKind::Request, request)]);
        event
    }

    fn found(kind: Kind, role: Role, value: Value) -> Acts {
        acts(&event(kind, 1, "r"), &Material { event: 1, role, value, partial: false })
    }

    fn paths(acts: &Acts) -> Vec<&str> {
        acts.arrays.iter().map(|(path, _)| path.as_str()).collect()
    }

    #[test]
    fn every_shape_of_an_action_is_one() {
        for action in [
            json!({"name": "move", "params": {}}),
            json!({"tool": "move", "arguments": {}}),
            json!({"action": "move", "payload": {}}),
            json!({"type": "note", "props": {}}),
        ] {
            assert_eq!(paths(&found(Kind::Task, Role::Output, json!({"done": [action]}))), ["output.done"], "{action}");
        }
        let quoted = json!({"request": r#"{"actions":[{"kind":"canvas"}]}"#});
        assert_eq!(paths(&found(Kind::Tool, Role::Input, quoted)), ["input.request→actions"]);
    }

    /// Weakness 25: definitions of tools and the parts of messages were counted as actions.
    #[test]
    fn definitions_and_parts_of_messages_are_no_actions() {
        for body in [
            json!({"offers": [{"name": "move", "description": "Moves.", "params": ["id"]}]}),
            json!({"tools": [{"name": "move", "params": {}}]}),
            json!([{"type": "tool_use", "id": "t1", "name": "Bash", "input": {}}, {"type": "text", "id": "x"}]),
            json!({"actions": ["move", "draw"]}),
            json!({"actions": []}),
        ] {
            assert_eq!(found(Kind::Model, Role::Output, body.clone()), Acts::default(), "{body}");
        }
        let said = json!([{"role": "user", "content": [{"name": "move", "params": {}}]}]);
        assert_eq!(found(Kind::Model, Role::Input, said), Acts::default());
    }

    /// Weakness 25: the same array was found twice.
    #[test]
    fn the_same_array_in_two_copies_is_one_with_two_places() {
        let mut keeper = Bookkeeper::default();
        let one = json!({"actions": [{"id": "a", "name": "move", "params": {"x": 1, "y": 2}}]});
        let other = json!({"generatedActions": [{"name": "move", "id": "a", "params": {"y": 2, "x": 1}}]});
        for (row, body) in [one, other].into_iter().enumerate() {
            let event = event(Kind::Model, row as i64, "r");
            let acts = found(Kind::Model, Role::Output, body);
            keeper.add(row, &[event], &[(row as i64, acts)]);
        }
        let ledger = keeper.finish();
        assert_eq!(ledger.arrays.len(), 1);
        let places: Vec<(usize, &str)> =
            ledger.arrays[0].spots.iter().map(|spot| (spot.row, spot.path.as_str())).collect();
        assert_eq!(places, [(0, "output.actions"), (1, "output.generatedActions")]);
        assert_eq!(ledger.arrays[0].sorts, [("move".to_owned(), 1)]);
    }

    #[test]
    fn tasks_and_tools_of_the_same_request_are_what_came_of_it() {
        let mut keeper = Bookkeeper::default();
        let acts = found(Kind::Model, Role::Output, json!({"actions": [{"name": "move", "params": {}}]}));
        keeper.add(0, &[event(Kind::Model, 1, "r")], &[(1, acts)]);
        keeper.add(1, &[event(Kind::Tool, 2, "r")], &[]);
        keeper.add(2, &[event(Kind::Tool, 3, "other")], &[]);
        keeper.add(3, &[event(Kind::Model, 4, "r")], &[]);
        keeper.add(4, &[event(Kind::Task, 5, "r")], &[]);
        assert_eq!(keeper.finish().arrays[0].downstream, [1, 4]);
    }

    /// Weakness 10: results of follow-ups say how many actions there were and keep none.
    #[test]
    fn a_count_without_actions_says_that_only_the_count_was_kept() {
        let mut keeper = Bookkeeper::default();
        keeper.add(0, &[event(Kind::Task, 1, "r")], &[(1, found(Kind::Task, Role::Output, json!({"actionCount": 9})))]);
        let both =
            found(Kind::Task, Role::Output, json!({"actionCount": 1, "actions": [{"name": "move", "params": {}}]}));
        keeper.add(1, &[event(Kind::Task, 2, "q")], &[(2, both)]);
        keeper.add(2, &[event(Kind::Task, 3, "p")], &[(3, found(Kind::Task, Role::Output, json!({"actionCount": 0})))]);
        let ledger = keeper.finish();
        let counts: Vec<(usize, i64)> = ledger.only_counts.iter().map(|(spot, count)| (spot.row, *count)).collect();
        assert_eq!((counts, ledger.arrays.len()), (vec![(0, 9)], 1));
    }

    #[test]
    fn a_search_that_ends_early_says_so() {
        let many: Vec<Value> = (0..60_000).map(|number| json!([number])).collect();
        assert!(found(Kind::Tool, Role::Output, json!({"rows": many})).cut);
    }
}
