//! A program among mounts of its own: a small disk, or one that may only be read, without asking anybody.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What runs a program in a folder that a script has prepared in mounts which nobody else sees; the script knows the
/// folder as `$1`. `None`, and a word of it, where that may not be.
pub fn own_mounts(folder: &Path, script: &str, program: &str, arguments: &[&str]) -> Option<Command> {
    let prepared = |then: &str| {
        let mut command = Command::new("unshare");
        // The folder is entered again because something may lie over it now.
        let script = format!("cd \"$1\" && {script} && cd \"$1\" && shift && {then}");
        command.args(["--map-root-user", "--mount", "sh", "-c", &script, program]).arg(folder).args(arguments);
        command.env_clear().env("HOME", folder).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
        command
    };
    if prepared("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return Some(prepared("exec \"$0\" \"$@\""));
    }
    writeln!(std::io::stderr(), "skipped: no mounts can be made here").expect("stderr is open");
    None
}

/// Whether permissions of files do not matter to whoever runs the tests.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}
