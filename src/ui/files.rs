//! Files that the screen writes: slices, copies, what a program gets. All 0600, none overwritten.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use etcetera::BaseStrategy;
use regex::bytes::{Regex, RegexBuilder};

use super::payload::has_capitals;

/// Names tried before giving up.
const MOST_NAMES: usize = 10_000;

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Creates a file that was not there. A numbered name, `name-1.json`, gives way to the next free number.
pub(crate) fn create_new(path: &Path, numbered: bool) -> Result<(PathBuf, BufWriter<File>)> {
    let mut path = path.to_owned();
    for _ in 0..MOST_NAMES {
        match new_file(&path) {
            Ok(file) => return Ok((path, BufWriter::new(file))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && numbered => path = next_name(&path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                bail!("{} is there already, and nothing is overwritten", path.display())
            }
            Err(error) => return Err(error).with_context(|| format!("could not create {}", path.display())),
        }
    }
    bail!("could not find a free name beside {}", path.display())
}

/// `name-7.json` becomes `name-8.json`.
fn next_name(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (base, number) = match stem.rsplit_once('-').map(|(base, number)| (base, number.parse::<u64>())) {
        Some((base, Ok(number))) => (base.to_owned(), number.saturating_add(1)),
        _ => (stem, 1),
    };
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{base}-{number}{extension}"))
}

/// Creates a file in the cache folder for a program that is to look at it.
pub(crate) fn create_temporary() -> Result<(PathBuf, BufWriter<File>)> {
    let folder = etcetera::choose_base_strategy()?.cache_dir().join("turnscope");
    make_folder(&folder)?;
    create_new(&folder.join(format!("view-{}-1.txt", std::process::id())), true)
}

/// Creates a file in the state folder for what is too long for a clipboard.
pub(crate) fn create_copy() -> Result<(PathBuf, BufWriter<File>)> {
    let base = etcetera::choose_base_strategy()?;
    let folder = base.state_dir().unwrap_or_else(|| base.data_dir()).join("turnscope");
    make_folder(&folder)?;
    create_new(&folder.join("copy-1.txt"), true)
}

/// A path as people type it: `~/` is the home folder.
pub(crate) fn typed_path(path: &Path) -> Result<PathBuf> {
    match path.strip_prefix("~") {
        Ok(rest) => Ok(etcetera::home_dir().context("could not find the home folder")?.join(rest)),
        Err(_) => Ok(path.to_owned()),
    }
}

/// Writes what is too long for a clipboard into a file of the state folder.
pub(crate) fn save_copy(bytes: &[u8]) -> Result<PathBuf> {
    let (path, mut file) = create_copy()?;
    file.write_all(bytes)?;
    file.flush()?;
    Ok(path)
}

fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))
}

/// How often it is told how much has been written.
const TELL_EVERY: Duration = Duration::from_millis(80);

/// Writes on, tells how much has been written, and fails once the work is cancelled.
pub(crate) struct Counting<'a> {
    file: BufWriter<File>,
    written: u64,
    cancel: &'a AtomicBool,
    tell: &'a (dyn Fn(u64) + Send + Sync),
    told: Instant,
}

impl<'a> Counting<'a> {
    pub(crate) fn new(file: BufWriter<File>, cancel: &'a AtomicBool, tell: &'a (dyn Fn(u64) + Send + Sync)) -> Self {
        Self { file, written: 0, cancel, tell, told: Instant::now() }
    }
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(io::Error::other("cancelled"));
        }
        let count = self.file.write(bytes)?;
        self.written += count as u64;
        if self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            (self.tell)(self.written);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Finds a phrase in pieces of a body, as bytes.
#[derive(Debug)]
pub(crate) struct Seeker {
    expression: Regex,
    overlap: i64,
}

/// An expression may match more than it is long; what is longer than this is found only within a piece.
const EXPRESSION_OVERLAP: i64 = 4096;

impl Seeker {
    /// A literal text, or an expression behind `re:`; capitals make it mind case.
    pub(crate) fn new(phrase: &str) -> Result<Self> {
        let (expression, overlap) = match phrase.strip_prefix("re:") {
            Some(expression) => (expression.to_owned(), EXPRESSION_OVERLAP),
            None => (regex::escape(phrase), phrase.len() as i64 * 2),
        };
        let minds_case = match phrase.strip_prefix("re:") {
            Some(expression) => has_capitals(expression),
            None => phrase.chars().any(char::is_uppercase),
        };
        let expression = RegexBuilder::new(&expression).case_insensitive(!minds_case).build()?;
        Ok(Self { expression, overlap })
    }

    /// How far pieces must overlap so that nothing between two of them is missed.
    pub(crate) fn overlap(&self) -> i64 {
        self.overlap
    }

    /// How many matches begin between two places, and where the last of them ends.
    pub(crate) fn count(&self, bytes: &[u8], from: i64, to: i64) -> (u64, i64) {
        let (mut count, mut behind) = (0, from);
        let start = usize::try_from(from).unwrap_or(0).min(bytes.len());
        for found in self.expression.find_iter(&bytes[start..]).filter(|found| !found.is_empty()) {
            if (start + found.start()) as i64 >= to {
                break;
            }
            (count, behind) = (count + 1, (start + found.end()) as i64);
        }
        (count, behind)
    }

    /// Where the first match, or the last one, begins.
    pub(crate) fn find(&self, bytes: &[u8], forward: bool) -> Option<i64> {
        let mut matches = self.expression.find_iter(bytes).map(|found| found.start() as i64);
        if forward { matches.next() } else { matches.last() }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn nothing_is_overwritten_and_only_the_owner_can_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("slice-9.json");
        let (first, _) = create_new(&path, true).expect("created");
        let (second, _) = create_new(&path, true).expect("created");
        assert_eq!((first.as_path(), second), (path.as_path(), folder.path().join("slice-10.json")));
        assert!(create_new(&path, false).is_err());
        let mode = std::fs::metadata(&path).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_path_may_begin_at_home() {
        let home = etcetera::home_dir().expect("a home");
        assert_eq!(typed_path(Path::new("~/x.json")).expect("is known"), home.join("x.json"));
        assert_eq!(typed_path(Path::new("~x/y")).expect("is taken as it is"), Path::new("~x/y"));
    }

    #[test]
    fn writing_ends_once_it_is_cancelled() {
        let folder = tempfile::tempdir().expect("a folder");
        let (_, file) = create_new(&folder.path().join("slice.json"), false).expect("created");
        let cancel = AtomicBool::new(false);
        let mut out = Counting::new(file, &cancel, &|_| {});
        assert!(out.write_all(b"one").is_ok());
        cancel.store(true, Ordering::Relaxed);
        assert!(out.write_all(b"two").is_err());
    }

    #[test]
    fn a_phrase_is_found_from_both_ends() {
        let seeker = Seeker::new("ab").expect("valid");
        assert_eq!(seeker.find(b"xaBxab", true), Some(1));
        assert_eq!(seeker.find(b"xaBxab", false), Some(4));
        assert_eq!(seeker.count(b"xaBxabab", 0, 6), (2, 6));
        assert_eq!(seeker.count(b"xaBxabab", 2, 8), (2, 8));
        assert_eq!(Seeker::new("AB").expect("valid").find(b"xab", true), None);
    }
}
