//! The names under which artifacts, settings and other people's words stand in bodies.

use super::ArtifactKind;

/// A name in lower case without anything but letters and digits: `systemPrompt` and `system_prompt` are one.
pub fn normal(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The kind of artifact that stands under a normal name.
pub(super) fn kind_of(name: &str) -> Option<ArtifactKind> {
    Some(match name {
        "systemprompt" | "developerprompt" | "systeminstruction" | "systeminstructions" | "baseinstructions" => {
            ArtifactKind::SystemPrompt
        }
        "contextpriming" | "runtimecontext" | "conversationcontext" | "priming" => ArtifactKind::ContextPriming,
        "instructions" | "instruction" | "promptinstructions" | "styleinstructions" | "developerinstructions" => {
            ArtifactKind::Instructions
        }
        "tooldescriptions" | "toolcatalog" | "tooldefinitions" | "tools" | "functiondeclarations" | "dynamictools" => {
            ArtifactKind::ToolDescriptions
        }
        "toolschema" | "toolschemas" | "actionschema" | "routeintentschema" | "jsonschema" => ArtifactKind::ToolSchemas,
        "skills" | "skillset" | "promptskills" | "routingskills" | "contextskills" | "runtimeskills"
        | "instructionpack" | "capabilityprofile" => ArtifactKind::Skills,
        "actionoptions" | "shapeoptions" | "shapetypealiases" | "allowedactions" | "allowedviewevents" => {
            ArtifactKind::ActionOptions
        }
        _ => return None,
    })
}

/// Under these names stand words of people, arguments and results of tools, and examples of either.
pub(super) fn is_foreign(name: &str) -> bool {
    matches!(
        name,
        "arguments"
            | "argumentsraw"
            | "args"
            | "toolcalls"
            | "toolcall"
            | "functioncall"
            | "functioncalls"
            | "tooluse"
            | "toolresult"
            | "toolresults"
            | "tooluseresult"
            | "functionresponse"
            | "patch"
            | "transcript"
            | "transcripts"
            | "usermessage"
            | "usertext"
            | "userprompt"
            | "rawparams"
            | "fewshotexamples"
            | "examples"
            | "example"
            | "choices"
            | "candidates"
            | "completion"
    )
}

/// Under these names stand texts for people and models: JSON in them is a quotation.
pub(super) fn is_words(name: &str) -> bool {
    matches!(
        name,
        "message"
            | "text"
            | "content"
            | "textcontent"
            | "query"
            | "question"
            | "utterance"
            | "title"
            | "description"
            | "label"
            | "summary"
            | "reason"
            | "error"
    )
}

/// A limit or a budget that somebody set.
pub(super) fn is_setting(name: &str) -> bool {
    matches!(
        name,
        "maxtokens"
            | "maxoutputtokens"
            | "maxcompletiontokens"
            | "tokenbudgetmax"
            | "budgettokens"
            | "thinkingbudget"
            | "transcripttokens"
            | "transcripttokenestimate"
    )
}
