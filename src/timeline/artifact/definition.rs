//! Definitions of tools in the dialects that models are told them in: name, and the schema of the arguments.

use serde_json::{Map, Value};

/// One tool as a model was told of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Definition<'a> {
    pub name: &'a str,
    /// `None` where the source keeps no schema.
    pub schema: Option<&'a Value>,
    /// Where the schema stands in the definition.
    pub field: &'static str,
    pub whole: &'a Value,
}

/// The definitions in a set of tools, whatever its dialect; empty where there are none.
pub fn definitions(tools: &Value) -> Vec<Definition<'_>> {
    match tools {
        Value::Array(items) => items.iter().flat_map(of_item).collect(),
        Value::Object(members) => of_object(tools, members),
        _ => Vec::new(),
    }
}

fn of_item(item: &Value) -> Vec<Definition<'_>> {
    let Value::Object(members) = item else { return Vec::new() };
    for list in ["functionDeclarations", "function_declarations"] {
        if let Some(inner) = members.get(list) {
            return definitions(inner);
        }
    }
    one(item, members).into_iter().collect()
}

/// A single definition, a list under a name, or definitions by name.
fn of_object<'a>(whole: &'a Value, members: &'a Map<String, Value>) -> Vec<Definition<'a>> {
    for list in ["tools", "functionDeclarations", "function_declarations"] {
        if let Some(inner @ Value::Array(_)) = members.get(list) {
            return definitions(inner);
        }
    }
    if let Some(one) = one(whole, members) {
        return vec![one];
    }
    let named = members.iter().filter_map(|(name, item)| {
        let (schema, field) = schema_in(item.as_object()?)?;
        Some(Definition { name, schema: Some(schema), field, whole: item })
    });
    named.collect()
}

fn one<'a>(whole: &'a Value, members: &'a Map<String, Value>) -> Option<Definition<'a>> {
    if let Some(inner) = members.get("function").and_then(Value::as_object) {
        let name = inner.get("name")?.as_str()?;
        let schema = inner.get("parameters").filter(|schema| is_schema(schema));
        return Some(Definition { name, schema, field: "function.parameters", whole });
    }
    let name = members.get("name")?.as_str()?;
    Some(match schema_in(members) {
        Some((schema, field)) => Definition { name, schema: Some(schema), field, whole },
        None => Definition { name, schema: None, field: "", whole },
    })
}

/// The schema in a definition, and the name it has there: that of OpenAI, Anthropic, MCP, Gemini, the original.
fn schema_in(members: &Map<String, Value>) -> Option<(&Value, &'static str)> {
    ["parameters", "input_schema", "inputSchema", "parametersJsonSchema", "parameters_json_schema", "params"]
        .into_iter()
        .find_map(|field| Some((members.get(field).filter(|schema| is_schema(schema))?, field)))
}

/// Whether a value can be a JSON Schema; a list of names of parameters cannot.
pub fn is_schema(value: &Value) -> bool {
    let Value::Object(members) = value else { return false };
    let typed = members.get("type").is_some_and(|kind| kind.is_array() || kind.as_str().is_some_and(is_type));
    typed || ["properties", "$ref", "anyOf", "oneOf", "allOf"].iter().any(|keyword| members.contains_key(*keyword))
}

/// Gemini writes the types in capitals.
fn is_type(name: &str) -> bool {
    let types = ["object", "array", "string", "number", "integer", "boolean", "null"];
    types.iter().any(|known| known.eq_ignore_ascii_case(name))
}
