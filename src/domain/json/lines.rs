//! Splits a file of lines, `{"section":…,"name":…,"value":…}` each, into the parts that the same values have in one
//! large object. Values stream by; what stands before them is short.

use super::{Outline, Parts};

/// What stands before a value.
const VALUE: &[u8] = b"\"value\":";
/// Nothing before a value is longer.
const OPENING: usize = 4096;

/// Splits bytes that arrive in parts.
#[derive(Debug, Default)]
pub struct LineSplitter {
    offset: u64,
    /// What was read of a line up to its value.
    opening: Vec<u8>,
    /// Inside a value: the last byte that was read of it, which may be the bracket that ends the line.
    inside: Option<Option<u8>>,
    lines: u64,
}

impl LineSplitter {
    /// Takes the next bytes. The error names the byte at which the text is no such line.
    pub fn feed(&mut self, bytes: &[u8], parts: &mut impl Parts) -> anyhow::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = if self.inside.is_none() { self.open(rest, parts)? } else { self.value(rest, parts)? };
            self.offset += used as u64;
            rest = &rest[used..];
        }
        Ok(())
    }

    /// Whether the last line has its end.
    pub fn is_complete(&self) -> bool {
        self.inside.is_none() && self.lines > 0 && self.opening.is_empty()
    }

    /// Bytes before a value; the value begins behind those that were used.
    fn open(&mut self, bytes: &[u8], parts: &mut impl Parts) -> anyhow::Result<usize> {
        let opening = &mut self.opening;
        let before = opening.len();
        let most = bytes.len().min(OPENING.saturating_sub(before));
        opening.extend_from_slice(&bytes[..most]);
        // In a string a quote has a backslash before it, so this is the name of the member.
        let from = before.saturating_sub(VALUE.len());
        let Some(at) = memchr::memmem::find(&opening[from..], VALUE) else {
            if opening.contains(&b'\n') || opening.len() >= OPENING {
                anyhow::bail!("not the JSON line that was expected, at byte {}", self.offset);
            }
            return Ok(bytes.len());
        };
        let end = from + at + VALUE.len();
        let head = [&opening[..end], b"null}"].concat();
        let outline = Outline::of(&head);
        let section =
            outline.as_ref().ok().and_then(|line| line.root().get("section")?.text().map(|text| text.into_owned()));
        let Some((section, outline)) = section.zip(outline.as_ref().ok()) else {
            anyhow::bail!("not the JSON line that was expected, at byte {}", self.offset);
        };
        let name = outline.root().get("name").and_then(super::Value::text);
        let used = end - before;
        parts.begin(&section, name.as_deref(), self.offset + used as u64)?;
        self.opening.clear();
        self.inside = Some(None);
        Ok(used)
    }

    /// Bytes of a value, up to the end of its line or of what is here.
    fn value(&mut self, bytes: &[u8], parts: &mut impl Parts) -> anyhow::Result<usize> {
        let end = memchr::memchr(b'\n', bytes);
        let own = &bytes[..end.unwrap_or(bytes.len())];
        if let Some((last, before)) = own.split_last() {
            if let Some(Some(held)) = self.inside {
                parts.bytes(&[held])?;
            }
            parts.bytes(before)?;
            self.inside = Some(Some(*last));
        }
        let Some(end) = end else { return Ok(bytes.len()) };
        if self.inside != Some(Some(b'}')) {
            anyhow::bail!("not the JSON line that was expected, at byte {}", self.offset + end as u64);
        }
        parts.end()?;
        self.inside = None;
        self.lines += 1;
        Ok(end + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Vec<(String, String, u64)>);

    impl Parts for Seen {
        fn begin(&mut self, section: &str, name: Option<&str>, offset: u64) -> anyhow::Result<()> {
            self.0.push((format!("{section}/{}", name.unwrap_or("")), String::new(), offset));
            Ok(())
        }

        fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
            self.0.last_mut().expect("begun").1.push_str(&String::from_utf8_lossy(bytes));
            Ok(())
        }

        fn end(&mut self) -> anyhow::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn any_cut_of_the_stream_gives_the_same_parts() {
        let text = "{\"section\":\"format\",\"value\":\"x\"}\n{\"section\":\"usage\",\"name\":\"a\\\"value\\\":1\",\"value\":{\"t\":\"} \\n\"}}\n{\"section\":\"n\",\"value\":1}\n";
        let bytes = text.as_bytes();
        for cut in 0..bytes.len() {
            let (mut splitter, mut seen) = (LineSplitter::default(), Seen::default());
            for part in [&bytes[..cut], &bytes[cut..]] {
                splitter.feed(part, &mut seen).expect("splits");
            }
            assert!(splitter.is_complete());
            let told: Vec<(&str, &str)> =
                seen.0.iter().map(|(name, value, _)| (name.as_str(), value.as_str())).collect();
            assert_eq!(
                told,
                [("format/", "\"x\""), ("usage/a\"value\":1", "{\"t\":\"} \\n\"}"), ("n/", "1")],
                "cut at {cut}"
            );
            for (_, value, offset) in &seen.0 {
                assert!(text[*offset as usize..].starts_with(value), "cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_no_such_line_is_named_by_its_byte() {
        for text in ["{\"a\":1}\n", "{\"section\":\"a\",\"value\":1\n", "[]\n", "{\"section\":1,\"value\":2}\n"] {
            let told = LineSplitter::default().feed(text.as_bytes(), &mut Seen::default()).expect_err(text);
            assert!(told.to_string().contains("at byte"), "{told}");
        }
        let mut cut = LineSplitter::default();
        cut.feed(b"{\"section\":\"a\",\"value\":1}\n{\"section\":\"b\",\"val", &mut Seen::default())
            .expect("begins well");
        assert!(!cut.is_complete());
    }
}
