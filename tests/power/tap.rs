//! The tap: records what the database does to the files of a folder, by standing between it and its own file layer.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use libsqlite3_sys::{
    SQLITE_FCNTL_PRAGMA, SQLITE_OK, SQLITE_OPEN_MAIN_DB, SQLITE_OPEN_MAIN_JOURNAL, SQLITE_OPEN_WAL, sqlite3_file,
    sqlite3_int64, sqlite3_io_methods, sqlite3_vfs, sqlite3_vfs_find, sqlite3_vfs_register,
};

/// One thing that was done, in the order in which all of them were begun; a sync when it had ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Write {
        file: String,
        at: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        file: String,
        size: u64,
    },
    /// All that was done to the file before is on the disk; with `folder`, names that came and went are too.
    Sync {
        file: String,
        folder: bool,
    },
    Remove {
        file: String,
        folder: bool,
    },
    Rename {
        from: String,
        to: String,
    },
    MakeFolder {
        folder: String,
    },
    /// Names that came and went in a folder are on the disk.
    SyncFolder {
        folder: String,
    },
    /// Callers were told that these are kept.
    Acknowledge(Vec<String>),
}

/// How much the database syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syncs {
    /// As the store asks for it.
    AsAsked,
    Normal,
    Off,
    /// The database as the store asks for it, and what lies in a folder of its own beside it not at all.
    NotBeside,
}

/// The recording of a folder; ends when it is dropped.
pub struct Tap {
    folder: PathBuf,
}

struct Tapped {
    syncs: Syncs,
    steps: Vec<Step>,
}

/// A file that the database has open.
struct Open {
    folder: PathBuf,
    name: String,
    own: &'static sqlite3_io_methods,
    /// Whether its first sync also syncs the folder that it was made in.
    syncs_folder: bool,
}

#[derive(Default)]
struct State {
    folders: HashMap<PathBuf, Tapped>,
    /// By the address of the database's handle.
    open: HashMap<usize, Open>,
    /// Tables of calls of which ours take some over, by the address of the database's own. There are few of them.
    tables: HashMap<usize, &'static sqlite3_io_methods>,
    own: usize,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);
static START: Once = Once::new();

impl Tap {
    /// Records from now on what is done to the files of a folder.
    pub fn on(folder: &Path, syncs: Syncs) -> Self {
        START.call_once(register);
        let folder = folder.to_owned();
        with(|state| state.folders.insert(folder.clone(), Tapped { syncs, steps: Vec::new() }));
        Self { folder }
    }

    pub fn acknowledge(&self, ids: Vec<String>) {
        note(&self.folder, Step::Acknowledge(ids));
    }

    /// What was recorded.
    pub fn steps(&self) -> Vec<Step> {
        with(|state| state.folders.get(&self.folder).map(|tapped| tapped.steps.clone()).unwrap_or_default())
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        with(|state| state.folders.remove(&self.folder));
    }
}

fn state() -> MutexGuard<'static, Option<State>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with<T>(act: impl FnOnce(&mut State) -> T) -> T {
    act(state().get_or_insert_default())
}

/// How much is synced in a folder, where that is recorded.
pub fn syncs(folder: &Path) -> Option<Syncs> {
    with(|state| state.folders.get(folder).map(|tapped| tapped.syncs))
}

pub fn note(folder: &Path, step: Step) {
    with(|state| {
        if let Some(tapped) = state.folders.get_mut(folder) {
            tapped.steps.push(step);
        }
    });
}

/// Makes the tap the file layer of every database that this process opens from now on.
#[expect(unsafe_code, reason = "the database's file layer is a table of C functions")]
fn register() {
    // SAFETY: the table that is found lives as long as the process, and so does the leaked copy of it.
    unsafe {
        let own = sqlite3_vfs_find(std::ptr::null());
        let mut tap: sqlite3_vfs = std::ptr::read(own);
        tap.pNext = std::ptr::null_mut();
        tap.zName = c"tap".as_ptr();
        tap.xOpen = Some(open);
        tap.xDelete = Some(remove);
        with(|state| state.own = own as usize);
        assert_eq!(sqlite3_vfs_register(Box::leak(Box::new(tap)), 1), SQLITE_OK);
    }
}

fn own_layer() -> *mut sqlite3_vfs {
    with(|state| state.own) as *mut sqlite3_vfs
}

#[expect(unsafe_code, reason = "the name is a C string")]
fn place(name: *const c_char) -> Option<(PathBuf, String)> {
    // SAFETY: the database names its files with strings that outlive the call; temporary ones have none.
    let name = (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })?;
    let path = Path::new(name.to_str().ok()?);
    Some((path.parent()?.to_owned(), path.file_name()?.to_str()?.to_owned()))
}

#[expect(unsafe_code, reason = "the database calls it, and it calls the database's own")]
unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    told: *mut c_int,
) -> c_int {
    let own = own_layer();
    // SAFETY: the arguments are passed on as they came, to the layer that the handle was made for; when it succeeds,
    // its table of calls is there and lives as long as the process.
    unsafe {
        let Some(call) = (*own).xOpen else { return libsqlite3_sys::SQLITE_CANTOPEN };
        let code = call(own, name, file, flags, told);
        if code != SQLITE_OK || flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL) == 0 {
            return code;
        }
        let Some((folder, name)) = place(name) else { return code };
        let methods: &'static sqlite3_io_methods = &*(*file).pMethods;
        with(|state| {
            if !state.folders.contains_key(&folder) {
                return;
            }
            let syncs_folder = flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL) != 0;
            state.open.insert(file as usize, Open { folder, name, own: methods, syncs_folder });
            let key = std::ptr::from_ref(methods) as usize;
            (*file).pMethods = *state.tables.entry(key).or_insert_with(|| Box::leak(Box::new(ours(methods))));
        });
        code
    }
}

/// A table of calls in which those that change a file are ours.
#[expect(unsafe_code, reason = "a table of C functions is copied")]
fn ours(own: &sqlite3_io_methods) -> sqlite3_io_methods {
    // SAFETY: it holds a number and pointers to functions only.
    let mut methods = unsafe { std::ptr::read(own) };
    methods.xClose = Some(close);
    methods.xWrite = Some(write);
    methods.xTruncate = Some(truncate);
    methods.xSync = Some(sync);
    methods.xFileControl = Some(control);
    methods
}

/// The database's own calls for a file, and where it lies.
fn opened(file: *mut sqlite3_file) -> (&'static sqlite3_io_methods, PathBuf, String) {
    with(|state| {
        let open = state.open.get(&(file as usize)).expect("only files that were opened here have these calls");
        (open.own, open.folder.clone(), open.name.clone())
    })
}

#[expect(unsafe_code, reason = "the database calls it, and it calls the database's own")]
unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    let (own, ..) = opened(file);
    with(|state| state.open.remove(&(file as usize)));
    // SAFETY: the handle is passed on to the layer that made it.
    own.xClose.map_or(SQLITE_OK, |call| unsafe { call(file) })
}

#[expect(unsafe_code, reason = "the database calls it, and it calls the database's own")]
unsafe extern "C" fn write(file: *mut sqlite3_file, from: *const c_void, size: c_int, at: sqlite3_int64) -> c_int {
    let (own, folder, name) = opened(file);
    // SAFETY: the database hands in so many bytes that it may read.
    let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), size as usize) }.to_vec();
    note(&folder, Step::Write { file: name, at: at as u64, bytes });
    // SAFETY: the arguments are passed on as they came.
    own.xWrite.map_or(SQLITE_OK, |call| unsafe { call(file, from, size, at) })
}

#[expect(unsafe_code, reason = "the database calls it, and it calls the database's own")]
unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    let (own, folder, name) = opened(file);
    note(&folder, Step::Truncate { file: name, size: size as u64 });
    // SAFETY: the arguments are passed on as they came.
    own.xTruncate.map_or(SQLITE_OK, |call| unsafe { call(file, size) })
}

#[expect(unsafe_code, reason = "the database calls it, and it calls the database's own")]
unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    let (own, folder, name) = opened(file);
    // SAFETY: the arguments are passed on as they came.
    let code = own.xSync.map_or(SQLITE_OK, |call| unsafe { call(file, flags) });
    if code == SQLITE_OK {
        let first =
            with(|state| state.open.get_mut(&(file as usize)).map(|open| std::mem::take(&mut open.syncs_folder)));
        note(&folder, Step::Sync { file: name, folder: first == Some(true) });
    }
    code
}

/// Has the database sync less than it was told, where that is wanted.
#[expect(unsafe_code, reason = "the database calls it, and it calls the database's own")]
unsafe extern "C" fn control(file: *mut sqlite3_file, what: c_int, argument: *mut c_void) -> c_int {
    let (own, folder, _) = opened(file);
    let level = match syncs(&folder) {
        Some(Syncs::Normal) => Some(b'1'),
        Some(Syncs::Off) => Some(b'0'),
        Some(Syncs::AsAsked | Syncs::NotBeside) | None => None,
    };
    // SAFETY: a pragma comes as three strings: room for an answer, its name and its value. The value is a copy of the
    // database's own of at least one byte, of which it goes on to read what stands there after this call.
    unsafe {
        if let (SQLITE_FCNTL_PRAGMA, Some(level)) = (what, level) {
            let (name, value) = (*argument.cast::<*mut c_char>().add(1), *argument.cast::<*mut c_char>().add(2));
            if !value.is_null() && CStr::from_ptr(name) == c"synchronous" && !CStr::from_ptr(value).is_empty() {
                let value = value.cast::<u8>();
                value.write(level);
                value.add(1).write(0);
            }
        }
        own.xFileControl.map_or(libsqlite3_sys::SQLITE_NOTFOUND, |call| call(file, what, argument))
    }
}

#[expect(unsafe_code, reason = "the database calls it, and it calls the database's own")]
unsafe extern "C" fn remove(_: *mut sqlite3_vfs, name: *const c_char, syncs_folder: c_int) -> c_int {
    let own = own_layer();
    if let Some((folder, name)) = place(name) {
        note(&folder, Step::Remove { file: name, folder: syncs_folder != 0 });
    }
    // SAFETY: the arguments are passed on as they came.
    unsafe { (*own).xDelete.map_or(SQLITE_OK, |call| call(own, name, syncs_folder)) }
}
