//! Pairs what Codex writes twice: the item of a message and the notice of it, whichever comes first.

use serde::{Deserialize, Serialize};

/// So many of the latest texts wait for their twin: twins stand close together.
const MOST: usize = 24;

/// Which of the two a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    Item,
    Notice,
}

/// What sort of text is said twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sort {
    Prompt,
    Answer,
    Thought,
    Search,
}

#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    side: Side,
    sort: Sort,
    /// Hashes of the forms that the text may take on the other side.
    forms: Vec<u64>,
    turn: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Twins {
    waiting: Vec<Waiting>,
}

impl Twins {
    /// The turn of the other half, if it has been read; it is then paired and waits no more.
    pub fn take(&mut self, side: Side, sort: Sort, forms: &[String]) -> Option<String> {
        let forms: Vec<_> = forms.iter().map(|form| hash(form)).collect();
        let fits = |waiting: &Waiting| {
            waiting.side != side && waiting.sort == sort && waiting.forms.iter().any(|form| forms.contains(form))
        };
        let place = self.waiting.iter().rposition(fits)?;
        Some(self.waiting.remove(place).turn)
    }

    /// Lets a text wait for its other half.
    pub fn wait(&mut self, side: Side, sort: Sort, forms: &[String], turn: &str) {
        if self.waiting.len() >= MOST {
            self.waiting.remove(0);
        }
        let forms = forms.iter().map(|form| hash(form)).collect();
        self.waiting.push(Waiting { side, sort, forms, turn: turn.to_owned() });
    }
}

/// FNV-1a: the same in every version, so that a saved state stays good.
fn hash(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.trim().bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_other_side_of_the_same_sort_is_a_twin_and_only_once() {
        let text = ["go on".to_owned()];
        let mut twins = Twins::default();
        twins.wait(Side::Item, Sort::Prompt, &text, "said:1");
        twins.wait(Side::Item, Sort::Prompt, &text, "said:2");
        assert_eq!(twins.take(Side::Item, Sort::Prompt, &text), None);
        assert_eq!(twins.take(Side::Notice, Sort::Answer, &text), None);
        assert_eq!(twins.take(Side::Notice, Sort::Prompt, &text).as_deref(), Some("said:2"));
        assert_eq!(twins.take(Side::Notice, Sort::Prompt, &text).as_deref(), Some("said:1"));
        assert_eq!(twins.take(Side::Notice, Sort::Prompt, &text), None);
    }
}
