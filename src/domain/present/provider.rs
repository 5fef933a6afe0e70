//! Who ran a model, where the columns do not say: the rule by which the original attributes it.

use super::row::{Row, first_of};
use crate::domain::{Event, Value};

/// Where params and payloads name the provider.
const NAMED: &[&[&str]] = &[
    &["provider"],
    &["providerName"],
    &["metadata", "provider"],
    &["model", "provider"],
    &["_trace", "provider"],
    &["output", "_trace", "provider"],
];
const MODEL: &[&[&str]] = &[&["model"], &["modelId"], &["metadata", "model"], &["_trace", "model"]];

/// Sets provider and model: the columns, else what params or payload name, else what the model's name tells.
///
/// What no column says is marked with the attribute `provider_rule`.
pub fn attribute(event: &mut Event, row: Row<'_>, params: Option<Value<'_>>, payload: Option<Value<'_>>) {
    let named = |value: Option<Value<'_>>, paths| value.and_then(|value| first_of(value, paths));
    event.model = row.text("model").or_else(|| named(params, MODEL)).or_else(|| named(payload, MODEL));
    let told = row.text("provider").filter(|provider| provider != "unknown");
    if told.is_some() {
        event.provider = told;
        return;
    }
    let found = named(params, NAMED).map(|provider| (provider, "task_params"));
    let found = found.or_else(|| named(payload, NAMED).map(|provider| (provider, "payload")));
    let inferred = || Some((of_model(event.model.as_deref()?)?.to_owned(), "model_inferred"));
    if let Some((provider, rule)) = found.or_else(inferred) {
        event.provider = Some(provider);
        event.attributes.push(("provider_rule".to_owned(), rule.to_owned()));
    }
}

/// The provider that a model's name tells.
fn of_model(model: &str) -> Option<&'static str> {
    let model = model.trim().to_ascii_lowercase();
    let begins = |starts: &[&str]| starts.iter().any(|start| model.starts_with(start));
    Some(match () {
        () if begins(&["gpt-oss", "llama", "qwen", "cerebras:"]) => "cerebras",
        () if begins(&["gpt", "o1", "o3", "o4", "openai:"]) => "openai",
        () if begins(&["claude", "anthropic:"]) => "anthropic",
        () if begins(&["gemini", "google:"]) => "google",
        () if model.contains("flux") || model.contains("black-forest-labs/") => "together",
        () if begins(&["debug/"]) || model == "fake" => "debug",
        () => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Kind, Outline};

    fn attributed(row: &str, params: &str) -> (Option<String>, Option<String>) {
        let (row, params) =
            (Outline::of(row.as_bytes()).expect("valid"), Outline::of(params.as_bytes()).expect("valid"));
        let mut event = Event::new(Kind::Task, "agent_tasks", "x");
        attribute(&mut event, Row { value: row.root() }, Some(params.root()), None);
        (event.provider.clone(), event.attribute("provider_rule").map(str::to_owned))
    }

    #[test]
    fn columns_win_over_params_and_params_over_the_model() {
        let some = |provider: &str, rule: Option<&str>| (Some(provider.to_owned()), rule.map(str::to_owned));
        assert_eq!(attributed(r#"{"provider":"a"}"#, r#"{"provider":"b"}"#), some("a", None));
        assert_eq!(attributed(r#"{"provider":"unknown"}"#, r#"{"provider":"b"}"#), some("b", Some("task_params")));
        assert_eq!(attributed("{}", r#"{"model":"gpt-oss-120b"}"#), some("cerebras", Some("model_inferred")));
        assert_eq!(attributed(r#"{"model":"o3-mini"}"#, "{}"), some("openai", Some("model_inferred")));
        assert_eq!(attributed(r#"{"model":"black-forest-labs/x"}"#, "{}"), some("together", Some("model_inferred")));
        assert_eq!(attributed(r#"{"model":"novel"}"#, "{}"), (None, None));
    }
}
