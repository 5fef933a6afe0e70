//! Finds the spans and log records of a document that streams by, whatever its envelope: places only, no values.
//!
//! Understood are OTLP requests, what Tempo and Jaeger answer, lists of spans under any name, and bare spans. The
//! document must be valid JSON.

use std::ops::Range;

use super::place::Place;
use crate::import::otel::item::Signal;

/// No group, no scope.
const NONE: u32 = u32::MAX;
/// Longer names are none that matter here.
const LONGEST_NAME: usize = 64;

/// The elements of a document, and who sent them.
#[derive(Debug, Default)]
pub struct Cut {
    pub elements: Vec<Element>,
    groups: Vec<Group>,
    scopes: Vec<Option<Range<u64>>>,
    /// The document has the envelope of a request of this signal, if an empty one.
    pub of: Option<Signal>,
    /// What stands where a list of groups, scopes or elements belongs, or one of them, and is none: the first of these,
    /// and how many there are.
    pub strays: Vec<Stray>,
    pub stray: u64,
}

/// What is not what belongs in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    pub range: Range<u64>,
    /// The member that is no list; `None` for what is no object.
    pub name: Option<String>,
    /// It stands in what can only be a request.
    pub is_sure: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    pub range: Range<u64>,
    /// `None` where only its own members tell.
    pub signal: Option<Signal>,
    /// It stands in a list that may hold anything.
    pub is_guess: bool,
    group: u32,
    scope: u32,
}

/// Places of what is said of many elements at once.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Group {
    pub resource: Option<Range<u64>>,
    /// Of Jaeger: processes by their id.
    pub processes: Option<Range<u64>>,
    /// The id of a session.
    pub session: Option<Range<u64>>,
}

impl Element {
    /// Whether the same is said around both.
    pub fn is_beside(&self, other: &Self) -> bool {
        (self.group, self.scope) == (other.group, other.scope)
    }
}

impl Cut {
    /// Where the group and the scope of an element are described.
    pub fn around(&self, element: &Element) -> (Group, Option<Range<u64>>) {
        let group = self.groups.get(element.group as usize).cloned().unwrap_or_default();
        (group, self.scopes.get(element.scope as usize).cloned().flatten())
    }
}

#[derive(Debug)]
struct Open {
    place: Place,
    is_object: bool,
    start: u64,
    /// The member whose value comes.
    name: String,
    group: u32,
    scope: u32,
    /// It holds what makes it a request rather than a span.
    has_container: bool,
    /// It stands in a list under an unknown name.
    is_guess: bool,
    /// It stands in what can only be a request.
    is_sure: bool,
    /// It is a stray one: its place among those.
    stray: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    String { start: u64, is_name: bool },
    Word { start: u64, is_null: bool },
}

struct Cutter {
    found: Cut,
    most_strays: usize,
    open: Vec<Open>,
    inside: Inside,
    escaped: bool,
    expects_name: bool,
    name: Vec<u8>,
}

/// Finds the elements of a document given in parts; `feed` is told how many were found, and hands on the parts until
/// it returns `None`. Of what is stray the first `most_strays` are told.
pub fn cut<E>(most_strays: usize, mut feed: impl FnMut(usize) -> Result<Option<Vec<u8>>, E>) -> Result<Cut, E> {
    let mut cutter = Cutter {
        found: Cut::default(),
        most_strays,
        open: Vec::new(),
        inside: Inside::Nothing,
        escaped: false,
        expects_name: false,
        name: Vec::new(),
    };
    let mut at = 0;
    while let Some(part) = feed(cutter.found.elements.len())? {
        cutter.part(&part, at);
        at += part.len() as u64;
    }
    Ok(cutter.found)
}

impl Cutter {
    fn part(&mut self, bytes: &[u8], offset: u64) {
        let mut at = 0;
        while at < bytes.len() {
            if let Inside::String { start, is_name } = self.inside {
                at = self.string(bytes, at, offset, start, is_name);
                continue;
            }
            let (byte, here) = (bytes[at], offset + at as u64);
            if let Inside::Word { start, is_null } = self.inside
                && (byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'}'))
            {
                self.inside = Inside::Nothing;
                self.scalar(start..here, is_null);
            }
            match byte {
                b'{' | b'[' => self.begin(byte == b'{', here),
                b'}' | b']' => self.end(here + 1),
                b'"' => self.inside = Inside::String { start: here, is_name: self.expects_name },
                b',' => self.expects_name = self.open.last().is_some_and(|open| open.is_object),
                b':' => self.expects_name = false,
                _ if byte.is_ascii_whitespace() => {}
                _ if self.inside == Inside::Nothing => {
                    self.inside = Inside::Word { start: here, is_null: byte == b'n' };
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Goes on in a string; returns where to go on behind it.
    fn string(&mut self, bytes: &[u8], from: usize, offset: u64, start: u64, is_name: bool) -> usize {
        // The opening quote itself was passed already.
        let mut at = from;
        if std::mem::take(&mut self.escaped) {
            at += 1;
        }
        while let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at.min(bytes.len())..]) {
            let end = at + found;
            self.keep(is_name, &bytes[at..end]);
            if bytes[end] == b'"' {
                self.inside = Inside::Nothing;
                self.string_ended(start..offset + end as u64 + 1, is_name);
                return end + 1;
            }
            self.escaped = end + 1 >= bytes.len();
            at = end + 2;
        }
        self.keep(is_name, &bytes[at.min(bytes.len())..]);
        bytes.len()
    }

    fn keep(&mut self, is_name: bool, bytes: &[u8]) {
        if is_name && self.name.len() < LONGEST_NAME {
            self.name.extend_from_slice(&bytes[..bytes.len().min(LONGEST_NAME)]);
        }
    }

    fn string_ended(&mut self, range: Range<u64>, is_name: bool) {
        if !is_name {
            return self.scalar(range, false);
        }
        let name = String::from_utf8_lossy(&std::mem::take(&mut self.name)).into_owned();
        self.expects_name = false;
        if let Some(open) = self.open.last_mut() {
            open.name = name;
        }
    }

    /// A value that is neither an object nor a list.
    fn scalar(&mut self, range: Range<u64>, is_null: bool) {
        let Some(open) = self.open.last() else { return };
        let is_odd = match open.is_object {
            true => open.place.member(&open.name).is_container(),
            false => matches!(open.place, Place::Groups(_) | Place::Scopes(_)),
        };
        if is_odd && !is_null {
            self.stray(range);
            return;
        }
        let place = open.place.member(&open.name);
        if open.is_object && !is_null && matches!(place, Place::Resource | Place::ScopeWords) {
            return self.describe(place, range);
        }
        match (open.place, open.is_object) {
            (Place::Elements(signal), false) => {
                let (group, scope) = (open.group, open.scope);
                self.found.elements.push(Element { range, signal: Some(signal), is_guess: false, group, scope });
            }
            (Place::Start | Place::Group(_), true) if matches!(&*open.name, "session_id" | "sessionId") => {
                let group = self.group();
                self.found.groups[group as usize].session = Some(range);
            }
            _ => {}
        }
    }

    /// Notes that a value in the innermost one is not what belongs there; gives its place where it is told.
    fn stray(&mut self, range: Range<u64>) -> Option<usize> {
        self.found.stray += 1;
        let open = self.open.last().filter(|_| self.found.strays.len() < self.most_strays)?;
        let is_sure = open.is_sure || (open.is_object && open.place.is_of_request(&open.name));
        let name = open.is_object.then(|| open.name.clone());
        self.found.strays.push(Stray { range, name, is_sure });
        Some(self.found.strays.len() - 1)
    }

    /// The group of the innermost value, made where it has none yet.
    fn group(&mut self) -> u32 {
        let Some(open) = self.open.last_mut() else { return NONE };
        if open.group == NONE {
            open.group = self.found.groups.len() as u32;
            self.found.groups.push(Group::default());
        }
        open.group
    }

    fn begin(&mut self, is_object: bool, start: u64) {
        let (place, is_guess) = match self.open.last() {
            None => (Place::Start, false),
            Some(open) if open.is_object => (open.place.member(&open.name), open.is_guess),
            Some(open) => (open.place.item(), open.is_guess || open.place == Place::Guesses),
        };
        // Only lists are looked into on a guess.
        let place = if place == Place::Guesses && is_object { Place::Other } else { place };
        if place.is_container() {
            self.contain(place);
        }
        let is_stray =
            (place.is_container() && is_object) || (matches!(place, Place::Group(_) | Place::Scope(_)) && !is_object);
        let stray = if is_stray { self.stray(start..start) } else { None };
        let is_sure = self.open.last().is_some_and(|open| open.is_sure || open.place.is_of_request(&open.name));
        let own_group = matches!(place, Place::Group(_)) || (place == Place::Start && is_object);
        let (group, scope) = match self.open.last() {
            Some(open) if !own_group => (open.group, open.scope),
            _ => (NONE, NONE),
        };
        self.open.push(Open {
            place,
            is_object,
            start,
            name: String::new(),
            group,
            scope,
            has_container: false,
            is_guess,
            is_sure,
            stray,
        });
        if matches!(place, Place::Group(_)) {
            self.group();
        }
        if matches!(place, Place::Scope(_)) {
            self.scope();
        }
        self.expects_name = is_object;
    }

    /// The value that holds this one is a request and no span.
    fn contain(&mut self, place: Place) {
        if self.open.last().is_some_and(|open| open.place == Place::Start) {
            self.group();
            self.scope();
        }
        for open in &mut self.open {
            open.has_container = true;
        }
        if let Place::Groups(signal) = place {
            self.found.of.get_or_insert(signal);
        }
    }

    fn scope(&mut self) {
        let Some(open) = self.open.last_mut() else { return };
        if open.scope == NONE {
            open.scope = self.found.scopes.len() as u32;
            self.found.scopes.push(None);
        }
    }

    fn end(&mut self, end: u64) {
        let Some(open) = self.open.pop() else { return };
        self.expects_name = false;
        let range = open.start..end;
        if let Some(stray) = open.stray {
            self.found.strays[stray].range.end = end;
        }
        match open.place {
            Place::Element(signal) => self.element(&open, range, Some(signal)),
            Place::Start if open.is_object && !open.has_container => self.element(&open, range, None),
            place => self.describe(place, range),
        }
    }

    /// Notes where the innermost value has a description of its elements.
    fn describe(&mut self, place: Place, range: Range<u64>) {
        match place {
            Place::Resource | Place::Processes if self.open.last().is_some() => {
                let group = self.group() as usize;
                let group = &mut self.found.groups[group];
                let described = if place == Place::Resource { &mut group.resource } else { &mut group.processes };
                *described = Some(range);
            }
            Place::ScopeWords => {
                self.scope();
                let scope = self.open.last().map_or(NONE, |open| open.scope);
                if let Some(described) = self.found.scopes.get_mut(scope as usize) {
                    *described = Some(range);
                }
            }
            _ => {}
        }
    }

    fn element(&mut self, open: &Open, range: Range<u64>, signal: Option<Signal>) {
        // A span on its own describes its sender itself.
        let (group, scope) = if signal.is_some() { (open.group, open.scope) } else { (NONE, NONE) };
        self.found.elements.push(Element { range, signal, is_guess: open.is_guess, group, scope });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_in(json: &str, step: usize) -> Cut {
        let mut parts = json.as_bytes().chunks(step).map(<[u8]>::to_vec);
        cut(usize::MAX, |_| Ok::<_, std::convert::Infallible>(parts.next())).expect("cuts")
    }

    /// The text of each element, of its resource and of its scope.
    fn told(json: &str) -> Vec<String> {
        let text = |range: &Range<u64>| json[range.start as usize..range.end as usize].to_owned();
        let mut all = Vec::new();
        for step in [1, 2, 7, json.len()] {
            let found = cut_in(json, step);
            let lines: Vec<String> = found
                .elements
                .iter()
                .map(|element| {
                    let (group, scope) = found.around(element);
                    let parts = [group.resource.or(group.processes), scope, group.session];
                    let parts = parts.iter().map(|part| part.as_ref().map(text).unwrap_or_default());
                    format!("{} {}", text(&element.range), parts.collect::<Vec<_>>().join("|"))
                })
                .collect();
            all.push(lines);
        }
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{all:?}");
        all.remove(0)
    }

    #[test]
    fn a_request_names_its_resource_before_or_behind_its_spans() {
        let json = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"a":[1,{"spans":[2]}]},7 ,"x\"y"],"scope":{"s":1}}],"resource":{"r":"}"}},
            {"resource":{"r":2},"scopeSpans":[{"scope":{"s":2},"spans":[{"b":1}]},{"spans":[{"c":1}]}]}]}"#;
        assert_eq!(
            told(json),
            [
                r#"{"a":[1,{"spans":[2]}]} {"r":"}"}|{"s":1}|"#,
                r#"7 {"r":"}"}|{"s":1}|"#,
                r#""x\"y" {"r":"}"}|{"s":1}|"#,
                r#"{"b":1} {"r":2}|{"s":2}|"#,
                r#"{"c":1} {"r":2}||"#,
            ]
        );
        assert_eq!(cut_in(json, 5).of, Some(Signal::Traces));
        assert_eq!(cut_in(r#"{"resourceLogs":[]}"#, 5).of, Some(Signal::Logs));
    }

    #[test]
    fn other_envelopes_are_understood_too() {
        assert_eq!(told(r#"{"name":"x","attributes":{"spans":1}}"#), [r#"{"name":"x","attributes":{"spans":1}} ||"#]);
        assert_eq!(told(r#"[{"name":"x"},{"name":"y"}]"#), [r#"{"name":"x"} ||"#, r#"{"name":"y"} ||"#]);
        assert_eq!(told(r#"{"session_id":"s","spans":[{"n":1}]}"#), [r#"{"n":1} ||"s""#]);
        assert_eq!(
            told(r#"{"data":[{"traceID":"t","spans":[{"n":1}],"processes":{"p1":{}}}]}"#),
            [r#"{"n":1} {"p1":{}}||"#]
        );
        assert_eq!(
            told(r#"{"trace":{"resource":{"r":1},"scope":{"s":1},"spans":[{"n":1}]},"schema":"v1"}"#),
            [r#"{"n":1} {"r":1}|{"s":1}|"#]
        );
        assert_eq!(
            told(
                r#"{"batches":[{"resource":{"r":1},"instrumentationLibrarySpans":[{"instrumentationLibrary":{"s":1},"spans":[{"n":1}]}]}]}"#
            ),
            [r#"{"n":1} {"r":1}|{"s":1}|"#]
        );
        assert_eq!(told("[]"), Vec::<String>::new());
    }
}
