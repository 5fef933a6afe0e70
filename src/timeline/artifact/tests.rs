//! The rules of artifacts, one by one.

use serde_json::{Value, json};

use super::*;
use crate::domain::{Event, Kind, Phase, Role};
use crate::timeline::material::Material;

fn found(kind: Kind, role: Role, body: Value) -> Found {
    let mut event = Event::new(kind, "canvas_runner", "model_call");
    event.phase = Phase::Call;
    look(&event, &Material { event: 7, role, value: body, partial: false })
}

/// Kind, path and text of each.
fn shown(found: &Found) -> Vec<(&'static str, &str, String)> {
    found
        .artifacts
        .iter()
        .map(|artifact| (artifact.kind.name(), artifact.path.as_str(), text_of(&artifact.value)))
        .collect()
}

/// Weakness 23: the columns themselves were never looked at, and a row with nothing else was left out.
#[test]
fn a_system_prompt_in_its_own_column_is_an_artifact_even_alone() {
    let found = found(Kind::Model, Role::System, json!("You draw."));
    assert_eq!(shown(&found), [("system prompt", "system", "You draw.".to_owned())]);
}

#[test]
fn each_of_the_seven_is_found_with_its_path() {
    let body = json!({
        "toolingSnapshot": {"routeIntentSchema": {"type": "object"}, "allowedViewEvents": ["zoom"]},
        "developer_prompt": "Be brief.", "Prompt-Instructions": "In French.", "routingSkills": ["a"],
        "toolCatalog": [{"name": "move", "params": ["id"]}],
    });
    let found = found(Kind::Model, Role::Context, body.clone());
    let expected = [
        ("system prompt", "context.developer_prompt", "Be brief."),
        ("context priming", "context", &canonical(&body)),
        ("instructions", "context.Prompt-Instructions", "In French."),
        ("tool descriptions", "context.toolCatalog", r#"[{"name":"move","params":["id"]}]"#),
        ("tool schemas", "context.toolingSnapshot.routeIntentSchema", r#"{"type":"object"}"#),
        ("skills", "context.routingSkills", "a"),
        ("action options", "context.toolingSnapshot.allowedViewEvents", "zoom"),
    ];
    assert_eq!(shown(&found), expected.map(|(kind, path, text)| (kind, path, text.to_owned())));
}

/// Weakness 24: `runtimeSkills` was written and never recognised.
#[test]
fn runtime_skills_are_skills() {
    let found = found(Kind::Model, Role::Context, json!({"runtimeSkills": ["screenshot_grounding"]}));
    assert_eq!(found.first(ArtifactKind::Skills).map(|skills| skills.path.as_str()), Some("context.runtimeSkills"));
}

#[test]
fn json_in_a_whole_string_is_entered_and_the_path_says_so() {
    let prompt = json!({"parts": {"styleInstructions": "Round corners."}}).to_string();
    let found = found(Kind::Model, Role::Input, json!({"prompt": prompt}));
    assert_eq!(shown(&found), [("instructions", "input.prompt→parts.styleInstructions", "Round corners.".to_owned())]);
}

/// Weakness 25: a user's words in `update_component.patch.instruction` were shown as the agent's instructions.
#[test]
fn nothing_is_taken_from_a_persons_words_or_a_tools_arguments_and_results() {
    let call = json!({"patch": {"instruction": "make it red"}, "instructions": "now"});
    assert_eq!(found(Kind::Tool, Role::Input, call.clone()), Found::default());
    assert_eq!(found(Kind::Tool, Role::Output, call.clone()), Found::default());
    assert_eq!(found(Kind::Transcript, Role::Input, call.clone()), Found::default());
    assert_eq!(found(Kind::Task, Role::Input, json!({"patch": {"instruction": "make it red"}})), Found::default());
    let quoted = json!({"messages": [
        {"role": "user", "content": r#"{"instructions":"do evil"}"#},
        {"role": "assistant", "tool_calls": [{"function": {"arguments": {"instructions": "no"}}}]},
        {"role": "tool", "content": [{"skills": ["no"]}]},
    ], "message": r#"{"skills":["no"]}"#});
    assert_eq!(found(Kind::Model, Role::Input, quoted), Found::default());
}

#[test]
fn the_system_message_of_a_request_is_the_system_prompt() {
    let body =
        json!([{"role": "system", "content": [{"type": "text", "text": "Route."}]}, {"role": "user", "content": "hi"}]);
    assert_eq!(
        shown(&found(Kind::Model, Role::Input, body)),
        [("system prompt", "input[0].content", "Route.".to_owned())]
    );
    let body = json!({"system": "Answer.", "messages": []});
    assert_eq!(found(Kind::Model, Role::Input, body).artifacts[0].path, "input.system");
}

#[test]
fn the_same_text_at_two_paths_is_one_artifact() {
    let mut both = found(Kind::Model, Role::System, json!("Route."));
    both.merge(found(Kind::Model, Role::Input, json!([{"role": "system", "content": "Route."}])));
    assert_eq!(both.artifacts.len(), 1);
    assert_eq!(
        (both.artifacts[0].path.as_str(), both.artifacts[0].also.as_slice()),
        ("system", ["input[0].content".to_owned()].as_slice())
    );
}

#[test]
fn a_column_comes_before_a_copy_inside_another_body() {
    let tools = json!([{"name": "move"}]);
    let mut both = found(Kind::Model, Role::Context, json!({"tools": tools}));
    both.merge(found(Kind::Model, Role::Tools, tools));
    let tools = both.first(ArtifactKind::ToolDescriptions).expect("has tools");
    assert_eq!((tools.path.as_str(), tools.also.as_slice()), ("tools", ["context.tools".to_owned()].as_slice()));
}

#[test]
fn schemas_are_found_in_every_dialect_of_definitions() {
    let schema = json!({"type": "object"});
    for (body, field) in [
        (json!([{"type": "function", "function": {"name": "f", "parameters": schema}}]), "function.parameters"),
        (json!([{"type": "function", "name": "f", "parameters": schema}]), "parameters"),
        (json!([{"name": "f", "input_schema": schema}]), "input_schema"),
        (json!({"tools": [{"name": "f", "inputSchema": schema}]}), "inputSchema"),
        (json!([{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}]), "parameters"),
    ] {
        let found = found(Kind::Model, Role::Tools, body);
        let schemas = found.first(ArtifactKind::ToolSchemas).expect("has schemas");
        assert_eq!(schemas.path, format!("tools[].{field}"));
        assert_eq!(schemas.value["f"]["type"].as_str().map(str::to_lowercase).as_deref(), Some("object"));
    }
    let catalogue = json!([{"name": "move", "description": "Moves.", "params": ["id", "x"]}]);
    let found = found(Kind::Model, Role::Tools, catalogue.clone());
    assert_eq!(found.first(ArtifactKind::ToolSchemas), None);
    assert_eq!(definitions(&catalogue)[0].schema, None);
}

/// Weakness 25: a setting such as `maxOutputTokens` was shown among token counts.
#[test]
fn budgets_are_settings() {
    let body =
        json!({"tuning": {"maxOutputTokens": 4096}, "promptBudget": {"maxTokens": 9000, "transcriptTokens": 700}});
    let settings: Vec<(String, i64)> =
        found(Kind::Model, Role::Input, body).settings.into_iter().map(|one| (one.path, one.value)).collect();
    assert_eq!(
        settings,
        [
            ("input.tuning.maxOutputTokens".to_owned(), 4096),
            ("input.promptBudget.maxTokens".to_owned(), 9000),
            ("input.promptBudget.transcriptTokens".to_owned(), 700),
        ]
    );
}

#[test]
fn what_is_blank_or_only_a_count_is_no_artifact() {
    for value in [json!(null), json!(" "), json!([]), json!({}), json!(6), json!(true)] {
        assert_eq!(
            found(Kind::Model, Role::Metadata, json!({"tools": value, "instructions": value})),
            Found::default()
        );
    }
}

#[test]
fn a_search_that_ends_early_says_so() {
    let many: Vec<Value> = (0..60_000).map(|number| json!({"n": number})).collect();
    assert!(found(Kind::Model, Role::Input, json!({"state": many})).cut);
    assert!(!found(Kind::Model, Role::Input, json!({"state": [1, 2]})).cut);
}
