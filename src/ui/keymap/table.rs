//! The key table itself: every key in the program, in the order in which help shows it.

use super::{Binding, Group, Place, Scope};
use crate::domain::Kind;
use crate::ui::action::{Action, Copied, Decide, Find, Fold, Go, Keep, Look, Show, Target};
use crate::ui::catalog::Column;
use crate::ui::groups::Grouping;
use crate::ui::list::Move;

const ALL: &[Scope] = &Scope::LEVELS;
const LISTS: &[Scope] = &[Scope::At(Place::Sessions), Scope::At(Place::Timeline)];
const ROWS: &[Scope] = &[Scope::At(Place::Timeline), Scope::At(Place::Event)];
const SESSIONS: &[Scope] = &[Scope::At(Place::Sessions)];
const TIMELINE: &[Scope] = &[Scope::At(Place::Timeline)];
const REVIEW: &[Scope] = &[Scope::Review];
const EVENT: &[Scope] = &[Scope::At(Place::Event)];

const fn row(
    on: &'static [Scope],
    keys: &'static [&'static str],
    action: Action,
    group: Group,
    help: &'static str,
) -> Binding {
    Binding { on, keys, action, help, group, hint: "" }
}

impl Binding {
    /// Shows the row in the last line, with a short word.
    const fn hint(mut self, word: &'static str) -> Self {
        self.hint = word;
        self
    }
}

const fn moves(on: &'static [Scope], keys: &'static [&'static str], step: Move, help: &'static str) -> Binding {
    row(on, keys, Action::Move(step), Group::Move, help)
}

const fn go(on: &'static [Scope], keys: &'static [&'static str], go: Go, help: &'static str) -> Binding {
    row(on, keys, Action::Go(go), Group::Go, help)
}

const fn find(on: &'static [Scope], keys: &'static [&'static str], find: Find, help: &'static str) -> Binding {
    row(on, keys, Action::Find(find), Group::Find, help)
}

const fn show(on: &'static [Scope], keys: &'static [&'static str], show: Show, help: &'static str) -> Binding {
    row(on, keys, Action::Show(show), Group::Show, help)
}

const fn look(keys: &'static [&'static str], look: Look, help: &'static str) -> Binding {
    row(EVENT, keys, Action::Look(look), Group::Payload, help)
}

const fn fold(keys: &'static [&'static str], fold: Fold, help: &'static str) -> Binding {
    look(keys, Look::Fold(fold), help)
}

const fn keep(on: &'static [Scope], keys: &'static [&'static str], keep: Keep, help: &'static str) -> Binding {
    row(on, keys, Action::Keep(keep), Group::Keep, help)
}

const fn decide(keys: &'static [&'static str], decide: Decide, help: &'static str) -> Binding {
    row(REVIEW, keys, Action::Decide(decide), Group::Keep, help)
}

const fn next(keys: &'static [&'static str], target: Target, help: &'static str) -> Binding {
    find(TIMELINE, keys, Find::Next(target), help)
}

const fn prior(keys: &'static [&'static str], target: Target, help: &'static str) -> Binding {
    find(TIMELINE, keys, Find::Prior(target), help)
}

const fn sort(keys: &'static [&'static str], column: Column, help: &'static str) -> Binding {
    show(SESSIONS, keys, Show::Sort(column), help)
}

const fn lane(keys: &'static [&'static str], kind: Kind, help: &'static str) -> Binding {
    show(TIMELINE, keys, Show::Kind(kind), help)
}

const fn branch(keys: &'static [&'static str], fold: Fold, help: &'static str) -> Binding {
    show(TIMELINE, keys, Show::Branch(fold), help)
}

const fn group(keys: &'static [&'static str], by: Grouping, help: &'static str) -> Binding {
    show(SESSIONS, keys, Show::Group(by), help)
}

/// Every key in the program.
pub(crate) const BINDINGS: &[Binding] = &[
    moves(ALL, &["j", "↓"], Move::Down, "down; a count repeats: 12j"),
    moves(ALL, &["k", "↑"], Move::Up, "up"),
    moves(ALL, &["g g", "Home"], Move::Top, "to the top"),
    moves(ALL, &["G", "End"], Move::Bottom, "to the end; 40G goes to line 40"),
    moves(ALL, &["%"], Move::Percent, "to a percentage: 40%"),
    moves(ALL, &["^D"], Move::HalfDown, "half a page down"),
    moves(ALL, &["^U"], Move::HalfUp, "half a page up"),
    moves(ALL, &["^F", "PgDn"], Move::PageDown, "a page down"),
    moves(ALL, &["^B", "PgUp"], Move::PageUp, "a page up"),
    moves(ALL, &["z z"], Move::Centre, "this line to the middle"),
    moves(ALL, &["z t"], Move::LineToTop, "this line to the top"),
    moves(ALL, &["z b"], Move::LineToBottom, "this line to the bottom"),
    go(LISTS, &["Enter", "l", "→"], Go::In, "open").hint("open"),
    go(EVENT, &["Enter", "l", "→"], Go::In, "open or close a fold, follow a join"),
    go(SESSIONS, &["h", "←"], Go::Out, "out"),
    go(TIMELINE, &["h", "←"], Go::Out, "close the fold, to the row above, then out"),
    go(EVENT, &["h", "←"], Go::Out, "close the fold, then out"),
    go(ALL, &["q", "Backspace"], Go::Back, "back one level; quits at the top"),
    go(ALL, &["Esc"], Go::Cancel, "cancel the innermost thing, then the filter, then back; never quits"),
    go(ALL, &["^O", "H"], Go::HistoryBack, "back in history"),
    go(ALL, &["L"], Go::HistoryForward, "forward in history"),
    go(SESSIONS, &["' '"], Go::LastPlace, "to the last place and back"),
    go(ROWS, &["g s"], Go::Sessions, "to the sessions, at this one"),
    go(
        &[Scope::At(Place::Sessions), Scope::At(Place::Event)],
        &["g t"],
        Go::Timeline,
        "to the timeline, at this place",
    ),
    go(TIMELINE, &["g d"], Go::Event, "to the event under the cursor"),
    find(ALL, &["/"], Find::Search, "search; re: begins an expression, capitals mind case").hint("search"),
    find(ALL, &["n"], Find::NextHit, "next hit"),
    find(ALL, &["N"], Find::PriorHit, "hit before"),
    find(LISTS, &["f"], Find::Filter, "filter: kind:tool status:error, words, or not ( )").hint("filter"),
    find(ALL, &["+"], Find::FilterIn, "filter in what is under the cursor: its tool, its model, its key"),
    find(ALL, &["-"], Find::FilterOut, "filter out what is under the cursor"),
    find(LISTS, &["e"], Find::Next(Target::Error), "next error").hint("error"),
    find(LISTS, &["E"], Find::Prior(Target::Error), "error before"),
    next(&["] e"], Target::Error, "next error"),
    prior(&["[ e"], Target::Error, "error before"),
    next(&["] u", "}"], Target::Kind(Kind::Transcript), "next transcript row: the next request"),
    prior(&["[ u", "{"], Target::Kind(Kind::Transcript), "transcript row before: the request before"),
    next(&["] o"], Target::Kind(Kind::Model), "next model row"),
    prior(&["[ o"], Target::Kind(Kind::Model), "model row before"),
    next(&["] t"], Target::Kind(Kind::Tool), "next tool row"),
    prior(&["[ t"], Target::Kind(Kind::Tool), "tool row before"),
    next(&["] r"], Target::Kind(Kind::Trace), "next trace row"),
    prior(&["[ r"], Target::Kind(Kind::Trace), "trace row before"),
    next(&["] k"], Target::Kind(Kind::Task), "next task row"),
    prior(&["[ k"], Target::Kind(Kind::Task), "task row before"),
    next(&["] x"], Target::Kind(Kind::Other), "next other row"),
    prior(&["[ x"], Target::Kind(Kind::Other), "other row before"),
    next(&["] m"], Target::Mark, "next mark"),
    prior(&["[ m"], Target::Mark, "mark before"),
    next(&["] f"], Target::Finding, "next finding: what does not add up"),
    prior(&["[ f"], Target::Finding, "finding before"),
    next(&["] s"], Target::Gap, "next row after a long gap"),
    prior(&["[ s"], Target::Gap, "row after a long gap, before"),
    find(TIMELINE, &["o"], Find::Sharing, "next row that shares a key with this one").hint("same key"),
    find(TIMELINE, &["O"], Find::SharingBefore, "row before that shares a key with this one"),
    find(TIMELINE, &["g o"], Find::KeyKind, "pick the kind of key that o and O go by"),
    show(ROWS, &["c"], Show::Lens, "lens: every row that belongs together with this one").hint("lens"),
    show(ROWS, &["i"], Show::Isolate, "show only the rows with a key of this one; again the next key"),
    show(ROWS, &["I"], Show::Findings, "findings: what does not add up").hint("findings"),
    sort(&[", t"], Column::Started, "sort by start; again turns it round"),
    sort(&[", d"], Column::Duration, "sort by duration"),
    sort(&[", k"], Column::Tokens, "sort by tokens"),
    sort(&[", e"], Column::Errors, "sort by errors"),
    sort(&[", n"], Column::Title, "sort by title"),
    sort(&[", u"], Column::Turns, "sort by turns"),
    sort(&[", v"], Column::Events, "sort by events"),
    sort(&[", a"], Column::Agent, "sort by agent"),
    sort(&[", p"], Column::Project, "sort by project"),
    group(&["# a"], Grouping::Agent, "group by agent"),
    group(&["# p"], Grouping::Project, "group by project"),
    group(&["# d"], Grouping::Day, "group by day"),
    group(&["# m"], Grouping::Model, "group by model"),
    group(&["# #"], Grouping::None, "no groups"),
    lane(&["a u"], Kind::Transcript, "show or hide transcript rows"),
    lane(&["a o"], Kind::Model, "show or hide model rows"),
    lane(&["a t"], Kind::Tool, "show or hide tool rows"),
    lane(&["a r"], Kind::Trace, "show or hide trace rows"),
    lane(&["a k"], Kind::Task, "show or hide task rows"),
    lane(&["a x"], Kind::Other, "show or hide other rows"),
    show(TIMELINE, &["a a"], Show::AllKinds, "show all kinds"),
    show(TIMELINE, &["t"], Show::Time, "times: clock, since start, delta, date").hint("times"),
    show(TIMELINE, &["d"], Show::Lane, "bars: durations, waterfall, gaps, none").hint("bars"),
    show(TIMELINE, &["T"], Show::Tree, "rows nested by branch, or flat").hint("tree"),
    branch(&["z a"], Fold::Toggle, "open or close the branch"),
    branch(&["z c"], Fold::Close, "close the branch"),
    branch(&["z o"], Fold::Open, "open the branch"),
    branch(&["z M"], Fold::CloseAll, "close all branches"),
    branch(&["z R"], Fold::OpenAll, "open all branches"),
    branch(&["z 1"], Fold::Level(1), "branches to level 1"),
    branch(&["z 2"], Fold::Level(2), "branches to level 2"),
    branch(&["z 3"], Fold::Level(3), "branches to level 3"),
    branch(&["z 4"], Fold::Level(4), "branches to level 4"),
    branch(&["z 5"], Fold::Level(5), "branches to level 5"),
    branch(&["z 6"], Fold::Level(6), "branches to level 6"),
    branch(&["z 7"], Fold::Level(7), "branches to level 7"),
    branch(&["z 8"], Fold::Level(8), "branches to level 8"),
    branch(&["z 9"], Fold::Level(9), "branches to level 9"),
    show(ALL, &["F"], Show::Follow, "follow what is being recorded; moving up pauses, G goes on"),
    show(TIMELINE, &["P"], Show::Play, "play the session, or pause; Esc ends it"),
    show(TIMELINE, &["("], Show::Slower, "play at half the speed"),
    show(TIMELINE, &[")"], Show::Faster, "play at twice the speed"),
    show(TIMELINE, &["p"], Show::Preview, "preview on or off").hint("preview"),
    show(TIMELINE, &["J"], Show::PreviewDown, "scroll the preview down"),
    show(TIMELINE, &["K"], Show::PreviewUp, "scroll the preview up"),
    show(TIMELINE, &["Tab", "S-Tab"], Show::Pane, "to the preview and back"),
    show(TIMELINE, &["\\"], Show::Zoom, "the preview alone, and back"),
    show(ROWS, &["D"], Show::Diff, "what changed: since the marked row, or since the version before"),
    show(ROWS, &["u"], Show::Usage, "usage: tokens, times and errors by model, tool and agent"),
    show(ROWS, &["A"], Show::Actions, "actions of this session, with what came of them"),
    look(&[")"], Look::NextTab, "next tab").hint("tabs"),
    look(&["("], Look::PriorTab, "tab before"),
    look(&["g 1"], Look::Tab(1), "Summary"),
    look(&["g 2"], Look::Tab(2), "Input"),
    look(&["g 3"], Look::Tab(3), "Output"),
    look(&["g 4"], Look::Tab(4), "System"),
    look(&["g 5"], Look::Tab(5), "Context"),
    look(&["g 6"], Look::Tab(6), "Tools"),
    look(&["g 7"], Look::Tab(7), "Usage"),
    look(&["g 8"], Look::Tab(8), "Joins"),
    look(&["g 9"], Look::Tab(9), "Raw"),
    look(&["}"], Look::NextRow, "next row").hint("next row"),
    look(&["{"], Look::PriorRow, "row before"),
    fold(&["z a"], Fold::Toggle, "open or close the fold").hint("fold"),
    fold(&["z c"], Fold::Close, "close the fold"),
    fold(&["z o"], Fold::Open, "open the fold"),
    fold(&["z M"], Fold::CloseAll, "close all folds"),
    fold(&["z R"], Fold::OpenAll, "open all folds"),
    fold(&["z 1"], Fold::Level(1), "fold to level 1"),
    fold(&["z 2"], Fold::Level(2), "fold to level 2"),
    fold(&["z 3"], Fold::Level(3), "fold to level 3"),
    fold(&["z 4"], Fold::Level(4), "fold to level 4"),
    fold(&["z 5"], Fold::Level(5), "fold to level 5"),
    fold(&["z 6"], Fold::Level(6), "fold to level 6"),
    fold(&["z 7"], Fold::Level(7), "fold to level 7"),
    fold(&["z 8"], Fold::Level(8), "fold to level 8"),
    fold(&["z 9"], Fold::Level(9), "fold to level 9"),
    look(&["r"], Look::Raw, "raw or pretty").hint("raw"),
    look(&["X"], Look::Hex, "hex on or off"),
    look(&["C"], Look::Colours, "interpret colour codes in the text"),
    show(EVENT, &["w"], Show::Wrap, "wrap long lines, or cut them"),
    look(&["z l"], Look::Right, "cut lines: further right"),
    look(&["z h"], Look::Left, "cut lines: back to the left"),
    keep(TIMELINE, &["Space"], Keep::MarkAndDown, "mark, and down").hint("mark"),
    keep(ROWS, &["m"], Keep::Mark, "mark or unmark"),
    keep(TIMELINE, &["v"], Keep::Range, "select a range"),
    keep(ROWS, &["M"], Keep::Note, "write a note on this row"),
    keep(ROWS, &["'"], Keep::Marks, "list the marks; ' again goes to the last place"),
    keep(TIMELINE, &["U"], Keep::UnmarkAll, "remove all marks; asks"),
    keep(ALL, &["x"], Keep::Export, "export a slice: marked, selected, filtered, else this").hint("export"),
    keep(ALL, &["y y"], Keep::Copy(Copied::Value), "copy the value under the cursor"),
    keep(EVENT, &["y p"], Keep::Copy(Copied::Path), "copy the path of the value"),
    keep(ALL, &["y i"], Keep::Copy(Copied::Id), "copy the id"),
    keep(ROWS, &["y r"], Keep::Copy(Copied::Record), "copy the record as it was written"),
    keep(ALL, &["y l"], Keep::Copy(Copied::Link), "copy a link to this place"),
    keep(ROWS, &["V"], Keep::Pager, "open in $PAGER, else $VISUAL, else less"),
    keep(ROWS, &["!"], Keep::Pipe, "pipe to a command"),
    row(ALL, &[":"], Action::Show(Show::Palette), Group::Program, "commands: everything by name").hint("commands"),
    row(ALL, &["^C"], Action::Go(Go::Interrupt), Group::Program, "cancel running work; twice quits"),
    row(ALL, &["Q"], Action::Go(Go::Quit), Group::Program, "quit"),
    row(ALL, &["^L"], Action::Show(Show::Redraw), Group::Program, "draw the screen anew, and read again what failed"),
    row(ALL, &["^Z"], Action::Show(Show::Suspend), Group::Program, "suspend"),
    row(ALL, &["F3"], Action::Show(Show::Mouse), Group::Program, "mouse wheel on or off"),
    decide(&["Enter", "w"], Decide::Accept, "write, or look again where something was decided"),
    decide(&["Space", "d"], Decide::Pass, "let pass, or hide again: this secret, this whole rule"),
    decide(&["a"], Decide::Add, "hide more: a text, re:EXPRESSION or key:FIELD"),
    decide(&["?", "F1"], Decide::Help, "help for the review"),
    decide(&["Esc", "q", "Backspace", "^C"], Decide::Close, "write nothing"),
    row(ALL, &["?", "F1"], Action::Show(Show::Help), Group::Program, "help for this place").hint("help"),
];
