//! The review before a redacted export: what would be hidden, where and why; and what the user says to it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::{Ink, Row};
use crate::domain::redact::{Mark, Rules};
use crate::domain::safe;
use crate::report::{Review, Secret, Selection};
use crate::ui::action::{Action, Decide};
use crate::ui::keymap::{Keys, Scope};
use crate::ui::list::List;
use crate::ui::text::fit;
use crate::ui::words::counted;

/// What the names of rules begin with that were typed in the review.
const TYPED: &str = "typed-here-";

/// What the user decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Choices {
    /// The rules of the configuration, which come before these decisions.
    pub usual: Option<String>,
    /// Secrets that may leave, with what may be said of them.
    pub spared: BTreeMap<Mark, String>,
    /// Rules that are switched off.
    pub off: BTreeSet<String>,
    /// What else is hidden: the name of the rule, which no other gets while this one is there, and what was typed.
    pub added: Vec<(String, String)>,
}

/// A redacted export that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub selection: Selection,
    pub name: String,
    pub proposed: String,
    pub choices: Choices,
}

/// What was found, and what the user wants to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reviewing {
    pub review: Arc<Review>,
    /// What it was looked through with.
    pub looked: Choices,
    pub wish: Wish,
    /// Where the cursor stood while a rule was typed.
    pub list: List,
}

/// What one line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Rule(usize),
    Secret(&'a Secret),
    Off(&'a String),
    Spared(Mark, &'a String),
    Added(usize),
}

impl Choices {
    /// The rules that they make of the known ones; what was typed wrongly is told in words.
    pub(crate) fn rules(&self) -> Result<Rules, String> {
        let off = self.off.iter().map(|name| format!("[[rule]]\nname = '{name}'\noff = true\n"));
        let added = self.added.iter().map(|(name, typed)| rule_of(name, typed));
        // One that was typed may be switched off as well.
        let tables = self
            .usual
            .iter()
            .cloned()
            .map(Ok)
            .chain(added)
            .chain(off.map(Ok))
            .collect::<Result<Vec<String>, String>>()?;
        let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
        Rules::new(&tables, &[]).map_err(|fault| fault.to_string())
    }

    /// Adds a rule; the error says why what was typed is none.
    pub(crate) fn add(&mut self, typed: &str) -> Result<(), String> {
        let number = |(name, _): &(String, String)| name.strip_prefix(TYPED)?.parse::<usize>().ok();
        let last = self.added.iter().filter_map(number).max().unwrap_or(0);
        self.added.push((format!("{TYPED}{}", last + 1), typed.to_owned()));
        let ruled = self.rules().map(drop);
        if ruled.is_err() {
            self.added.pop();
        }
        ruled
    }

    /// Takes a rule back that was added, and what was decided about it.
    fn take_back(&mut self, at: usize) {
        let (name, _) = self.added.remove(at);
        self.off.remove(&name);
    }

    pub(crate) fn marks(&self) -> HashSet<Mark> {
        self.spared.keys().copied().collect()
    }
}

/// A rule as it was typed: a text, `re:` and an expression, or `key:` and the name of a field.
fn rule_of(name: &str, typed: &str) -> Result<String, String> {
    if typed.contains("'''") || typed.chars().any(char::is_control) {
        return Err("a rule holds no control characters and no '''".to_owned());
    }
    let goes_by = match (typed.strip_prefix("re:"), typed.strip_prefix("key:")) {
        (Some(pattern), _) => format!("pattern = '''{pattern}'''"),
        (_, Some(key)) => format!("keys = ['''{}''']", key.trim()),
        _ => format!("pattern = '''{}'''", regex::escape(typed)),
    };
    Ok(format!("[[rule]]\nname = '{name}'\nabout = 'typed here'\n{goes_by}\n"))
}

impl Reviewing {
    /// Whether it was looked through with what the user wants now.
    pub(crate) fn is_current(&self) -> bool {
        self.looked == self.wish.choices
    }

    /// The keys that are in force, those first that matter most.
    pub(crate) fn hint(&self, keys: Keys) -> String {
        let accept = if self.is_current() { "writes" } else { "looks again" };
        let words = [
            (Decide::Accept, accept),
            (Decide::Pass, "lets pass"),
            (Decide::Add, "adds a rule"),
            (Decide::Close, "writes nothing"),
            (Decide::Help, "help"),
        ];
        let told = words.into_iter().filter_map(|(decision, words)| {
            Some(format!("{} {words}", keys.keys_of(Scope::Review, Action::Decide(decision))?))
        });
        told.collect::<Vec<_>>().join("  ")
    }

    fn lines(&self) -> Vec<Line<'_>> {
        let mut lines = Vec::new();
        let mut rule = None;
        for secret in &self.review.secrets {
            if rule != Some(secret.rule) {
                rule = Some(secret.rule);
                lines.push(Line::Rule(secret.rule));
            }
            lines.push(Line::Secret(secret));
        }
        // What is decided and was not looked at with it yet is marked where it stands.
        lines.extend(self.looked.off.iter().map(Line::Off));
        lines.extend(self.looked.spared.iter().map(|(mark, hint)| Line::Spared(*mark, hint)));
        lines.extend((0..self.wish.choices.added.len()).map(Line::Added));
        lines
    }

    pub(crate) fn length(&self) -> usize {
        self.lines().len().max(1)
    }

    /// Lets pass what the line is about, or takes that back.
    pub(crate) fn toggle(&mut self, at: usize) {
        let (mut off, mut spared, mut added) = (None, None, None);
        match self.lines().get(at) {
            Some(Line::Rule(rule)) => off = Some(self.review.rules().list[*rule].name.clone()),
            Some(Line::Off(name)) => off = Some((*name).clone()),
            Some(Line::Secret(secret)) => spared = Some((secret.mark, secret.hint.clone())),
            Some(Line::Spared(mark, hint)) => spared = Some((*mark, (*hint).clone())),
            Some(Line::Added(index)) => added = Some(*index),
            None => {}
        }
        let choices = &mut self.wish.choices;
        if let Some(name) = off
            && !choices.off.remove(&name)
        {
            choices.off.insert(name);
        }
        if let Some((mark, hint)) = spared
            && choices.spared.remove(&mark).is_none()
        {
            choices.spared.insert(mark, hint);
        }
        if let Some(index) = added {
            choices.take_back(index);
        }
    }

    pub(crate) fn title(&self) -> String {
        let places: usize = self.review.secrets.iter().map(|secret| secret.count).sum();
        let different = counted(self.review.secrets.len(), "secret");
        format!(" To be hidden: {different} in {} of {} ", counted(places, "place"), self.wish.selection.why)
    }

    pub(crate) fn rows(&self, top: usize, height: usize, width: usize) -> Vec<Row> {
        let lines = self.lines();
        if lines.is_empty() {
            return vec![vec![(Ink::Dim, "nothing was found that looks like a secret".to_owned())]];
        }
        lines.iter().skip(top).take(height).map(|line| self.row(*line, width)).collect()
    }

    fn row(&self, line: Line<'_>, width: usize) -> Row {
        let choices = &self.wish.choices;
        let sign = |passes: bool| if passes { "passes  " } else { "hidden  " };
        match line {
            Line::Rule(rule) => {
                let rule = &self.review.rules().list[rule];
                let passes = choices.off.contains(&rule.name);
                let sign = if passes { " (passes)" } else { "" };
                let about = fit(&safe(&rule.about), width.saturating_sub(rule.name.len() + sign.len() + 2));
                vec![(Ink::Title, format!("{}{sign}", rule.name)), (Ink::Dim, format!("  {about}"))]
            }
            Line::Secret(secret) => {
                let rule = &self.review.rules().list[secret.rule].name;
                let passes = choices.spared.contains_key(&secret.mark) || choices.off.contains(rule);
                let hint = fit(&safe(&secret.hint), 34);
                let words = format!("{hint}  {}", place(secret));
                let ink = if passes { Ink::Dim } else { Ink::Text };
                vec![
                    (Ink::Text, "  ".to_owned()),
                    (ink, sign(passes).to_owned()),
                    (ink, fit(&words, width.saturating_sub(10))),
                ]
            }
            Line::Off(name) => {
                let passes = choices.off.contains(name);
                vec![(Ink::Dim, sign(passes).to_owned()), (Ink::Text, format!("all of the rule {name}"))]
            }
            Line::Spared(mark, hint) => {
                let passes = choices.spared.contains_key(&mark);
                vec![(Ink::Dim, sign(passes).to_owned()), (Ink::Text, fit(&safe(hint), width.saturating_sub(8)))]
            }
            Line::Added(at) => {
                let typed = fit(&safe(&choices.added[at].1), width.saturating_sub(20));
                vec![(Ink::Added, "added   ".to_owned()), (Ink::Text, typed)]
            }
        }
    }
}

/// Where a secret stands first, and how often elsewhere.
fn place(secret: &Secret) -> String {
    let Some(spot) = secret.spots.first() else { return String::new() };
    let more = if secret.count > 1 { format!("{} in all: ", secret.count) } else { String::new() };
    safe(&format!("{more}{spot}")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_a_rule_and_what_cannot_be_one_is_told() {
        let typed = |text: &str| {
            let mut choices = Choices::default();
            choices.add(text)?;
            choices.rules()
        };
        for text in ["blue (house)", "re:B-\\d{4}", "key:room number"] {
            let rules = typed(text).expect("a rule");
            assert!(rules.list.iter().any(|rule| rule.name == "typed-here-1" && rule.own), "{text}");
        }
        assert!(typed("re:(").expect_err("faulty").contains("its pattern cannot be read"));
        assert!(typed("a'''b").is_err() && typed("re:a*").is_err());
        let usual =
            Choices { usual: Some("[[rule]]\nname = 'badge'\nkeys = ['badge']".to_owned()), ..Choices::default() };
        assert!(usual.rules().expect("sound").list.iter().any(|rule| rule.name == "badge"));
        let off = Choices { off: BTreeSet::from(["email".to_owned()]), ..Choices::default() };
        assert!(!off.rules().expect("sound").list.iter().any(|rule| rule.name == "email"));
    }

    #[test]
    fn rules_that_were_typed_keep_their_names_and_are_switched_off_like_others() {
        let mut choices = Choices::default();
        ["one house", "two houses", "three houses"].iter().for_each(|typed| choices.add(typed).expect("a rule"));
        choices.off.extend(["typed-here-1", "typed-here-2"].map(str::to_owned));
        let names = |choices: &Choices| -> Vec<String> {
            let rules = choices.rules().expect("sound");
            rules.list.iter().map(|rule| rule.name.clone()).filter(|name| name.starts_with(TYPED)).collect()
        };
        assert_eq!(names(&choices), ["typed-here-3"]);
        choices.take_back(0);
        assert_eq!(names(&choices), ["typed-here-3"], "the second is off still, and by its own name");
        choices.add("four houses").expect("a rule");
        assert_eq!(names(&choices), ["typed-here-3", "typed-here-4"]);
    }
}
