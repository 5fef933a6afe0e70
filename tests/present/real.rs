//! Every real file of the original below `TURNSCOPE_CORPUS`: nothing is lost, and it comes back byte for byte.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::desk::{Desk, text};

#[test]
fn every_real_file_comes_in_whole_and_goes_out_as_it_was() {
    let Some(corpus) = std::env::var_os("TURNSCOPE_CORPUS") else {
        // Straight to stderr: libtest keeps what passing tests print, and a skipped check must be seen.
        writeln!(std::io::stderr(), "skipped: real files of present (TURNSCOPE_CORPUS is not set)")
            .expect("stderr is open");
        return;
    };
    let mut files = Vec::new();
    walk(&PathBuf::from(corpus).join("seed-present"), &mut files);
    assert!(!files.is_empty());
    let known: usize = files.iter().map(|file| usize::from(check(file))).sum();
    writeln!(std::io::stderr(), "{known} of {} files are of present", files.len()).expect("stderr is open");
    assert!(known > 0);
}

/// Whether the file is one of the original's.
fn check(file: &Path) -> bool {
    let desk = Desk::new();
    let ran = desk.run(&["import", "--json", text(file)]);
    let Some(import) = ran.objects().pop() else {
        assert!(ran.code == 1 && ran.err.contains("holds no JSON records"), "{}: {}", file.display(), ran.err);
        return false;
    };
    assert_eq!((ran.code, &import["records"]), (0, &import["represented"]), "{import}");
    for session in import["sessions"].as_array().expect("sessions") {
        desk.done(&["timeline", session.as_str().expect("an id"), "--json"]);
    }
    let session = import["sessions"][0].as_str().expect("an id");
    desk.done(&["export", session, "--format", "original", "-o", "out"]);
    let name = file.file_name().expect("a name");
    let found = fs::read(desk.path("out").join(name)).expect("the file is there");
    assert!(found == fs::read(file).expect("reads"), "{} changed", file.display());
    import["agent"] == "present"
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}
