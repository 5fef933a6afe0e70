//! What lies over the screen and takes the keys.

use crate::report::Selection;
use crate::ui::input::Input;
use crate::ui::list::List;
use crate::ui::sheet::{Reviewing, Sheet};

/// What is known of a filter that is being typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    /// What is wrong with it, if anything.
    pub fault: Option<String>,
    /// What may follow at the cursor.
    pub offered: Vec<String>,
}

/// What a prompt asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    Search,
    Filter(Checked),
    Note,
    Pipe,
    /// The name of the file of a slice; and the name that was proposed.
    Export {
        selection: Selection,
        proposed: String,
    },
    /// What else is to be hidden.
    Rule(Box<Reviewing>),
}

impl Ask {
    /// The word before the typed text.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Search => "/",
            Self::Filter(_) => "filter: ",
            Self::Note => "note: ",
            Self::Pipe => "pipe to: ",
            Self::Export { .. } => "write to: ",
            Self::Rule(_) => "hide: ",
        }
    }
}

/// What lies over the screen and takes the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Panel {
    /// What keys do here.
    Help {
        query: Input,
        list: List,
        /// The review that it lies over, and tells the keys of.
        over: Option<Box<Sheet>>,
    },
    Palette {
        input: Input,
        list: List,
    },
    Prompt {
        ask: Ask,
        input: Input,
    },
    Marks {
        list: List,
    },
    Lens {
        list: List,
    },
    Findings {
        list: List,
    },
    /// What was found in all sessions.
    Found {
        list: List,
    },
    /// Asks before all marks are removed.
    ConfirmUnmark,
    /// Usage, actions, or what changed.
    Sheet(Box<Sheet>),
}
