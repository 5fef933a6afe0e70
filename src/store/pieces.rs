//! Pieces: runs of bytes, named by their digest, packed small. Content is cut where it is likely to repeat.

use std::cell::RefCell;
use std::io::Read;

use anyhow::{Context, Result};
use fastcdc::v2020::FastCDC;
use sha2::{Digest, Sha256};
use zstd::bulk::Compressor;

use super::damaged;

/// Small records share a piece of about this size, so that they compress together.
const PACK: usize = 128 << 10;
/// A record from this size on is cut where its content says, so that what it repeats is stored once.
const LONG: usize = 48 << 10;
/// The sizes of such cuts: least, usual, most.
const CUTS: (usize, usize, usize) = (4 << 10, 16 << 10, 128 << 10);
/// Cuts need to see as much as the longest of them; so much of a long record waits for them at a time.
const SEEN: usize = 8 * CUTS.2;
const LEVEL: i32 = 3;
/// Below this size compression is hardly worth its call.
const SMALL: usize = 256;
/// Compression must win at least an eighth to be worth its call.
const WORTH: usize = 8;

/// A run of bytes ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub digest: [u8; 32],
    pub size: usize,
    pub codec: i64,
    pub bytes: Vec<u8>,
}

thread_local! {
    /// Making a compressor costs more than compressing a small piece.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(LEVEL).ok());
}

impl Piece {
    pub fn of(bytes: &[u8]) -> Self {
        let digest = digest(bytes);
        match compressed(bytes) {
            Some(packed) => Self { digest, size: bytes.len(), codec: 1, bytes: packed },
            None => Self { digest, size: bytes.len(), codec: 0, bytes: bytes.to_vec() },
        }
    }
}

/// The bytes compressed, where that is worth it; what cannot be compressed is stored as it is.
fn compressed(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < SMALL {
        return None;
    }
    let mut packed = COMPRESSOR.with_borrow_mut(|compressor| compressor.as_mut()?.compress(bytes).ok())?;
    if packed.len() + bytes.len() / WORTH >= bytes.len() {
        return None;
    }
    // The compressor reserves as much as it was given.
    packed.shrink_to_fit();
    Some(packed)
}

/// The SHA-256 of some bytes.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The bytes of a stored piece; never more than its stored size says.
pub(super) fn unpack(codec: i64, size: i64, bytes: Vec<u8>) -> Result<Vec<u8>> {
    let size = usize::try_from(size)?;
    let plain = match codec {
        0 => bytes,
        1 => zstd::bulk::decompress(&bytes, size).with_context(|| damaged("a stored piece does not decompress"))?,
        other => return Err(damaged(format!("a stored piece has the unknown codec {other}")).into()),
    };
    if plain.len() != size {
        return Err(damaged(format!("a stored piece has {} bytes where {size} were stored", plain.len())).into());
    }
    Ok(plain)
}

/// Turns content that arrives in parts into pieces that cover it without a gap.
#[derive(Debug, Default)]
pub struct Packer {
    waiting: Vec<u8>,
    /// Where the record that is being written begins in `waiting`.
    record: usize,
    long: bool,
    pieces: Vec<Piece>,
}

impl Packer {
    /// Takes more bytes of the current record.
    pub fn push(&mut self, bytes: &[u8]) {
        bytes.chunks(SEEN).for_each(|part| self.push_part(part));
    }

    fn push_part(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        if !self.long && self.waiting.len() - self.record >= LONG {
            self.long = true;
            let record = self.waiting.split_off(self.record);
            self.flush();
            self.waiting = record;
        }
        if self.long && self.waiting.len() >= SEEN {
            self.cut(false);
        }
    }

    /// Says that the record is complete.
    pub fn end_record(&mut self) {
        if std::mem::take(&mut self.long) {
            self.cut(true);
        } else if self.waiting.len() >= PACK {
            self.flush();
        }
        self.record = self.waiting.len();
    }

    /// Ends the current piece here, whatever its size.
    pub fn flush_here(&mut self) {
        if self.long { self.cut(true) } else { self.flush() }
    }

    /// The pieces so far; what waits becomes one too.
    pub fn take(&mut self) -> Vec<Piece> {
        if self.long {
            self.cut(false)
        } else {
            self.flush()
        }
        std::mem::take(&mut self.pieces)
    }

    /// The bytes that wait and the compressed bytes that are ready: what this costs in memory.
    pub fn held(&self) -> usize {
        self.waiting.len() + self.pieces.iter().map(|piece| piece.bytes.len()).sum::<usize>()
    }

    fn flush(&mut self) {
        if !self.waiting.is_empty() {
            self.pieces.push(Piece::of(&self.waiting));
            self.waiting.clear();
        }
        self.record = 0;
    }

    /// Cuts a long record; unless it has ended, its last part waits for what follows.
    fn cut(&mut self, ended: bool) {
        let mut done = 0;
        for chunk in FastCDC::new(&self.waiting, CUTS.0, CUTS.1, CUTS.2) {
            let end = chunk.offset + chunk.length;
            if !ended && self.waiting.len() - chunk.offset < CUTS.2 {
                break;
            }
            self.pieces.push(Piece::of(&self.waiting[chunk.offset..end]));
            done = end;
        }
        self.waiting.drain(..done);
        self.record = 0;
    }
}

/// Reads to the end and hashes, for bodies too long to hold.
pub fn digest_of(mut from: impl Read) -> std::io::Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    let mut part = vec![0; 256 << 10];
    loop {
        match from.read(&mut part)? {
            0 => return Ok(hasher.finalize().into()),
            size => hasher.update(&part[..size]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(pieces: &[Piece]) -> Vec<u8> {
        pieces
            .iter()
            .flat_map(|piece| unpack(piece.codec, piece.size as i64, piece.bytes.clone()).expect("unpacks"))
            .collect()
    }

    fn noise(seed: u64, size: usize) -> Vec<u8> {
        let mut state = seed;
        let mut step = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 56) as u8
        };
        (0..size).map(|_| step()).collect()
    }

    #[test]
    fn pieces_cover_the_content_without_a_gap() {
        let mut packer = Packer::default();
        let mut content = Vec::new();
        let mut pieces = Vec::new();
        for (index, size) in [10, 60_000, 1, 900_000, 3_000_000, 20, 130_000].into_iter().enumerate() {
            let record = noise(index as u64, size);
            for part in record.chunks(70_001) {
                packer.push(part);
            }
            packer.end_record();
            content.extend_from_slice(&record);
            if index % 2 == 0 {
                pieces.extend(packer.take());
            }
        }
        pieces.extend(packer.take());
        assert!(whole(&pieces) == content);
        assert!(pieces.iter().all(|piece| piece.size <= 256 << 10));
    }

    #[test]
    fn a_long_record_is_cut_alike_whole_and_in_parts_and_no_second_time_in_memory() {
        let record = noise(7, 20 << 20);
        let mut packers = [Packer::default(), Packer::default()];
        packers[0].push(&record);
        record.chunks(70_001).for_each(|part| packers[1].push(part));
        let [whole, parts] = packers.map(|mut packer| {
            assert!(packer.waiting.capacity() <= 4 * SEEN, "{} bytes wait", packer.waiting.capacity());
            packer.end_record();
            packer.take()
        });
        assert!(whole == parts);
    }

    #[test]
    fn what_a_long_record_repeats_is_cut_alike() {
        let history = noise(1, 600_000);
        let pieces = |tail: &[u8]| {
            let mut packer = Packer::default();
            packer.push(b"{\"request\":1,");
            packer.push(&history);
            packer.push(tail);
            packer.end_record();
            packer.take()
        };
        let (first, second) = (pieces(b"x"), pieces(&noise(2, 50_000)));
        let shared = second.iter().filter(|piece| first.contains(piece)).map(|piece| piece.size).sum::<usize>();
        assert!(shared > 500_000, "only {shared} bytes are shared");
    }
}
