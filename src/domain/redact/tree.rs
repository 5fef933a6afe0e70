//! Secrets in JSON: by the names of fields, by their place, and in every string as in a text of its own.

use std::ops::Range;

use super::check::is_identity;
use super::code::{is_mixed, is_placeholder};
use super::finder::{DEEPEST, Find, Finder};
use super::manifest::HOLDERS;
use super::markup::{NAMES, TEXTS, VALUES};
use super::pair::fits;
use super::path::{self, Place};
use super::rules::What;
use super::view::View;
use super::words::Judged;
use crate::domain::json::{Outline, Shape, Value};

/// Deeper values are searched as text.
const NESTED: usize = 128;
/// Members whose members are described, not held.
const SCHEMAS: [&str; 4] = ["properties", "$defs", "definitions", "patternProperties"];

/// A list of more strings, or of longer ones, is no line of a command.
const MOST_ARGUMENTS: usize = 64;
const LONGEST_ARGUMENT: u64 = 4096;

/// What holds for a value because of where it stands.
#[derive(Clone, Copy, Default)]
struct Around {
    /// The rule by which all in it is hidden.
    rule: Option<usize>,
    /// The names around it are those of a schema.
    schema: bool,
}

pub(super) struct Tree<'a> {
    finder: &'a Finder,
    bytes: &'a [u8],
    place: Vec<Place>,
    depth: usize,
    finds: &'a mut Vec<Find>,
}

/// Names have no more words.
const MOST_WORDS: usize = 5;

impl Finder {
    /// Looks through JSON; false where it is none, and nothing was done.
    pub(super) fn tree(&self, bytes: &[u8], depth: usize, finds: &mut Vec<Find>) -> bool {
        let Ok(outline) = Outline::of(bytes) else { return false };
        if outline.partial {
            return false;
        }
        let mut tree = Tree { finder: self, bytes, place: Vec::new(), depth, finds };
        tree.value(outline.root(), None, Around::default());
        true
    }
}

impl Tree<'_> {
    fn value(&mut self, value: Value<'_>, name: Option<&str>, around: Around) {
        let judged = name.map_or(Judged::Nothing, |name| self.finder.judge(name));
        let by_name = match judged {
            Judged::Secret(rule) => Some(rule),
            Judged::Exempt => None,
            Judged::Nothing => {
                around.rule.filter(|_| !name.is_some_and(|name| self.finder.rules.keys.is_harmless(name)))
            }
        };
        let by_path = self.finder.paths.iter().copied().find(|rule| self.fits(*rule));
        let rule = by_path.or(by_name);
        match value.shape() {
            Shape::Object | Shape::Array if self.place.len() > NESTED => self.as_text(value),
            Shape::Object => {
                // What a schema says of a field named `password` is no password.
                let inherited = if around.schema && by_path.is_none() { None } else { rule };
                self.object(value, inherited, name.is_some_and(|name| SCHEMAS.contains(&name)));
            }
            Shape::Array => self.array(value, rule),
            Shape::String => self.string(value, rule),
            Shape::Number => {
                self.number(value, name, rule.filter(|rule| by_path.is_some() || self.finder.rules.list[*rule].numbers))
            }
            Shape::Bool | Shape::Null => {}
        }
    }

    fn fits(&self, rule: usize) -> bool {
        matches!(&self.finder.rules.list[rule].what, What::Path(path) if path.fits(&self.place))
    }

    fn object(&mut self, object: Value<'_>, rule: Option<usize>, schema: bool) {
        let paired = self.paired(object);
        let kept = self.kept(object);
        let mut end = object.range().start as usize + 1;
        for member in object.items() {
            let (start, stop) = (member.range().start as usize, member.range().end as usize);
            let name = self.name(end, start);
            end = stop;
            let may_hold = is_one_of(&VALUES, &name) && (!is_one_of(&TEXTS, &name) || self.is_word(member));
            let by_pair = may_hold.then_some(paired).flatten();
            let by_kind = HOLDERS.contains(&name.as_str()).then_some(kept).flatten();
            self.place.push(Place::Name(name.clone()));
            self.value(member, Some(&name), Around { rule: by_pair.or(by_kind).or(rule), schema });
            self.place.pop();
        }
    }

    /// The name of a member, which stands between the end of the one before and its value; secrets in it are found.
    fn name(&mut self, from: usize, to: usize) -> String {
        let between = &self.bytes[from.min(to)..to];
        let open = memchr::memchr(b'"', between).map_or(0, |at| at + 1);
        let close = memchr::memrchr(b'"', between).unwrap_or(between.len()).max(open);
        let view = View::of_json(&between[open..close]);
        self.inside(&view, from + open);
        String::from_utf8_lossy(&view.text).into_owned()
    }

    /// The rule for what an object names in one member and holds in another: a header, an attribute.
    fn paired(&self, object: Value<'_>) -> Option<usize> {
        object.items().find_map(|member| {
            let name = member.name()?;
            if !is_one_of(&NAMES, &name) || member.shape() != Shape::String {
                return None;
            }
            self.secret(member)
        })
    }

    /// Whether it is one word that looks like a secret: where a text may stand, everything else is one.
    fn is_word(&self, value: Value<'_>) -> bool {
        value.shape() != Shape::String || value.text().is_some_and(|text| is_mixed(text.as_bytes()))
    }

    /// The rule for what a manifest of Kubernetes holds whose kind is `Secret`.
    fn kept(&self, object: Value<'_>) -> Option<usize> {
        let is_kind =
            |member: Value<'_>| member.shape() == Shape::String && member.name().is_some_and(|name| name == "kind");
        let kind = object.items().find(|member| is_kind(*member))?.text()?;
        if kind == "Secret" { self.rule_of(&kind) } else { None }
    }

    /// The rule by which a string names a secret; a sentence names none.
    fn secret(&self, value: Value<'_>) -> Option<usize> {
        let is_name = |text: &str| {
            text.len() <= 128
                && text.split(' ').count() <= MOST_WORDS
                && text.chars().all(|letter| letter.is_alphanumeric() || "-_. ".contains(letter))
        };
        self.rule_of(&value.text().filter(|text| is_name(text))?)
    }

    fn rule_of(&self, name: &str) -> Option<usize> {
        match self.finder.judge(name) {
            Judged::Secret(rule) => Some(rule),
            Judged::Exempt | Judged::Nothing => None,
        }
    }

    fn array(&mut self, array: Value<'_>, rule: Option<usize>) {
        let is_pair = array.len() == 2;
        let mut named = None;
        for (at, item) in array.items().enumerate() {
            self.place.push(Place::Index(at));
            self.value(item, None, Around { rule: named.take().or(rule), schema: false });
            self.place.pop();
            // A pair names its value; a list of arguments has many.
            let may_name = item.shape() == Shape::String && (is_pair || self.bytes_of(item).starts_with(b"\"-"));
            named = may_name.then(|| self.secret(item)).flatten();
        }
        self.command(array);
    }

    fn bytes_of(&self, value: Value<'_>) -> &[u8] {
        &self.bytes[value.range().start as usize..value.range().end as usize]
    }

    /// What a list of arguments holds where it reads as the line of a command.
    fn command(&mut self, array: Value<'_>) {
        let is_argument = |item: Value<'_>| {
            item.shape() == Shape::String && item.range().end - item.range().start <= LONGEST_ARGUMENT
        };
        let has_flag = array.items().skip(1).any(|item| self.bytes_of(item).starts_with(b"\"-"));
        if !has_flag || array.len() > MOST_ARGUMENTS || !array.items().all(is_argument) {
            return;
        }
        let (mut line, mut arguments) = (Vec::new(), Vec::new());
        for item in array.items() {
            let start = item.range().start as usize + 1;
            let view = View::of_json(&self.bytes[start..item.range().end as usize - 1]);
            let from = line.len();
            line.extend_from_slice(&view.text);
            arguments.push((from..line.len(), view, start));
            line.push(b' ');
        }
        let mut inner = Vec::new();
        self.finder.flat(&line, DEEPEST, &mut inner);
        for mut find in inner {
            let inside = |(range, ..): &(Range<usize>, View, usize)| {
                range.start <= find.range.start && find.range.end <= range.end
            };
            let Some(at) = arguments.iter().position(inside) else { continue };
            let (range, view, start) = &arguments[at];
            let source = view.source(&(find.range.start - range.start..find.range.end - range.start));
            find.range = start + source.start..start + source.end;
            find.wrap = Vec::new();
            self.place.push(Place::Index(at));
            find.path = path::shown(&self.place);
            self.place.pop();
            self.finds.push(find);
        }
    }

    fn string(&mut self, value: Value<'_>, rule: Option<usize>) {
        let (start, end) = (value.range().start as usize + 1, (value.range().end as usize).saturating_sub(1));
        let view = View::of_json(&self.bytes[start..end.max(start)]);
        match rule {
            Some(rule) if self.hides(rule, &view.text) => {
                let mut find = Find::new(start..end, rule, &view.text);
                find.path = path::shown(&self.place);
                self.finds.push(find);
                // What it is by its shape says more.
                self.inside(&view, start);
            }
            _ => self.inside(&view, start),
        }
    }

    /// Whether a rule for fields hides this value.
    fn hides(&self, rule: usize, value: &[u8]) -> bool {
        let rule = &self.finder.rules.list[rule];
        fits(rule, value) && !is_placeholder(value) && !self.finder.is_harmless(value)
    }

    /// What stands in a decoded string.
    fn inside(&mut self, view: &View, start: usize) {
        let mut inner = Vec::new();
        if self.depth < DEEPEST {
            self.finder.text(&view.text, self.depth + 1, &mut inner);
        } else {
            self.finder.flat(&view.text, self.depth, &mut inner);
        }
        for mut find in inner {
            let range = view.source(&find.range);
            find.range = start + range.start..start + range.end;
            find.wrap = find.wrap.iter().flat_map(|byte| escaped(*byte)).collect();
            find.path = path::shown(&self.place) + &find.path.replacen('$', "|$", 1);
            self.finds.push(find);
        }
    }

    fn number(&mut self, value: Value<'_>, name: Option<&str>, rule: Option<usize>) {
        let range = value.range().start as usize..value.range().end as usize;
        let text = &self.bytes[range.clone()];
        let rule = match rule {
            Some(rule) if self.hides(rule, text) && !is_identity(text) => Some(rule),
            Some(_) => None,
            None if name.is_some_and(|name| self.finder.rules.keys.is_harmless(name)) => None,
            None => self.finder.card(text),
        };
        if let Some(rule) = rule {
            let mut find = Find::new(range, rule, text);
            find.wrap = vec![b'"'];
            find.path = path::shown(&self.place);
            self.finds.push(find);
        }
    }

    fn as_text(&mut self, value: Value<'_>) {
        let range = value.range().start as usize..value.range().end as usize;
        let mut inner = Vec::new();
        self.finder.flat(&self.bytes[range.clone()], self.depth, &mut inner);
        for mut find in inner {
            find.range = range.start + find.range.start..range.start + find.range.end;
            find.path = path::shown(&self.place);
            self.finds.push(find);
        }
    }
}

/// Whether a member has one of these names, capitals or not.
fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// A byte as it stands in a JSON string.
fn escaped(byte: u8) -> Vec<u8> {
    match byte {
        b'"' | b'\\' => vec![b'\\', byte],
        byte => vec![byte],
    }
}
