//! Pictures of screens: the text, and below it a letter for the style of every cell.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Modifier, Style};

use super::bench::{Bench, text_of};

/// The text of a screen and the map of its styles, with a legend.
fn picture(buffer: &Buffer) -> String {
    let mut styles: Vec<Style> = vec![Cell::default().style()];
    let mut map = String::new();
    for line in buffer.content.chunks(usize::from(buffer.area.width.max(1))) {
        let letters: String = line.iter().map(|cell| letter(cell, &mut styles)).collect();
        map.push_str(letters.trim_end());
        map.push('\n');
    }
    let mut legend = String::new();
    for (index, style) in styles.iter().enumerate().skip(1) {
        writeln!(legend, "{} {}", letter_of(index), words(*style)).expect("a string takes it");
    }
    format!("{}\n\n{map}\n{legend}", text_of(buffer))
}

fn letter(cell: &Cell, styles: &mut Vec<Style>) -> char {
    let style = cell.style();
    let index = styles.iter().position(|known| *known == style).unwrap_or_else(|| {
        styles.push(style);
        styles.len() - 1
    });
    letter_of(index)
}

/// A space for the plain style, then letters.
fn letter_of(index: usize) -> char {
    " abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".chars().nth(index).unwrap_or('#')
}

fn words(style: Style) -> String {
    let modifiers: Vec<&str> = style.add_modifier.iter_names().map(|(name, _): (&str, Modifier)| name).collect();
    let color = |color: Option<ratatui::style::Color>| color.map_or_else(|| "-".to_owned(), |color| color.to_string());
    format!("{} on {} {}", color(style.fg), color(style.bg), modifiers.join(" ")).trim_end().to_owned()
}

async fn shown(columns: u16, rows: u16, names: &str) -> String {
    let mut bench = Bench::new(columns, rows).await;
    bench.press(names).await;
    picture(&bench.draw())
}

macro_rules! pictures {
    ($($name:ident: $keys:expr;)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                let (small, large) = (shown(80, 24, $keys).await, shown(120, 40, $keys).await);
                insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false}, {
                    insta::assert_snapshot!(concat!(stringify!($name), "_80x24"), small);
                    insta::assert_snapshot!(concat!(stringify!($name), "_120x40"), large);
                });
            }
        )+
    };
}

pictures! {
    sessions: "j";
    timeline: "e Enter e Space v j";
    event_summary: "e Enter e Enter";
    event_input: "e Enter e Enter g 2 j j";
    event_joins: "e Enter e Enter g 8";
    usage: "e Enter u";
    changes: "e Enter j j m j j D";
    help: "e Enter ? t a b";
    palette: "e Enter : g o";
    which_key: "e Enter ]";
    waterfall: "e Enter p d";
    tree: "e Enter p T d j z c";
    playback: "e Enter p d P 4 G";
    groups: "# a";
    lens: "e Enter e c";
    findings: "e Enter I";
    found: ": f i n d Space l o g i n Enter";
}

#[tokio::test]
async fn hostile_text_reaches_the_screen_only_as_marks() {
    for names in ["e Enter G", "e Enter G Enter", "e Enter G Enter g 9"] {
        let mut bench = Bench::new(120, 40).await;
        bench.press(names).await;
        let buffer = bench.draw();
        for cell in &buffer.content {
            assert!(!cell.symbol().contains(['\u{1b}', '\u{7}', '\u{202e}', '\u{9b}']), "{:?}", cell.symbol());
        }
        let text = text_of(&buffer);
        assert!(text.contains("^[]0;owned") || text.contains("<U+202E>") || text.contains("\\u{1b}"), "{text}");
    }
}
