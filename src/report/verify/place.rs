//! Where a file was changed: the digests of its parts, computed anew and compared with those that it lists.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::store::digest;

/// Places that are told one by one; where something was put in or taken out, all behind it differ.
const TOLD: usize = 3;

/// Section, first byte, size and digest of a part.
type Part = (String, u64, u64, String);

/// How the list of parts begins, whatever the form of the file is.
const LIST: &[u8] = b"{\"list\":[[";
/// The list stands in the last bytes of a file; for each of its bytes the file has many.
const SHORTEST_TAIL: u64 = 1 << 20;
const SHARE: u64 = 256;

/// The parts that a file lists; `None` where it lists none, and an empty list where that list was changed.
fn listed(file: &mut File) -> std::io::Result<Option<Vec<Part>>> {
    let size = file.metadata()?.len();
    let tail = SHORTEST_TAIL.max(size / SHARE).min(size);
    file.seek(SeekFrom::Start(size - tail))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    file.rewind()?;
    let Some(at) = memchr::memmem::rfind(&bytes, LIST) else { return Ok(None) };
    let mut values = serde_json::Deserializer::from_slice(&bytes[at..]).into_iter::<Listing<'_>>();
    let Some(Ok(Listing { list, sha256 })) = values.next() else { return Ok(Some(Vec::new())) };
    if hex::encode(digest(list.get().as_bytes())) != sha256 {
        return Ok(Some(Vec::new()));
    }
    let list: Vec<Value> = serde_json::from_str(list.get())?;
    Ok(Some(list.iter().filter_map(part).collect()))
}

/// The list as it is written, and its digest.
#[derive(Deserialize)]
struct Listing<'a> {
    #[serde(borrow)]
    list: &'a RawValue,
    sha256: String,
}

fn part(value: &Value) -> Option<Part> {
    let (section, at, size) = (value[0].as_str()?, value[1].as_u64()?, value[2].as_u64()?);
    Some((section.to_owned(), at, size, value[3].as_str()?.to_owned()))
}

/// The digest of the next bytes of a file, or of as many as it still has.
fn next(file: &mut impl BufRead, size: u64) -> std::io::Result<String> {
    let (mut hasher, mut left) = (Sha256::new(), size);
    while left > 0 {
        let bytes = file.fill_buf()?;
        let used = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if used == 0 {
            break;
        }
        hasher.update(&bytes[..used]);
        file.consume(used);
        left -= used as u64;
    }
    Ok(hex::encode(hasher.finalize()))
}

/// Says where a file that was changed differs from what was written; nothing where it lists no parts.
pub fn places(path: &Path) -> Result<Vec<String>> {
    let reading = || format!("could not read {}", path.display());
    let mut file = File::open(path).with_context(reading)?;
    let Some(listed) = listed(&mut file).with_context(reading)? else { return Ok(Vec::new()) };
    if listed.is_empty() {
        return Ok(vec!["the list of the digests of its parts was changed".to_owned()]);
    }
    let mut file = BufReader::with_capacity(1 << 18, file);
    let (mut told, mut more, mut end) = (Vec::new(), 0, 0);
    for (section, at, size, said) in &listed {
        let found = next(&mut file, *size).with_context(reading)?;
        end = at + size;
        if found == *said {
            continue;
        }
        if told.len() < TOLD {
            told.push(format!("bytes {at} to {end}, in `{section}`, are not what was written"));
        } else {
            more += 1;
        }
    }
    if told.is_empty() {
        told.push(format!("the bytes up to {end} are what was written; something behind them was changed"));
    } else if more > 0 {
        told.push(format!("nor are {more} more parts"));
    }
    Ok(told)
}
