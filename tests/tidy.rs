//! The rules of the house that the compiler cannot check, checked by reading the sources as text.

use std::fs;
use std::path::{Path, PathBuf};

/// Who may use whom. What is not listed here is not allowed.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("timeline", &["domain"]),
    ("store", &["domain"]),
    ("record", &["domain", "store"]),
    ("import", &["domain", "store"]),
    ("ingest", &["domain", "store", "record", "import"]),
    ("report", &["domain", "timeline", "store"]),
    ("ui", &["domain", "timeline", "report"]),
];

/// Files that may use one layer more than their own layer does.
const BESIDES: &[(&str, &str)] = &[("src/ui/request.rs", "store"), ("src/ui/tests/lens.rs", "import")];

/// What stands above the layers and may use all of them.
const ABOVE: &[&str] = &["cli", "run", "main", "lib"];

/// What the top of the repository may hold, besides hidden files and what cargo builds.
const TOP: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "src",
    "themes",
    "tests",
    "benches",
    "screenshots",
    "README.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "target",
];

const MOST_LINES: usize = 500;

/// Where a value that could not be had must not silently become an empty one.
const NOTHING_LOST: &[&str] = &["src/store/", "src/record/", "src/import/", "src/report/"];

/// What may fail, and so must not be followed by `unwrap_or_default()` there.
const FALLIBLE: &[&str] =
    &[".await", ".ok()", ".parse()", ".parse::<", "from_utf8(", "from_str", "from_slice", "try_", "fs::"];

#[test]
fn every_layer_uses_only_what_it_may() {
    assert_tidy(sources(&["src"], "rs").iter().flat_map(|(path, text)| trespasses(path, text)));
}

#[test]
fn every_file_opens_with_a_sentence() {
    assert_tidy(sources(&["src", "tests", "benches"], "rs").iter().filter_map(|(path, text)| untitled(path, text)));
    assert_tidy(scripts().iter().filter_map(|(path, text)| untitled_script(path, text)));
}

#[test]
fn no_file_is_longer_than_a_person_reads() {
    let mut files = sources(&["src", "tests", "benches"], "rs");
    files.extend(scripts());
    assert_tidy(files.iter().filter_map(|(path, text)| too_long(path, text)));
}

#[test]
fn nothing_is_left_undone_or_swept_under() {
    assert_tidy(sources(&["src", "tests", "benches"], "rs").iter().flat_map(|(path, text)| unfinished(path, text)));
}

#[test]
fn the_top_of_the_repository_holds_only_what_belongs_there() {
    let names = fs::read_dir(root()).expect("the repository can be listed").map(|entry| {
        let name = entry.expect("an entry can be read").file_name();
        name.to_string_lossy().into_owned()
    });
    assert_tidy(names.filter(|name| !name.starts_with('.') && !TOP.contains(&name.as_str())));
}

fn assert_tidy(complaints: impl Iterator<Item = String>) {
    let complaints: Vec<String> = complaints.collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Mentions of a layer in a file of another layer that may not use it, as complaints.
fn trespasses(path: &str, text: &str) -> Vec<String> {
    let inside: Vec<&str> = path.trim_start_matches("src/").trim_end_matches(".rs").split('/').collect();
    let own = inside[0];
    if ABOVE.contains(&own) {
        return Vec::new();
    }
    let Some((_, allowed)) = MAY_USE.iter().find(|(layer, _)| *layer == own) else {
        return vec![format!("{path}: {own} is no layer of the table")];
    };
    let depth = if inside.last() == Some(&"mod") { inside.len() - 1 } else { inside.len() };
    let code = code_of(text);
    let mut mentions = mentions_from(&code, "crate::");
    mentions.extend(mentions_from_above(&code, depth));
    mentions.sort();
    mentions
        .into_iter()
        .filter(|(_, name)| name != own && !allowed.contains(&name.as_str()))
        .filter(|(_, name)| !BESIDES.contains(&(path, name)))
        .map(|(line, name)| format!("{path}:{line}: {own} may not use {name}"))
        .collect()
}

/// The first names after every `start`, each with its line: `crate::{a, b::c}` gives `a` and `b`.
fn mentions_from(code: &str, start: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(start) {
        if code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == '$') {
            continue;
        }
        let rest = &code[at + start.len()..];
        let line = code[..at].matches('\n').count() + 1;
        found.extend(first_names(rest).into_iter().map(|name| (line, name)));
    }
    found
}

/// The first names after `super::super::…` where it climbs out of the layer, `depth` modules up.
///
/// In tests at the end of a file one step more is needed, which is the module of the tests itself.
fn mentions_from_above(code: &str, depth: usize) -> Vec<(usize, String)> {
    let tests = code.find("#[cfg(test)]").unwrap_or(code.len());
    let outside = "super::".repeat(depth);
    let climbs = |at: usize| {
        let steps = code[at..].split("super::").take_while(|between| between.is_empty()).count();
        steps >= depth + usize::from(at > tests)
    };
    code.match_indices(&outside)
        .filter(|(at, _)| !code[..*at].ends_with("super::") && climbs(*at))
        .flat_map(|(at, _)| {
            let line = code[..at].matches('\n').count() + 1;
            first_names(code[at..].trim_start_matches("super::")).into_iter().map(move |name| (line, name))
        })
        .collect()
}

/// The names with which a path goes on: one, or each of a list in braces.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| -> Option<String> {
        let name: String = text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        (!name.is_empty()).then_some(name)
    };
    let Some(list) = rest.strip_prefix('{') else {
        return name(rest).into_iter().collect();
    };
    let (mut names, mut level, mut item) = (Vec::new(), 1, String::new());
    for letter in list.chars() {
        level += i32::from(letter == '{') - i32::from(letter == '}');
        if level == 0 || (level == 1 && letter == ',') {
            names.extend(name(item.trim()));
            item.clear();
        } else {
            item.push(letter);
        }
        if level == 0 {
            break;
        }
    }
    names
}

fn untitled(path: &str, text: &str) -> Option<String> {
    let titled = text.lines().next().is_some_and(|line| line.starts_with("//! ") && line.len() > 12);
    (!titled).then(|| format!("{path}: does not open with a `//!` sentence"))
}

/// A script says what it is for in its first line, or in the next one after `#!`.
fn untitled_script(path: &str, text: &str) -> Option<String> {
    let says = |line: &str| line.starts_with("# ") || line.starts_with("\"\"\"");
    let opening = text.lines().find(|line| !line.starts_with("#!/usr/bin/env "));
    (!opening.is_some_and(says)).then(|| format!("{path}: does not open with a sentence"))
}

fn too_long(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > MOST_LINES).then(|| format!("{path}: {lines} lines, more than {MOST_LINES}"))
}

fn unfinished(path: &str, text: &str) -> Vec<String> {
    let code = code_of(text);
    let mut complaints = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut complain = |what: &str| complaints.push(format!("{path}:{}: {what}", number + 1));
        for word in ["todo!", "unimplemented!", "dbg!", "#[ignore"] {
            if line.contains(word) {
                complain(word);
            }
        }
    }
    complaints.extend(swallowed(path, &code));
    complaints
}

/// Statements where layers that keep data turn a failed reading, parsing or waiting into an empty value.
fn swallowed(path: &str, code: &str) -> Vec<String> {
    if !NOTHING_LOST.iter().any(|folder| path.starts_with(folder)) {
        return Vec::new();
    }
    let swallow = "unwrap_or_default()";
    code.match_indices(swallow)
        .filter(|(at, _)| {
            let start = code[..*at].rfind([';', '{', '}']).map_or(0, |end| end + 1);
            FALLIBLE.iter().any(|word| code[start..*at].contains(word))
        })
        .map(|(at, _)| format!("{path}:{}: {swallow} hides a failure", code[..at].matches('\n').count() + 1))
        .collect()
}

/// The text with comments and the insides of strings blanked out, line for line and byte for byte.
fn code_of(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => find(bytes, at, b"\n"),
            b'/' if bytes[at..].starts_with(b"/*") => find(bytes, at, b"*/"),
            b'"' => end_of_string(bytes, at),
            b'r' if starts_raw_string(bytes, at) => {
                let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
                let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
                find(bytes, at + hashes + 2, &close) + hashes
            }
            b'\'' if bytes.get(at + 1) == Some(&b'\\') => find(bytes, at + 3, b"'"),
            b'\'' if bytes.get(at + 2) == Some(&b'\'') => at + 2,
            _ => {
                at += 1;
                continue;
            }
        };
        let end = end.min(bytes.len());
        code[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        at = end + 1;
    }
    String::from_utf8_lossy(&code).into_owned()
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> usize {
    let from = from.min(bytes.len());
    bytes[from..].windows(what.len()).position(|window| window == what).map_or(bytes.len(), |found| from + found)
}

fn end_of_string(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at
}

fn starts_raw_string(bytes: &[u8], at: usize) -> bool {
    let alone = at == 0 || !(bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_') || bytes[at - 1] == b'b';
    let after = bytes[at + 1..].iter().find(|byte| **byte != b'#');
    alone && after == Some(&b'"')
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files of some folders that end with an extension, by their path in the repository.
fn sources(folders: &[&str], extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in folders {
        walk(&root().join(folder), &mut |path| {
            if path.extension().is_some_and(|known| known == extension) {
                found.push(read(path));
            }
        });
    }
    found.sort();
    found
}

/// Everything in `tests` and `.ci` that is run by its name: Python, and files without an extension.
fn scripts() -> Vec<(String, String)> {
    let mut found = sources(&["tests", "src"], "py");
    for folder in ["tests", ".ci"] {
        for entry in fs::read_dir(root().join(folder)).into_iter().flatten().flatten() {
            if entry.path().is_file() && entry.path().extension().is_none() {
                found.push(read(&entry.path()));
            }
        }
    }
    found
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, visit);
        } else {
            visit(&path);
        }
    }
}

fn read(path: &Path) -> (String, String) {
    let text = fs::read_to_string(path).unwrap_or_else(|why| panic!("could not read {}: {why}", path.display()));
    let name = path.strip_prefix(root()).expect("below the repository");
    (name.to_string_lossy().into_owned(), text)
}

mod the_checks_themselves {
    use super::*;

    #[test]
    fn a_layer_that_reaches_up_is_told_with_its_line() {
        let text = "//! Text.\nuse crate::domain::Event;\nuse crate::store::Store;\n";
        assert_eq!(trespasses("src/timeline/turn.rs", text), ["src/timeline/turn.rs:3: timeline may not use store"]);
        assert_eq!(trespasses("src/report/slice.rs", text), [""; 0]);
        assert_eq!(trespasses("src/run/demo.rs", text), [""; 0]);
    }

    #[test]
    fn lists_in_braces_are_read_over_several_lines() {
        let text = "use crate::{\n    domain::{Event, Key},\n    ui,\n    report::Slice as store,\n};\n";
        let told = trespasses("src/store/mod.rs", text);
        assert_eq!(told, ["src/store/mod.rs:1: store may not use report", "src/store/mod.rs:1: store may not use ui"]);
    }

    #[test]
    fn a_path_in_an_expression_counts_and_one_in_a_comment_or_string_does_not() {
        let text = "fn f() { crate::ui::run() } // crate::report\nconst A: &str = \"crate::import\";\n";
        assert_eq!(trespasses("src/domain/key.rs", text), ["src/domain/key.rs:1: domain may not use ui"]);
    }

    #[test]
    fn climbing_out_of_a_layer_counts_as_naming_it() {
        let out = "use super::super::store::Store;\n";
        assert_eq!(trespasses("src/timeline/turn.rs", out), ["src/timeline/turn.rs:1: timeline may not use store"]);
        assert_eq!(trespasses("src/timeline/mod.rs", "use super::store::A;\n").len(), 1);
        assert_eq!(trespasses("src/timeline/turn.rs", "use super::store::Store;\n"), [""; 0]);
        assert_eq!(trespasses("src/ui/view/list.rs", out), [""; 0]);
        assert_eq!(trespasses("src/ui/list.rs", "#[cfg(test)]\nmod tests { use super::super::row::A; }"), [""; 0]);
    }

    #[test]
    fn only_requests_of_the_screen_reach_the_store() {
        let text = "use crate::store::Store;\n";
        assert_eq!(trespasses("src/ui/request.rs", text), [""; 0]);
        assert_eq!(trespasses("src/ui/state.rs", text).len(), 1);
    }

    #[test]
    fn a_folder_that_is_no_layer_is_told() {
        assert_eq!(
            trespasses("src/utilities/text.rs", ""),
            ["src/utilities/text.rs: utilities is no layer of the table"]
        );
    }

    #[test]
    fn a_file_without_an_opening_and_one_that_is_too_long_are_told() {
        assert!(untitled("a.rs", "use std::fs;\n").is_some());
        assert!(untitled("a.rs", "").is_some());
        assert!(untitled("a.rs", "//! What this file is for.\n").is_none());
        assert!(untitled_script("a.py", "#!/usr/bin/env python3\nimport os\n").is_some());
        assert!(untitled_script("a.py", "#!/usr/bin/env python3\n\"\"\"Makes pictures.\"\"\"\n").is_none());
        assert!(untitled_script("a.py", "\"\"\"Texts of the demo.\"\"\"\nimport os\n").is_none());
        assert!(too_long("a.rs", &"\n".repeat(501)).is_some());
        assert!(too_long("a.rs", &"\n".repeat(500)).is_none());
    }

    #[test]
    fn what_is_left_undone_is_told_and_words_in_strings_are_not() {
        assert_eq!(unfinished("src/a.rs", "fn f() {\n    todo!()\n}\n"), ["src/a.rs:2: todo!"]);
        assert_eq!(unfinished("tests/a.rs", "#[ignore]\n"), ["tests/a.rs:1: #[ignore"]);
        assert_eq!(unfinished("src/a.rs", "let a = \"todo!\"; // unimplemented!\n"), [""; 0]);
    }

    #[test]
    fn a_failure_that_becomes_an_empty_value_is_told_where_data_is_kept() {
        let hidden = "let size = 1;\nlet bytes = self.read(blob)\n    .await\n    .unwrap_or_default();\n";
        let absent = "let b = f().await?;\nlet stem = path.file_stem().map(to_text).unwrap_or_default();\n";
        assert_eq!(
            unfinished("src/store/read.rs", hidden),
            ["src/store/read.rs:4: unwrap_or_default() hides a failure"]
        );
        assert_eq!(unfinished("src/store/read.rs", absent), [""; 0]);
        assert_eq!(unfinished("src/ui/list.rs", hidden), [""; 0]);
    }

    #[test]
    fn code_is_told_from_strings_characters_and_lifetimes() {
        assert_eq!(code_of("a(\"x\\\"y\") // z\nb"), "a(     \")     \nb");
        assert!(code_of("let q: &'a str = r#\"in \" side\"#; crate::x").contains("crate::x"));
        assert!(!code_of("r#\"in \" side\"#").contains("side"));
        assert!(code_of("['\"', '\\'', 'x'] crate::x").contains("crate::x"));
    }
}
