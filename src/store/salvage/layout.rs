//! Where the pieces of blobs lie, told from entries of three numbers alone, of which nobody says in which index they stand.
//!
//! An entry is taken for one of a blob only where a piece with its number begins where the piece before it ends.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::leaves::{At, Cell, Leaves};

/// Candidates for the pieces of blobs: by the blob and the place in it, the numbers of pieces.
#[derive(Debug, Default)]
pub struct Layouts {
    found: HashMap<i64, BTreeMap<i64, Vec<i64>>>,
    /// How many bytes each piece holds.
    sizes: HashMap<i64, i64>,
}

impl Layouts {
    /// Looks through a file for the pieces of some blobs.
    pub fn of(leaves: &Leaves, pieces: &HashMap<i64, At>, blobs: &HashSet<i64>) -> Self {
        let size = |at: &At| match leaves.beginning(*at)?.get(2)? {
            Cell::Number(size) => Some(*size).filter(|size| *size > 0),
            _ => None,
        };
        let sizes = pieces.iter().filter_map(|(piece, at)| Some((*piece, size(at)?))).collect();
        let mut layouts = Self { found: HashMap::new(), sizes };
        leaves.triples(|[one, two, three]| {
            // The table has blob, start and piece; the index over it begins with the piece.
            for (blob, start, piece) in [(one, two, three), (two, three, one)] {
                if blobs.contains(&blob) && start >= 0 && layouts.sizes.contains_key(&piece) {
                    layouts.found.entry(blob).or_default().entry(start).or_default().push(piece);
                }
            }
        });
        layouts
    }

    /// Where the pieces of a blob of so many bytes begin, as far as one leads to the next.
    pub fn chain(&self, blob: i64, size: i64) -> BTreeMap<i64, i64> {
        let mut chain = BTreeMap::new();
        let Some(found) = self.found.get(&blob) else { return chain };
        let end = |start: i64, piece: i64| start.saturating_add(self.sizes.get(&piece).copied().unwrap_or(i64::MAX));
        let leads_on = |start: i64, piece: i64| {
            let end = end(start, piece);
            end == size || found.contains_key(&end)
        };
        let mut at = 0;
        while at < size {
            let here = found.get(&at).into_iter().flatten().copied();
            let next = here.clone().find(|piece| leads_on(at, *piece)).or_else(|| here.clone().next());
            if let Some(piece) = next {
                chain.insert(at, piece);
                at = end(at, piece);
                continue;
            }
            // Behind what is damaged, where an entry is borne out by the next one.
            let behind = found.range(at..).find(|(start, pieces)| pieces.iter().any(|piece| leads_on(**start, *piece)));
            match behind {
                Some((start, _)) => at = *start,
                None => break,
            }
        }
        chain
    }
}
