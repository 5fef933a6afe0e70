//! The disk: what may lie on it when the power goes, given what was done to it until then.

use std::collections::BTreeMap;
use std::path::Path;

use crate::luck::Luck;
use crate::tap::Step;

/// What a disk writes as a whole, except for the one it is writing when the power goes.
const SECTOR: usize = 512;

/// A folder on a disk.
#[derive(Default)]
pub struct Disk<'a> {
    files: Vec<File<'a>>,
    /// What names stand for, in the folder and in those below it: as it was synced, and as it is now.
    kept: Names<'a>,
    now: Names<'a>,
    /// What was done to names since.
    open: Vec<Naming<'a>>,
}

/// Files and folders by their names.
type Names<'a> = BTreeMap<&'a str, usize>;

/// What happens to names as a whole or not at all.
#[derive(Debug, Clone, Copy)]
enum Naming<'a> {
    Made(&'a str, usize),
    Renamed(&'a str, &'a str, usize),
    Removed(&'a str),
}

impl<'a> Naming<'a> {
    fn folder(self) -> &'a str {
        let (Self::Made(name, _) | Self::Renamed(_, name, _) | Self::Removed(name)) = self;
        folder_of(name)
    }

    fn apply(self, names: &mut Names<'a>) {
        match self {
            Self::Made(name, file) => drop(names.insert(name, file)),
            Self::Renamed(from, to, file) => {
                names.remove(from);
                names.insert(to, file);
            }
            Self::Removed(name) => drop(names.remove(name)),
        }
    }
}

/// The folder in which a name stands.
fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[derive(Default)]
struct File<'a> {
    /// What was synced.
    kept: Vec<u8>,
    /// What was done since.
    open: Vec<&'a Step>,
    is_folder: bool,
}

/// How much of what was not synced lies on the disk.
#[derive(Debug, Clone, Copy)]
enum Rest {
    Nothing,
    All,
    /// Up to a step that is cut in the middle.
    Until,
    /// Any of the steps.
    SomeSteps,
    /// Any of their sectors.
    SomeSectors,
}

const RESTS: [Rest; 5] = [Rest::Nothing, Rest::All, Rest::Until, Rest::SomeSteps, Rest::SomeSectors];

impl<'a> Disk<'a> {
    pub fn take(&mut self, step: &'a Step) {
        match step {
            Step::Write { file, .. } | Step::Truncate { file, .. } => {
                let file = self.file(file);
                self.files[file].open.push(step);
            }
            Step::Sync { file: name, folder } => {
                let file = self.file(name);
                let File { kept, open, .. } = &mut self.files[file];
                open.drain(..).for_each(|step| apply(kept, step));
                if *folder {
                    self.sync_folder(folder_of(name));
                }
            }
            Step::Remove { file, folder } => {
                self.name(Naming::Removed(file));
                if *folder {
                    self.sync_folder(folder_of(file));
                }
            }
            Step::Rename { from, to } => {
                if let Some(file) = self.now.get(from.as_str()) {
                    self.name(Naming::Renamed(from, to, *file));
                }
            }
            Step::MakeFolder { folder } => {
                let folder = self.file(folder);
                self.files[folder].is_folder = true;
            }
            Step::SyncFolder { folder } => self.sync_folder(folder),
            Step::Acknowledge(_) => {}
        }
    }

    fn name(&mut self, naming: Naming<'a>) {
        naming.apply(&mut self.now);
        self.open.push(naming);
    }

    /// The file that has a name now; made where there is none.
    fn file(&mut self, name: &'a str) -> usize {
        if let Some(file) = self.now.get(name) {
            return *file;
        }
        self.files.push(File::default());
        self.name(Naming::Made(name, self.files.len() - 1));
        self.files.len() - 1
    }

    fn sync_folder(&mut self, folder: &str) {
        let (synced, open) = self.open.drain(..).partition(|naming| naming.folder() == folder);
        self.open = open;
        let synced: Vec<Naming<'a>> = synced;
        synced.into_iter().for_each(|naming| naming.apply(&mut self.kept));
    }

    /// Writes into a folder what may be found after the power went now.
    pub fn cut(&self, luck: &mut Luck, folder: &Path) -> std::io::Result<()> {
        let mut names = self.kept.clone();
        let all = is_heads(luck);
        self.open.iter().filter(|_| all || is_heads(luck)).for_each(|naming| naming.apply(&mut names));
        // A folder comes before what is in it.
        for (name, file) in &names {
            let inside = folder_of(name);
            if !inside.is_empty() && !names.contains_key(inside) {
                continue;
            }
            match self.files[*file].is_folder {
                true => std::fs::create_dir(folder.join(name))?,
                false => std::fs::write(folder.join(name), self.files[*file].after_cut(luck))?,
            }
        }
        Ok(())
    }
}

impl File<'_> {
    fn after_cut(&self, luck: &mut Luck) -> Vec<u8> {
        let mut bytes = self.kept.clone();
        match RESTS[luck.below(RESTS.len())] {
            Rest::Nothing => {}
            Rest::All => self.open.iter().for_each(|step| apply(&mut bytes, step)),
            Rest::Until => {
                let whole = luck.below(self.open.len() + 1);
                self.open[..whole].iter().for_each(|step| apply(&mut bytes, step));
                if let Some(step) = self.open.get(whole) {
                    apply_torn(&mut bytes, step, luck);
                }
            }
            Rest::SomeSteps => {
                self.open.iter().filter(|_| is_heads(luck)).for_each(|step| apply(&mut bytes, step));
            }
            Rest::SomeSectors => self.open.iter().for_each(|step| apply_some_sectors(&mut bytes, step, luck)),
        }
        bytes
    }
}

fn is_heads(luck: &mut Luck) -> bool {
    luck.below(2) == 0
}

fn apply(kept: &mut Vec<u8>, step: &Step) {
    match step {
        Step::Write { at, bytes, .. } => put(kept, *at as usize, bytes),
        Step::Truncate { size, .. } => kept.resize(*size as usize, 0),
        Step::Sync { .. }
        | Step::Remove { .. }
        | Step::Rename { .. }
        | Step::MakeFolder { .. }
        | Step::SyncFolder { .. }
        | Step::Acknowledge(_) => {}
    }
}

fn put(kept: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    kept.resize(kept.len().max(at + bytes.len()), 0);
    kept[at..at + bytes.len()].copy_from_slice(bytes);
}

/// A write of which the last sector was being written: of that one there is a beginning, and behind it what was there
/// before, or anything.
fn apply_torn(kept: &mut Vec<u8>, step: &Step, luck: &mut Luck) {
    let Step::Write { at, bytes, .. } = step else { return };
    let at = *at as usize;
    let sectors = sectors(at, bytes.len());
    let torn = sectors[luck.below(sectors.len())].clone();
    let whole = torn.start + luck.below(torn.len() + 1);
    put(kept, at, &bytes[..whole]);
    if is_heads(luck) {
        let garbage: Vec<u8> = (whole..torn.end).map(|_| luck.next() as u8).collect();
        put(kept, at + whole, &garbage);
    }
}

fn apply_some_sectors(kept: &mut Vec<u8>, step: &Step, luck: &mut Luck) {
    let Step::Write { at, bytes, .. } = step else {
        if is_heads(luck) {
            apply(kept, step);
        }
        return;
    };
    let at = *at as usize;
    for sector in sectors(at, bytes.len()) {
        if is_heads(luck) {
            put(kept, at + sector.start, &bytes[sector]);
        }
    }
}

/// The parts of so many bytes from a place in a file on that lie in one sector each.
fn sectors(at: usize, size: usize) -> Vec<std::ops::Range<usize>> {
    let mut sectors = Vec::with_capacity(size / SECTOR + 2);
    let mut start = 0;
    while start < size {
        let end = size.min(start + SECTOR - (at + start) % SECTOR);
        sectors.push(start..end);
        start = end;
    }
    sectors
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn write(at: u64, bytes: &[u8]) -> Step {
        Step::Write { file: "f".to_owned(), at, bytes: bytes.to_vec() }
    }

    /// What may be found after a cut; `None` where there is no file.
    fn found(steps: &[Step]) -> BTreeSet<Option<Vec<u8>>> {
        let mut disk = Disk::default();
        steps.iter().for_each(|step| disk.take(step));
        let mut luck = Luck(7);
        (0..400)
            .map(|_| {
                let folder = tempfile::tempdir().expect("a folder");
                disk.cut(&mut luck, folder.path()).expect("writes");
                std::fs::read(folder.path().join("f")).ok()
            })
            .collect()
    }

    #[test]
    fn what_was_synced_stays_and_of_the_rest_anything_may_be_there() {
        let sync = |folder| Step::Sync { file: "f".to_owned(), folder };
        let (first, second) = ([b'a'; SECTOR], [b'b'; SECTOR]);
        let synced = [write(0, &first), sync(true)];
        assert_eq!(found(&synced), BTreeSet::from([Some(first.to_vec())]));
        assert!(found(&[write(0, &first), sync(false)]).contains(&None), "its name was not synced");

        let [one, two] = synced;
        let rest = found(&[one, two, write(SECTOR as u64, &second), write(0, &second)]);
        let of = |parts: [&[u8]; 2]| Some(parts.concat());
        for possible in [of([&first, &[]]), of([&second, &[]]), of([&first, &second]), of([&second, &second])] {
            assert!(rest.contains(&possible), "in any order");
        }
        assert!(rest.iter().all(Option::is_some));
        assert!(rest.iter().flatten().any(|bytes| bytes.len() % SECTOR != 0), "a sector is torn");
    }

    #[test]
    fn a_name_that_was_taken_away_may_come_back_until_the_folder_is_synced() {
        let named = [write(0, b"x"), Step::Sync { file: "f".to_owned(), folder: true }];
        let removed = |folder| Step::Remove { file: "f".to_owned(), folder };
        let steps = |last| named.iter().cloned().chain([last]).collect::<Vec<_>>();
        assert_eq!(found(&steps(removed(false))), BTreeSet::from([None, Some(b"x".to_vec())]));
        assert_eq!(found(&steps(removed(true))), BTreeSet::from([None]));
    }

    #[test]
    fn a_file_that_was_renamed_has_the_one_name_or_the_other() {
        let steps = [
            Step::MakeFolder { folder: "d".to_owned() },
            Step::SyncFolder { folder: String::new() },
            Step::Write { file: "d/a".to_owned(), at: 0, bytes: b"x".to_vec() },
            Step::Sync { file: "d/a".to_owned(), folder: true },
            Step::Rename { from: "d/a".to_owned(), to: "d/b".to_owned() },
        ];
        let mut disk = Disk::default();
        steps.iter().for_each(|step| disk.take(step));
        let mut luck = Luck(7);
        let names: BTreeSet<Vec<bool>> = (0..50)
            .map(|_| {
                let folder = tempfile::tempdir().expect("a folder");
                disk.cut(&mut luck, folder.path()).expect("writes");
                ["d/a", "d/b"].map(|name| folder.path().join(name).exists()).to_vec()
            })
            .collect();
        assert_eq!(names, BTreeSet::from([vec![true, false], vec![false, true]]));
    }

    #[test]
    fn sectors_are_those_of_the_file() {
        assert_eq!(sectors(500, 600), [0..12, 12..524, 524..600]);
        assert_eq!(sectors(1024, 500).first(), Some(&(0..500)));
    }
}
