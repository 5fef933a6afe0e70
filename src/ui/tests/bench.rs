//! A screen without a terminal: keys are pressed by name, requests are answered at once by the real backend.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use tokio::sync::mpsc;

use super::sample;
use crate::ui::key::Key;
use crate::ui::keymap::Keys;
use crate::ui::message::{Message, Request};
use crate::ui::request::stored::Store;
use crate::ui::request::{self, Backend, Cancel};
use crate::ui::state::{Options, State, ThemeChoice};
use crate::ui::theme::Depth;
use crate::ui::update::update;
use crate::ui::view;

/// A screen on the sample store.
pub(super) struct Bench {
    pub(super) state: State,
    backend: Backend,
    now: Instant,
    /// What was asked of the terminal, what would write files, and what would never end.
    pub(super) outward: Vec<Request>,
    folder: Option<tempfile::TempDir>,
}

pub(in crate::ui) fn options() -> Options {
    Options {
        theme: ThemeChoice::Dark,
        depth: Depth::True,
        ascii: false,
        mouse: false,
        offset: 0,
        keys: Keys::default(),
        theme_of_user: None,
        hiding: None,
    }
}

/// The messages of some keys with spaces between: `j j Enter`.
pub(super) fn keys(names: &str) -> impl Iterator<Item = Message> {
    names.split_whitespace().map(|name| Message::Key(Key(name.to_owned())))
}

impl Bench {
    /// The session list, read.
    pub(super) async fn new(columns: u16, rows: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = sample::store_in(folder.path()).await;
        Self::on(folder, store, columns, rows).await
    }

    /// The session list of another store, read.
    pub(super) async fn over(backend: Backend, columns: u16, rows: u16) -> Self {
        let state = State::new(&options(), columns, rows);
        let mut bench = Self { state, backend, now: Instant::now(), outward: Vec::new(), folder: None };
        bench.do_all(vec![Request::Sessions]).await;
        bench
    }

    /// Presses keys, and waits after each until everything has been answered.
    pub(super) async fn press(&mut self, names: &str) {
        for message in keys(names) {
            self.send(message).await;
        }
    }

    /// Types a text into a prompt.
    pub(super) async fn type_text(&mut self, text: &str) {
        for letter in text.chars() {
            let name = if letter == ' ' { "Space".to_owned() } else { letter.to_string() };
            self.send(Message::Key(Key(name))).await;
        }
    }

    /// Takes a message and all that follows from it; then input pauses.
    pub(super) async fn send(&mut self, message: Message) {
        self.now += Duration::from_millis(1);
        let requests = update(&mut self.state, message, self.now);
        self.do_all(requests).await;
        while let Some(due) = self.state.deadline() {
            self.now = self.now.max(due);
            let requests = update(&mut self.state, Message::Deadline, self.now);
            self.do_all(requests).await;
        }
    }

    /// A session list of a store without any.
    pub(super) async fn empty(columns: u16, rows: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = sample::empty_in(folder.path()).await;
        Self::on(folder, store, columns, rows).await
    }

    /// A session list of a store with one row whose output is this text.
    pub(super) async fn with_output(text: &str, columns: u16, rows: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = sample::output_in(folder.path(), text).await;
        Self::on(folder, store, columns, rows).await
    }

    pub(super) fn store(&self) -> &Store {
        self.backend.store()
    }

    async fn on(folder: tempfile::TempDir, store: Store, columns: u16, rows: u16) -> Self {
        let bench = Self::over(Backend::new(store), columns, rows).await;
        Self { folder: Some(folder), ..bench }
    }

    /// Writes something else over the files of the store.
    pub(super) fn spoil(&self, name: &str) {
        let folder = self.folder.as_ref().expect("a folder of its own");
        for end in ["", "-wal", "-shm"] {
            let path = folder.path().join(format!("{name}{end}"));
            if let Ok(bytes) = std::fs::read(&path) {
                std::fs::write(&path, vec![b'x'; bytes.len()]).expect("is written");
            }
        }
    }

    /// Lets a second pass without a key.
    pub(super) fn pause(&mut self) {
        self.now += Duration::from_secs(1);
    }

    /// Does a request as if the screen had asked for it.
    pub(super) async fn answer(&mut self, request: Request) {
        self.do_all(vec![request]).await;
    }

    async fn do_all(&mut self, requests: Vec<Request>) {
        let mut waiting: VecDeque<Request> = requests.into();
        while let Some(request) = waiting.pop_front() {
            if is_outward(&request) {
                self.outward.push(request);
                continue;
            }
            let (sender, mut answers) = mpsc::channel(1000);
            request::answer(request, self.backend.clone(), Cancel::default(), sender).await;
            while let Some(answer) = answers.recv().await {
                waiting.extend(update(&mut self.state, answer, self.now));
            }
        }
    }

    /// Draws the screen.
    pub(super) fn draw(&mut self) -> Buffer {
        draw(&mut self.state)
    }

    /// What the screen shows, line by line.
    pub(super) fn text(&mut self) -> String {
        text_of(&self.draw())
    }
}

fn is_outward(request: &Request) -> bool {
    matches!(
        request,
        Request::Terminal(_)
            | Request::Cancel(_)
            | Request::CancelImport
            | Request::Export { .. }
            | Request::Follow { .. }
            | Request::Spill { .. }
            | Request::SaveCopy { .. }
            | Request::CopyBody { .. }
    )
}

pub(super) fn draw(state: &mut State) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(state.columns, state.rows)).expect("a terminal");
    let frame = terminal.draw(|frame| view::draw(state, frame)).expect("is drawn");
    frame.buffer.clone()
}

pub(super) fn text_of(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width.max(1));
    let lines = buffer.content.chunks(width).map(|line| {
        let text: String = line.iter().map(|cell| cell.symbol()).collect();
        text.trim_end().to_owned()
    });
    lines.collect::<Vec<String>>().join("\n")
}
