//! Untrusted text cut and padded to columns: safe first, then measured by grapheme.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::domain::safe;

/// The columns that a text takes on the screen.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Text from data, made safe and cut to a number of columns with `…`.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    // A long label is cut before it is looked at as a whole; one grapheme rarely takes more than 32 bytes.
    let most = columns.saturating_mul(32).saturating_add(64);
    let end = text.char_indices().map(|(start, _)| start).take_while(|start| *start <= most).last().unwrap_or(0);
    let text = if text.len() > most { &text[..end] } else { text };
    clip(&safe(text), columns)
}

/// Safe text cut to a number of columns, `…` where something is missing.
pub(crate) fn clip(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let mut short = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        used += width(grapheme);
        if used > columns - 1 {
            break;
        }
        short.push_str(grapheme);
    }
    short.push('…');
    short
}

/// Safe text cut or padded on the right to exactly that many columns.
pub(crate) fn left(text: &str, columns: usize) -> String {
    let mut shown = clip(text, columns);
    shown.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(&shown))));
    shown
}

/// Safe text cut or padded on the left to exactly that many columns.
pub(crate) fn right(text: &str, columns: usize) -> String {
    let shown = clip(text, columns);
    format!("{}{shown}", " ".repeat(columns.saturating_sub(width(&shown))))
}

/// Safe lines of at most that many columns, broken between words where possible.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        let mut used = 0;
        for word in safe(paragraph).split_word_bounds() {
            let wide = width(word);
            if used + wide > columns && used > 0 {
                lines.push(std::mem::take(&mut line));
                used = 0;
                if word.trim().is_empty() {
                    continue;
                }
            }
            for grapheme in word.graphemes(true) {
                let wide = width(grapheme);
                if used + wide > columns && used > 0 {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push_str(grapheme);
                used += wide;
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_are_never_cut_in_half() {
        assert_eq!(clip("日本語", 4), "日…");
        assert_eq!(left("日本", 5), "日本 ");
        assert_eq!(right("7", 3), "  7");
        assert_eq!(clip("abc", 0), "");
    }

    #[test]
    fn unsafe_text_is_marked_before_it_is_measured() {
        assert_eq!(fit("a\u{1b}b", 10), "a^[b");
        assert_eq!(fit(&"x".repeat(100_000), 3), "xx…");
    }

    #[test]
    fn long_words_are_broken_and_short_ones_kept_whole() {
        assert_eq!(wrap("one two three", 8), ["one two ", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("a\n\nb", 8), ["a", "", "b"]);
    }
}
