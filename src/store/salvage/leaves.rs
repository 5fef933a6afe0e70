//! Rows of tables read straight from the leaf pages of a file, where the pages above them are damaged.
//!
//! The format is <https://www.sqlite.org/fileformat2.html>. A leaf does not say of which table it is, so rows are told
//! by their columns, and whoever reads them must know by their content whether they are right.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::waiting::Waiting;

/// What a leaf of a table with row numbers begins with.
const LEAF: u8 = 0x0d;
/// What a leaf of an index begins with, or of a table that is one; and what a page above them begins with, which holds
/// entries of its own, each behind the number of a page.
const INDEX_LEAF: u8 = 0x0a;
const INDEX_INNER: u8 = 0x02;
/// No entry of three numbers is longer.
const ENTRY: u64 = 32;
/// How a file of the database's begins, and the pages that ours have where that cannot be read.
const BEGINNING: &[u8] = b"SQLite format 3\0";
const OUR_PAGE: usize = 8192;
/// No row of ours has more columns.
const COLUMNS: usize = 64;
/// A row longer than this is none of ours.
const LONGEST: u64 = 64 << 20;

/// The value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// What none of our tables holds.
    Other,
}

/// What sort of value a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// The row number itself, which is stored as null.
    Row,
    Number,
    Text,
    Bytes,
}

/// The file of a store as pages.
#[derive(Debug)]
pub struct Leaves {
    file: File,
    page: usize,
    /// The bytes of a page that hold anything.
    usable: usize,
    pages: u64,
    /// Newer pages that wait beside the file.
    waiting: Option<Waiting>,
    /// The first page tells which pages are free.
    has_head: bool,
}

/// Where a row lies: its page, and the byte in that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    page: u64,
    byte: usize,
}

impl Leaves {
    pub fn of(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("could not open {}", path.display()))?;
        let mut head = [0; 100];
        file.read_exact_at(&mut head, 0).context("the file is shorter than its head")?;
        let has_head = head.starts_with(BEGINNING);
        let page = match u16::from_be_bytes([head[16], head[17]]) {
            _ if !has_head => OUR_PAGE,
            1 => 65_536,
            size => usize::from(size),
        };
        ensure!(page >= 512 && page.is_power_of_two(), "a page of {page} bytes cannot be");
        let usable = page - if has_head { usize::from(head[20]) } else { 0 };
        ensure!(usable >= 480, "a page of {usable} bytes that can be used cannot be");
        let waiting = Waiting::beside(path, page);
        let pages = (file.metadata()?.len() / page as u64).max(waiting.as_ref().map_or(0, Waiting::last_page));
        Ok(Self { file, page, usable, pages, waiting, has_head })
    }

    /// Where the rows of a table lie, by their numbers, told by the sorts of all their columns.
    ///
    /// What the file has marked as free is left out, as is what the disk does not give.
    pub fn rows(&self, sorts: &[Sort]) -> HashMap<i64, At> {
        let mut found = HashMap::new();
        self.each_cell(&[LEAF], |bytes, page, byte| {
            let row = self.row_head(bytes, byte);
            if let Some((row, _)) = row.filter(|(_, columns)| fits(columns, sorts)) {
                found.insert(row, At { page, byte });
            }
        });
        found
    }

    /// Hands on all entries of three numbers, of whatever index or table they are.
    pub fn triples(&self, mut take: impl FnMut([i64; 3])) {
        self.each_cell(&[INDEX_LEAF, INDEX_INNER], |bytes, page, byte| {
            let is_inner = bytes[self.head(page)] == INDEX_INNER;
            let entry = varint(bytes, byte + if is_inner { 4 } else { 0 }).filter(|(size, _)| *size <= ENTRY);
            let payload = entry.and_then(|(size, at)| bytes.get(at..at + usize::try_from(size).ok()?));
            if let Some([Cell::Number(one), Cell::Number(two), Cell::Number(three)]) = payload.map(cells).as_deref() {
                take([*one, *two, *three]);
            }
        });
    }

    /// Every cell of the pages of some sorts that are not free: the page, its number, and where the cell begins.
    fn each_cell(&self, sorts: &[u8], mut take: impl FnMut(&[u8], u64, usize)) {
        let free = if self.has_head { self.free() } else { HashSet::new() };
        for page in (1..=self.pages).filter(|page| !free.contains(page)) {
            let Ok(bytes) = self.page(page) else { continue };
            let head = self.head(page);
            if !sorts.contains(&bytes[head]) {
                continue;
            }
            let count = usize::from(number(&bytes, head + 3));
            let first = head + if bytes[head] == INDEX_INNER { 12 } else { 8 };
            for place in (0..count).map(|cell| first + 2 * cell).take_while(|place| place + 2 <= self.usable) {
                take(&bytes, page, usize::from(number(&bytes, place)));
            }
        }
    }

    /// Where a page says of what sort it is: the first one begins with the head of the file.
    fn head(&self, page: u64) -> usize {
        if page == 1 { 100 } else { 0 }
    }

    /// Pages that hold nothing any more: rows that were deleted still stand in them.
    fn free(&self) -> HashSet<u64> {
        let mut free = HashSet::new();
        let mut trunk = self.page(1).map_or(0, |head| long(&head[32..]));
        while trunk > 0 && trunk <= self.pages && free.insert(trunk) {
            let Ok(bytes) = self.page(trunk) else { break };
            let count = usize::try_from(long(&bytes[4..])).unwrap_or(usize::MAX).min(self.usable / 4 - 2);
            free.extend((0..count).map(|place| long(&bytes[8 + 4 * place..])));
            trunk = long(&bytes);
        }
        free
    }

    /// The columns of a row; `None` where a part of it lies in damaged pages.
    pub fn read(&self, at: At) -> Option<Vec<Cell>> {
        let bytes = self.page(at.page).ok()?;
        let payload = self.payload(&bytes, at.byte)?;
        let count = columns(&payload)?.0.len();
        Some(cells(&payload)).filter(|cells| cells.len() == count)
    }

    /// The first columns of a row, as far as they lie on its leaf.
    pub fn beginning(&self, at: At) -> Option<Vec<Cell>> {
        let bytes = self.page(at.page).ok()?;
        let (size, from) = varint(&bytes, at.byte)?;
        let (_, from) = varint(&bytes, from)?;
        bytes.get(from..from + self.local(size)?).map(cells)
    }

    fn page(&self, number: u64) -> Result<Vec<u8>> {
        if let Some(newer) = self.waiting.as_ref().and_then(|waiting| waiting.page(number)) {
            return Ok(newer);
        }
        let mut bytes = vec![0; self.page];
        self.file.read_exact_at(&mut bytes, (number - 1) * self.page as u64)?;
        Ok(bytes)
    }

    /// The number of a row, and what its columns are; `None` where there is no row.
    fn row_head(&self, page: &[u8], at: usize) -> Option<(i64, Vec<u64>)> {
        let (size, at) = varint(page, at)?;
        let (row, at) = varint(page, at)?;
        let local = self.local(size)?;
        let payload = page.get(at..at + local)?;
        Some((row.cast_signed(), columns(payload)?.0))
    }

    /// How many bytes of a payload lie on the leaf itself.
    fn local(&self, size: u64) -> Option<usize> {
        let size = usize::try_from(size).ok().filter(|size| *size as u64 <= LONGEST)?;
        let most = self.usable - 35;
        if size <= most {
            return Some(size);
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let kept = least + (size - least) % (self.usable - 4);
        Some(if kept <= most { kept } else { least })
    }

    fn payload(&self, page: &[u8], at: usize) -> Option<Vec<u8>> {
        let (size, at) = varint(page, at)?;
        let ((_, at), local) = varint(page, at).zip(self.local(size))?;
        let size = usize::try_from(size).ok()?;
        let part = page.get(at..at + local)?;
        let mut payload = part.to_vec();
        let mut next = page.get(at + local..at + local + 4).map_or(0, long);
        while payload.len() < size {
            if next == 0 || next > self.pages {
                return None;
            }
            let more = self.page(next).ok()?;
            let left = (size - payload.len()).min(self.usable - 4);
            payload.extend_from_slice(&more[4..4 + left]);
            next = long(&more);
        }
        Some(payload)
    }
}

fn fits(columns: &[u64], sorts: &[Sort]) -> bool {
    columns.len() == sorts.len() && columns.iter().zip(sorts).all(|(kind, sort)| is_of(*kind, *sort))
}

fn is_of(kind: u64, sort: Sort) -> bool {
    match sort {
        Sort::Row => kind == 0,
        Sort::Number => matches!(kind, 1..=6 | 8 | 9),
        Sort::Text => kind >= 13 && kind % 2 == 1,
        Sort::Bytes => kind >= 12 && kind.is_multiple_of(2),
    }
}

fn number(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]))
}

fn long(bytes: &[u8]) -> u64 {
    bytes.iter().take(4).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

/// A number of 1 to 9 bytes, and where it ends.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for place in 0..8 {
        let byte = *bytes.get(at + place)?;
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, at + place + 1));
        }
    }
    Some(((value << 8) | u64::from(*bytes.get(at + 8)?), at + 9))
}

/// What the columns of a payload are, and where their values begin.
fn columns(payload: &[u8]) -> Option<(Vec<u64>, usize)> {
    let (size, mut at) = varint(payload, 0)?;
    let end = usize::try_from(size).ok()?;
    let mut columns = Vec::new();
    while at < end {
        let (kind, next) = varint(payload.get(..end)?, at)?;
        columns.push(kind);
        at = next;
        if columns.len() > COLUMNS {
            return None;
        }
    }
    (at == end).then_some((columns, end))
}

/// The values of a payload, as many as are there.
fn cells(payload: &[u8]) -> Vec<Cell> {
    let Some((columns, mut from)) = columns(payload) else { return Vec::new() };
    let mut cells = Vec::with_capacity(columns.len());
    for kind in columns {
        let end = usize::try_from(size_of(kind)).ok().and_then(|size| from.checked_add(size));
        let Some((end, value)) = end.and_then(|end| Some((end, payload.get(from..end)?))) else { break };
        cells.push(cell(kind, value));
        from = end;
    }
    cells
}

fn size_of(kind: u64) -> u64 {
    match kind {
        1..=4 => kind,
        5 => 6,
        6 | 7 => 8,
        12.. => (kind - 12) / 2,
        _ => 0,
    }
}

fn cell(kind: u64, value: &[u8]) -> Cell {
    match kind {
        0 => Cell::Null,
        1..=6 => {
            let negative = value.first().is_some_and(|byte| *byte >= 0x80);
            let start: i64 = if negative { -1 } else { 0 };
            Cell::Number(value.iter().fold(start, |sum, byte| (sum << 8) | i64::from(*byte)))
        }
        8 | 9 => Cell::Number(i64::from(kind == 9)),
        12.. if kind.is_multiple_of(2) => Cell::Bytes(value.to_vec()),
        13.. => Cell::Text(String::from_utf8_lossy(value).into_owned()),
        _ => Cell::Other,
    }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions, Executor};

    use super::*;

    const SORTS: [Sort; 4] = [Sort::Row, Sort::Number, Sort::Text, Sort::Bytes];

    /// A file with rows that are short, long and very long, and another table beside them.
    async fn file(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("some.db");
        let mut connection =
            SqliteConnectOptions::new().filename(&path).create_if_missing(true).connect().await.expect("opens");
        connection.execute("PRAGMA page_size = 1024").await.expect("is set");
        connection
            .execute(
                "CREATE TABLE rows (row INTEGER PRIMARY KEY, number BIGINT, text TEXT, bytes BLOB); \
                 CREATE TABLE other (row INTEGER PRIMARY KEY, number BIGINT, text TEXT); \
                 WITH RECURSIVE count(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM count WHERE n < 200) \
                 INSERT INTO rows SELECT n, n * n * n - 1000, 'row ' || n, zeroblob(n * 40) FROM count; \
                 INSERT INTO other SELECT row, number, text FROM rows; \
                 INSERT INTO rows VALUES (-7, -1, 'below zero', x'00'), (9007199254740993, 0, '', x'');",
            )
            .await
            .expect("is filled");
        path
    }

    #[tokio::test]
    async fn every_row_is_found_without_what_lies_above_the_leaves() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(folder.path()).await;
        let mut bytes = std::fs::read(&path).expect("reads");
        let (page, is_inner) = (1024, |start: usize, bytes: &[u8]| matches!(bytes[start], 0x02 | 0x05));
        for start in (page..bytes.len()).step_by(page).filter(|start| is_inner(*start, &bytes)).collect::<Vec<_>>() {
            bytes[start..start + page].fill(0xff);
        }
        std::fs::write(&path, bytes).expect("writes");
        let leaves = Leaves::of(&path).expect("is a file of the database's");
        let rows = leaves.rows(&SORTS);
        assert_eq!(rows.len(), 202);
        for (row, at) in rows {
            let cells = leaves.read(at).expect("is whole");
            let expected = match row {
                -7 => (-1, "below zero".to_owned(), 1),
                9_007_199_254_740_993 => (0, String::new(), 0),
                row => (row * row * row - 1000, format!("row {row}"), usize::try_from(row).expect("small") * 40),
            };
            let [Cell::Null, Cell::Number(number), Cell::Text(text), Cell::Bytes(bytes)] = &cells[..] else {
                panic!("{cells:?}")
            };
            assert_eq!((*number, text.clone(), bytes.len()), expected);
        }
    }

    #[tokio::test]
    async fn pages_that_wait_beside_the_file_are_read_in_place_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(folder.path()).await;
        let mut connection = SqliteConnectOptions::new().filename(&path).connect().await.expect("opens");
        for statement in [
            "PRAGMA journal_mode = WAL",
            "PRAGMA wal_autocheckpoint = 0",
            "UPDATE rows SET text = 'newer' WHERE row = 7",
            "WITH RECURSIVE count(n) AS (VALUES (1001) UNION ALL SELECT n + 1 FROM count WHERE n < 1100) \
             INSERT INTO rows SELECT n, 5, 'late', zeroblob(900) FROM count",
            "BEGIN",
            "DELETE FROM rows",
        ] {
            connection.execute(statement).await.expect("runs");
        }
        let leaves = Leaves::of(&path).expect("is a file of the database's");
        let rows = leaves.rows(&SORTS);
        assert_eq!(rows.len(), 302);
        for (row, text) in [(7, "newer"), (8, "row 8"), (1100, "late")] {
            assert_eq!(leaves.read(rows[&row]).expect("is whole")[2], Cell::Text(text.to_owned()));
        }
    }

    #[tokio::test]
    async fn no_damage_makes_reading_fail_or_go_on_for_ever() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(folder.path()).await;
        let whole = std::fs::read(&path).expect("reads");
        for seed in 1..40usize {
            let mut bytes = whole.clone();
            for step in 0..400usize {
                let at = 100 + (seed * 7919 + step * 104_729) % (bytes.len() - 100);
                bytes[at] = (seed * 31 + step * 17) as u8;
            }
            std::fs::write(&path, &bytes).expect("writes");
            let leaves = Leaves::of(&path).expect("the head is whole");
            for at in leaves.rows(&SORTS).into_values() {
                let _ = leaves.read(at);
            }
        }
        std::fs::write(&path, b"short").expect("writes");
        assert!(Leaves::of(&path).is_err());
    }
}
