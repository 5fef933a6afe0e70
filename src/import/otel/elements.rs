//! The elements of one document or request: where they lie, and each of them read with what is said around it.

use std::ops::Range;
use std::sync::Arc;

use anyhow::{Result, bail};

use super::item::{Item, Sender, Signal};
use super::json::{self, Cut, Element, Stray};
use crate::domain::Outline;
use crate::import::Bytes;

/// Bytes looked at in one go.
const STEP: u64 = 256 << 10;

/// Elements in the order in which they stand.
#[derive(Debug, Default)]
pub struct Elements {
    cut: Cut,
    elements: Vec<Element>,
    /// The sender of the element that was read last, for those of its kind that follow.
    last: Option<(Element, Around)>,
}

/// What is said of several elements at once.
#[derive(Debug, Clone, Default)]
struct Around {
    sender: Arc<Sender>,
    session: Option<String>,
    processes: Option<Arc<(Outline, Vec<u8>)>>,
}

impl Elements {
    /// Finds the elements of a JSON document, which must be valid; an error where there are more than `most`. Of what
    /// stands in their places and is none the first `most_strays` are told.
    pub fn of_json(document: &dyn Bytes, most: usize, most_strays: usize) -> Result<Self> {
        let mut at = 0;
        let cut = json::cut(most_strays, |found| {
            if found > most {
                bail!(too_many(most));
            }
            let range = at..document.size().min(at + STEP);
            at = range.end;
            if range.is_empty() { Ok(None) } else { document.at(&range).map(Some) }
        })?;
        let mut elements = Vec::with_capacity(cut.elements.len());
        for element in &cut.elements {
            // A list under an unknown name may hold anything, and what names nothing is no element.
            let is_sure = element.signal.is_some() && !element.is_guess;
            if is_sure || is_item(&document.at(&element.range)?) {
                elements.push(element.clone());
            }
        }
        Ok(Self { cut, elements, last: None })
    }

    pub fn ranges(&self) -> Vec<Range<u64>> {
        self.elements.iter().map(|element| element.range.clone()).collect()
    }

    /// Of which signal the document is a request, if an empty one.
    pub fn of(&self) -> Option<Signal> {
        self.cut.of
    }

    /// What in the envelope is not what belongs there: how much of it, and the first in words.
    pub fn strays(&self) -> (u64, Vec<String>) {
        let words = |stray: &Stray| match &stray.name {
            Some(name) => format!("`{name}` at byte {} is no list", stray.range.start),
            None => format!("what stands at byte {} is no object", stray.range.start),
        };
        (self.cut.stray, self.cut.strays.iter().map(words).collect())
    }

    /// The elements, and what stands in a request where they would and is none, in the order in which they stand: the
    /// number of the element, or why it is none.
    pub fn parts(&self) -> Vec<(Range<u64>, Result<usize, String>)> {
        let words = |stray: &Stray| match &stray.name {
            Some(name) => format!("`{name}` is no list"),
            None => "what stands here is no object".to_owned(),
        };
        let elements = self.elements.iter().enumerate().map(|(place, element)| (element.range.clone(), Ok(place)));
        let strays = self.cut.strays.iter().filter(|stray| stray.is_sure);
        let strays = strays.map(|stray| (stray.range.clone(), Err(words(stray))));
        let mut parts: Vec<_> = elements.chain(strays).collect();
        parts.sort_by_key(|(range, _)| range.start);
        parts
    }

    /// Reads one element, whose bytes are given; the inner error says why it is none.
    pub fn item(&mut self, place: usize, bytes: &[u8], document: &dyn Bytes) -> Result<Result<Item, String>> {
        let Some(element) = self.elements.get(place).cloned() else {
            return Ok(Err("there is no such element".to_owned()));
        };
        let around = self.around(&element, document)?;
        let outline = match Outline::of(bytes) {
            Ok(outline) if outline.partial => return Ok(Err("it holds more values than can be read".to_owned())),
            Ok(outline) => outline,
            Err(fault) => return Ok(Err(fault.to_string())),
        };
        let processes = around.processes.as_ref().map(|all| (all.0.root(), all.1.as_slice()));
        let item = json::read(outline.root(), bytes, element.signal, &around.sender, processes);
        Ok(item.map(|item| Item { session: item.session.or(around.session), ..item }))
    }

    fn around(&mut self, element: &Element, document: &dyn Bytes) -> Result<Around> {
        if let Some((last, around)) = &self.last
            && last.is_beside(element)
        {
            return Ok(around.clone());
        }
        let (group, scope) = self.cut.around(element);
        let mut odd = Vec::new();
        let mut read = |range: Option<Range<u64>>, what: &str| -> Result<Option<(Outline, Vec<u8>)>> {
            let Some(range) = range else { return Ok(None) };
            let bytes = document.at(&range)?;
            match Outline::of(&bytes) {
                Ok(outline) => Ok(Some((outline, bytes))),
                Err(fault) => {
                    odd.push(format!("its {what} cannot be read: {fault}"));
                    Ok(None)
                }
            }
        };
        let (resource, scope) = (read(group.resource, "resource")?, read(scope, "scope")?);
        let session =
            read(group.session, "session")?.and_then(|(id, _)| id.root().text().map(|text| text.into_owned()));
        let processes = read(group.processes, "processes")?.map(Arc::new);
        let [resource, scope] =
            [&resource, &scope].map(|told| told.as_ref().map(|(told, bytes)| (told.root(), bytes.as_slice())));
        let mut sender = json::sender_of(resource, scope);
        sender.odd.append(&mut odd);
        let around = Around { sender: Arc::new(sender), session, processes };
        self.last = Some((element.clone(), around.clone()));
        Ok(around)
    }
}

/// What is said of a request with more elements than are taken.
pub fn too_many(most: usize) -> String {
    format!("more than {most} spans or log records: send them in several requests")
}

fn is_item(bytes: &[u8]) -> bool {
    Outline::of(bytes).is_ok_and(|outline| json::is_item(outline.root()))
}
