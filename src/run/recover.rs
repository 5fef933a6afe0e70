//! `turnscope recover`: the source files that can still be read of a damaged store, to be imported into a new one.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::import::counted;
use super::output::Output;
use super::progress::size;
use super::table::{Column, Fit, Table};
use super::{Ended, tell, usage};
use crate::cli::Recover;
use crate::domain::packed::plain_name;
use crate::record::RECORDER;
use crate::report::{Selection, write_annotations, write_slice};
use crate::store::{self, Address, Salvage, Source, Store};

const COLUMNS: [Column; 4] = [
    Column::path("file", Fit::Shrinks(20)),
    Column::right("bytes", Fit::Whole),
    Column::right("lost", Fit::Whole),
    Column::left("source", Fit::Piped),
];

pub async fn recover(wanted: &Recover, output: &mut Output) -> Result<Ended> {
    let Address::File(path) = Address::parse(&wanted.store) else {
        return Err(usage("a database is mended by its server; `recover` takes the file of a store"));
    };
    let folder = &wanted.out_dir;
    if folder.exists() && !wanted.force {
        bail!("{} is there already: name another folder, or add --force", folder.display());
    }
    let (store, mut salvage) = open(&path).await?;
    let mut names = HashSet::new();
    let table = Table::new(&COLUMNS);
    let mut saved = Saved { folder: folder.clone(), table, files: 0, lost: salvage.lost };
    // What a file is now has its name; what it was before has a number.
    let mut sources = std::mem::take(&mut salvage.sources);
    sources.sort_by_key(|source| (source.path.clone(), -source.revision));
    let (recorded, files): (Vec<Source>, Vec<Source>) = sources.into_iter().partition(is_recorded);
    for source in &files {
        let name = free_name(&source.path, &mut names);
        let (bytes, lost) = write(&mut salvage, source, &folder.join(&name)).await?;
        saved.file(&source.path, &name, bytes, lost, output)?;
    }
    // Where slices of what was recorded cannot be had, its bytes are better than nothing.
    let filed: Vec<i64> = files.iter().map(|source| source.number).collect();
    let has_slices = match &store {
        Some(store) => slices(store, &filed, &mut names, &mut saved, output).await?,
        None => false,
    };
    if !has_slices {
        for source in &recorded {
            let name = free_name("recorded.jsonl", &mut names);
            let (bytes, lost) = write(&mut salvage, source, &folder.join(&name)).await?;
            saved.file(&source.path, &name, bytes, lost, output)?;
        }
    }
    if let Some(store) = store {
        notes(&store, &mut saved).await?;
        store.close().await;
    }
    output.finish()?;
    let files = counted(saved.files, "file");
    tell(&format!("wrote {files} below {}: `turnscope import` brings them into a new store", folder.display()));
    if saved.lost > 0 {
        tell(&format!("not whole, or not to be found at all: {}", saved.lost));
    }
    Ok(if saved.lost > 0 { Ended::WithBadRecords } else { Ended::Well })
}

/// What can be read of a file. Where the database makes nothing of it, there is no store to be asked, and its pages are
/// all that is left.
async fn open(path: &Path) -> Result<(Option<Store>, Salvage)> {
    let opened = match Store::open_damaged(path).await {
        Ok(store) => store.has_schema().await.map(|()| store),
        Err(error) if !path.is_file() => return Err(error),
        Err(error) => Err(error),
    };
    let error = match opened {
        Ok(store) => {
            let salvage =
                store.salvage().await.with_context(|| format!("nothing of {} can be read", path.display()))?;
            return Ok((Some(store), salvage));
        }
        Err(error) => error,
    };
    let why = format!("{error:#}");
    let mut salvage =
        Salvage::without_schema(path).with_context(|| format!("nothing of {} can be read ({why})", path.display()))?;
    tell(&format!(
        "{why}: its pages are looked through; marks and notes, and what was recorded in slices, are not found"
    ));
    salvage.lost += 1;
    Ok((None, salvage))
}

/// What was written so far.
struct Saved {
    folder: PathBuf,
    table: Table,
    files: u64,
    /// Files that are not whole, and what could not be written at all.
    lost: u64,
}

impl Saved {
    /// Counts a file, and tells of it.
    fn file(&mut self, source: &str, name: &Path, bytes: i64, lost: i64, output: &mut Output) -> Result<()> {
        self.files += 1;
        self.lost += u64::from(lost > 0);
        if output.json {
            let file = self.folder.join(name);
            let row = json!({"source": source, "file": file.to_string_lossy(), "bytes": bytes, "lost": lost});
            return output.object(&row);
        }
        let name = name.to_string_lossy().into_owned();
        self.table.row(vec![name, bytes.to_string(), lost.to_string(), source.to_owned()]);
        self.table.print(output)
    }
}

/// Whether it is no file: what a recorder took, or what came from a database.
fn is_recorded(source: &Source) -> bool {
    source.importer == RECORDER || source.path.contains("://")
}

/// A path below the folder, after that of the source: never hidden, never outside, and each one once.
fn free_name(path: &str, names: &mut HashSet<PathBuf>) -> PathBuf {
    let plain = plain_name(path);
    let parts = Path::new(plain).components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().trim_start_matches('.').to_owned()),
        _ => None,
    });
    let path: PathBuf = parts.filter(|part| !part.is_empty()).collect();
    let path =
        if path.as_os_str().is_empty() || plain.contains("://") { PathBuf::from("recorded.jsonl") } else { path };
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    let mut free = path.clone();
    let mut count = 1;
    while !names.insert(free.clone()) {
        count += 1;
        free = path.with_file_name(format!("{stem}-{count}{ending}"));
    }
    free
}

/// Writes what can be read of a source: bytes written, and bytes that are lost. A line that is broken ends there.
async fn write(salvage: &mut Salvage, source: &Source, target: &Path) -> Result<(i64, i64)> {
    salvage.turn_to(source).await;
    let size = salvage.size(source).await;
    let mut out = BufWriter::new(create(target)?);
    let (mut at, mut written, mut lost) = (0, 0, 0);
    while at < size {
        let bytes = salvage.read(at).await;
        if bytes.is_empty() {
            let next = salvage.behind_damage(at, size).await;
            lost += next - at;
            at = next;
            out.write_all(b"\n").with_context(|| format!("could not write {}", target.display()))?;
            continue;
        }
        at += bytes.len() as i64;
        written += bytes.len() as i64;
        out.write_all(&bytes).with_context(|| format!("could not write {}", target.display()))?;
    }
    out.flush().with_context(|| format!("could not write {}", target.display()))?;
    Ok((written, lost))
}

/// A new file that only its owner may read, in folders that only they may enter.
fn create(target: &Path) -> Result<File> {
    if let Some(folder) = target.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.with_context(|| format!("could not make {}", folder.display()))?;
    }
    let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(target);
    options.with_context(|| format!("could not write {}", target.display()))
}

/// What comes from none of the sources that are files now: a slice for each session, which holds it with its ids. False
/// where some of it could not be written.
async fn slices(
    store: &Store,
    filed: &[i64],
    names: &mut HashSet<PathBuf>,
    saved: &mut Saved,
    output: &mut Output,
) -> Result<bool> {
    let Ok(sessions) = store.sessions().await else {
        tell(
            "the list of sessions cannot be read: what was recorded without a file is saved as it was sent, if at all",
        );
        saved.lost += 1;
        return Ok(false);
    };
    let mut is_whole = true;
    for session in sessions {
        let events = match store.unfiled(session.number, filed).await {
            Ok(events) if events.is_empty() => continue,
            events => events.ok(),
        };
        let name = free_name(&format!("recorded/{}.json", session.id), names);
        let target = saved.folder.join(&name);
        let why = "recorded without a file".to_owned();
        let selection = Selection { session: session.id.clone(), events, why, veil: None };
        let mut out = BufWriter::new(create(&target)?);
        match write_slice(store, &selection, &mut out).await {
            Ok(summary) => saved.file(&session.id, &name, summary.bytes.cast_signed(), 0, output)?,
            Err(error) => {
                let error = store::explain(error, store.address());
                tell(&format!("what was recorded in session {} cannot be read: {error:#}", session.id));
                drop(out);
                fs::remove_file(&target).with_context(|| format!("could not remove {}", target.display()))?;
                saved.lost += 1;
                is_whole = false;
            }
        }
    }
    Ok(is_whole)
}

/// Marks and notes, which no source file holds: as a slice of nothing else, so that they come in like the files.
async fn notes(store: &Store, saved: &mut Saved) -> Result<()> {
    let (notes, is_whole) = store.salvage_notes().await;
    if !is_whole {
        tell("not all marks and notes can be read");
        saved.lost += 1;
    }
    if notes.is_empty() {
        return Ok(());
    }
    let target = saved.folder.join("marks-and-notes.json");
    let mut out = BufWriter::new(create(&target)?);
    let doing = || format!("could not write {}", target.display());
    write_annotations(&notes, &mut out).with_context(doing)?;
    out.flush().with_context(doing)?;
    let size = size(target.metadata()?.len());
    tell(&format!("wrote {} marks and notes to {} ({size})", notes.len(), target.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_lands_below_the_folder_under_a_name_of_its_own() {
        let mut names = HashSet::new();
        let mut name = |path: &str| free_name(path, &mut names).to_string_lossy().into_owned();
        assert_eq!(name("/home/ada/.claude/projects/a.jsonl"), "home/ada/claude/projects/a.jsonl");
        assert_eq!(name("/home/ada/.claude/projects/a.jsonl"), "home/ada/claude/projects/a-2.jsonl");
        assert_eq!(name("../../etc/passwd"), "etc/passwd");
        assert_eq!(name("postgres://host/db"), "recorded.jsonl");
        assert_eq!(name(""), "recorded-2.jsonl");
    }
}
