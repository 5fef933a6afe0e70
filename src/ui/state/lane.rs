//! What the last columns of the timeline show.

/// What the last columns of the timeline show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Lane {
    /// How long each row took, from the left.
    #[default]
    Duration,
    /// When each row was at work, on one axis for all that is in sight.
    Waterfall,
    /// How long nothing came before each row.
    Gaps,
    Off,
}

impl Lane {
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Duration => Self::Waterfall,
            Self::Waterfall => Self::Gaps,
            Self::Gaps => Self::Off,
            Self::Off => Self::Duration,
        }
    }

    /// The name that the status line uses.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Duration => "durations",
            Self::Waterfall => "waterfall: when each row was at work, gaps cut short",
            Self::Gaps => "gaps: how long nothing came before each row",
            Self::Off => "no bars",
        }
    }
}
