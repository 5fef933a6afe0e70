//! What can still be read of a store whose file is damaged: source by source, and of each the bytes that are whole.
//!
//! Nothing is taken for granted but that the file is one of the database's: not the schema, no index, no order. Where
//! one way to a row is damaged another one is taken: from the other end, through another index, past all of them.

mod layout;
mod leaves;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use anyhow::{Result, bail};
use futures_util::TryStreamExt;

use super::bytes::LONGEST;
use super::engine::{Row, Statement, query};
use super::pieces::{digest, unpack};
use super::sources::{COLUMNS, source_of};
use super::{Annotation, Source, Store, trouble};
use layout::Layouts;
use leaves::{At, Cell, Leaves, Sort};

/// The columns of the table of sources, and of that of pieces.
const SOURCES: [Sort; 17] = [
    Sort::Row,
    Sort::Text,
    Sort::Number,
    Sort::Text,
    Sort::Number,
    Sort::Number,
    Sort::Number,
    Sort::Bytes,
    Sort::Number,
    Sort::Number,
    Sort::Text,
    Sort::Number,
    Sort::Number,
    Sort::Number,
    Sort::Number,
    Sort::Number,
    Sort::Text,
];
const PIECES: [Sort; 5] = [Sort::Row, Sort::Bytes, Sort::Number, Sort::Number, Sort::Bytes];

/// A damaged store that is being read.
#[derive(Debug)]
pub struct Salvage {
    /// `None` where the database makes nothing of the file, as without its schema.
    store: Option<Store>,
    leaves: Option<Leaves>,
    /// The sources that can be named.
    pub sources: Vec<Source>,
    /// How many cannot.
    pub lost: u64,
    /// The blob that is being read: where each of its pieces begins, and the number of the piece.
    layout: BTreeMap<i64, i64>,
    /// Where pieces lie in the file, once the database has not found one.
    pieces: Option<HashMap<i64, At>>,
    /// Where the pieces of blobs lie, where the database cannot be asked.
    layouts: Layouts,
    /// The piece that was read last, and its bytes.
    held: (i64, Vec<u8>),
}

impl Store {
    /// Opens a file to save what is in it; whatever it takes, it is not changed.
    pub async fn open_damaged(path: &Path) -> Result<Self> {
        if !path.is_file() {
            bail!("there is no file {}", path.display());
        }
        Self::open_as_it_is(path).await.map_err(|error| trouble::explain(error, &path.into()))
    }

    /// An error where the database cannot tell which tables there are.
    pub async fn has_schema(&self) -> Result<()> {
        let asked = query("SELECT start FROM blob_pieces LIMIT 0").fetch_all(&self.readers).await;
        asked.map(drop).map_err(|error| trouble::explain(error.into(), &self.address))
    }

    /// Finds all sources that can be read.
    pub async fn salvage(&self) -> Result<Salvage> {
        let leaves = self.address.file().and_then(|path| Leaves::of(path).ok());
        let (mut found, mut is_damaged) = (BTreeMap::new(), false);
        for order in ["", " DESC"] {
            let (rows, whole) =
                self.walked(&format!("SELECT {COLUMNS} FROM sources ORDER BY source{order}"), None).await;
            is_damaged |= !whole;
            found.extend(rows.iter().filter_map(|row| source_of(row).ok()).map(|source| (source.number, source)));
            if whole {
                break;
            }
        }
        if let Some(leaves) = leaves.as_ref().filter(|_| is_damaged) {
            for (number, at) in leaves.rows(&SOURCES) {
                if let (false, Some(cells)) = (found.contains_key(&number), leaves.read(at)) {
                    found.extend(source_in(number, &cells).map(|source| (number, source)));
                }
            }
        }
        let missing = if is_damaged { self.named_sources().await } else { BTreeSet::new() };
        let missing = missing.iter().filter(|number| !found.contains_key(number)).count() as u64;
        if found.is_empty() && is_damaged {
            bail!("the table of sources cannot be read");
        }
        let sources = found.into_values().collect();
        let layout = BTreeMap::new();
        let (store, layouts) = (Some(self.clone()), Layouts::default());
        Ok(Salvage { store, leaves, sources, lost: missing, layout, pieces: None, layouts, held: (0, Vec::new()) })
    }

    /// The sources that records come from, as far as these can be read.
    async fn named_sources(&self) -> BTreeSet<i64> {
        let mut named = BTreeSet::new();
        for order in ["", " DESC"] {
            let (rows, whole) =
                self.walked(&format!("SELECT DISTINCT source FROM records ORDER BY source{order}"), None).await;
            named.extend(rows.iter().filter_map(|row| row.try_get::<i64>(0).ok()));
            if whole {
                break;
            }
        }
        named
    }

    /// The rows that a statement gives until something is damaged, and whether it came to its end.
    async fn walked(&self, statement: &str, value: Option<i64>) -> (Vec<Row>, bool) {
        let query = query(statement.to_owned());
        let query = value.into_iter().fold(query, |query, value| query.bind(value));
        let mut rows = query.fetch(&self.readers);
        let mut found = Vec::new();
        loop {
            match rows.try_next().await {
                Ok(Some(row)) => found.push(row),
                Ok(None) => return (found, true),
                Err(_) => return (found, false),
            }
        }
    }

    /// The events of a session that come from none of these sources, of which there is a file each.
    pub async fn unfiled(&self, session: i64, filed: &[i64]) -> Result<Vec<i64>> {
        let mut query = Statement::new(
            "SELECT events.event FROM events LEFT JOIN records ON records.record = events.record WHERE events.session = ",
        );
        query.push_bind(session).push(" AND (events.record IS NULL OR records.source IS NULL");
        query.push(if filed.is_empty() { " OR 0 = 0" } else { " OR records.source NOT IN (" });
        if !filed.is_empty() {
            query.push_list(filed.iter().copied());
            query.push(")");
        }
        let found = query.push(") ORDER BY events.event").build().persistent(false).fetch_all(&self.readers).await?;
        found.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// All marks and notes that can be read, of whatever session, and whether these are all.
    pub async fn salvage_notes(&self) -> (Vec<Annotation>, bool) {
        let (mut notes, mut is_whole) = (BTreeMap::new(), true);
        for order in ["session, item", "session DESC, item DESC"] {
            let statement = format!("SELECT session, item, marked, note FROM annotations ORDER BY {order}");
            let (rows, whole) = self.walked(&statement, None).await;
            let read = rows.iter().filter_map(|row| note_of(row).ok());
            notes.extend(read.map(|note| ((note.session.clone(), note.row.clone()), note)));
            if whole {
                break;
            }
            is_whole = false;
        }
        (notes.into_values().collect(), is_whole)
    }
}

impl Salvage {
    /// Finds sources and their pieces by what they look like, in a file of which the database makes nothing.
    pub fn without_schema(path: &Path) -> Result<Self> {
        let leaves = Leaves::of(path)?;
        let found = leaves.rows(&SOURCES).into_iter();
        let found = found.filter_map(|(number, at)| source_in(number, &leaves.read(at)?));
        let sources: Vec<Source> = found.collect();
        if sources.is_empty() {
            bail!("no row of the table of sources is found in it");
        }
        let pieces = leaves.rows(&PIECES);
        let layouts = Layouts::of(&leaves, &pieces, &sources.iter().map(|source| source.blob).collect());
        let (layout, held) = (BTreeMap::new(), (0, Vec::new()));
        Ok(Self { store: None, leaves: Some(leaves), sources, lost: 0, layout, pieces: Some(pieces), layouts, held })
    }

    /// How many bytes a source holds.
    pub async fn size(&self, source: &Source) -> i64 {
        let said = match &self.store {
            Some(store) => store.blob_size(source.blob).await.ok(),
            None => None,
        };
        said.unwrap_or_else(|| source.consumed.max(source.size))
    }

    /// Turns to the blob of a source.
    pub async fn turn_to(&mut self, source: &Source) {
        self.layout.clear();
        let blob = source.blob;
        let Some(store) = &self.store else {
            self.layout = self.layouts.chain(blob, source.consumed.max(source.size));
            return;
        };
        // The table by its own order, then the index that holds the same columns in another one.
        for (way, by) in [("blob_pieces", "start"), ("blob_pieces INDEXED BY blob_pieces_by_piece", "piece")] {
            for order in ["", " DESC"] {
                let statement = format!("SELECT start, piece FROM {way} WHERE blob = $1 ORDER BY {by}{order}");
                let (rows, whole) = store.walked(&statement, Some(blob)).await;
                let place = |row: &Row| -> Option<(i64, i64)> { Some((row.try_get(0).ok()?, row.try_get(1).ok()?)) };
                self.layout.extend(rows.iter().filter_map(place));
                if whole {
                    return;
                }
            }
        }
    }

    /// The next bytes of the blob from a place on; empty where none can be read there, also where the blob ends.
    pub async fn read(&mut self, at: i64) -> Vec<u8> {
        let Some((start, piece)) = self.layout.range(..=at).next_back().map(|(start, piece)| (*start, *piece)) else {
            return Vec::new();
        };
        let from = usize::try_from(at - start).unwrap_or(usize::MAX);
        self.piece(piece).await.get(from..).unwrap_or(&[]).to_vec()
    }

    /// The place behind a damaged one from which on bytes can be read again, before the end of the blob.
    pub async fn behind_damage(&mut self, at: i64, size: i64) -> i64 {
        let next: Vec<(i64, i64)> = self.layout.range(at + 1..).map(|(start, piece)| (*start, *piece)).collect();
        for (start, piece) in next {
            if start >= size || !self.piece(piece).await.is_empty() {
                return start.min(size);
            }
        }
        size
    }

    /// The bytes of a piece; none where it cannot be read whole.
    async fn piece(&mut self, piece: i64) -> &[u8] {
        if self.held.0 != piece {
            let statement = "SELECT digest, size, codec, bytes FROM pieces WHERE piece = $1";
            let rows = match &self.store {
                Some(store) => store.walked(statement, Some(piece)).await.0,
                None => Vec::new(),
            };
            let bytes = rows.first().and_then(piece_of).or_else(|| self.piece_past_indexes(piece));
            self.held = (piece, bytes.unwrap_or_else(Vec::new));
        }
        &self.held.1
    }

    /// The bytes of a piece that the database does not find.
    fn piece_past_indexes(&mut self, piece: i64) -> Option<Vec<u8>> {
        let leaves = self.leaves.as_ref()?;
        let places = self.pieces.get_or_insert_with(|| leaves.rows(&PIECES));
        let cells = leaves.read(*places.get(&piece)?)?;
        let [_, Cell::Bytes(said), Cell::Number(size), Cell::Number(codec), Cell::Bytes(bytes)] = &cells[..] else {
            return None;
        };
        sound(said, *size, *codec, bytes)
    }
}

fn piece_of(row: &Row) -> Option<Vec<u8>> {
    let (said, bytes): (Vec<u8>, Vec<u8>) = (row.try_get(0).ok()?, row.try_get(3).ok()?);
    sound(&said, row.try_get(1).ok()?, row.try_get(2).ok()?, &bytes)
}

/// Unpacked bytes that are what they hash to.
fn sound(said: &[u8], size: i64, codec: i64, bytes: &[u8]) -> Option<Vec<u8>> {
    if size > LONGEST {
        return None;
    }
    let plain = unpack(codec, size, bytes.to_vec()).ok()?;
    (digest(&plain).as_slice() == said).then_some(plain)
}

fn note_of(row: &Row) -> Result<Annotation> {
    let marked: i64 = row.try_get(2)?;
    let (session, item) = (row.try_get(0)?, row.try_get(1)?);
    Ok(Annotation { session, row: item, marked: marked != 0, note: row.try_get(3)? })
}

/// A source as it stands on a leaf: what saving it needs.
fn source_in(number: i64, cells: &[Cell]) -> Option<Source> {
    let word = |at: usize| match cells.get(at) {
        Some(Cell::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let count = |at: usize| match cells.get(at) {
        Some(Cell::Number(number)) => Some(*number),
        _ => None,
    };
    Some(Source {
        number,
        path: word(1)?,
        revision: count(2)?,
        importer: word(3)?,
        size: count(4)?,
        consumed: count(8)?,
        blob: count(9)?,
        ..Source::default()
    })
}
