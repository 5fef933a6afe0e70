//! One part of a row, written out: the exact bytes, or on a terminal text that cannot steer it.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::output::Output;
use super::tell;
use super::whole_file::WholeFile;
use crate::domain::{Body, Event, Phase, Role, flag, safe};
use crate::report::{Pieces, Step, incomplete};
use crate::store::Store;

/// The body that a part of a row means, and how many others of the row play the same role.
///
/// The event that was named comes first. Else an input is that of the call and an output that of the last result.
pub fn choose<'a>(bodies: &'a [Body], role: Role, named: &[i64], step: &Step) -> Result<(&'a Body, usize)> {
    let all: Vec<&Body> = bodies.iter().filter(|body| body.role == role).collect();
    let of = |event: &Event| all.iter().copied().find(|body| body.event == event.number);
    let own = named.iter().find_map(|number| all.iter().copied().find(|body| body.event == *number));
    let chosen = own.or_else(|| {
        let events = || step.events.iter();
        match role {
            Role::Output => {
                let result = events().rev().filter(|event| event.phase == Phase::Result).find_map(of);
                result.or_else(|| events().rev().find_map(of))
            }
            _ => events().find_map(of),
        }
    });
    let Some(chosen) = chosen else {
        if let Some(event) = step.events.iter().find(|event| event.has(flag::PURGED)) {
            bail!("{} has no part `{}` any more: {}", step.turn.id, role.name(), event.label);
        }
        bail!("{} has no part `{}`; it has {}", step.turn.id, role.name(), named_roles(bodies));
    };
    Ok((chosen, all.len() - 1))
}

fn named_roles(bodies: &[Body]) -> String {
    let there = Role::ALL.into_iter().filter(|role| bodies.iter().any(|body| body.role == *role));
    let names: Vec<&str> = there.map(Role::name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Writes a body to a file.
pub async fn write_file(store: &Store, body: &Body, path: &Path, force: bool) -> Result<()> {
    let mut file = WholeFile::start(path, force)?;
    let mut pieces = Pieces::of(store, body);
    while let Some(piece) = pieces.next().await? {
        file.out.write_all(&piece).with_context(|| format!("could not write {}", path.display()))?;
    }
    file.keep()
}

/// Writes a body to stdout.
pub async fn print(store: &Store, body: &Body, output: &mut Output) -> Result<()> {
    let mut pieces = Pieces::of(store, body);
    let mut text = Visible::default();
    while let Some(piece) = pieces.next().await? {
        if output.terminal {
            let shown = text.add(&piece);
            output.bytes(shown.as_bytes())?;
        } else {
            output.bytes(&piece)?;
        }
    }
    if output.terminal {
        let shown = text.end();
        output.bytes(shown.as_bytes())?;
    }
    Ok(())
}

/// Says that a row has more than the one body that was chosen.
pub fn tell_of_others(role: Role, chosen: &Body, others: usize, step: &Step) {
    if others > 0 {
        let event = step.events.iter().find(|event| event.number == chosen.event);
        let id = event.map_or("", |event| event.id.as_str());
        tell(&format!("this is the {} of {id}; {others} more in this row: name the event to get one", role.name()));
    }
}

/// Bytes on their way to a terminal: lines stay lines, everything else that steers becomes a mark.
#[derive(Default)]
struct Visible {
    /// The beginning of a character whose rest comes with the next piece.
    open: Vec<u8>,
    ended_a_line: bool,
}

impl Visible {
    fn add(&mut self, piece: &[u8]) -> String {
        self.open.extend_from_slice(piece);
        let whole = self.open.len() - incomplete(&self.open);
        let text = String::from_utf8_lossy(&self.open[..whole]).into_owned();
        self.open.drain(..whole);
        self.show(&text)
    }

    fn end(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.open).into_owned();
        self.open.clear();
        let mut shown = self.show(&text);
        if !self.ended_a_line {
            shown.push('\n');
        }
        shown
    }

    fn show(&mut self, text: &str) -> String {
        if !text.is_empty() {
            self.ended_a_line = text.ends_with('\n');
        }
        text.split('\n').map(safe).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Kind;

    #[test]
    fn a_character_cut_between_pieces_is_put_together() {
        let mut visible = Visible::default();
        let bytes = "a\u{1b}[2J\nżółć 🦀".as_bytes();
        let shown: String = bytes.chunks(1).map(|piece| visible.add(piece)).collect();
        assert_eq!(shown + &visible.end(), "a^[[2J\nżółć 🦀\n");
    }

    #[test]
    fn invalid_bytes_do_not_hold_the_rest_back() {
        let mut visible = Visible::default();
        let shown = visible.add(b"\xffx\xf0\x9f") + &visible.end();
        assert_eq!(shown, "\u{fffd}x\u{fffd}\n");
    }

    fn step() -> Step {
        let event = |number, id: &str, phase| {
            let mut event = Event::new(Kind::Tool, "claude-code", "tool_use");
            (event.number, event.id, event.phase, event.turn) = (number, id.into(), phase, Some("t".into()));
            event
        };
        let events = [(1, "a", Phase::Call), (2, "b", Phase::Part), (3, "c", Phase::Result)];
        Step::of(events.into_iter().map(|(number, id, phase)| event(number, id, phase)).collect()).expect("has events")
    }

    fn body(event: i64, role: Role) -> Body {
        Body { event, role, blob: event, start: 0, size: 1, digest: [0; 32] }
    }

    #[test]
    fn the_named_event_comes_first_then_the_call_for_input_and_the_result_for_output() {
        let bodies = [body(1, Role::Input), body(1, Role::Output), body(2, Role::Output), body(3, Role::Output)];
        let chosen = |role, named: &[i64]| {
            let (body, others) = choose(&bodies, role, named, &step()).expect("is there");
            (body.event, others)
        };
        assert_eq!(chosen(Role::Output, &[2]), (2, 2));
        assert_eq!(chosen(Role::Output, &[]), (3, 2));
        assert_eq!(chosen(Role::Input, &[3]), (1, 0));
        let missing = choose(&bodies, Role::System, &[], &step()).expect_err("not there").to_string();
        assert!(missing.contains("input, output"), "{missing}");
    }
}
