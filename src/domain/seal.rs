//! The seal of a slice: its last member, a digest over every byte that stands before it.

use sha2::{Digest, Sha256};

/// The name under which the seal stands.
pub const SEAL: &str = "seal";
/// No seal, with what ends the file behind it, is longer.
const LONGEST: usize = 256;
const OPENING: &[u8] = b"\"seal\":{";
const SCRIPT: &str = "<script type=\"application/json\" id=\"seal\">";
const LINE: &[u8] = b"{\"section\":\"seal\"";

/// The last bytes of a sealed file: the seal over the `size` bytes before it, and the end of the outer object.
pub fn seal(digest: &[u8; 32], size: u64) -> String {
    format!("\"{SEAL}\":{{\"sha256\":\"{}\",\"size\":{size}}}\n}}\n", hex::encode(digest))
}

/// The same for a file of lines, as the last of them.
pub fn seal_line(digest: &[u8; 32], size: u64) -> String {
    format!("{{\"section\":\"{SEAL}\",\"value\":{{\"sha256\":\"{}\",\"size\":{size}}}}}\n", hex::encode(digest))
}

/// The same for a page, with all that ends it.
pub fn seal_page(digest: &[u8; 32], size: u64) -> String {
    format!("{SCRIPT}{{\"sha256\":\"{}\",\"size\":{size}}}</script>\n</body>\n</html>\n", hex::encode(digest))
}

/// Checks a seal while the file streams by.
#[derive(Debug, Default)]
pub struct SealCheck {
    hasher: Sha256,
    size: u64,
    /// The last bytes so far, among which the seal may stand.
    held: Vec<u8>,
}

/// What a file's seal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealed {
    /// There is none.
    No,
    Whole,
    /// Something before the seal, or the seal itself, is not what was written.
    Broken(String),
}

/// How a seal is written over a digest and a size.
type Form = fn(&[u8; 32], u64) -> String;

impl SealCheck {
    pub fn feed(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        let done = self.held.len().saturating_sub(LONGEST);
        self.hasher.update(&self.held[..done]);
        self.size += done as u64;
        self.held.drain(..done);
    }

    /// What the whole file came to.
    pub fn conclude(mut self) -> Sealed {
        let stands = |opening: &[u8]| memchr::memmem::rfind(&self.held, opening);
        let forms: [(&[u8], Form); 3] = [(SCRIPT.as_bytes(), seal_page), (LINE, seal_line), (OPENING, seal)];
        let found = forms.iter().find_map(|(opening, form)| Some((stands(opening)?, form)));
        let Some((at, form)) = found else { return Sealed::No };
        self.hasher.update(&self.held[..at]);
        let (found, size): ([u8; 32], u64) = (self.hasher.finalize().into(), self.size + at as u64);
        if self.held[at..] == *form(&found, size).as_bytes() {
            return Sealed::Whole;
        }
        Sealed::Broken(format!(
            "the {size} bytes before the seal hash to {}, which is not what the seal says: the file was changed",
            hex::encode(found)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(body: &str) -> Vec<u8> {
        let digest: [u8; 32] = Sha256::digest(body.as_bytes()).into();
        [body.as_bytes(), seal(&digest, body.len() as u64).as_bytes()].concat()
    }

    fn checked(bytes: &[u8], step: usize) -> Sealed {
        let mut check = SealCheck::default();
        bytes.chunks(step).for_each(|part| check.feed(part));
        check.conclude()
    }

    #[test]
    fn a_seal_holds_however_the_bytes_arrive() {
        for body in ["{\n", &format!("{{\n\"a\":\"{}\",\n", "x".repeat(1000))] {
            let bytes = sealed(body);
            for step in [1, 7, 255, 256, 257, 5000] {
                assert_eq!(checked(&bytes, step), Sealed::Whole, "in parts of {step}");
            }
        }
        let line = "{\"section\":\"rows\",\"value\":1}\n";
        let digest: [u8; 32] = Sha256::digest(line.as_bytes()).into();
        let sealed = format!("{line}{}", seal_line(&digest, line.len() as u64));
        assert_eq!(checked(sealed.as_bytes(), 7), Sealed::Whole);
        let page = "<!doctype html>\n<p>";
        let digest: [u8; 32] = Sha256::digest(page.as_bytes()).into();
        assert_eq!(checked((page.to_owned() + &seal_page(&digest, page.len() as u64)).as_bytes(), 7), Sealed::Whole);
        assert_ne!(checked(sealed.replace(":1}", ":2}").as_bytes(), 7), Sealed::Whole);
        assert_eq!(checked(b"{\"a\":1}\n", 3), Sealed::No);
    }

    #[test]
    fn every_flipped_bit_before_or_in_the_seal_is_noticed() {
        let bytes = sealed("{\n\"rows\":[1,2,3],\n");
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(checked(&other, 64), Sealed::Whole, "bit {bit}");
        }
        assert_ne!(checked(&[&bytes[..], b" "].concat(), 64), Sealed::Whole);
    }
}
