//! The terminal itself: on and off, one `write()` a frame, programs in between, suspending.

use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use crossterm::clipboard::CopyToClipboard;
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::{Position, Rect, Size};
use ratatui::{TerminalOptions, Viewport};

use super::message::Then;
use super::painter::Painter;
use super::state::State;
use super::view;

/// Alternate screen, bracketed paste, no cursor.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?25l";
/// The opposite, and whatever a broken frame may have left on: synchronized output, mouse, colours.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[0m\x1b[?1006l\x1b[?1000l\x1b[?2004l\x1b[?25h\x1b[?1049l";
/// Buttons and the wheel, in the form without limits; no motion.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";
const BEGIN_FRAME: &[u8] = b"\x1b[?2026h";
const END_FRAME: &[u8] = b"\x1b[?2026l";
/// Asks for the colour of the background. crossterm keeps the answer to a DA1 behind it to itself, so none is sent.
const ASK_BACKGROUND: &[u8] = b"\x1b]11;?\x1b\\";

/// Whether the terminal is ours; whoever clears it gives the terminal back.
static ACTIVE: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// Where frames are drawn before they are written: a screen in memory, of the size of the terminal.
pub(crate) struct Canvas {
    terminal: Terminal<TestBackend>,
    painter: Painter,
}

impl Canvas {
    pub(crate) fn new(columns: u16, rows: u16) -> Result<Self> {
        let viewport = Viewport::Fixed(Rect::new(0, 0, columns, rows));
        let backend = TestBackend::new(columns, rows);
        let terminal = Terminal::with_options(backend, TerminalOptions { viewport })?;
        Ok(Self { terminal, painter: Painter::default() })
    }

    /// The bytes of the next frame; none where it changes nothing.
    pub(crate) fn frame(&mut self, state: &mut State) -> Vec<u8> {
        view::draw(state, &mut self.terminal.get_frame());
        let bytes = self.painter.paint(self.terminal.current_buffer_mut());
        self.terminal.swap_buffers();
        bytes
    }

    fn resize(&mut self, size: Size) -> Result<()> {
        let area = Rect::from((Position::ORIGIN, size));
        if self.terminal.get_frame().area() != area {
            self.terminal.backend_mut().resize(size.width, size.height);
            self.terminal.resize(area)?;
        }
        Ok(())
    }
}

/// The terminal while it is ours. Dropping it gives it back.
pub(crate) struct Screen {
    canvas: Canvas,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal. Where output is none, nothing is touched.
    pub(crate) fn enter(mouse: bool) -> Result<Self> {
        if !io::stdout().is_terminal() {
            bail!("could not open the screen: the output is no terminal");
        }
        HOOK.call_once(restore_on_panic);
        let (columns, rows) = crossterm::terminal::size().context("could not open the screen")?;
        let mut screen = Self { canvas: Canvas::new(columns, rows)?, mouse };
        screen.take_over()?;
        Ok(screen)
    }

    /// Puts the terminal into our modes; does no harm where it is already.
    fn take_over(&mut self) -> Result<()> {
        enable_raw_mode().context("could not open the screen")?;
        ACTIVE.store(true, Ordering::SeqCst);
        write_out(ENTER)?;
        if self.mouse {
            write_out(MOUSE_ON)?;
        }
        Ok(())
    }

    /// Whether a panic elsewhere has given the terminal back already.
    pub(crate) fn is_lost(&self) -> bool {
        !ACTIVE.load(Ordering::SeqCst)
    }

    pub(crate) fn size(&self) -> Result<(u16, u16)> {
        crossterm::terminal::size().context("could not ask for the size of the terminal")
    }

    /// Draws a frame with one `write()`; a frame that changes nothing writes nothing.
    pub(crate) fn draw(&mut self, state: &mut State) -> Result<()> {
        let (columns, rows) = self.size()?;
        self.canvas.resize(Size::new(columns, rows))?;
        let bytes = self.canvas.frame(state);
        if bytes.is_empty() {
            return Ok(());
        }
        write_out(&[BEGIN_FRAME, &bytes, END_FRAME].concat())
    }

    /// Has the next frame written as a whole.
    pub(crate) fn redraw(&mut self) {
        self.canvas.painter.forget();
    }

    pub(crate) fn ask_background(&mut self) -> Result<()> {
        write_out(ASK_BACKGROUND)
    }

    pub(crate) fn set_mouse(&mut self, on: bool) -> Result<()> {
        self.mouse = on;
        write_out(if on { MOUSE_ON } else { MOUSE_OFF })
    }

    /// Gives bytes to the terminal's clipboard.
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Result<()> {
        let mut sequence = Vec::new();
        crossterm::queue!(sequence, CopyToClipboard::to_clipboard_from(bytes))?;
        write_out(&sequence)
    }

    /// Stops the whole job, as the shell expects of ^Z, and comes back when it goes on.
    pub(crate) fn suspend(&mut self) -> Result<()> {
        give_back();
        stop_job();
        self.come_back()
    }

    /// Takes the terminal again after somebody else had it.
    pub(crate) fn come_back(&mut self) -> Result<()> {
        self.take_over()?;
        self.redraw();
        Ok(())
    }

    /// Runs a program on a file in front of the user, and comes back.
    pub(crate) fn run(&mut self, then: &Then, file: &Path) -> Result<()> {
        give_back();
        let done = match then {
            Then::Pager => page(file),
            Then::Pipe(command) => pipe(command, file),
        };
        self.come_back()?;
        done
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn write_out(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).context("could not write to the terminal")
}

/// Puts the terminal back as it was; does nothing the second time.
fn give_back() {
    if ACTIVE.swap(false, Ordering::SeqCst) {
        // Where the terminal is gone there is nobody to be told.
        let _ = write_out(LEAVE);
        let _ = disable_raw_mode();
    }
}

fn restore_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        before(panic);
    }));
}

/// The program that `$PAGER` names, else that of `$VISUAL`, else `less`: what is looked at needs no editor.
fn pager() -> String {
    let set = |name| std::env::var(name).ok().filter(|value: &String| !value.trim().is_empty());
    set("PAGER").or_else(|| set("VISUAL")).unwrap_or_else(|| "less".to_owned())
}

fn page(file: &Path) -> Result<()> {
    let pager = pager();
    let status = Command::new("sh").arg("-c").arg(format!("{pager} \"$1\"")).arg("sh").arg(file).status();
    let status = status.with_context(|| format!("could not run {pager}"))?;
    if status.code() == Some(127) {
        bail!("could not run {pager}: not found");
    }
    Ok(())
}

fn pipe(command: &str, file: &Path) -> Result<()> {
    let input = std::fs::File::open(file).context("could not open what is to be piped")?;
    let status = Command::new("sh").arg("-c").arg(command).stdin(Stdio::from(input)).status();
    let status = status.with_context(|| format!("could not run {command}"))?;
    let ended = match status.code() {
        Some(0) => String::new(),
        Some(code) => format!("it ended with {code}; "),
        None => "it was stopped by a signal; ".to_owned(),
    };
    write_out(format!("\n[{ended}Enter comes back]").as_bytes())?;
    wait_for_enter();
    Ok(())
}

/// Reads from the terminal, which is not raw now, to the end of a line.
fn wait_for_enter() {
    let Ok(mut terminal) = std::fs::File::open("/dev/tty") else { return };
    let mut byte = [0];
    while terminal.read(&mut byte).is_ok_and(|count| count == 1) && byte != *b"\n" {}
}

/// Sends SIGTSTP to the process group: the shell then has the terminal until it says `fg`.
#[expect(unsafe_code, reason = "there is no safe call for sending a signal to the own process group")]
fn stop_job() {
    // SAFETY: kill takes two numbers and touches no memory.
    unsafe { libc::kill(0, libc::SIGTSTP) };
}
