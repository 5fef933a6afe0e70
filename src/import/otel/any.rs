//! A value of an attribute in whatever encoding it came, and groups of attributes that are one value in pieces.

/// A value. Numbers are kept as they were written, because 64 bits do not hold all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Any {
    Null,
    Bool(bool),
    /// A JSON number.
    Number(String),
    Text(String),
    List(Vec<Any>),
    Map(Vec<(String, Any)>),
}

impl Any {
    /// A floating point number; what JSON has no number for becomes its name there.
    pub fn of_double(number: f64) -> Self {
        match serde_json::Number::from_f64(number) {
            Some(number) => Self::Number(number.to_string()),
            None if number.is_nan() => Self::Text("NaN".to_owned()),
            None => Self::Text(if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()),
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A text, a number or a truth as a person reads it; `None` for blanks and for what has members.
    pub fn word(&self) -> Option<String> {
        let word = match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.clone(),
            Self::Bool(truth) => truth.to_string(),
            // Some attributes hold one word in a list.
            Self::List(items) => items.first()?.word()?,
            Self::Null | Self::Map(_) => return None,
        };
        Some(word).filter(|word| !word.trim().is_empty())
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(text) | Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(members) => members.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Whether it says nothing.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.trim().is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Map(members) => members.is_empty(),
            Self::Bool(_) | Self::Number(_) => false,
        }
    }

    /// Puts the members of every map in the order of their names; of equal names the first stays the first.
    pub fn sort(&mut self) {
        match self {
            Self::List(items) => items.iter_mut().for_each(Self::sort),
            Self::Map(members) => {
                members.iter_mut().for_each(|(_, value)| value.sort());
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
            }
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => {}
        }
    }

    /// As JSON.
    pub fn json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// The bytes of a body: a text as it is, all else as JSON.
    pub fn body(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            other => other.json().into_bytes(),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
            Self::Number(number) => out.push_str(number),
            Self::Text(text) => out.push_str(&quoted(text)),
            Self::List(items) => {
                out.push('[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Map(members) => {
                out.push('{');
                for (place, (name, value)) in members.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    out.push_str(&quoted(name));
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Names with their values, in the order in which they came.
pub type Attributes = Vec<(String, Any)>;

/// The value of an attribute; the last one where a name occurs twice.
pub fn attribute<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a Any> {
    attributes.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// A value that was flattened over many attributes: `llm.input_messages.0.message.role` and so on.
#[derive(Debug, PartialEq, Eq)]
pub struct Unflattened {
    pub value: Any,
    /// Of a list some numbers are missing: the sender could not send all of its attributes.
    pub has_gaps: bool,
}

/// Puts together what is flattened below a prefix; `None` where there is nothing.
pub fn unflatten(attributes: &Attributes, prefix: &str) -> Option<Unflattened> {
    let mut root = Node::default();
    for (name, value) in attributes {
        if let Some(path) = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')) {
            root.put(path, value);
        }
    }
    if root.children.is_empty() {
        return None;
    }
    let mut has_gaps = false;
    let value = root.value(&mut has_gaps);
    Some(Unflattened { value, has_gaps })
}

#[derive(Default)]
struct Node {
    own: Option<Any>,
    children: Vec<(String, Node)>,
}

impl Node {
    fn put(&mut self, path: &str, value: &Any) {
        let mut node = self;
        for step in path.split('.') {
            let place = match node.children.iter().position(|(name, _)| name == step) {
                Some(place) => place,
                None => {
                    node.children.push((step.to_owned(), Self::default()));
                    node.children.len() - 1
                }
            };
            node = &mut node.children[place].1;
        }
        node.own = Some(value.clone());
    }

    fn value(self, has_gaps: &mut bool) -> Any {
        if self.children.is_empty() {
            return self.own.unwrap_or(Any::Null);
        }
        let numbers: Option<Vec<usize>> = self.children.iter().map(|(name, _)| name.parse().ok()).collect();
        let Some(numbers) = numbers.filter(|_| self.own.is_none()) else {
            let mut members: Vec<(String, Any)> =
                self.children.into_iter().map(|(name, node)| (name, node.value(has_gaps))).collect();
            // A value that has parts beside itself keeps both.
            members.extend(self.own.map(|own| ("value".to_owned(), own)));
            return Any::Map(members);
        };
        let mut items: Vec<(usize, Node)> =
            numbers.into_iter().zip(self.children.into_iter().map(|(_, node)| node)).collect();
        items.sort_by_key(|(number, _)| *number);
        *has_gaps |= items.iter().enumerate().any(|(place, (number, _))| place != *number);
        Any::List(items.into_iter().map(|(_, node)| node.value(has_gaps)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Any {
        Any::Text(text.to_owned())
    }

    #[test]
    fn flattened_lists_are_put_in_the_order_of_their_numbers() {
        let names = ["m.10.role", "m.2.role", "m.2.calls.0.id", "other"];
        let attributes: Attributes = names.iter().map(|name| ((*name).to_owned(), text(name))).collect();
        let found = unflatten(&attributes, "m").expect("is there");
        assert_eq!(
            found.value.json(),
            r#"[{"role":"m.2.role","calls":[{"id":"m.2.calls.0.id"}]},{"role":"m.10.role"}]"#
        );
        assert!(found.has_gaps);
        assert_eq!(unflatten(&attributes, "x"), None);
    }

    #[test]
    fn a_value_beside_its_own_parts_is_not_lost() {
        let attributes = vec![("a.content".to_owned(), text("whole")), ("a.content.0".to_owned(), text("part"))];
        let found = unflatten(&attributes, "a").expect("is there");
        assert_eq!(found.value.json(), r#"{"content":{"0":"part","value":"whole"}}"#);
    }

    #[test]
    fn any_value_is_written_as_json() {
        let value = Any::Map(vec![
            ("n".to_owned(), Any::Number("340282366920938463463374607431768211455".to_owned())),
            ("t".to_owned(), text("a\"\u{0}\u{2028}")),
            ("d".to_owned(), Any::of_double(f64::NAN)),
        ]);
        let json = value.json();
        let read = crate::domain::Outline::of(json.as_bytes()).expect("valid");
        assert_eq!(read.root().text_at(&["t"]).as_deref(), Some("a\"\u{0}\u{2028}"));
        assert_eq!(read.root().text_at(&["d"]).as_deref(), Some("NaN"));
    }
}
