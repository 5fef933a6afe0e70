//! A terminal for the program to run in: a pseudo-terminal in front, an emulated grid behind it.
//!
//! Tests look at the grid and never at the bytes, since a screen is drawn by its changes; the bytes are kept for what
//! must never be among them. Nothing sleeps: every wait is for a claim about the whole grid, until a deadline.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use tempfile::TempDir;
use vt100::{Parser, Screen};

/// Long enough for a debug build on a busy machine; a test that passes never waits so long.
const DEADLINE: Duration = Duration::from_secs(20);
/// A program that has ended and was silent for so long says nothing more.
const GONE: Duration = Duration::from_millis(200);

const TURNSCOPE: &str = env!("CARGO_BIN_EXE_turnscope");

/// What the program has written so far.
struct Written {
    parser: Parser,
    bytes: Vec<u8>,
    last: Instant,
}

/// A running turnscope and the terminal that it runs in.
pub struct Terminal {
    written: Arc<(Mutex<Written>, Condvar)>,
    master: Box<dyn MasterPty + Send>,
    /// Held open so that the terminal's modes can still be read when the program is gone.
    _slave: Box<dyn SlavePty + Send>,
    child: RefCell<Box<dyn Child + Send + Sync>>,
    keyboard: Box<dyn Write + Send>,
    modes: String,
    home: TempDir,
}

impl Terminal {
    /// Starts turnscope with a home of its own, which is also where it runs.
    pub fn start(arguments: &[&str], columns: u16, rows: u16) -> Self {
        let mut command = CommandBuilder::new(TURNSCOPE);
        command.args(arguments);
        Self::run(command, columns, rows)
    }

    /// Starts a shell with job control that runs a script, in which `$0` is turnscope.
    pub fn start_shell(script: &str, columns: u16, rows: u16) -> Self {
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", &format!("set -m; {script}"), TURNSCOPE]);
        Self::run(command, columns, rows)
    }

    fn run(command: CommandBuilder, columns: u16, rows: u16) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).expect("a pseudo-terminal");
        let home = tempfile::tempdir().expect("a folder");
        let modes = modes(&*pair.master);
        let reader = pair.master.try_clone_reader().expect("a reader");
        let keyboard = pair.master.take_writer().expect("a writer");
        let parser = Parser::new(wide(rows), wide(columns), 0);
        let written =
            Arc::new((Mutex::new(Written { parser, bytes: Vec::new(), last: Instant::now() }), Condvar::new()));
        std::thread::spawn({
            let written = Arc::clone(&written);
            move || read(reader, &written)
        });
        let child = pair.slave.spawn_command(at_home(command, home.path())).expect("it starts");
        Self { written, master: pair.master, _slave: pair.slave, child: RefCell::new(child), keyboard, modes, home }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Types: `\r` is Enter, `\x1b` is Escape.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).and_then(|()| self.keyboard.flush()).expect("keys are taken");
    }

    /// Waits until a claim about the grid holds; `what` names it where it never does.
    pub fn wait(&self, what: &str, claim: impl Fn(&Grid) -> bool) -> Grid {
        let deadline = Instant::now() + DEADLINE;
        let (lock, changed) = &*self.written;
        let mut written = lock.lock().expect("not poisoned");
        loop {
            let grid = Grid::of(written.parser.screen());
            if claim(&grid) {
                return grid;
            }
            let now = Instant::now();
            let gone = now - written.last > GONE && self.has_ended();
            assert!(now < deadline && !gone, "waited in vain for: {what}\n{grid}");
            (written, _) = changed.wait_timeout(written, GONE).expect("not poisoned");
        }
    }

    /// Waits until nothing has been written for a while from now on, and gives the number of bytes so far.
    pub fn settle(&self, quiet: Duration) -> usize {
        let start = Instant::now();
        let deadline = start + DEADLINE;
        let (lock, changed) = &*self.written;
        let mut written = lock.lock().expect("not poisoned");
        loop {
            let now = Instant::now();
            let left = (written.last.max(start) + quiet).saturating_duration_since(now);
            if left.is_zero() {
                return written.bytes.len();
            }
            assert!(now < deadline, "it never stops writing");
            (written, _) = changed.wait_timeout(written, left).expect("not poisoned");
        }
    }

    /// All bytes that were written.
    pub fn bytes(&self) -> Vec<u8> {
        self.written.0.lock().expect("not poisoned").bytes.clone()
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        self.written.0.lock().expect("not poisoned").parser.screen_mut().set_size(wide(rows), wide(columns));
        self.master.resize(size(columns, rows)).expect("resizes");
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let process = self.child.borrow().process_id().expect("it runs").to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &process]).status().expect("kill runs");
        assert!(status.success());
    }

    fn has_ended(&self) -> bool {
        self.child.borrow_mut().try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits for the end; gives the exit code, or the name of the signal that ended it.
    pub fn end(&mut self) -> Result<u32, String> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.get_mut().try_wait().expect("it can be waited for") {
                return status.signal().map_or(Ok(status.exit_code()), |signal| Err(signal.to_owned()));
            }
            if Instant::now() > deadline {
                let grid = Grid::of(self.written.0.lock().expect("not poisoned").parser.screen());
                panic!("it does not end\n{grid}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Checks that the terminal is as it was before the program ran, or while the shell has it.
    pub fn assert_restored(&self) {
        self.settle(Duration::from_millis(50));
        assert_eq!(modes(&*self.master), self.modes, "the modes of the terminal have changed");
        let written = self.written.0.lock().expect("not poisoned");
        let screen = written.parser.screen();
        assert!(!screen.alternate_screen(), "the alternate screen is still on");
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert!(!screen.bracketed_paste(), "pasted text is still marked");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "the mouse is still reported");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A test that failed leaves the program running; one that passed has seen its end.
        let child = self.child.get_mut();
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// What stands on the screen at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    pub lines: Vec<String>,
}

impl Grid {
    fn of(screen: &Screen) -> Self {
        let (_, columns) = screen.size();
        Self { lines: screen.rows(0, columns.get()).map(|line| line.trim_end().to_owned()).collect() }
    }

    pub fn has(&self, text: &str) -> bool {
        self.lines.iter().any(|line| line.contains(text))
    }

    /// The first line: where we are.
    pub fn breadcrumb(&self) -> &str {
        self.lines.first().map_or("", String::as_str)
    }

    /// How deep we are: 0 for the sessions, 1 for a timeline, 2 for an event; `None` where no breadcrumb stands.
    pub fn depth(&self) -> Option<usize> {
        let crumb = self.breadcrumb();
        crumb.contains("Sessions").then(|| crumb.matches('›').count())
    }

    /// The last line: the keys that work now.
    pub fn footer(&self) -> &str {
        self.lines.last().map_or("", String::as_str)
    }
}

impl std::fmt::Display for Grid {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(formatter, "│{line}"))
    }
}

/// Starts turnscope in a terminal, closes that once a text is on it, and gives the exit code.
pub fn close_once_it_shows(arguments: &[&str], home: &Path, text: &[u8]) -> u32 {
    let pair = native_pty_system().openpty(size(100, 30)).expect("a pseudo-terminal");
    let mut command = CommandBuilder::new(TURNSCOPE);
    command.args(arguments);
    let mut child = pair.slave.spawn_command(at_home(command, home)).expect("it starts");
    let mut reader = pair.master.try_clone_reader().expect("a reader");
    let (mut shown, mut buffer) = (Vec::new(), [0; 4096]);
    while !shown.windows(text.len()).any(|part| part == text) {
        let count = reader.read(&mut buffer).expect("the terminal can be read");
        shown.extend_from_slice(&buffer[..count]);
    }
    drop((reader, pair));
    child.wait().expect("it can be waited for").exit_code()
}

fn at_home(mut command: CommandBuilder, home: &Path) -> CommandBuilder {
    command.cwd(home);
    command.env_clear();
    let folders =
        [("HOME", "."), ("XDG_DATA_HOME", "data"), ("XDG_CACHE_HOME", "cache"), ("XDG_CONFIG_HOME", "config")];
    for (name, folder) in folders {
        command.env(name, home.join(folder));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env("PATH", path);
    for (name, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8"), ("TZ", "UTC")] {
        command.env(name, value);
    }
    command
}

fn read(mut reader: Box<dyn Read + Send>, written: &(Mutex<Written>, Condvar)) {
    let mut buffer = [0; 1 << 16];
    // An error is how Linux says that the other side is closed.
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        let mut now = written.0.lock().expect("not poisoned");
        now.parser.process(&buffer[..count]);
        now.bytes.extend_from_slice(&buffer[..count]);
        now.last = Instant::now();
        written.1.notify_all();
    }
}

/// The modes of the terminal, as text to compare.
fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("a terminal has modes"))
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn wide(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).expect("at least one cell")
}
