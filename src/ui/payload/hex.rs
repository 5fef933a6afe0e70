//! The hex view: offset, bytes and ASCII, as many bytes a row as fit.

use ratatui::style::Style;

use super::document::{HEX_BYTES, Line};
use super::paint::Row;
use crate::ui::theme::Theme;

/// Columns of the offset and of the gaps around the bytes.
const OFFSET: usize = 8;
const GAP: usize = 2;

/// How many bytes a row of that width has room for: 16, 8, 4, 2 or 1.
pub(super) fn bytes_per_row(width: usize) -> usize {
    let fits = |count: &usize| OFFSET + GAP + 3 * count - 1 + GAP + count <= width;
    [HEX_BYTES, 8, 4, 2].into_iter().find(fits).unwrap_or(1)
}

/// Paints one row; `styles` gives the style of a byte's highlighting, by its place in the line.
pub(super) fn paint(
    row: &mut Row,
    line: &Line,
    bytes: &[u8],
    (nth, offset): (usize, u64),
    theme: &Theme,
    styles: &dyn Fn(usize) -> Option<Style>,
) {
    let count = bytes_per_row(row.room());
    let first = nth * count;
    let Some(shown) = bytes.get(first..line.range().len().min(first + count)) else { return };
    row.push(&format!("{:08x}", offset + first as u64), theme.dim);
    row.push("  ", theme.text);
    for place in 0..count {
        let gap = if place == 0 { "" } else { " " };
        row.push(gap, theme.text);
        match shown.get(place) {
            Some(byte) => row.push(&format!("{byte:02x}"), styles(first + place).unwrap_or(style_of(*byte, theme))),
            None => row.push("  ", theme.text),
        }
    }
    row.push("  ", theme.text);
    for (place, byte) in shown.iter().enumerate() {
        let style = styles(first + place).unwrap_or(style_of(*byte, theme));
        let character = if (0x20..0x7F).contains(byte) { char::from(*byte) } else { '.' };
        row.push(character.encode_utf8(&mut [0; 4]), style);
    }
}

fn style_of(byte: u8, theme: &Theme) -> Style {
    match byte {
        0x20..=0x7E => theme.text,
        0 => theme.dim,
        0x80.. => theme.json_string,
        _ => theme.json_number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_screens_get_fewer_bytes_a_row() {
        assert_eq!(bytes_per_row(200), 16);
        assert_eq!(bytes_per_row(75), 16);
        assert_eq!(bytes_per_row(59), 8);
        assert_eq!(bytes_per_row(43), 8);
        assert_eq!(bytes_per_row(42), 4);
        assert_eq!(bytes_per_row(1), 1);
    }
}
