//! The members of the configuration file as they are written, and all that is no member or not of its kind.

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer, Error};

use super::hiding;

/// The members of the file; every one may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Written {
    pub store: Option<Spanned<String>>,
    pub color: Option<Spanned<String>>,
    pub theme: Option<Spanned<String>>,
    pub mouse: Option<bool>,
    pub tz: Option<Spanned<String>>,
    pub retention: Option<u32>,
    pub prices: Option<Spanned<String>>,
    pub redaction: Option<Spanned<hiding::Written>>,
    #[serde(default)]
    pub sources: WrittenSources,
    #[serde(default)]
    pub keys: toml::map::Map<String, toml::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WrittenSources {
    pub agents: Option<bool>,
    #[serde(default)]
    pub folders: Vec<Spanned<String>>,
}

impl Written {
    /// What can be read of a text, and what is wrong with the rest: each member that is wrong is told, and left out.
    ///
    /// Of a text that is no TOML nothing is read, as what stands behind a fault may be anything.
    pub fn of(text: &str) -> (Self, Vec<Error>) {
        let (mut table, mut faults) = DeTable::parse_recoverable(text);
        if !faults.is_empty() {
            return (Self::default(), faults);
        }
        loop {
            let fault = match Self::deserialize(Deserializer::from(table.clone())) {
                Ok(written) => return (written, faults),
                Err(fault) => fault,
            };
            let is_out = fault.span().is_some_and(|span| take_out(table.get_mut(), span.start));
            faults.push(fault);
            if !is_out {
                return (Self::default(), faults);
            }
        }
    }
}

/// Takes out the innermost member that stands at a place; says whether there was one.
fn take_out(table: &mut DeTable<'_>, at: usize) -> bool {
    if table.iter_mut().any(|(_, value)| take_out_of(value.get_mut(), at)) {
        return true;
    }
    let found = table.iter().find(|(name, value)| name.span().contains(&at) || value.span().contains(&at));
    let found = found.map(|(name, _)| name.clone());
    found.is_some_and(|name| table.remove(&name).is_some())
}

fn take_out_of(value: &mut DeValue<'_>, at: usize) -> bool {
    match value {
        DeValue::Table(table) => take_out(table, at),
        DeValue::Array(list) => {
            if list.iter_mut().any(|item| take_out_of(item.get_mut(), at)) {
                return true;
            }
            let (before, mut left) = (list.len(), DeArray::new());
            for item in std::mem::replace(list, DeArray::new()) {
                if !item.span().contains(&at) {
                    left.push(item);
                }
            }
            *list = left;
            list.len() < before
        }
        _ => false,
    }
}
