//! The rules by which secrets are told: a table in TOML, the built-in one and what users add to it.

use std::collections::BTreeMap;

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::check::Check;
use super::path::Path;
use super::words::Keys;

/// The table that comes with turnscope.
const BUILT_IN: &str = include_str!("rules.toml");
/// No name of a rule is longer, so that nothing hides in one.
const LONGEST_NAME: usize = 32;

/// Why a table of rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("not a table of rules: {0}")]
    Form(String),
    #[error("rule `{rule}`: {reason}")]
    Rule { rule: String, reason: String },
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    pub name: String,
    /// The version of the table it comes from.
    pub version: u32,
    /// Whether it comes from a user's table.
    pub own: bool,
    pub about: String,
    pub what: What,
    /// Texts of which one must occur, in small letters.
    pub near: Vec<String>,
    pub check: Option<Check>,
    /// Bits for each letter that the value of a field must have.
    pub entropy: Option<f64>,
    /// The value goes on to the end of the line.
    pub line: bool,
    /// Numbers in such a field are hidden too.
    pub numbers: bool,
    /// Not looked for in what only may be text.
    pub loose: bool,
    /// So many bytes around a near text the pattern is looked for; without it, everywhere.
    pub reach: Option<usize>,
    pub off: bool,
}

impl Rule {
    /// Whether it asks for more of a field than its name.
    pub fn is_unsure(&self) -> bool {
        matches!(self.what, What::Keys(_)) && (self.entropy.is_some() || self.check.is_some())
    }
}

/// What a rule goes by.
#[derive(Debug, Clone)]
pub enum What {
    Keys(Vec<String>),
    Pattern(Box<Regex>),
    Path(Path),
    DataUrl,
    Opaque,
    Binary,
}

/// A table of rules that are known to be sound.
#[derive(Debug, Clone)]
pub struct Rules {
    pub list: Vec<Rule>,
    pub keys: Keys,
    /// Values that are never secrets.
    pub harmless: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default = "one")]
    version: u32,
    #[serde(default)]
    exempt: Exempt,
    #[serde(default, rename = "rule")]
    rules: Vec<Row>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Exempt {
    first: Vec<String>,
    last: Vec<String>,
    values: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    about: Option<String>,
    keys: Option<Vec<String>>,
    pattern: Option<String>,
    path: Option<String>,
    built: Option<String>,
    #[serde(default)]
    near: Vec<String>,
    check: Option<String>,
    entropy: Option<f64>,
    #[serde(default)]
    line: bool,
    numbers: Option<bool>,
    #[serde(default)]
    loose: bool,
    reach: Option<usize>,
    off: Option<bool>,
}

fn one() -> u32 {
    1
}

impl Rules {
    /// The built-in rules with a user's tables laid over them, and rules that are off switched on by name.
    pub fn new(own: &[&str], also: &[String]) -> Result<Self, Fault> {
        let mut rules: BTreeMap<usize, Rule> = BTreeMap::new();
        let mut exempt = Exempt::default();
        for (at, text) in [BUILT_IN].iter().chain(own).enumerate() {
            let table: Table = toml::from_str(text).map_err(|error| Fault::Form(error.to_string()))?;
            exempt.first.extend(table.exempt.first);
            exempt.last.extend(table.exempt.last);
            exempt.values.extend(table.exempt.values);
            for row in table.rules {
                lay(&mut rules, row, table.version, at > 0)?;
            }
        }
        for name in also {
            let known = rules.values_mut().find(|rule| rule.name == *name);
            known.ok_or_else(|| fault(name, "there is no such rule to switch on"))?.off = false;
        }
        let list: Vec<Rule> = rules.into_values().filter(|rule| !rule.off).collect();
        let keys = Keys::new(&list, exempt.first, exempt.last);
        Ok(Self { list, keys, harmless: exempt.values })
    }

    pub fn built_in() -> Result<Self, Fault> {
        Self::new(&[], &[])
    }

    /// The place in the list of the rule that goes by code.
    pub(super) fn built(&self, wanted: fn(&What) -> bool) -> Option<usize> {
        self.list.iter().position(|rule| wanted(&rule.what))
    }
}

/// Adds a rule, or changes the one of its name.
fn lay(rules: &mut BTreeMap<usize, Rule>, row: Row, version: u32, own: bool) -> Result<(), Fault> {
    let known = rules.iter().find(|(_, rule)| rule.name == row.name).map(|(at, _)| *at);
    let says = row.keys.is_some() || row.pattern.is_some() || row.path.is_some() || row.built.is_some();
    if let (Some(at), false) = (known, says)
        && let Some(rule) = rules.get_mut(&at)
    {
        rule.off = row.off.ok_or_else(|| fault(&row.name, "say `off = true` or `off = false`, or what it goes by"))?;
        return Ok(());
    }
    let at = known.unwrap_or(rules.len());
    rules.insert(at, rule(row, version, own)?);
    Ok(())
}

fn rule(row: Row, version: u32, own: bool) -> Result<Rule, Fault> {
    let named = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if row.name.is_empty() || row.name.len() > LONGEST_NAME || !row.name.bytes().all(named) {
        let reason = format!("a name has 1 to {LONGEST_NAME} small letters, digits and hyphens");
        return Err(fault(&row.name, reason));
    }
    let what = match (row.keys, row.pattern, row.path, row.built.as_deref()) {
        (Some(keys), None, None, None) if keys.iter().all(|key| key.chars().any(char::is_alphanumeric)) => {
            What::Keys(keys)
        }
        (Some(_), None, None, None) => return Err(fault(&row.name, "a key has letters or digits")),
        (None, Some(pattern), None, None) => What::Pattern(Box::new(expression(&row.name, &pattern, own)?)),
        (None, None, Some(path), None) => What::Path(Path::parse(&path).map_err(|reason| fault(&row.name, reason))?),
        (None, None, None, Some("data-url")) => What::DataUrl,
        (None, None, None, Some("opaque")) => What::Opaque,
        (None, None, None, Some("binary")) => What::Binary,
        (None, None, None, Some(other)) => return Err(fault(&row.name, format!("nothing is built for `{other}`"))),
        _ => return Err(fault(&row.name, "a rule goes by one of `keys`, `pattern`, `path` and `built`")),
    };
    let check = match &row.check {
        Some(name) => Some(Check::parse(name).ok_or_else(|| fault(&row.name, format!("there is no check `{name}`")))?),
        None => None,
    };
    Ok(Rule {
        name: row.name,
        version,
        own,
        about: row.about.unwrap_or_default(),
        what,
        near: row.near.iter().map(|text| text.to_ascii_lowercase()).collect(),
        check,
        entropy: row.entropy,
        line: row.line,
        numbers: row.numbers.unwrap_or(true),
        loose: row.loose,
        reach: row.reach,
        off: row.off.unwrap_or(false),
    })
}

/// A user's expression knows all letters; the built-in ones need ASCII alone, which is faster.
fn expression(rule: &str, pattern: &str, own: bool) -> Result<Regex, Fault> {
    let built = RegexBuilder::new(pattern).unicode(own).size_limit(4 << 20).build();
    let regex = built.map_err(|error| fault(rule, format!("its pattern cannot be read: {error}")))?;
    if regex.is_match(b"") {
        return Err(fault(rule, "its pattern fits where nothing stands"));
    }
    Ok(regex)
}

fn fault(rule: &str, reason: impl Into<String>) -> Fault {
    Fault::Rule { rule: rule.to_owned(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_is_sound_and_every_rule_says_what_it_is_for() {
        let rules = Rules::built_in().expect("sound");
        assert!(rules.list.len() > 45, "{}", rules.list.len());
        assert!(rules.list.iter().all(|rule| !rule.about.is_empty() && !rule.own));
        assert!(!rules.list.iter().any(|rule| rule.name == "ip"));
    }

    #[test]
    fn a_user_adds_replaces_and_switches() {
        let own = "version = 7\n[[rule]]\nname='badge'\npattern='B-\\d{4}'\n[[rule]]\nname='email'\noff=true\n\
                   [[rule]]\nname='ip'\noff=false\n[[rule]]\nname='secret'\nkeys=['hush']\n";
        let rules = Rules::new(&[own], &["home".to_owned()]).expect("sound");
        let named = |name: &str| rules.list.iter().find(|rule| rule.name == name);
        assert!(named("email").is_none() && named("ip").is_some() && named("home").is_some());
        let badge = named("badge").expect("added");
        assert_eq!((badge.version, badge.own), (7, true));
        assert!(matches!(&named("secret").expect("replaced").what, What::Keys(keys) if keys == &["hush"]));
    }

    #[test]
    fn a_table_that_cannot_be_used_is_refused_with_its_reason() {
        let told = |text: &str| Rules::new(&[text], &[]).expect_err("refused").to_string();
        assert!(told("[[rule]]\nname='x'\npattern='('").starts_with("rule `x`: its pattern cannot be read"));
        assert_eq!(told("[[rule]]\nname='x'\npattern='a*'"), "rule `x`: its pattern fits where nothing stands");
        assert!(told("[[rule]]\nname='x'").contains("goes by one of"));
        assert!(told("[[rule]]\nname='X y'\npattern='a'").contains("small letters"));
        assert!(told("[[rule]]\nname='x'\npattern='a'\ncheck='lunn'").contains("no check `lunn`"));
        assert!(told("[[rule]]\nname='x'\npath='a.b'").contains("begins with $"));
        assert!(told("rules = 1").starts_with("not a table of rules"));
        assert!(Rules::new(&[], &["nothing".into()]).is_err());
    }
}
