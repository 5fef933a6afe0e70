//! Splits a large JSON object into its parts while it streams by: each element of a list in it, each member of an
//! object in it, each plain value. What is held at a time is one part, and of a long one only a run.

/// What a split hands on.
pub trait Parts {
    /// Whether a list or an object of the outer object is one part, and not a part for each element or member.
    fn is_whole(&mut self, _section: &str, _first: u8) -> bool {
        false
    }
    /// A part begins: the member of the outer object, and the name inside it where that is an object.
    fn begin(&mut self, section: &str, name: Option<&str>, offset: u64) -> anyhow::Result<()>;
    /// Bytes of the part.
    fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()>;
    fn end(&mut self) -> anyhow::Result<()>;
}

/// Names are cut at this length; no name that means anything is longer.
const NAME: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the outer object.
    Start,
    /// Inside the outer object, before a name.
    Name,
    /// Behind a name, before its value.
    Value,
    /// Inside a list or an object of the outer object, before an element or a name.
    Element,
    /// Behind a name of an inner object.
    Member,
    /// Inside a part, so many brackets deep.
    Part {
        depth: u32,
        inner: bool,
    },
    End,
}

/// Splits bytes that arrive in parts.
#[derive(Debug)]
pub struct Splitter {
    at: At,
    offset: u64,
    string: bool,
    escape: bool,
    name: Vec<u8>,
    section: String,
    member: Option<String>,
    /// The inner container is an object.
    object: bool,
}

impl Default for Splitter {
    fn default() -> Self {
        Self {
            at: At::Start,
            offset: 0,
            string: false,
            escape: false,
            name: Vec::new(),
            section: String::new(),
            member: None,
            object: false,
        }
    }
}

impl Splitter {
    /// Takes the next bytes. The error names the byte at which the text is not such an object.
    pub fn feed(&mut self, bytes: &[u8], parts: &mut impl Parts) -> anyhow::Result<()> {
        let mut at = 0;
        while at < bytes.len() {
            let used = match self.at {
                At::Part { depth, inner } => self.part(&bytes[at..], depth, inner, parts)?,
                _ if self.string => self.name(&bytes[at..]),
                _ => self.between(bytes[at], parts)?,
            };
            self.offset += used as u64;
            at += used;
        }
        Ok(())
    }

    /// Whether the outer object is complete.
    pub fn is_complete(&self) -> bool {
        self.at == At::End
    }

    fn name(&mut self, bytes: &[u8]) -> usize {
        for (index, byte) in bytes.iter().enumerate() {
            if self.name.len() < NAME {
                self.name.push(*byte);
            }
            match (self.escape, byte) {
                (true, _) => self.escape = false,
                (false, b'\\') => self.escape = true,
                (false, b'"') => {
                    self.string = false;
                    return index + 1;
                }
                _ => {}
            }
        }
        bytes.len()
    }

    fn start_name(&mut self) {
        self.string = true;
        self.name.clear();
        self.name.push(b'"');
    }

    fn take_name(&mut self) -> String {
        let name = super::decode_string(&self.name).into_owned();
        self.name.clear();
        name
    }

    /// One byte outside all parts; 0 when it is the first of a part.
    fn between(&mut self, byte: u8, parts: &mut impl Parts) -> anyhow::Result<usize> {
        if byte.is_ascii_whitespace() || (self.at == At::Start && matches!(byte, 0xEF | 0xBB | 0xBF)) {
            return Ok(1);
        }
        match (self.at, byte) {
            (At::Start, b'{') => self.at = At::Name,
            (At::Name, b'"') => self.start_name(),
            (At::Name, b':') => {
                self.section = self.take_name();
                self.at = At::Value;
            }
            (At::Name | At::Element, b',') => {}
            (At::Name, b'}') => self.at = At::End,
            (At::Value, b'{' | b'[') if !parts.is_whole(&self.section, byte) => {
                self.object = byte == b'{';
                self.at = At::Element;
            }
            (At::Value, _) => return self.begin_part(false, parts),
            (At::Element, b']' | b'}') => self.at = At::Name,
            (At::Element, b'"') if self.object => self.start_name(),
            (At::Element, b':') if self.object => {
                self.member = Some(self.take_name());
                self.at = At::Member;
            }
            (At::Element, _) if !self.object => {
                self.member = None;
                return self.begin_part(true, parts);
            }
            (At::Member, _) => return self.begin_part(true, parts),
            _ => anyhow::bail!("not the JSON object that was expected, at byte {}", self.offset),
        }
        Ok(1)
    }

    fn begin_part(&mut self, inner: bool, parts: &mut impl Parts) -> anyhow::Result<usize> {
        let name = self.member.take();
        parts.begin(&self.section, if inner { name.as_deref() } else { None }, self.offset)?;
        self.at = At::Part { depth: 0, inner };
        Ok(0)
    }

    /// Bytes of a part, up to its end or the end of what is here.
    fn part(&mut self, bytes: &[u8], mut depth: u32, inner: bool, parts: &mut impl Parts) -> anyhow::Result<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.string {
                at += self.inside_string(&bytes[at..]);
                continue;
            }
            match bytes[at] {
                b'"' => self.string = true,
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth > 0 => depth -= 1,
                b',' | b'}' | b']' if depth == 0 => {
                    parts.bytes(bytes[..at].trim_ascii_end())?;
                    parts.end()?;
                    self.at = if inner { At::Element } else { At::Name };
                    return Ok(at);
                }
                _ => {}
            }
            at += 1;
        }
        self.at = At::Part { depth, inner };
        parts.bytes(bytes)?;
        Ok(bytes.len())
    }

    fn inside_string(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        if std::mem::take(&mut self.escape) {
            at = 1;
        }
        while let Some(found) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or(&[])) {
            at += found;
            if bytes[at] == b'"' {
                self.string = false;
                return at + 1;
            }
            if at + 1 == bytes.len() {
                self.escape = true;
                return bytes.len();
            }
            at += 2;
        }
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Vec<(String, String)>);

    impl Parts for Seen {
        fn begin(&mut self, section: &str, name: Option<&str>, _offset: u64) -> anyhow::Result<()> {
            self.0.push((format!("{section}/{}", name.unwrap_or("")), String::new()));
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
        let text = br#" {"format":"x", "n" : 12,"rows":[{"a":"],}\""},[1,2], 3],"bodies":{"k\"1":{"t":"\\"},"k2":"v"},"e":[],"o":{}} "#;
        let parts = |cuts: &[usize]| {
            let (mut splitter, mut seen, mut from) = (Splitter::default(), Seen::default(), 0);
            for cut in cuts.iter().chain([&text.len()]) {
                splitter.feed(&text[from..*cut], &mut seen).expect("splits");
                from = *cut;
            }
            assert!(splitter.is_complete());
            seen.0
        };
        let whole = parts(&[]);
        let expected = [
            ("format/", "\"x\""),
            ("n/", "12"),
            ("rows/", r#"{"a":"],}\""}"#),
            ("rows/", "[1,2]"),
            ("rows/", "3"),
            ("bodies/k\"1", r#"{"t":"\\"}"#),
            ("bodies/k2", "\"v\""),
        ];
        assert_eq!(whole, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for cut in 0..text.len() {
            assert_eq!(parts(&[cut]), whole, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_wanted_whole_comes_whole() {
        struct Whole(Seen);
        impl Parts for Whole {
            fn is_whole(&mut self, section: &str, first: u8) -> bool {
                section == "s" && first == b'{'
            }
            fn begin(&mut self, section: &str, name: Option<&str>, offset: u64) -> anyhow::Result<()> {
                self.0.begin(section, name, offset)
            }
            fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
                self.0.bytes(bytes)
            }
            fn end(&mut self) -> anyhow::Result<()> {
                self.0.end()
            }
        }
        let mut seen = Whole(Seen::default());
        Splitter::default().feed(br#"{"s":{"a":[1,2]},"t":{"b":1}}"#, &mut seen).expect("splits");
        let expected = [("s/", r#"{"a":[1,2]}"#), ("t/b", "1")];
        assert_eq!(seen.0.0, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_is_no_object_is_an_error_with_its_place() {
        let error = Splitter::default().feed(b"  [1]", &mut Seen::default()).expect_err("no object");
        assert_eq!(error.to_string(), "not the JSON object that was expected, at byte 2");
    }
}
