//! Real files below `TURNSCOPE_CORPUS` whose sessions lie in several of them: forwards, backwards and shuffled.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::arrival::{File, WAYS, brought_in, difference, file, told};
use crate::desk::{Desk, text};

/// Larger files say nothing that smaller ones do not.
const LARGEST: u64 = 512 << 10;

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

/// The files that share a session with another one, by what ties them together.
fn groups(folder: &Path) -> Vec<Vec<PathBuf>> {
    let mut files = Vec::new();
    walk(folder, &mut files);
    files.retain(|file| fs::metadata(file).is_ok_and(|known| known.len() <= LARGEST));
    let desk = Desk::new();
    let mut of_session: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let ran = desk.run(&["import", "--json", text(folder)]);
    for report in ran.objects() {
        let path = Path::new(report["path"].as_str().expect("a path"));
        let Some(place) = files.iter().position(|file| file == path) else { continue };
        for session in report["sessions"].as_array().expect("a list") {
            of_session.entry(session.as_str().expect("an id").to_owned()).or_default().push(place);
        }
    }
    let mut group: Vec<usize> = (0..files.len()).collect();
    for places in of_session.values() {
        let merged: Vec<usize> = places.iter().map(|place| group[*place]).collect();
        let least = *merged.iter().min().expect("not empty");
        group.iter_mut().filter(|own| merged.contains(own)).for_each(|own| *own = least);
    }
    let mut together: BTreeMap<usize, Vec<PathBuf>> = BTreeMap::new();
    for (place, file) in files.into_iter().enumerate() {
        together.entry(group[place]).or_default().push(file);
    }
    together.into_values().filter(|files| files.len() > 1).collect()
}

#[test]
fn real_sessions_in_several_files_are_the_same_in_any_order() {
    let Some(corpus) = std::env::var_os("TURNSCOPE_CORPUS") else {
        writeln!(std::io::stderr(), "skipped: real files in other orders (TURNSCOPE_CORPUS is not set)")
            .expect("stderr is open");
        return;
    };
    let (mut all, mut sessions, mut wrong) = (0, 0, Vec::new());
    for agent in ["claude-code", "codex", "seed-present", "otlp", "otel-spans"] {
        let folder = PathBuf::from(&corpus).join(agent);
        for group in groups(&folder) {
            let name = |path: &PathBuf| text(path.strip_prefix(&folder).expect("below")).to_owned();
            let files: Vec<File> = group.iter().map(|path| file(&name(path), fs::read(path).expect("reads"))).collect();
            let forwards: Vec<usize> = (0..files.len()).collect();
            let backwards: Vec<usize> = forwards.iter().rev().copied().collect();
            let mut shuffled = forwards.clone();
            shuffled.sort_by_key(|place| (place * 7919 + 31) % 101);
            all += files.len();
            sessions += 1;
            let first = told(&brought_in(&files, &forwards, WAYS[1]));
            for (order, way) in [(&backwards, WAYS[0]), (&shuffled, WAYS[2])] {
                let now = told(&brought_in(&files, order, way));
                if first != now {
                    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
                    wrong.push(format!("{agent} {names:?} {order:?} {way:?}:\n{}", difference(&first, &now)));
                    break;
                }
            }
        }
    }
    writeln!(std::io::stderr(), "{all} files in {sessions} groups").expect("stderr is open");
    assert!(sessions > 0 && wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}
