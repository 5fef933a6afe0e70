//! A file that is written whole or not at all, readable by its owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A file under way. It takes its name when it is kept; until then it is a temporary one beside it.
#[derive(Debug)]
pub struct WholeFile {
    pub out: BufWriter<File>,
    target: PathBuf,
    /// `None` for what is no regular file, such as `/dev/null` or a pipe: that is written directly.
    temporary: Option<PathBuf>,
    force: bool,
}

impl WholeFile {
    pub fn start(target: &Path, force: bool) -> Result<Self> {
        let doing = || format!("could not write {}", target.display());
        let special = fs::metadata(target).is_ok_and(|found| !found.is_file());
        if fs::metadata(target).is_ok_and(|found| found.is_dir()) {
            bail!("could not write {}: it is a folder", target.display());
        }
        refuse_overwriting(target, force || special)?;
        let (file, temporary) = if special {
            (OpenOptions::new().write(true).open(target).with_context(doing)?, None)
        } else {
            let name = target.file_name().with_context(doing)?.to_string_lossy();
            let temporary = target.with_file_name(format!("{name}.{}.part", std::process::id()));
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary);
            (file.with_context(doing)?, Some(temporary))
        };
        Ok(Self { out: BufWriter::new(file), target: target.to_owned(), temporary, force })
    }

    /// Where there must be room for it anyway: the folder it gets its name in, or that of temporary files for what is no
    /// regular file.
    pub fn folder(&self) -> PathBuf {
        let own = self.temporary.as_deref().map(|path| path.parent().unwrap_or(Path::new("")));
        match own {
            Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
            Some(folder) => folder.to_owned(),
            None => std::env::temp_dir(),
        }
    }

    /// Gives the file its name.
    pub fn keep(mut self) -> Result<()> {
        let doing = || format!("could not write {}", self.target.display());
        self.out.flush().with_context(doing)?;
        let Some(temporary) = &self.temporary else { return Ok(()) };
        self.out.get_ref().sync_all().with_context(doing)?;
        refuse_overwriting(&self.target, self.force)?;
        fs::rename(temporary, &self.target).with_context(doing)?;
        self.temporary = None;
        Ok(())
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // What cannot be removed is no worse than what was there before.
            let _ = fs::remove_file(temporary);
        }
    }
}

fn refuse_overwriting(target: &Path, force: bool) -> Result<()> {
    if !force && fs::symlink_metadata(target).is_ok() {
        bail!("could not write {}: it is there already; --force overwrites it", target.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn nothing_is_left_of_a_file_that_was_not_kept() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let target = folder.path().join("slice.json");
        let mut file = WholeFile::start(&target, false).expect("starts");
        file.out.write_all(b"half").expect("writes");
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).expect("reads").count(), 0);
    }

    #[test]
    fn a_kept_file_is_private_and_overwritten_by_force_only() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let target = folder.path().join("slice.json");
        WholeFile::start(&target, false).expect("starts").keep().expect("keeps");
        assert_eq!(fs::metadata(&target).expect("is there").permissions().mode() & 0o777, 0o600);
        let refused = WholeFile::start(&target, false).expect_err("is there already").to_string();
        assert!(refused.contains("--force"), "{refused}");
        WholeFile::start(&target, true).expect("starts").keep().expect("overwrites");
    }

    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        let mut file = WholeFile::start(Path::new("/dev/null"), false).expect("opens");
        file.out.write_all(b"gone").expect("writes");
        file.keep().expect("writes");
        assert!(!fs::metadata("/dev/null").expect("is there").is_file());
    }
}
