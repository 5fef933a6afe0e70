//! The tap on what lies beside the database: stands in for the system's own calls in this program, and records what is
//! done in the folders below a tapped one.
//!
//! The linker takes these functions for those of the C library, so that no file can be changed past them.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::tap::{Step, Syncs, note, syncs};

/// What lies under a tapped folder: that folder, and the name below it.
#[derive(Debug, Clone)]
struct Place {
    tapped: PathBuf,
    name: String,
}

/// What is open, by its number.
static OPEN: Mutex<Option<HashMap<c_int, Place>>> = Mutex::new(None);

fn with_open<T>(act: impl FnOnce(&mut HashMap<c_int, Place>) -> T) -> T {
    act(OPEN.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// The place of what is open.
fn opened(number: c_int) -> Option<Place> {
    with_open(|open| open.get(&number).cloned())
}

/// Where a path lies; `None` where that is not recorded. Files right in the folder are the database's own, and come by
/// another way; only the folder itself, which is synced, and those in it matter here.
fn place(path: &Path) -> Option<Place> {
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let of = |tapped: &Path, name: String| syncs(tapped).is_some().then(|| Place { tapped: tapped.to_owned(), name });
    let folder = path.parent()?;
    let inside = || of(folder.parent()?, format!("{}/{}", name(folder)?, name(path)?));
    let is_folder = || path.is_dir().then(|| of(folder, name(path)?)).flatten();
    of(path, String::new()).or_else(is_folder).or_else(inside)
}

#[expect(unsafe_code, reason = "the path is a C string")]
fn path_of(path: *const c_char) -> PathBuf {
    // SAFETY: whoever calls hands in a path as the C library wants it.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    Path::new(std::ffi::OsStr::from_bytes(bytes)).to_owned()
}

#[expect(unsafe_code, reason = "stands in for the system's own")]
#[unsafe(no_mangle)]
extern "C" fn open64(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    // SAFETY: the arguments are passed on as they came.
    let number = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, flags, mode) } as c_int;
    if number >= 0
        && let Some(place) = place(&path_of(path))
    {
        if flags & libc::O_TRUNC != 0 {
            note(&place.tapped, Step::Truncate { file: place.name.clone(), size: 0 });
        }
        with_open(|open| open.insert(number, place));
    }
    number
}

#[expect(unsafe_code, reason = "stands in for the system's own")]
#[unsafe(no_mangle)]
extern "C" fn close(number: c_int) -> c_int {
    with_open(|open| open.remove(&number));
    // SAFETY: the argument is passed on as it came.
    unsafe { libc::syscall(libc::SYS_close, number) as c_int }
}

#[expect(unsafe_code, reason = "stands in for the system's own")]
#[unsafe(no_mangle)]
extern "C" fn write(number: c_int, from: *const c_void, size: usize) -> isize {
    if let Some(place) = opened(number).filter(|_| size > 0) {
        // SAFETY: it asks where the next byte goes.
        let at = unsafe { libc::syscall(libc::SYS_lseek, number, 0, libc::SEEK_CUR) };
        // SAFETY: whoever calls hands in so many bytes that may be read.
        let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), size) }.to_vec();
        note(&place.tapped, Step::Write { file: place.name, at: at as u64, bytes });
    }
    // SAFETY: the arguments are passed on as they came.
    unsafe { libc::syscall(libc::SYS_write, number, from, size) as isize }
}

#[expect(unsafe_code, reason = "stands in for the system's own")]
#[unsafe(no_mangle)]
extern "C" fn ftruncate64(number: c_int, size: i64) -> c_int {
    if let Some(Place { tapped, name }) = opened(number) {
        note(&tapped, Step::Truncate { file: name, size: size as u64 });
    }
    // SAFETY: the arguments are passed on as they came.
    unsafe { libc::syscall(libc::SYS_ftruncate, number, size) as c_int }
}

/// A sync that has ended well.
fn synced(number: c_int) {
    let Some(Place { tapped, name }) = opened(number) else { return };
    if syncs(&tapped) == Some(Syncs::NotBeside) {
        return;
    }
    let is_folder = name.is_empty() || tapped.join(&name).is_dir();
    let step = if is_folder { Step::SyncFolder { folder: name } } else { Step::Sync { file: name, folder: false } };
    note(&tapped, step);
}

#[expect(unsafe_code, reason = "stands in for the system's own")]
#[unsafe(no_mangle)]
extern "C" fn fsync(number: c_int) -> c_int {
    // SAFETY: the argument is passed on as it came.
    let code = unsafe { libc::syscall(libc::SYS_fsync, number) as c_int };
    if code == 0 {
        synced(number);
    }
    code
}

#[expect(unsafe_code, reason = "stands in for the system's own")]
#[unsafe(no_mangle)]
extern "C" fn fdatasync(number: c_int) -> c_int {
    // SAFETY: the argument is passed on as it came.
    let code = unsafe { libc::syscall(libc::SYS_fdatasync, number) as c_int };
    if code == 0 {
        synced(number);
    }
    code
}

#[expect(unsafe_code, reason = "stands in for the system's own")]
#[unsafe(no_mangle)]
extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    if let (Some(from), Some(to)) = (place(&path_of(from)), place(&path_of(to))) {
        note(&from.tapped, Step::Rename { from: from.name, to: to.name });
    }
    // SAFETY: the arguments are passed on as they came.
    unsafe { libc::syscall(libc::SYS_renameat2, libc::AT_FDCWD, from, libc::AT_FDCWD, to, 0) as c_int }
}

#[expect(unsafe_code, reason = "stands in for the system's own")]
#[unsafe(no_mangle)]
extern "C" fn unlink(path: *const c_char) -> c_int {
    if let Some(Place { tapped, name }) = place(&path_of(path)).filter(|place| place.name.contains('/')) {
        note(&tapped, Step::Remove { file: name, folder: false });
    }
    // SAFETY: the argument is passed on as it came.
    unsafe { libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, 0) as c_int }
}

#[expect(unsafe_code, reason = "stands in for the system's own")]
#[unsafe(no_mangle)]
extern "C" fn mkdir(path: *const c_char, mode: libc::mode_t) -> c_int {
    // SAFETY: the arguments are passed on as they came.
    let code = unsafe { libc::syscall(libc::SYS_mkdirat, libc::AT_FDCWD, path, mode) as c_int };
    if code == 0
        && let Some(Place { tapped, name }) = place(&path_of(path)).filter(|place| !place.name.is_empty())
    {
        note(&tapped, Step::MakeFolder { folder: name });
    }
    code
}
