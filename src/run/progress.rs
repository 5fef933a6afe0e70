//! The line on stderr that says how far an import is; it stands on a terminal only, and overwrites itself.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;

use crate::domain::{excerpt, safe};
use crate::import::Notice;

/// The line is rewritten at most this often.
const PAUSE: Duration = Duration::from_millis(100);

pub struct Meter {
    visible: bool,
    started: Instant,
    drawn: Option<Instant>,
    all_sources: usize,
    all_bytes: u64,
    sources: usize,
    bytes: u64,
    /// Rows of a database, where one is the source.
    rows: Option<(u64, u64)>,
    /// The source with which another process is not done.
    waits_for: Option<String>,
}

/// Shows how far the reading of sources is, until it has ended.
pub async fn follow(mut heard: UnboundedReceiver<Notice>) {
    let mut meter = Meter::new();
    while let Some(notice) = heard.recv().await {
        match notice {
            Notice::Found { sources, bytes } => meter.expect(sources, bytes),
            Notice::Progress { sources, bytes } => meter.add(sources, bytes),
            _ => {}
        }
    }
    meter.clear();
}

impl Meter {
    pub fn new() -> Self {
        let visible = io::stderr().is_terminal();
        let (all_sources, all_bytes, sources, bytes) = (0, 0, 0, 0);
        Self {
            visible,
            started: Instant::now(),
            drawn: None,
            all_sources,
            all_bytes,
            sources,
            bytes,
            rows: None,
            waits_for: None,
        }
    }

    /// So much is to be done.
    pub fn expect(&mut self, sources: usize, bytes: u64) {
        (self.all_sources, self.all_bytes) = (sources, bytes);
        self.draw();
    }

    /// So much more is done.
    pub fn add(&mut self, sources: usize, bytes: u64) {
        self.waits_for = None;
        self.sources += sources;
        self.bytes += bytes;
        self.draw();
    }

    fn draw(&mut self) {
        let due = self.drawn.is_none_or(|drawn| drawn.elapsed() >= PAUSE);
        if self.visible && due {
            self.drawn = Some(Instant::now());
            let passed = self.started.elapsed();
            let line = match (&self.waits_for, self.rows) {
                (Some(source), _) => format!("waiting for another import of {}; Ctrl-C ends", safe(source)),
                (None, Some((done, all))) => {
                    format!("{}/{} sessions · {done}/{all} rows", self.sources, self.all_sources)
                }
                (None, None) => told(self.sources, self.all_sources, self.bytes, self.all_bytes, passed),
            };
            write(&format!("\r\u{1b}[K{line}"));
        }
    }

    /// So many rows of what is being brought over are here.
    pub fn rows(&mut self, done: u64, all: u64) {
        self.waits_for = None;
        self.rows = Some((done, all));
        self.draw();
    }

    /// Another process is not done with a source.
    pub fn wait_for(&mut self, source: &str) {
        // The line must not be longer than the terminal is wide, and the end tells most.
        let name = source.rsplit('/').next().unwrap_or(source);
        (self.waits_for, self.drawn) = (Some(excerpt(name, 40)), None);
        self.draw();
    }

    /// Takes the line away, so that other words can stand there.
    pub fn clear(&mut self) {
        if self.drawn.take().is_some() {
            write("\r\u{1b}[K");
        }
    }
}

/// A line that says how far something else is; it stands on a terminal only, too.
pub struct Share {
    what: &'static str,
    visible: bool,
    told: Option<i64>,
}

impl Share {
    pub fn new(what: &'static str) -> Self {
        Self { what, visible: io::stderr().is_terminal(), told: None }
    }

    /// So much of all is done.
    pub fn tell(&mut self, done: i64, all: i64) {
        let percent = done.saturating_mul(100).checked_div(all).unwrap_or(100).min(100);
        if self.visible && self.told != Some(percent) {
            self.told = Some(percent);
            write(&format!("\r\u{1b}[K{} {percent}%", self.what));
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.told.is_some() {
            write("\r\u{1b}[K");
        }
    }
}

fn write(text: &str) {
    let mut stream = io::stderr().lock();
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

fn told(sources: usize, all_sources: usize, bytes: u64, all_bytes: u64, passed: Duration) -> String {
    let mut line = format!("{sources}/{all_sources} sources · {}/{}", size(bytes), size(all_bytes));
    if let Some(percent) = bytes.saturating_mul(100).checked_div(all_bytes) {
        line.push_str(&format!(" · {}%", percent.min(100)));
    }
    let seconds = passed.as_secs_f64();
    if bytes > 0 && seconds > 0.5 {
        let rate = bytes as f64 / seconds;
        let left = all_bytes.saturating_sub(bytes) as f64 / rate;
        line.push_str(&format!(" · {}/s · {}:{:02} left", size(rate as u64), left as u64 / 60, left as u64 % 60));
    }
    line
}

/// Bytes as a person says them.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_what_is_done_how_fast_and_what_is_left() {
        let line = told(3, 10, 20_000_000, 80_000_000, Duration::from_secs(2));
        assert_eq!(line, "3/10 sources · 20.0 MB/80.0 MB · 25% · 10.0 MB/s · 0:06 left");
        assert_eq!(told(0, 1, 0, 0, Duration::ZERO), "0/1 sources · 0 B/0 B");
    }
}
