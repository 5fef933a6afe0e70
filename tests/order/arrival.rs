//! Files brought in in some order, and all that is told of them afterwards.

use proptest::prelude::ProptestConfig;

use crate::desk::{Desk, text};

/// A file: its name, with folders, and what it holds.
#[derive(Clone)]
pub struct File {
    pub name: String,
    pub content: Vec<u8>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:\n{}", self.name, String::from_utf8_lossy(&self.content))
    }
}

/// How often the program is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Once, with all files.
    Together,
    /// Once a file, so that each session is settled in between.
    Apart,
    /// Once a file, and then once more for a copy of each in another folder.
    Twice,
}

pub const WAYS: [Way; 3] = [Way::Together, Way::Apart, Way::Twice];

pub fn file(name: &str, content: impl Into<Vec<u8>>) -> File {
    File { name: name.to_owned(), content: content.into() }
}

/// A desk with the files in its store.
pub fn brought_in(files: &[File], order: &[usize], way: Way) -> Desk {
    let desk = Desk::new();
    let folders: &[&str] = if way == Way::Twice { &["one", "two"] } else { &["one"] };
    let mut runs: Vec<Vec<String>> = Vec::new();
    for folder in folders {
        for place in order {
            let File { name, content } = &files[*place];
            runs.push(vec![text(&desk.write(&format!("{folder}/{name}"), content)).to_owned()]);
        }
    }
    if way == Way::Together {
        runs = vec![runs.concat()];
    }
    for paths in runs {
        let arguments: Vec<&str> = ["import"].into_iter().chain(paths.iter().map(String::as_str)).collect();
        let ran = desk.run(&arguments);
        assert!(matches!(ran.code, 0 | 3), "{arguments:?}: {ran:?}");
    }
    desk
}

/// The list of sessions, and of each its timeline, its findings, and the events with all that is known of them.
pub fn told(desk: &Desk) -> String {
    let sessions = desk.done(&["sessions", "--json"]);
    let mut told = format!("sessions\n{}", sessions.text());
    for session in sessions.objects() {
        let id = session["id"].as_str().expect("an id");
        for arguments in [&["timeline", id, "--json"][..], &["check", id, "--json"]] {
            let ran = desk.run(arguments);
            assert!(matches!(ran.code, 0 | 4), "{arguments:?}: {ran:?}");
            told += &format!("{arguments:?}\n{}", ran.text());
        }
        let slice = desk.path("slice.json");
        desk.done(&["export", id, "-o", text(&slice), "--force"]);
        told += &format!("events of {id}\n{}\n", std::fs::read_to_string(&slice).expect("reads"));
    }
    told
}

/// So many files are made up, or as many as `PROPTEST_CASES` says, and made simpler where they show a fault.
pub fn cases(count: u32) -> ProptestConfig {
    let count = std::env::var("PROPTEST_CASES").ok().and_then(|said| said.parse().ok()).unwrap_or(count);
    ProptestConfig { failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::with_cases(count) }
}

/// Expects the same of these orders, whichever way they come in.
pub fn assert_same(files: &[File], orders: &[Vec<usize>], ways: &[Way]) -> String {
    let mut first: Option<String> = None;
    for order in orders {
        for way in ways {
            let now = told(&brought_in(files, order, *way));
            let first = first.get_or_insert_with(|| now.clone());
            assert!(*first == now, "{order:?} {way:?}:\n{}", difference(first, &now));
        }
    }
    first.expect("there is an order")
}

/// Expects the same of every order and way.
pub fn assert_always_same(files: &[File]) -> String {
    assert_same(files, &permutations(files.len()), &WAYS)
}

pub fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(count - 1);
    let put = |rest: &Vec<usize>, place: usize| {
        let mut order = rest.clone();
        order.insert(place, count - 1);
        order
    };
    shorter.iter().flat_map(|rest| (0..count).rev().map(move |place| put(rest, place))).collect()
}

/// The lines in which two tellings differ first, cut around the first byte that does.
pub fn difference(one: &str, other: &str) -> String {
    let mut before = String::new();
    for (left, right) in one.lines().zip(other.lines()) {
        if left != right {
            let same = left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count();
            let around = |line: &str| {
                String::from_utf8_lossy(&line.as_bytes()[same.saturating_sub(300)..line.len().min(same + 300)])
                    .into_owned()
            };
            return format!("{before}\n- {}\n+ {}", around(left), around(right));
        }
        if left.starts_with('[') || left.starts_with("events of") {
            before = left.to_owned();
        }
    }
    format!("{} and {} lines", one.lines().count(), other.lines().count())
}
