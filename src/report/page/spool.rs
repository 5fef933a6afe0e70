//! What waits in a file without a name until the head of the page is known: scripts of inert JSON, one after another.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::domain::escape_json;
use crate::report::sealing::Sealing;

/// Scripts of JSON lists that are being written. They are data: no browser runs them.
pub struct Spool {
    out: BufWriter<File>,
    /// Items in the open list, and bytes of it; `None` where none is open.
    open: Option<(usize, usize)>,
}

impl Spool {
    /// A spool in a folder that has room for the page.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(folder)
            .with_context(|| format!("could not make a temporary file in {}", folder.display()))?;
        Ok(Self { out: BufWriter::with_capacity(1 << 18, file), open: None })
    }

    /// Begins a list; `attributes` are our own words, never data.
    pub fn begin(&mut self, attributes: &str) -> Result<()> {
        self.open = Some((0, 0));
        Ok(write!(self.out, "<script type=\"application/json\" {attributes}>[")?)
    }

    /// The items and bytes of the list that is open.
    pub fn open(&self) -> Option<(usize, usize)> {
        self.open
    }

    /// Begins an item of the open list.
    pub fn item(&mut self) -> Result<()> {
        if let Some((items, _)) = &mut self.open {
            *items += 1;
            if *items > 1 {
                self.out.write_all(b",\n")?;
            }
        }
        Ok(())
    }

    pub fn value(&mut self, value: &Value) -> Result<()> {
        self.json(&serde_json::to_string(value)?)
    }

    /// JSON, or a part of it, so that neither HTML nor a terminal sees anything but text in it.
    pub fn json(&mut self, json: &str) -> Result<()> {
        let json = inert(json);
        if let Some((_, bytes)) = &mut self.open {
            *bytes += json.len();
        }
        Ok(self.out.write_all(json.as_bytes())?)
    }

    pub fn end(&mut self) -> Result<()> {
        if self.open.take().is_some() {
            self.out.write_all(b"]</script>\n")?;
        }
        Ok(())
    }

    /// Hands on all that was written.
    pub fn pour(&mut self, out: &mut Sealing<'_>) -> Result<()> {
        self.end()?;
        self.out.flush()?;
        let file = self.out.get_mut();
        file.rewind()?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let size = file.read(&mut buffer)?;
            if size == 0 {
                return Ok(());
            }
            out.bytes(&buffer[..size])?;
            out.may_cut();
        }
    }
}

/// JSON without any `<`, so that nothing in it ends the script it stands in; what is unsafe to see is escaped too.
pub fn inert(json: &str) -> String {
    escape_json(json).replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_in_data_ends_its_script() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spool = Spool::in_folder(folder.path()).expect("a spool");
        spool.begin("id=\"r0\"").expect("begins");
        for value in [json!("</script><img onerror=x>"), json!(["<!--", "\u{2028}"])] {
            spool.item().expect("an item");
            spool.value(&value).expect("a value");
        }
        let mut page = Vec::new();
        spool.pour(&mut Sealing::over(&mut page)).expect("pours");
        assert_eq!(
            String::from_utf8(page).expect("text"),
            "<script type=\"application/json\" id=\"r0\">[\"\\u003c/script>\\u003cimg onerror=x>\",\n\
             [\"\\u003c!--\",\"\\u2028\"]]</script>\n"
        );
    }
}
