//! Whether the arguments of a tool call satisfy the schema that the model was told of.

use std::error::Error;

use boon::{CompileError, Compiler, Schemas, UrlLoader, ValidationError};
use serde_json::Value;

use super::artifact::{Artifact, definitions, normal};
use super::material::within;

/// Places that fail and are named; more are counted.
const MOST_FAILURES: usize = 50;
/// A name for the schema that no network knows.
const PLACE: &str = "http://schema.invalid/tool";

/// What a schema says of arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Satisfied,
    Violated(Vec<Failure>),
    /// There is no schema; why.
    NoSchema(String),
    /// The schema cannot be used; why.
    BadSchema(String),
    /// The arguments are no JSON; why.
    BadArguments(String),
}

/// One place where arguments do not satisfy a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A JSON pointer into the arguments; empty for the whole.
    pub path: String,
    pub says: String,
}

/// The schema of a tool in an artifact; an error says why there is none.
pub fn schema_of<'a>(artifact: &'a Artifact, tool: &str) -> Result<&'a Value, String> {
    let tool = normal(tool);
    let all = definitions(&artifact.value);
    if let Some(one) = all.into_iter().find(|one| normal(one.name) == tool) {
        return one.schema.ok_or_else(|| "no schema recorded: the tool is described without one".to_owned());
    }
    if super::artifact::is_schema(&artifact.value) {
        return Ok(&artifact.value);
    }
    Err("no schema recorded: the tool is not described there".to_owned())
}

/// The arguments in the input of a call: the input itself, or what it carries as a string.
pub fn arguments_of(input: &Value) -> Result<Value, String> {
    let wrapped = |members: &serde_json::Map<String, Value>| {
        let named = members.contains_key("name") || members.len() == 1;
        ["argumentsRaw", "arguments_raw", "arguments"]
            .iter()
            .filter(|_| named)
            .find_map(|key| members.get(*key).cloned())
    };
    let inner = match input {
        Value::Object(members) => wrapped(members).unwrap_or_else(|| input.clone()),
        other => other.clone(),
    };
    match &inner {
        Value::String(text) => match within(text) {
            Some(value) => Ok(value),
            None => serde_json::from_str(text).map_err(|error| format!("the arguments are no JSON: {error}")),
        },
        _ => Ok(inner),
    }
}

/// Judges arguments. Nothing outside the schema is read: a reference to another place makes it unusable.
pub fn judge(schema: &Value, arguments: &Value) -> Verdict {
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.use_loader(Box::new(Nowhere));
    if let Err(error) = compiler.add_resource(PLACE, in_small_letters(schema)) {
        return unusable(&error);
    }
    let index = match compiler.compile(PLACE, &mut schemas) {
        Ok(index) => index,
        Err(error) => return unusable(&error),
    };
    match schemas.validate(arguments, index) {
        Ok(()) => Verdict::Satisfied,
        Err(error) => {
            let mut failures = Vec::new();
            collect(&error, &mut failures);
            Verdict::Violated(failures)
        }
    }
}

fn unusable(error: &CompileError) -> Verdict {
    Verdict::BadSchema(match error {
        CompileError::LoadUrlError { url, .. } => format!("it refers to {}, which is not read", said(url)),
        error => said(&error.to_string()),
    })
}

/// Refuses every reference that leads out of the schema.
struct Nowhere;

impl UrlLoader for Nowhere {
    fn load(&self, url: &str) -> Result<Value, Box<dyn Error>> {
        Err(format!("{url} is not read").into())
    }
}

/// The innermost failures; what only says that something inside failed is passed over.
fn collect(error: &ValidationError<'_, '_>, failures: &mut Vec<Failure>) {
    if error.causes.is_empty() {
        let failure = Failure { path: error.instance_location.to_string(), says: said(&error.kind.to_string()) };
        if failures.len() < MOST_FAILURES && !failures.contains(&failure) {
            failures.push(failure);
        }
        return;
    }
    for cause in &error.causes {
        collect(cause, failures);
    }
}

/// The library's words without the made-up name of the schema.
fn said(words: &str) -> String {
    let words = words.replace(&format!("{PLACE}#"), "").replace(PLACE, "the schema");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Gemini writes the types of a schema in capitals.
fn in_small_letters(schema: &Value) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(in_small_letters).collect(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let kind =
                    value.as_str().filter(|kind| name == "type" && kind.chars().all(|one| one.is_ascii_uppercase()));
                (name.clone(), kind.map_or_else(|| in_small_letters(value), |kind| Value::String(kind.to_lowercase())))
            };
            members.iter().map(member).collect()
        }
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, prop, prop_oneof, proptest};
    use serde_json::json;

    use super::*;

    fn failures(schema: Value, arguments: Value) -> Vec<(String, String)> {
        match judge(&schema, &arguments) {
            Verdict::Violated(failures) => failures.into_iter().map(|one| (one.path, one.says)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn failing_places_are_named() {
        let schema = json!({
            "type": "object", "required": ["kind"],
            "properties": {"confidence": {"type": "number", "maximum": 1}, "kind": {"enum": ["canvas", "none"]}},
        });
        assert_eq!(judge(&schema, &json!({"kind": "canvas", "confidence": 0.9})), Verdict::Satisfied);
        let found = failures(schema, json!({"kind": "map", "confidence": 2}));
        let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths.len(), 2);
        assert!(paths.contains(&"/kind") && paths.contains(&"/confidence"), "{found:?}");
        assert_eq!(
            failures(json!({"required": ["a"]}), json!({})),
            [(String::new(), "missing properties 'a'".to_owned())]
        );
    }

    #[test]
    fn a_schema_that_leads_elsewhere_is_never_followed() {
        for reference in ["http://example.com/schema.json", "file:///etc/hostname", "other.json"] {
            let verdict = judge(&json!({"$ref": reference}), &json!({}));
            assert!(matches!(&verdict, Verdict::BadSchema(words) if words.contains("not read")), "{verdict:?}");
        }
        let inner = json!({"$defs": {"a": {"type": "string"}}, "properties": {"x": {"$ref": "#/$defs/a"}}});
        assert_eq!(judge(&inner, &json!({"x": "y"})), Verdict::Satisfied);
    }

    #[test]
    fn what_is_no_schema_gives_a_word() {
        for schema in
            [json!({"type": "strnig"}), json!({"pattern": "("}), json!({"$ref": "#/nowhere"}), json!({"type": 7})]
        {
            assert!(matches!(judge(&schema, &json!("x")), Verdict::BadSchema(_)), "{schema}");
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        assert_ne!(judge(&json!({"$ref": "#"}), &json!({"a": 1})), Verdict::Satisfied);
        let tree = json!({"type": "object", "properties": {"child": {"$ref": "#"}}});
        assert_eq!(judge(&tree, &json!({"child": {"child": {}}})), Verdict::Satisfied);
        assert_eq!(failures(tree, json!({"child": {"child": 3}}))[0].0, "/child/child");
    }

    #[test]
    fn types_in_capitals_are_types() {
        let schema = json!({"type": "OBJECT", "properties": {"x": {"type": "NUMBER"}}});
        assert_eq!(failures(schema, json!({"x": "1"}))[0].0, "/x");
    }

    #[test]
    fn arguments_stand_bare_or_in_a_string() {
        let arguments = json!({"a": 1});
        for input in [
            json!({"a": 1}),
            json!("{\"a\":1}"),
            json!({"name": "f", "argumentsRaw": "{\"a\":1}"}),
            json!({"arguments": {"a": 1}}),
        ] {
            assert_eq!(arguments_of(&input), Ok(arguments.clone()));
        }
        let bad = arguments_of(&json!({"name": "f", "argumentsRaw": "{bad json"})).expect_err("is no JSON");
        assert!(bad.starts_with("the arguments are no JSON"), "{bad}");
    }

    fn json_values() -> impl Strategy<Value = Value> {
        let word = prop_oneof![
            Just("type"),
            Just("properties"),
            Just("$ref"),
            Just("#"),
            Just("items"),
            Just("pattern"),
            Just("allOf"),
            Just("required"),
            Just("$id"),
            Just("$schema"),
            Just("$anchor"),
            Just("minimum"),
            Just("object"),
            Just("[")
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            word.clone().prop_map(|word| json!(word)),
            (-3i64..3).prop_map(|number| json!(number)),
        ];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec((word.clone(), inner), 0..4).prop_map(|members| {
                    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_schema_makes_it_panic(schema in json_values(), arguments in json_values()) {
            judge(&schema, &arguments);
        }
    }
}
