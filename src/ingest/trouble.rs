//! What keeps the server from storing anything, told to whoever runs it: once, and once more when it is over.

use std::sync::{Mutex, PoisonError};

use crate::record::Refusal;

/// What was told last, and how.
pub(super) struct Trouble {
    tell: fn(&str),
    told: Mutex<Option<String>>,
}

impl Trouble {
    pub(super) fn new(tell: fn(&str)) -> Self {
        Self { tell, told: Mutex::default() }
    }

    /// Hears how it went to store something.
    pub(super) fn hear<T>(&self, stored: Result<T, Refusal>) -> Result<T, Refusal> {
        match &stored {
            Ok(_) => self.is_over(),
            // That is no trouble of the store.
            Err(Refusal::Busy { .. } | Refusal::Closed) => {}
            Err(refusal) => self.begins(&refusal.to_string()),
        }
        stored
    }

    /// Tells of a trouble, unless it is the one that was told last.
    pub(super) fn begins(&self, words: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_deref() != Some(words) {
            (self.tell)(&format!("nothing can be stored: {words}"));
            *told = Some(words.to_owned());
        }
    }

    fn is_over(&self) {
        if self.told.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            (self.tell)("what is sent is stored again");
        }
    }
}
