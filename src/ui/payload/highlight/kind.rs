//! What a text is: guessed from what is known of it, then from how it looks.

use super::super::document::{Document, Node, Sort};
use super::super::source::Hint;
use crate::domain::decode_string;

/// How much of a text is looked at.
const SAMPLE: usize = 4096;
/// How many values beside a text are looked at for the name of its file.
const SIBLINGS: usize = 200;

/// The type of a text, as far as colours go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextKind {
    Plain,
    Json,
    Diff,
    Markdown,
    /// A language by a name or file extension that syntect knows.
    Code(String),
}

/// Guesses the type of a text: language, diff, file name, JSON, first line, tool, Markdown, in this order.
pub fn kind_of(text: &[u8], hint: &Hint) -> TextKind {
    let sample = super::super::search::readable(&text[..text.len().min(SAMPLE)]);
    let sample = sample.trim_start();
    if let Some(language) = hint.language.as_deref().filter(|language| !language.is_empty()) {
        return by_name(language);
    }
    if is_diff(sample) {
        return TextKind::Diff;
    }
    let extension = hint.file_name.as_deref().and_then(extension_of);
    if let Some(extension) = extension {
        return by_name(&extension);
    }
    if sample.starts_with('{') || sample.starts_with("[{") || sample.starts_with("[\n") || sample.starts_with("[\"") {
        return TextKind::Json;
    }
    if let Some(interpreter) = sample.strip_prefix("#!") {
        let line = interpreter.lines().next().unwrap_or("");
        let name = line.split(['/', ' ']).rfind(|word| !word.is_empty()).unwrap_or("sh");
        return by_name(name.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.'));
    }
    if looks_like_markdown(sample) { TextKind::Markdown } else { TextKind::Plain }
}

/// The type that a language's name or a file's extension stands for.
pub(super) fn by_name(name: &str) -> TextKind {
    match name.to_ascii_lowercase().as_str() {
        "json" | "jsonl" | "ndjson" | "jsonc" | "ipynb" => TextKind::Json,
        "diff" | "patch" => TextKind::Diff,
        "markdown" | "md" | "mdx" | "mdc" => TextKind::Markdown,
        "text" | "txt" | "log" | "csv" | "tsv" | "plain" | "" => TextKind::Plain,
        "shell" | "zsh" | "console" => TextKind::Code("sh".to_owned()),
        other => TextKind::Code(other.to_owned()),
    }
}

fn extension_of(file_name: &str) -> Option<String> {
    let name = file_name.rsplit(['/', '\\']).next()?;
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && extension.len() <= 12 => Some(extension.to_owned()),
        _ => matches!(name, "Makefile" | "Dockerfile" | "CMakeLists.txt").then(|| name.to_owned()),
    }
}

fn is_diff(sample: &str) -> bool {
    if ["diff --git ", "*** Begin Patch", "Index: "].iter().any(|start| sample.starts_with(start)) {
        return true;
    }
    let hunk = |line: &str| line.starts_with("@@ ") && line[3..].contains("@@");
    let mut lines = sample.lines();
    match lines.next() {
        Some(first) if hunk(first) => true,
        Some(first) if first.starts_with("--- ") => lines.next().is_some_and(|line| line.starts_with("+++ ")),
        _ => sample.lines().any(|line| line.starts_with("diff --git ")),
    }
}

fn looks_like_markdown(sample: &str) -> bool {
    let (mut signs, mut lines) = (0, 0);
    for line in sample.lines().filter(|line| !line.trim().is_empty()) {
        lines += 1;
        let start = line.trim_start();
        let heading = start.trim_start_matches('#');
        let hashes = start.len() - heading.len();
        let numbered = start.split_once(". ").is_some_and(|(number, _)| {
            !number.is_empty() && number.len() < 4 && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        signs += match () {
            () if start.starts_with("```") => 4,
            () if (1..=6).contains(&hashes) && heading.starts_with(' ') => 2,
            () if start.starts_with("- ") || start.starts_with("* ") || start.starts_with("> ") || numbered => 1,
            () if start.contains("**") || start.contains("](") || start.contains('`') => 1,
            () => 0,
        };
    }
    signs >= 2 && signs * 12 >= lines
}

/// What the JSON around a string says of it: the name of its file, or that it is a command.
pub(in super::super) fn hint_of(document: &Document, number: u32) -> Hint {
    let outer = document.place_of(number).map(|place| place.hint.clone()).unwrap_or_default();
    let Some(node) = document.node(number).filter(|node| node.sort == Sort::Block) else { return outer };
    let mut hint = Hint { tool: outer.tool, ..Hint::default() };
    match key_of(document, node).as_deref() {
        Some("command" | "cmd" | "script" | "bash" | "shell") => hint.language = Some("sh".to_owned()),
        Some("code" | "cell_source") if hint.tool.as_deref().is_none_or(runs_python) => {
            hint.file_name = file_beside(document, node);
            if hint.file_name.is_none() {
                hint.language = Some("python".to_owned());
            }
        }
        Some(
            "content" | "contents" | "text" | "file_text" | "new_string" | "old_string" | "new_str" | "old_str"
            | "source" | "originalFile" | "code",
        ) => hint.file_name = file_beside(document, node),
        _ => {}
    }
    hint
}

fn runs_python(tool: &str) -> bool {
    let tool = tool.to_ascii_lowercase();
    tool.contains("python") || tool.contains("interpreter") || tool.contains("notebook")
}

fn key_of(document: &Document, node: &Node) -> Option<String> {
    let key = document.text.get(node.key_start as usize..node.key_end as usize)?;
    Some(decode_string(key).into_owned())
}

/// The name of a file that stands in the same object.
fn file_beside(document: &Document, node: &Node) -> Option<String> {
    let first = node.parent as usize + 1;
    let beside = document.nodes.get(first..document.nodes.len().min(first + SIBLINGS))?;
    beside.iter().filter(|other| other.parent == node.parent && other.sort == Sort::String).find_map(|other| {
        let names = ["file_path", "filePath", "path", "filename", "file_name", "notebook_path", "target_file", "file"];
        let key = key_of(document, other)?;
        names
            .contains(&key.as_str())
            .then(|| decode_string(&document.text[other.start as usize..other.end as usize]).into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::source::{Mode, Part, Payload};
    use super::*;

    fn plain(text: &str) -> TextKind {
        kind_of(text.as_bytes(), &Hint::default())
    }

    #[test]
    fn looks_tell_diffs_markdown_and_scripts() {
        assert_eq!(plain("diff --git a/x b/x\n"), TextKind::Diff);
        assert_eq!(plain("@@ -1 +1 @@\n-a\n+b"), TextKind::Diff);
        assert_eq!(plain("--- a\n+++ b\n"), TextKind::Diff);
        assert_eq!(plain("# Title\n\n- one\n- two"), TextKind::Markdown);
        assert_eq!(plain("#!/usr/bin/env python3\nx"), TextKind::Code("python".to_owned()));
        assert_eq!(plain("just words. And\nothers"), TextKind::Plain);
        assert_eq!(plain("{\"a\":1"), TextKind::Json);
    }

    #[test]
    fn hints_go_before_looks() {
        let named = |name: &str| Hint { file_name: Some(name.to_owned()), ..Hint::default() };
        assert_eq!(kind_of(b"# x\n# y", &named("/a/b.py")), TextKind::Code("py".to_owned()));
        assert_eq!(kind_of(b"# x\n# y", &named("a.log")), TextKind::Plain);
        assert_eq!(kind_of(b"x", &named("noextension")), TextKind::Plain);
        let spoken = Hint { language: Some("Rust".to_owned()), ..Hint::default() };
        assert_eq!(kind_of(b"x", &spoken), TextKind::Code("rust".to_owned()));
    }

    #[test]
    fn json_tells_of_the_strings_in_it() {
        let json = br#"{"content":"a\nb","file_path":"/x/y.rs","more":{"command":"ls\ncd"}}"#;
        let part = Part::whole("", json.to_vec(), Hint::default());
        let document = Document::new(Payload { parts: vec![part] }, Mode::Pretty);
        let hints: Vec<Hint> = (0..document.nodes.len() as u32).map(|node| hint_of(&document, node)).collect();
        assert!(hints.iter().any(|hint| hint.file_name.as_deref() == Some("/x/y.rs")));
        assert!(hints.iter().any(|hint| hint.language.as_deref() == Some("sh")));
    }
}
