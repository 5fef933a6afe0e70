//! Long lines scrolled sideways: which byte stands in a column.

use std::collections::HashMap;

use super::cells::cell_at;
use super::compose::Stream;

/// Places are kept every so many bytes.
const STRIDE: usize = 4096;

/// Kept places of the lines that were scrolled through: byte and column.
#[derive(Debug, Default)]
pub(super) struct Sideways {
    lines: HashMap<usize, Vec<(usize, usize)>>,
}

impl Sideways {
    /// The cell that a column falls into: its byte, its column, and how much of it lies before.
    pub(super) fn find(
        &mut self,
        number: usize,
        stream: &Stream<'_>,
        wanted: usize,
        colours: bool,
    ) -> (usize, usize, usize) {
        if stream.clean {
            return (wanted.min(stream.len), wanted, 0);
        }
        let kept = self.lines.entry(number).or_default();
        let after = kept.partition_point(|(_, column)| *column <= wanted);
        let (mut at, mut column) = after.checked_sub(1).map_or((0, 0), |before| kept[before]);
        for piece in &stream.pieces {
            while at >= piece.at && at < piece.at + piece.bytes.len() {
                let cell = cell_at(&piece.bytes, at - piece.at, column, colours);
                if column + cell.width > wanted {
                    return (at, column, wanted - column);
                }
                at += cell.len;
                column += cell.width;
                if at >= kept.last().map_or(0, |(at, _)| *at) + STRIDE {
                    kept.push((at, column));
                }
            }
        }
        (stream.len, column, 0)
    }
}
