//! Any text of JSON values, of an agent that turnscope does not know: every record becomes an `other` event.

use super::{Draft, Format, Open, Opening, Reader, Record};
use crate::domain::{Event, Kind, Outline, Session};

pub const FORMAT: Format = Format { agent: "unknown", detect, open: Open::Records(open) };

fn detect(_head: &[Outline]) -> bool {
    true
}

fn open(opening: &Opening<'_>) -> Box<dyn Reader> {
    let id = opening.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    Box::new(Unknown { session: Session { id, agent: "unknown".to_owned(), ..Session::default() } })
}

struct Unknown {
    session: Session,
}

impl Reader for Unknown {
    fn read(&mut self, _record: &Record<'_>) -> Vec<Draft> {
        let mut event = Event::new(Kind::Other, "unknown", "record");
        event.session = self.session.id.clone();
        vec![Draft::new(event)]
    }

    fn sessions(&self) -> Vec<Session> {
        vec![self.session.clone()]
    }

    fn save(&self) -> String {
        "{}".to_owned()
    }
}
