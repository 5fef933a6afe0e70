//! Keys while something lies over the screen: prompts, help, the palette, the marks.

use super::commands::{self, What};
use super::{DEAF_FOR, act, everywhere, export, filter, find, go, keep, lens, review, sheet};
use crate::ui::action::{Action, Go};
use crate::ui::input::{Input, MOST};
use crate::ui::key::Key;
use crate::ui::list::{List, Move};
use crate::ui::message::{Now, Request, Then};
use crate::ui::state::{Ask, Panel, State};

/// The lines that lists in panels are moved by, whatever their height on the screen.
pub(crate) const PANEL_LINES: usize = 12;

/// Takes one key; the panel is put back unless the key closes it.
pub(super) fn press(state: &mut State, key: &Key, now: Now) -> Vec<Request> {
    let Some(panel) = state.panel.take() else { return Vec::new() };
    let takes_text = matches!(panel, Panel::Help { .. } | Panel::Palette { .. } | Panel::Prompt { .. });
    match (key.name(), panel) {
        ("Q", _) if !takes_text => go::go(state, Go::Quit, now),
        (_, Panel::Sheet(open)) => sheet::press(state, key, *open),
        ("Esc" | "^C", Panel::Prompt { ask: Ask::Rule(reviewing), .. }) => {
            review::add(state, reviewing, "");
            Vec::new()
        }
        ("Esc" | "^C", Panel::Help { over: Some(sheet), .. }) => {
            state.panel = Some(Panel::Sheet(sheet));
            Vec::new()
        }
        ("Esc" | "^C", _) => Vec::new(),
        (_, Panel::Help { query, list, over: Some(sheet) }) => review::help(state, key, query, list, sheet),
        (_, Panel::Help { query, list, over: None }) => help(state, key, query, list, now),
        (_, Panel::Palette { input, list }) => palette(state, key, input, list, now),
        (_, Panel::Prompt { ask, input }) => prompt(state, key, ask, input, now),
        (_, Panel::Marks { list }) => marks(state, key, list),
        (_, Panel::Lens { list }) => lens::press_lens(state, key, list),
        (_, Panel::Findings { list }) => lens::press_findings(state, key, list),
        (_, Panel::Found { list }) => everywhere::press(state, key, list),
        ("y" | "Y", Panel::ConfirmUnmark) => keep::unmark_all(state),
        (_, Panel::ConfirmUnmark) => {
            state.say("the marks stay");
            Vec::new()
        }
    }
}

/// Puts pasted text into the prompt that is open.
pub(super) fn paste(state: &mut State, text: &str) {
    let whole = match &mut state.panel {
        Some(Panel::Help { query: input, list, .. } | Panel::Palette { input, list }) => {
            *list = List::default();
            input.insert(text)
        }
        Some(Panel::Prompt { .. }) => {
            let Some(Panel::Prompt { ask, mut input }) = state.panel.take() else { return };
            let whole = input.insert(text);
            let ask = recheck(state, ask, &input);
            state.panel = Some(Panel::Prompt { ask, input });
            whole
        }
        _ => {
            state.warn("pasted text is taken by prompts only; / searches, : takes commands");
            return;
        }
    };
    if !whole {
        state.warn(format!("only the beginning was taken: a prompt holds {MOST} bytes"));
    }
}

/// Moves in the list of a panel; `false` where the key is none of a list.
pub(super) fn move_in(list: &mut List, key: &Key, length: usize) -> bool {
    let step = match key.name() {
        "↓" | "^N" => Move::Down,
        "↑" | "^P" => Move::Up,
        "PgDn" => Move::PageDown,
        "PgUp" => Move::PageUp,
        _ => return false,
    };
    list.go(step, None, length, PANEL_LINES);
    true
}

fn help(state: &mut State, key: &Key, mut query: Input, mut list: List, now: Now) -> Vec<Request> {
    let rows = state.keys.help_rows(state.place, &query.text);
    if key.name() == "Enter" {
        return match rows.get(list.at) {
            Some(row) => act(state, row.binding.action, None, now),
            None => Vec::new(),
        };
    }
    if matches!(key.name(), "F1" | "?") {
        return Vec::new();
    }
    if !move_in(&mut list, key, rows.len()) && query.take(key) {
        list = List::default();
    }
    state.panel = Some(Panel::Help { query, list, over: None });
    Vec::new()
}

fn palette(state: &mut State, key: &Key, mut input: Input, mut list: List, now: Now) -> Vec<Request> {
    let choices = commands::choices(state, &input.text);
    match key.name() {
        "Enter" => return run(state, &input.text, choices.get(list.at).map(|choice| choice.what), now),
        "Tab" => {
            if let Some(choice) = choices.get(list.at) {
                input.set(choice.completion());
                list = List::default();
            }
        }
        "Backspace" if input.text.is_empty() => return rubbed_out(state, now),
        _ if move_in(&mut list, key, choices.len()) => {}
        _ => {
            if input.take(key) {
                list = List::default();
            }
        }
    }
    state.panel = Some(Panel::Palette { input, list });
    Vec::new()
}

/// A typed command wins over the line that is chosen in the list.
fn run(state: &mut State, text: &str, chosen: Option<What>, now: Now) -> Vec<Request> {
    if let Some(requests) = commands::run(state, text, now) {
        return requests;
    }
    match chosen {
        Some(What::Action(action)) => act(state, action, None, now),
        Some(What::Command(command)) if command.bare => commands::run(state, command.name, now).unwrap_or_default(),
        Some(What::Command(command)) => {
            let input = Input::with(format!("{} ", command.name));
            state.panel = Some(Panel::Palette { input, list: List::default() });
            Vec::new()
        }
        None => {
            state.warn(format!("no command is called \"{}\"", text.trim()));
            Vec::new()
        }
    }
}

/// A prompt that is rubbed out closes; the key that is held a moment longer must not go on to quit.
fn rubbed_out(state: &mut State, now: Now) -> Vec<Request> {
    state.deaf_until = Some(now + DEAF_FOR);
    Vec::new()
}

fn prompt(state: &mut State, key: &Key, mut ask: Ask, mut input: Input, now: Now) -> Vec<Request> {
    match (key.name(), &ask) {
        // What cannot be meant stays open until it can.
        ("Enter", Ask::Filter(checked)) if checked.fault.is_some() => {}
        ("Tab", Ask::Export { selection, proposed }) => {
            return review::begin(state, selection.clone(), proposed.clone(), &input.text);
        }
        ("Tab", Ask::Filter(_)) => filter::complete_input(state, &mut input),
        _ => return type_into(state, key, ask, input, now),
    }
    ask = recheck(state, ask, &input);
    state.panel = Some(Panel::Prompt { ask, input });
    Vec::new()
}

/// Looks again at the filter that is being typed, if one is: more is known now.
pub(super) fn recheck_open(state: &mut State) {
    if let Some(Panel::Prompt { ask: Ask::Filter(_), input }) = state.panel.clone() {
        let ask = Ask::Filter(filter::check(state, &input));
        state.panel = Some(Panel::Prompt { ask, input });
    }
}

/// Looks again at a filter that is being typed, and says what is wrong with it.
fn recheck(state: &mut State, ask: Ask, input: &Input) -> Ask {
    if !matches!(ask, Ask::Filter(_)) {
        return ask;
    }
    let checked = filter::check(state, input);
    if let Some(fault) = &checked.fault {
        state.warn(fault.clone());
    }
    Ask::Filter(checked)
}

fn type_into(state: &mut State, key: &Key, ask: Ask, mut input: Input, now: Now) -> Vec<Request> {
    match key.name() {
        "Enter" => return answer(state, ask, &input.text),
        "Backspace" if input.text.is_empty() => {
            // What was decided in the review stands.
            if let Ask::Rule(reviewing) = ask {
                review::add(state, reviewing, "");
                return Vec::new();
            }
            return rubbed_out(state, now);
        }
        "↑" => {
            if let Some(text) = state.last_typed(ask.label()) {
                input.set(text);
            }
        }
        _ => {
            input.take(key);
        }
    }
    let ask = recheck(state, ask, &input);
    state.panel = Some(Panel::Prompt { ask, input });
    Vec::new()
}

fn answer(state: &mut State, ask: Ask, text: &str) -> Vec<Request> {
    let label = ask.label();
    if !text.is_empty() {
        state.typed_before.retain(|(name, _)| *name != label);
        state.typed_before.push((label, text.to_owned()));
    }
    match ask {
        Ask::Search => find::search(state, text),
        Ask::Filter(_) => filter::apply(state, text),
        Ask::Note => keep::set_note(state, text),
        Ask::Pipe if text.trim().is_empty() => Vec::new(),
        Ask::Pipe => keep::spill(state, Then::Pipe(text.to_owned())),
        Ask::Export { selection, proposed } => export::write(state, selection, &proposed, text),
        Ask::Rule(reviewing) => {
            review::add(state, reviewing, text);
            Vec::new()
        }
    }
}

fn marks(state: &mut State, key: &Key, mut list: List) -> Vec<Request> {
    let rows = marked(state);
    match key.name() {
        "'" => return go::last_place(state),
        "q" => return Vec::new(),
        "Enter" => {
            let Some((event, _)) = rows.get(list.at) else { return Vec::new() };
            return go::to_event(state, *event);
        }
        "j" => list.go(Move::Down, None, rows.len(), PANEL_LINES),
        "k" => list.go(Move::Up, None, rows.len(), PANEL_LINES),
        _ => {
            move_in(&mut list, key, rows.len());
        }
    }
    state.panel = Some(Panel::Marks { list });
    Vec::new()
}

/// The rows with a mark or a note, in the order of the timeline: the number of the event, and the row.
pub(crate) fn marked(state: &State) -> Vec<(i64, usize)> {
    let Some(timeline) = &state.timeline else { return Vec::new() };
    let mut rows: Vec<(i64, usize)> =
        timeline.marks.keys().filter_map(|key| Some((*key, timeline.rows.position(*key)?))).collect();
    rows.sort_unstable_by_key(|(_, row)| *row);
    rows
}

/// Whether an action may be named in a list of commands: moving by a line is not worth a line there.
pub(super) fn is_listed(action: Action) -> bool {
    !matches!(action, Action::Move(Move::Down | Move::Up | Move::Percent))
}
