//! Asks the terminal itself, once and for a short while: a terminal that does not answer costs half a second.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long answers are waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// Texts, and the columns that they should take.
const TEXTS: [(&str, &str, u16); 3] =
    [("a CJK character", "界", 2), ("an emoji", "🦀", 2), ("a joined emoji", "👩\u{200d}💻", 2)];

/// What the terminal has said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answers {
    /// Whether it knows synchronized output; `None` where it said nothing of it.
    pub synchronized: Option<bool>,
    /// Whether it counts the clipboard among its features.
    pub clipboard: bool,
    /// What was written, how many columns it should take, and how many it took.
    pub widths: Vec<(&'static str, u16, u16)>,
}

/// Asks; `None` where nothing is answered.
pub fn ask() -> Option<Answers> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
    let reading = terminal.try_clone().ok()?;
    crossterm::terminal::enable_raw_mode().ok()?;
    let answered = converse(&mut terminal, reading);
    // The line is the user's again, whatever was said.
    let _ = terminal.write_all(b"\r\x1b[K");
    let _ = crossterm::terminal::disable_raw_mode();
    answered.and_then(|answered| parse(&answered))
}

/// Says everything at once, and listens until the last question is answered.
fn converse(terminal: &mut File, reading: File) -> Option<Vec<u8>> {
    let mut question = String::from("\x1b[?2026$p");
    for (_, text, _) in TEXTS {
        question.push_str(&format!("\r{text}\x1b[6n"));
    }
    // Every terminal answers this one, so it comes last.
    question.push_str("\r\x1b[K\x1b[c");
    terminal.write_all(question.as_bytes()).ok()?;
    terminal.flush().ok()?;
    let heard = listen(reading);
    let until = Instant::now() + PATIENCE;
    let mut answered = Vec::new();
    while !is_over(&answered) {
        match heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(bytes) => answered.extend(bytes),
            Err(_) => return None,
        }
    }
    Some(answered)
}

/// Reads on a thread of its own, because a read of a terminal that says nothing never ends; it ends with the program.
fn listen(mut terminal: File) -> Receiver<Vec<u8>> {
    let (sender, heard) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        let mut all = Vec::new();
        while let Ok(count) = terminal.read(&mut buffer) {
            all.extend_from_slice(&buffer[..count]);
            let done = count == 0 || is_over(&all);
            if sender.send(buffer[..count].to_vec()).is_err() || done {
                return;
            }
        }
    });
    heard
}

/// The sequences of an answer: what stands between `ESC [` and its last letter, with that letter.
fn sequences(answered: &[u8]) -> Vec<(String, char)> {
    let text = String::from_utf8_lossy(answered);
    let parts = text.split("\u{1b}[").skip(1);
    parts
        .filter_map(|part| {
            let end = part.find(|letter: char| letter.is_ascii_alphabetic())?;
            Some((part[..end].to_owned(), part[end..].chars().next()?))
        })
        .collect()
}

fn is_over(answered: &[u8]) -> bool {
    sequences(answered).iter().any(|(said, last)| *last == 'c' && said.starts_with('?'))
}

fn parse(answered: &[u8]) -> Option<Answers> {
    let mut answers = Answers::default();
    let mut columns = Vec::new();
    let mut said_anything = false;
    for (said, last) in sequences(answered) {
        match last {
            'y' if said.starts_with("?2026;") => {
                let state = said.trim_end_matches('$').rsplit(';').next().and_then(|state| state.parse::<u8>().ok());
                answers.synchronized = state.map(|state| state == 1 || state == 2);
            }
            'R' => columns.extend(said.split(';').nth(1).and_then(|column| column.parse::<u16>().ok())),
            'c' => {
                said_anything = true;
                answers.clipboard = said.trim_start_matches('?').split(';').any(|feature| feature == "52");
            }
            _ => {}
        }
    }
    if columns.len() == TEXTS.len() {
        let widths = TEXTS.iter().zip(columns);
        answers.widths = widths.map(|((name, _, wanted), column)| (*name, *wanted, column.saturating_sub(1))).collect();
    }
    said_anything.then_some(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_in_whatever_way_they_come_apart() {
        let whole = b"\x1b[?2026;2$y\x1b[1;3R\x1b[1;3R\x1b[1;5R\x1b[?62;4;52c";
        assert!(is_over(whole) && !is_over(&whole[..whole.len() - 1]));
        let answers = parse(whole).expect("answered");
        assert_eq!((answers.synchronized, answers.clipboard), (Some(true), true));
        assert_eq!(answers.widths.iter().map(|width| width.2).collect::<Vec<_>>(), [2, 2, 4]);
    }

    #[test]
    fn what_is_not_answered_is_not_known() {
        let answers = parse(b"\x1b[?6c").expect("answered");
        assert_eq!(answers, Answers::default());
        assert_eq!(parse(b"typed ahead"), None);
        assert_eq!(parse(b"\x1b[?2026;0$y\x1b[?1;2c").and_then(|answers| answers.synchronized), Some(false));
    }
}
