//! How the store is: whether it is there and sound, how fast its disk syncs, and what no rule understood.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Finding;
use crate::domain::safe;
use crate::run::import::counted;
use crate::run::location::Location;
use crate::run::progress::size;
use crate::run::reason;
use crate::run::table::duration;
use crate::store::{Address, Drift, Health, Store};

/// How long a store may take to be opened.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the disk is measured, and with how much at a time.
const MEASURED: Duration = Duration::from_millis(400);
const WRITTEN: usize = 4096;
/// Fewer syncs a second are told.
const SLOW: u64 = 100;
/// A log beside the file that has grown so large is told.
const LONG: u64 = 256 << 20;
/// Types of records that are named.
const NAMED: usize = 5;

/// What is found, and the store where it can be opened.
pub async fn findings(location: &Location) -> (Vec<Finding>, Option<Store>) {
    let mut findings = Vec::new();
    if let Some(path) = location.address.file() {
        findings.push(disk(path));
    }
    match Store::is_there(&location.address).await {
        Ok(true) => {}
        Ok(false) => {
            let advice = "bring sessions in with `turnscope import`";
            findings.push(Finding::warn("store", format!("none yet at {}", location.address), advice));
            return (findings, None);
        }
        Err(error) => {
            findings.push(Finding::fail("store", reason(&error), "check the address, and that the server runs"));
            return (findings, None);
        }
    }
    let store = match Store::to_look_at(&location.address, PATIENCE).await {
        Ok(store) => store,
        Err(error) => {
            findings.push(unopened(&error));
            return (findings, None);
        }
    };
    match look(&store).await {
        Ok(found) => findings.extend(found),
        Err(error) => findings.push(Finding::fail(
            "store",
            reason(&error),
            "`turnscope verify STORE` looks at all of it; `turnscope recover` saves what can be read",
        )),
    }
    if let Some(path) = location.address.file() {
        findings.extend(beside(path));
    }
    (findings, Some(store))
}

fn unopened(error: &anyhow::Error) -> Finding {
    let told = reason(error);
    let advice = match &told {
        told if told.contains("newer turnscope") => "use the newer version",
        told if told.contains("older turnscope") => "any other command brings it up to date, where it may be written",
        told if told.contains("another program") => "name another file with --store",
        _ => "`turnscope recover` saves what can be read",
    };
    // An older schema is no fault: whoever only looks does not change it.
    if told.contains("older turnscope") {
        Finding::warn("store", told, advice)
    } else {
        Finding::fail("store", told, advice)
    }
}

async fn look(store: &Store) -> Result<Vec<Finding>> {
    let health = store.health().await?;
    let room = store.room().await?;
    let mut findings = vec![
        Finding::ok("store", format!("{} ({}, {})", store.address(), health.engine, size(room.bytes.unsigned_abs()))),
        schema(store, &health),
        Finding::ok(
            "holds",
            format!(
                "{}, {}",
                counted(health.sessions.unsigned_abs(), "session"),
                counted(health.events.unsigned_abs(), "event")
            ),
        ),
    ];
    if room.free > room.bytes / 4 && room.free > 64 << 20 {
        let found = format!("{} of it are free", size(room.free.unsigned_abs()));
        findings.push(Finding::warn("space", found, "`turnscope vacuum` gives them back"));
    }
    if let Address::Server(_) = store.address() {
        let took = duration(i64::try_from(store.ping().await?.as_micros()).unwrap_or(i64::MAX));
        findings.push(Finding::ok("round trip", took));
        if let Some(setting) = store.unsynced().await? {
            let advice = "what is acknowledged may be lost when the server's machine dies; turn it on";
            findings.push(Finding::warn("durability", setting, advice));
        }
    }
    findings.extend(health.drift.iter().map(drift));
    Ok(findings)
}

fn schema(store: &Store, health: &Health) -> Finding {
    let newest = Store::newest_schema(store.engine());
    if health.schema == newest {
        return Finding::ok("schema", health.schema.to_string());
    }
    let found = format!("{} (this version makes {newest})", health.schema);
    Finding::warn("schema", found, "any command that writes brings it up to date")
}

/// Records of an agent that are not as its rules expect: its format may have changed.
fn drift(drift: &Drift) -> Finding {
    let events: i64 = drift.unknown.iter().map(|(_, count)| count).sum();
    let found = format!("{}: {} records", safe(&drift.agent), drift.records);
    if drift.bad == 0 && events == 0 {
        return Finding::ok("format", found);
    }
    let mut parts = vec![found];
    if drift.bad > 0 {
        parts.push(format!("{} unreadable", drift.bad));
    }
    if events > 0 {
        let named = drift.unknown.iter().take(NAMED).map(|(name, count)| format!("{} {count}", safe(name)));
        let more = if drift.unknown.len() > NAMED { ", …" } else { "" };
        parts.push(format!("{events} of unknown types ({}{more})", named.collect::<Vec<_>>().join(", ")));
    }
    let advice =
        "all of it is kept and shown; a newer turnscope may know it, and `turnscope reindex` then reads it anew";
    Finding::warn("format", parts.join(", "), advice)
}

/// How fast the disk under the store syncs: the folder that is there, or will be.
fn disk(path: &Path) -> Finding {
    let folder = path.ancestors().skip(1).find(|folder| folder.is_dir() || folder.as_os_str().is_empty());
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match measure(folder) {
        Ok((rate, middle)) => {
            let found = format!("{rate} fdatasync/s of {WRITTEN} bytes, {} in the middle", duration(middle));
            if rate < SLOW {
                let advice = "recording waits for the disk: keep the store on a local SSD";
                return Finding::warn("disk", found, advice);
            }
            Finding::ok("disk", found)
        }
        Err(error) => Finding::warn("disk", reason(&error), "the store can be read there, not written"),
    }
}

/// A file that goes when this is dropped.
struct Measured(PathBuf);

impl Drop for Measured {
    fn drop(&mut self) {
        // One that stays is told by its name.
        let _ = fs::remove_file(&self.0);
    }
}

/// Syncs a second, and microseconds of the one in the middle.
fn measure(folder: &Path) -> Result<(u64, i64)> {
    let path = folder.join(format!(".turnscope-doctor-{}", std::process::id()));
    let mut options = File::options();
    let made = options.write(true).create_new(true).open(&path);
    let mut file = made.with_context(|| format!("could not write in {}", folder.display()))?;
    let _measured = Measured(path);
    let mut times = Vec::new();
    let began = Instant::now();
    while began.elapsed() < MEASURED || times.is_empty() {
        let at = Instant::now();
        file.write_all(&[b'x'; WRITTEN])?;
        file.sync_data()?;
        times.push(i64::try_from(at.elapsed().as_micros())?);
    }
    let rate = times.len() as u128 * 1_000_000 / began.elapsed().as_micros().max(1);
    times.sort_unstable();
    Ok((u64::try_from(rate)?, times[times.len() / 2]))
}

/// The file's rights, and the log that waits beside it.
fn beside(path: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Ok(metadata) = fs::metadata(path) {
        let others = metadata.permissions().mode() & 0o077;
        findings.push(if others == 0 {
            Finding::ok("rights", "only its owner may read it")
        } else {
            let advice = format!("chmod 600 {}", path.display());
            Finding::warn(
                "rights",
                format!("others may use it (mode {:03o})", metadata.permissions().mode() & 0o777),
                advice,
            )
        });
    }
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if let Ok(metadata) = fs::metadata(&log)
        && metadata.len() > LONG
    {
        let advice = "end programs that have had it open for long; the next one to close it writes the log into it";
        findings.push(Finding::warn("log", format!("{} wait beside it", size(metadata.len())), advice));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::doctor::State;

    #[test]
    fn a_format_that_drifts_is_told_with_its_types() {
        let unknown = vec![("new-thing".to_owned(), 4), ("x\u{1b}".to_owned(), 1)];
        let found = drift(&Drift { agent: "codex".to_owned(), records: 90, bad: 2, unknown });
        assert_eq!(found.state, State::Warn);
        assert_eq!(found.found, "codex: 90 records, 2 unreadable, 5 of unknown types (new-thing 4, x^[ 1)");
        let found = drift(&Drift { agent: "codex".to_owned(), records: 90, bad: 0, unknown: Vec::new() });
        assert_eq!(found.state, State::Ok);
    }

    #[test]
    fn the_disk_is_measured_by_syncing_and_nothing_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let (rate, middle) = measure(folder.path()).expect("measures");
        assert!(rate > 0 && middle > 0);
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 0);
        assert_eq!(disk(&folder.path().join("none/there/turnscope.db")).check, "disk");
    }
}
