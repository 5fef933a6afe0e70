//! What a key or a command can ask for.

use super::catalog::Column;
use super::groups::Grouping;
use super::list::Move;
use crate::domain::Kind;

/// Everything that can be asked for by a key, by the palette or by help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Move(Move),
    Go(Go),
    Find(Find),
    Show(Show),
    Look(Look),
    Keep(Keep),
    Decide(Decide),
}

/// Going from place to place, and out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Go {
    In,
    Out,
    Back,
    Quit,
    Cancel,
    Interrupt,
    HistoryBack,
    HistoryForward,
    LastPlace,
    Sessions,
    Timeline,
    Event,
}

/// Finding things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Find {
    Search,
    NextHit,
    PriorHit,
    Filter,
    /// Filters the value under the cursor in, or out.
    FilterIn,
    FilterOut,
    Next(Target),
    Prior(Target),
    /// The next or the row before that shares a key with this one.
    Sharing,
    SharingBefore,
    /// Picks the kind of key by which the two above go.
    KeyKind,
}

/// What can be jumped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Error,
    Kind(Kind),
    Mark,
    Finding,
    /// The row behind a time in which nothing happened.
    Gap,
}

/// What is shown, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    Help,
    Palette,
    Redraw,
    Suspend,
    Mouse,
    Preview,
    PreviewDown,
    PreviewUp,
    Pane,
    Zoom,
    Wrap,
    /// Keeps up with what comes in.
    Follow,
    Time,
    Kind(Kind),
    AllKinds,
    /// Every row that shares a key with this one, key by key.
    Lens,
    /// Only the rows with one key of this one.
    Isolate,
    /// What does not add up.
    Findings,
    Sort(Column),
    Group(Grouping),
    /// What the last columns of the timeline show.
    Lane,
    /// Rows nested by branch, or flat.
    Tree,
    /// Folds of branches.
    Branch(Fold),
    Play,
    Slower,
    Faster,
    Usage,
    Actions,
    Diff,
}

/// Looking at one row and its payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Tab(u8),
    NextTab,
    PriorTab,
    NextRow,
    PriorRow,
    Fold(Fold),
    Raw,
    Hex,
    Colours,
    /// Sideways, where long lines are cut.
    Left,
    Right,
}

/// Folds of a payload, or of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fold {
    Toggle,
    Close,
    Open,
    CloseAll,
    OpenAll,
    Level(u8),
}

/// Marking, and taking things out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Mark,
    MarkAndDown,
    Range,
    Note,
    Marks,
    UnmarkAll,
    Export,
    Copy(Copied),
    Pager,
    Pipe,
}

/// Deciding about what a redacted export would hide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decide {
    /// Writes, or looks again where something was decided since.
    Accept,
    Pass,
    Add,
    Help,
    Close,
}

/// What is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copied {
    Value,
    Path,
    Id,
    Record,
    Link,
}
