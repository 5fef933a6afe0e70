//! Screens over a long session and many short ones, seen from outside in a pseudo-terminal.

use std::time::{Duration, Instant};

use turnscope::store::Store;

use crate::harness::{Grid, Terminal};
use crate::{events, say};

/// Events of the long session, and how many short ones there are beside it.
const LONG: u64 = 1_000_000;
/// Its rows: the call of a tool and its result are one.
const ROWS: u64 = LONG * 3 / 4;
const SHORT: u64 = 10_000;
const SHORT_EVENTS: u64 = 20;
/// How often each screen is opened, and how often a key is pressed.
const TIMES: usize = 5;
const KEYS: usize = 100;
/// A screen that has not changed for so long is drawn.
const STILL: Duration = Duration::from_millis(150);

/// Fills a store.
pub async fn fill(store: &Store) {
    let began = Instant::now();
    for from in (0..LONG).step_by(4_000) {
        store.append(&[events::batch("long", from, from + 4_000)]).await.expect("appends");
    }
    for from in (0..SHORT).step_by(200) {
        let sessions = (from..from + 200).map(|number| format!("short-{number:05}"));
        let batches: Vec<_> = sessions.map(|session| events::batch(&session, 0, SHORT_EVENTS)).collect();
        store.append(&batches).await.expect("appends");
    }
    store.settle().await.expect("settles");
    let events = (LONG + SHORT * SHORT_EVENTS) as f64;
    say("filled and settled", "events/s", events / began.elapsed().as_secs_f64());
    // What the server does by itself a while after so much has come.
    store.return_space(None).await.expect("is vacuumed");
}

/// Opens the screens of a store at an address, and presses keys on them.
pub fn measure(name: &str, address: &str) {
    let mut first = Vec::new();
    let mut opened = Vec::new();
    let mut last = None;
    for _ in 0..TIMES {
        let began = Instant::now();
        let mut terminal = Terminal::start(&["--store", address], 120, 40);
        terminal.wait("the sessions", |grid| grid.depth() == Some(0) && lines(grid) > 30);
        first.push(began.elapsed());
        terminal.wait("all sessions", |grid| grid.has(&format!("/{}", SHORT + 1)));
        terminal.settle(STILL);
        let began = Instant::now();
        terminal.press("\r");
        terminal.wait("the timeline", |grid| grid.depth() == Some(1) && lines(grid) > 30);
        opened.push(began.elapsed());
        last = Some(terminal);
    }
    told(&format!("{name}: start until {} sessions are shown", SHORT + 1), first);
    told(&format!("{name}: Enter until the timeline of {LONG} events is shown"), opened);
    let mut terminal = last.expect("was started");
    terminal.settle(Duration::from_secs(3));
    told(&format!("{name}: a key until the cursor has moved, on the timeline"), pressed(&mut terminal, "j"));
    told(&format!("{name}: a key until a page further is drawn"), pressed(&mut terminal, "\u{6}"));
    let began = Instant::now();
    terminal.press("G");
    terminal.wait("the end", |grid| grid.has(&format!("{ROWS}/{ROWS}")));
    told(&format!("{name}: G until the end is shown"), vec![began.elapsed()]);
    terminal.settle(STILL);
    terminal.press("gg");
    terminal.settle(STILL);
    terminal.press(&format!("/{} ", LONG * 9 / 10));
    terminal.settle(STILL);
    let began = Instant::now();
    terminal.press("\r");
    terminal.wait("the hit", |grid| lines_with(grid, &format!(" {} ", LONG * 9 / 10)) > 0);
    told(&format!("{name}: a search until its one hit at 90 % is shown"), vec![began.elapsed()]);
    let began = Instant::now();
    terminal.press("\r");
    terminal.wait("the event", |grid| grid.depth() == Some(2) && grid.has("Summary"));
    told(&format!("{name}: Enter until the event is shown"), vec![began.elapsed()]);
    terminal.press("Q");
    assert_eq!(terminal.end(), Ok(0));
}

/// How long it takes from a key until the line of the position has changed.
fn pressed(terminal: &mut Terminal, key: &str) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..KEYS {
        let before = terminal.wait("anything", |_| true);
        let began = Instant::now();
        terminal.press(key);
        terminal.wait("another position", |grid| position(grid) != position(&before));
        times.push(began.elapsed());
        terminal.settle(Duration::from_millis(20));
    }
    times
}

fn position(grid: &Grid) -> Option<&String> {
    grid.lines.len().checked_sub(2).and_then(|line| grid.lines.get(line))
}

fn lines(grid: &Grid) -> usize {
    grid.lines.iter().filter(|line| !line.is_empty()).count()
}

fn lines_with(grid: &Grid, text: &str) -> usize {
    // The last two lines tell what was asked for.
    grid.lines.iter().take(grid.lines.len().saturating_sub(2)).filter(|line| line.contains(text)).count()
}

fn told(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() as f64 * part) as usize).min(times.len() - 1)].as_secs_f64() * 1000.0;
    say(&format!("{what}, median"), "ms", at(0.5));
    if times.len() > 1 {
        say(&format!("{what}, worst"), "ms", at(1.0));
    }
}
