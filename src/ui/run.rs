//! The loop: events in, messages through `update`, requests out, frames on the screen. Nothing ticks.

use std::collections::HashMap;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::FutureExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::ahead::Ahead;
use super::key::Key;
use super::keyboard::{Heard, Keyboard};
use super::message::{Message, Outside, Request, Terminal, Then};
use super::request::{self, Backend, Cancel};
use super::state::{Ended, Options, State, ThemeChoice};
use super::terminal::Screen;
use super::theme::Depth;
use super::tty::Tty;
use super::update::update;
use crate::domain::Timestamp;

/// An import that runs while the screen is open.
#[derive(Debug)]
pub struct Importing {
    pub news: mpsc::Receiver<Outside>,
    /// Set when the user cancels the import.
    pub cancel: Arc<AtomicBool>,
}

/// What is shown first.
#[derive(Debug)]
pub enum Start {
    /// The sessions of the store.
    Store,
    /// The timeline of one session, by id.
    Session(String),
    /// A row of a session: the session by id, the row by one of its events.
    Row { session: String, event: i64 },
    /// The sessions of the store, which an import is filling.
    Importing(Importing),
}

/// Answers that may wait before whoever has more must wait too.
const WAITING: usize = 64;
/// Messages taken at most before a frame is drawn.
const BURST: usize = 500;

/// Runs the screen until the user, a signal or an error ends it. The terminal is as before afterwards.
pub async fn run(backend: Backend, start: Start, options: Options) -> Result<Ended> {
    let signals = Signals::listen()?;
    let screen = Screen::enter(options.mouse)?;
    let (columns, rows) = screen.size()?;
    let mut state = State::new(&options, columns, rows);
    state.attached = backend.is_attached();
    state.clock = Some((Instant::now(), Timestamp(jiff::Timestamp::now().as_microsecond())));
    let (sender, answers) = mpsc::channel(WAITING);
    let mut running = Running {
        state,
        screen,
        backend,
        sender,
        answers,
        tty: Tty::open().context("could not read from the terminal")?,
        keyboard: Keyboard::default(),
        ahead: Ahead::default(),
        jobs: HashMap::new(),
        importing: None,
        signals,
        program: None,
    };
    running.start(start);
    match running.run().await {
        Err(error) if is_hang_up(&error) => Ok(Ended::Signal(libc::SIGHUP)),
        outcome => outcome,
    }
}

/// Whether a write failed because the terminal is gone: the signal that says so may come later, or never.
fn is_hang_up(error: &anyhow::Error) -> bool {
    let code = |cause: &(dyn std::error::Error + 'static)| cause.downcast_ref::<std::io::Error>()?.raw_os_error();
    error.chain().filter_map(code).any(|code| matches!(code, libc::EIO | libc::EPIPE))
}

struct Running {
    state: State,
    screen: Screen,
    backend: Backend,
    sender: mpsc::Sender<Message>,
    answers: mpsc::Receiver<Message>,
    tty: Tty,
    keyboard: Keyboard,
    ahead: Ahead,
    jobs: HashMap<u64, Cancel>,
    importing: Option<Importing>,
    signals: Signals,
    /// A program that is to run in front of the user before the next frame.
    program: Option<(Then, PathBuf)>,
}

/// What the loop waits for.
enum Happening {
    /// Bytes of the terminal; `None` where it is gone.
    Input(Option<Vec<u8>>),
    Answer(Message),
    News(Option<Outside>),
    Deadline,
    End(i32),
    Resumed,
    /// The terminal has another size.
    Resized,
}

impl Running {
    fn start(&mut self, start: Start) {
        let request = match start {
            Start::Store => Request::Sessions,
            Start::Session(id) => Request::Session { id },
            Start::Row { session, event } => {
                self.state.aim = Some(event);
                Request::Session { id: session }
            }
            Start::Importing(importing) => {
                self.importing = Some(importing);
                self.state.import = Some("reading".to_owned());
                Request::Sessions
            }
        };
        self.spawn(request);
        self.spawn(Request::SavedFilters);
    }

    /// Asks for the terminal's background, once, behind the first frame.
    fn probe(&mut self) -> Result<()> {
        let knows_no_osc = matches!(std::env::var("TERM").as_deref(), Ok("dumb" | "linux"));
        let wanted = self.state.choice == ThemeChoice::Auto && self.state.theme.depth() != Depth::None;
        if wanted && !knows_no_osc { self.screen.ask_background() } else { Ok(()) }
    }

    async fn run(&mut self) -> Result<Ended> {
        self.screen.draw(&mut self.state)?;
        self.probe()?;
        tokio::task::spawn_blocking(super::payload::warm);
        loop {
            let happening = self.wait().await;
            if let Some(ended) = self.take(happening)? {
                return Ok(self.end(ended));
            }
            // What waits already is taken before the next frame: a burst costs one frame, not hundreds.
            for _ in 0..BURST {
                let Some(happening) = self.waiting() else { break };
                if let Some(ended) = self.take(happening)? {
                    return Ok(self.end(ended));
                }
            }
            if let Some((then, file)) = self.program.take() {
                self.run_program(&then, &file)?;
            }
            if self.screen.is_lost() {
                bail!("a background task failed; the message is above");
            }
            self.resize()?;
            self.screen.draw(&mut self.state)?;
        }
    }

    async fn wait(&mut self) -> Happening {
        let deadline = [self.state.deadline(), self.keyboard.deadline()].into_iter().flatten().min();
        tokio::select! {
            bytes = self.tty.reads.recv() => Happening::Input(bytes),
            Some(message) = self.answers.recv() => Happening::Answer(message),
            news = next_news(&mut self.importing) => Happening::News(news),
            () = until(deadline) => Happening::Deadline,
            happening = self.signals.next() => happening,
        }
    }

    /// What has happened already.
    fn waiting(&mut self) -> Option<Happening> {
        if let Ok(bytes) = self.tty.reads.try_recv() {
            return Some(Happening::Input(Some(bytes)));
        }
        self.answers.try_recv().ok().map(Happening::Answer)
    }

    fn take(&mut self, happening: Happening) -> Result<Option<Ended>> {
        match happening {
            // Whoever closes a terminal need not say so by a signal.
            Happening::Input(None) => return Ok(Some(Ended::Signal(libc::SIGHUP))),
            Happening::Input(Some(bytes)) => {
                let heard = self.keyboard.feed(&bytes, Instant::now());
                self.heard(heard)?;
            }
            Happening::Answer(message) => {
                self.update(message)?;
                while let Some(key) = self.ahead.next(&self.state) {
                    self.update(Message::Key(key))?;
                }
            }
            Happening::News(Some(news)) => self.update(Message::Outside(news))?,
            Happening::News(None) => {
                self.importing = None;
                self.state.import = None;
            }
            Happening::Deadline => {
                let heard = self.keyboard.expire(Instant::now());
                self.heard(heard)?;
                self.update(Message::Deadline)?;
            }
            Happening::Resumed => self.screen.come_back()?,
            // The size is asked for before every frame.
            Happening::Resized => {}
            Happening::End(number) => return Ok(Some(Ended::Signal(number))),
        }
        Ok(self.state.ended)
    }

    fn heard(&mut self, heard: Vec<Heard>) -> Result<()> {
        for item in heard {
            let message = match item {
                Heard::Key(event) => {
                    let key = Key::of(&event).and_then(|key| self.ahead.press(key, &self.state));
                    let Some(key) = key else { continue };
                    Message::Key(key)
                }
                Heard::Background(shade) => Message::Background(shade),
                Heard::Pasted(text) => Message::Pasted(text),
                Heard::Wheel { down } => Message::Wheel { down },
            };
            self.update(message)?;
        }
        Ok(())
    }

    fn update(&mut self, message: Message) -> Result<()> {
        for request in update(&mut self.state, message, Instant::now()) {
            match request {
                Request::Terminal(work) => self.terminal(work)?,
                Request::Cancel(job) => {
                    if let Some(cancel) = self.jobs.remove(&job) {
                        cancel.store(true, Ordering::Relaxed);
                    }
                }
                Request::CancelImport => {
                    if let Some(importing) = &self.importing {
                        importing.cancel.store(true, Ordering::Relaxed);
                    }
                }
                request => self.spawn(request),
            }
        }
        Ok(())
    }

    /// Has a request answered beside the loop.
    fn spawn(&mut self, request: Request) {
        let cancel = Cancel::default();
        if let Some(job) = request::job_of(&request) {
            let running = &self.state.jobs.running;
            self.jobs.retain(|job, _| running.iter().any(|work| work.job == *job));
            self.jobs.insert(job, cancel.clone());
        }
        let (backend, sender) = (self.backend.clone(), self.sender.clone());
        let answering = tokio::spawn(request::answer(request, backend, cancel, sender.clone()));
        tokio::spawn(async move {
            if let Err(error) = answering.await {
                // A panic has given the terminal back; this wakes the loop, which then ends.
                let _ = sender.send(Message::Failed { job: None, words: error.to_string() }).await;
            }
        });
    }

    /// Work in which the terminal belongs to somebody else, or that is done by the terminal.
    fn terminal(&mut self, work: Terminal) -> Result<()> {
        match work {
            Terminal::Copy(bytes) => self.screen.copy(&bytes),
            Terminal::Mouse(on) => self.screen.set_mouse(on),
            Terminal::Redraw => {
                self.screen.redraw();
                Ok(())
            }
            Terminal::Suspend => {
                let back = self.screen.suspend();
                self.signals.forget_resume();
                back
            }
            Terminal::Run { then, file } => {
                self.program = Some((then, file));
                Ok(())
            }
        }
    }

    /// Lets a program have the terminal. Keys typed meanwhile are its own, so nobody here may read them.
    fn run_program(&mut self, then: &Then, file: &Path) -> Result<()> {
        self.tty.close();
        let done = self.screen.run(then, file);
        self.tty = Tty::open().context("could not read from the terminal")?;
        // The file is of no use to anybody else; a program that is gone does not need it.
        let _ = std::fs::remove_file(file);
        self.signals.forget();
        match done {
            Err(error) if self.screen.is_lost() => Err(error),
            Err(error) => {
                self.state.warn(format!("{error:#}"));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Takes a new size that no event has told of, as after a program that ran in between.
    fn resize(&mut self) -> Result<()> {
        let (columns, rows) = self.screen.size()?;
        if (columns, rows) != (self.state.columns, self.state.rows) {
            self.update(Message::Resized { columns, rows })?;
        }
        Ok(())
    }

    fn end(&mut self, ended: Ended) -> Ended {
        for cancel in self.jobs.values() {
            cancel.store(true, Ordering::Relaxed);
        }
        if let Some(importing) = &self.importing {
            importing.cancel.store(true, Ordering::Relaxed);
        }
        ended
    }
}

async fn next_news(importing: &mut Option<Importing>) -> Option<Outside> {
    match importing {
        Some(importing) => importing.news.recv().await,
        None => pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

/// The signals that end the program or bring it back.
struct Signals {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
    quit: Signal,
    resume: Signal,
    resize: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("could not listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            quit: listen(SignalKind::quit())?,
            resume: listen(SignalKind::from_raw(libc::SIGCONT))?,
            resize: listen(SignalKind::window_change())?,
        })
    }

    async fn next(&mut self) -> Happening {
        tokio::select! {
            // A shell that goes away sends SIGHUP and SIGCONT together; the first one counts.
            biased;
            _ = self.terminate.recv() => Happening::End(libc::SIGTERM),
            _ = self.hang_up.recv() => Happening::End(libc::SIGHUP),
            _ = self.interrupt.recv() => Happening::End(libc::SIGINT),
            _ = self.quit.recv() => Happening::End(libc::SIGQUIT),
            _ = self.resume.recv() => Happening::Resumed,
            _ = self.resize.recv() => Happening::Resized,
        }
    }

    /// Forgets a ^C or a ^\ that was meant for a program in front of us.
    fn forget(&mut self) {
        // The signal driver is another task: it has seen the signal a moment after the program has.
        std::thread::sleep(Duration::from_millis(5));
        while self.interrupt.recv().now_or_never().is_some() {}
        while self.quit.recv().now_or_never().is_some() {}
    }

    /// Forgets the signal with which the shell went on: the terminal has been taken again already.
    fn forget_resume(&mut self) {
        std::thread::sleep(Duration::from_millis(5));
        while self.resume.recv().now_or_never().is_some() {}
    }
}
