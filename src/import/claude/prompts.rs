//! Finds the prompt above a record by walking up its parents, without keeping the whole tree.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

/// How many records are remembered; a parent further back than that gives no prompt.
const MOST: usize = 4096;

/// For each of the latest records, the prompt that it answers, where there is one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct Prompts {
    prompts: HashMap<String, Option<String>>,
    order: VecDeque<String>,
}

impl Prompts {
    /// Notes a record and tells which prompt it belongs to: itself, if it is one, else its parent's.
    pub fn note(&mut self, uuid: Option<&str>, parent: Option<&str>, is_prompt: bool) -> Option<String> {
        let above = || parent.and_then(|parent| self.prompts.get(parent)?.clone());
        let prompt = if is_prompt { uuid.map(str::to_owned).or_else(above) } else { above() };
        if let Some(uuid) = uuid {
            if self.prompts.insert(uuid.to_owned(), prompt.clone()).is_none() {
                self.order.push_back(uuid.to_owned());
            }
            if self.order.len() > MOST {
                self.order.pop_front().map(|oldest| self.prompts.remove(&oldest));
            }
        }
        prompt
    }

    /// Whether a record was read lately.
    pub fn knows(&self, uuid: &str) -> bool {
        self.prompts.contains_key(uuid)
    }
}

/// The form in which they are saved: each prompt once, with the records below it in the order of the file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Saved {
    prompts: Vec<String>,
    records: Vec<(String, Option<usize>)>,
}

impl From<Prompts> for Saved {
    fn from(known: Prompts) -> Self {
        let mut saved = Self::default();
        let mut places = HashMap::new();
        for uuid in known.order {
            let prompt = known.prompts.get(&uuid).cloned().flatten();
            let place = prompt.map(|prompt| {
                *places.entry(prompt).or_insert_with_key(|prompt: &String| {
                    saved.prompts.push(prompt.clone());
                    saved.prompts.len() - 1
                })
            });
            saved.records.push((uuid, place));
        }
        saved
    }
}

impl From<Saved> for Prompts {
    fn from(saved: Saved) -> Self {
        let mut known = Self::default();
        for (uuid, place) in saved.records {
            let prompt = place.and_then(|place| saved.prompts.get(place).cloned());
            known.order.push_back(uuid.clone());
            known.prompts.insert(uuid, prompt);
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_belongs_to_the_prompt_of_its_parent() {
        let mut prompts = Prompts::default();
        assert_eq!(prompts.note(Some("p1"), None, true).as_deref(), Some("p1"));
        assert_eq!(prompts.note(Some("a1"), Some("p1"), false).as_deref(), Some("p1"));
        assert_eq!(prompts.note(Some("p2"), Some("a1"), true).as_deref(), Some("p2"));
        assert_eq!(prompts.note(Some("b1"), Some("a1"), false).as_deref(), Some("p1"));
        assert_eq!(prompts.note(None, Some("p2"), false).as_deref(), Some("p2"));
        assert_eq!(prompts.note(Some("x"), Some("nowhere"), false), None);
    }

    #[test]
    fn only_the_latest_records_are_kept_and_survive_being_saved() {
        let mut prompts = Prompts::default();
        prompts.note(Some("p"), None, true);
        for count in 0..MOST {
            prompts.note(Some(&format!("r{count}")), Some(if count == 0 { "p" } else { "r0" }), false);
        }
        let saved = serde_json::to_string(&prompts).expect("serializes");
        let mut again: Prompts = serde_json::from_str(&saved).expect("reads back");
        for prompts in [&mut prompts, &mut again] {
            assert_eq!(prompts.note(None, Some("p"), false), None);
            assert_eq!(prompts.note(None, Some("r0"), false).as_deref(), Some("p"));
        }
    }
}
