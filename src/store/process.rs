//! What SQLite is told once for the whole process, before it opens its first database.

use std::ffi::c_int;
use std::sync::Once;

use libsqlite3_sys::{SQLITE_CONFIG_MEMSTATUS, SQLITE_CONFIG_STMTJRNL_SPILL, sqlite3_config};

/// What one statement can take back is kept in memory up to here, in bytes: a bulk of rows touches many pages, and each
/// would be written to a file besides, which is removed as soon as the statement ends.
const KEPT: c_int = 4 << 20;

/// Where a database was opened before, by whatever way, everything stays as it was: slower, and no less right.
#[expect(unsafe_code, reason = "there is no safe call for the settings of the process")]
pub(super) fn set_up() {
    static ONCE: Once = Once::new();
    // SAFETY: each takes one number, and says so where it comes too late.
    ONCE.call_once(|| unsafe {
        sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, KEPT);
        // Nobody asks how much memory SQLite has taken, so it need not lock to count it.
        sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    });
}
