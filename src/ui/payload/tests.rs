//! The view as a whole: what holds for any bytes at any size of the screen.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use ratatui::style::Modifier;
use ratatui::text::Line;

use super::{Hint, Mode, Options, Part, Payload, View, pattern};
use crate::domain::{is_unsafe, passes_in_emoji};
use crate::ui::theme::{Depth, Theme};

fn view_of(bytes: &[u8], mode: Mode, options: Options) -> View {
    let part = Part::whole("part", bytes.to_vec(), Hint::default());
    View::new(Payload { parts: vec![part] }, mode, options)
}

fn pretty(text: &str) -> View {
    view_of(text.as_bytes(), Mode::Pretty, Options::default())
}

fn shown(view: &mut View, width: u16) -> Vec<String> {
    let rows = view.draw(0, 500, width, &Theme::dark());
    rows.iter().map(Line::to_string).collect()
}

fn check(rows: &[Line<'_>], height: u16, width: u16) {
    assert!(rows.len() <= height.into());
    for row in rows {
        assert!(row.width() <= width.into(), "{} > {width}: {row:?}", row.width());
        let text = row.to_string();
        let mut before = None;
        let mut rest = text.chars().peekable();
        while let Some(character) = rest.next() {
            let passes = !is_unsafe(character) || passes_in_emoji(before, character, rest.peek().copied());
            assert!(passes, "{character:?} in {text:?}");
            before = Some(character);
        }
    }
}

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "\\u",
    "\\ud83d",
    "\\n",
    "\n",
    "\r\n",
    "\t",
    "\u{1b}[31m",
    "\u{1b}]52;c;aGk=\u{7}",
    "\u{9b}2J",
    "\u{202e}",
    "\u{200d}",
    "\u{fe0f}",
    "👩\u{200d}💻",
    "日本",
    "1.5",
    "true",
    "\"key\":",
    "{\"a\":[1,2,3],\"b\":\"x\\ny\"}",
    "\"{\\\"a\\\":[{}]}\"",
    "```rust\nfn main() {}\n```\n",
    "# Title\n",
    "@@ -1 +1 @@\n",
    "e\u{301}\u{301}",
    "\u{1100}\u{1100}",
    "\u{ff9e}",
    " ",
    "word word ",
];

/// Bytes as sessions have them, with what goes wrong in them.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        any::<Vec<u8>>(),
        any::<String>().prop_map(String::into_bytes),
        any::<String>().prop_map(|text| serde_json::to_vec(&text).expect("serializes")),
        proptest::sample::select(PIECES).prop_map(|text| text.as_bytes().to_vec()),
        Just(b"{\"long\":\"".iter().copied().chain(std::iter::repeat_n(b'a', 300)).chain(*b"\"}").collect()),
    ];
    proptest::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
}

fn modes() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Pretty), Just(Mode::Raw), Just(Mode::Hex)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_at_any_size_are_safe(
        bytes in bodies(), mode in modes(), wrap: bool, colours: bool, two: bool,
        width in 0u16..200, height in 0u16..50, at in 0usize..60, aside in 0usize..80,
    ) {
        let options = Options { wrap, colours, ascii: false };
        let mut parts = vec![Part::whole("a\u{202e}\u{1b}", bytes.clone(), Hint::default())];
        if two {
            parts.push(Part { from: 7, size: 1 << 33, ..Part::whole("window", bytes, Hint::default()) });
        }
        let mut view = View::new(Payload { parts }, mode, options);
        let theme = Theme::dark().for_depth(if two { Depth::Ansi16 } else { Depth::True });
        let rows = view.rows(width);
        view.set_aside(aside);
        view.set_cursor(Some(view.line_of(at)));
        let first = at % rows.max(1);
        check(&view.draw(first, height, width, &theme), height, width);
        view.toggle(view.line_of(at));
        check(&view.draw(first, height, width, &theme), height, width);
        let hits = view.find(&pattern("a").expect("valid"));
        if let Some(hit) = hits.last() {
            view.reveal(hit.line);
        }
        view.set_hits(hits, Some(0));
        view.fold(view.line_of(at / 2));
        check(&view.draw(first / 2, height, width.max(1), &theme), height, width.max(1));
        let line = view.line_of(first);
        view.path(line);
        view.value(line);
        view.text_of(0..view.lines());
    }

    #[test]
    fn rows_and_lines_lead_to_each_other(bytes in bodies(), mode in modes(), wrap: bool, width in 1u16..60, fold in 0usize..30) {
        let mut view = view_of(&bytes, mode, Options { wrap, ..Options::default() });
        view.rows(width);
        view.toggle(fold % view.lines());
        let rows = view.rows(width);
        for row in 0..rows.min(40) {
            let line = view.line_of(row);
            let start = view.row_of(line);
            assert!(start <= row);
            assert_eq!(view.line_of(start), line);
            assert_eq!(view.draw(row, 2, width, &Theme::dark()).len(), 2.min(rows - row));
        }
        let all = view.draw(0, 200, width, &Theme::dark());
        for (row, drawn) in all.iter().enumerate().take(20) {
            assert_eq!(drawn.to_string(), view.draw(row, 1, width, &Theme::dark())[0].to_string(), "row {row}");
        }
    }

    #[test]
    fn raw_text_can_be_read_back(bytes in any::<Vec<u8>>()) {
        let bytes: Vec<u8> = bytes.into_iter().filter(|byte| !b"^<\n\r\t".contains(byte)).collect();
        let mut view = view_of(&bytes, Mode::Raw, Options::default());
        if !bytes.is_empty() {
            assert_eq!(read_back(&shown(&mut view, 60_000).concat()), bytes);
        }
    }

    #[test]
    fn the_hex_view_has_every_byte(bytes in proptest::collection::vec(any::<u8>(), 1..200), width in 15u16..120) {
        let mut view = view_of(&bytes, Mode::Hex, Options::default());
        let count = super::hex::bytes_per_row(width.into());
        let hex: String = shown(&mut view, width)
            .iter()
            .map(|row| row[10..10 + 3 * count - 1].replace(' ', ""))
            .collect();
        assert_eq!(hex, hex::encode(bytes));
    }

    #[test]
    fn another_mode_has_the_same_bytes(bytes in bodies()) {
        let view = view_of(&bytes, Mode::Pretty, Options::default());
        let payload = view.with_mode(Mode::Hex).document.into_payload();
        assert_eq!(payload.parts[0].bytes, bytes);
    }
}

/// Marks turned into the bytes that they stand for.
fn read_back(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let mark = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        match (first, mark) {
            ('^', _) => {
                bytes.push(rest.as_bytes()[1] ^ 0x40);
                rest = &rest[2..];
            }
            ('<', Some((mark, after))) => {
                match mark.strip_prefix("U+") {
                    Some(code) => {
                        let code = u32::from_str_radix(code, 16).expect("a code");
                        match char::from_u32(code) {
                            Some(character) => bytes.extend(character.to_string().bytes()),
                            None => bytes.extend([0xED, 0x80 | (code >> 6 & 0x3F) as u8, 0x80 | (code & 0x3F) as u8]),
                        }
                    }
                    None => bytes.push(u8::from_str_radix(mark, 16).expect("a byte")),
                }
                rest = after;
            }
            _ => {
                bytes.extend_from_slice(&rest.as_bytes()[..first.len_utf8()]);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    bytes
}

#[test]
fn a_view_may_be_prepared_on_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<View>();
}

#[test]
fn strings_stand_below_their_keys_with_a_rule() {
    let mut view = pretty(r#"{"input":{"command":"cd /tmp\nls","n":1}}"#);
    assert_eq!(
        shown(&mut view, 40),
        [
            "{",
            "  \"input\": {",
            "    \"command\": 2 lines of text",
            "    │ cd /tmp",
            "    │ ls",
            "    \"n\": 1",
            "  }",
            "}",
        ]
    );
    assert_eq!(view.path(3), "input.command");
    assert_eq!(view.value(3), b"cd /tmp\nls");
    assert_eq!(view.parent(3), Some(2));
    assert_eq!(view.parent(2), Some(1));
    assert_eq!(view.parent(6), Some(1));
    assert_eq!(view.parent(0), None);
}

#[test]
fn folding_hides_and_jumping_unfolds() {
    let mut view = pretty(r#"{"a":{"b":"x\ny"},"c":2}"#);
    let all = view.rows(40);
    assert_eq!(view.fold(3), 2);
    assert_eq!(shown(&mut view, 40)[2], "    \"b\": \"x…\" 2 lines");
    assert_eq!(view.fold(2), 1);
    assert_eq!(shown(&mut view, 40), ["{", "  \"a\": {…} 1 key,", "  \"c\": 2", "}"]);
    assert_eq!((view.row_of(3), view.line_of(2)), (1, 6));
    assert_eq!((view.step(1, 1), view.step(6, -1), view.step(6, -9), view.step(0, 99)), (6, 1, 0, 7));
    let hits = view.find(&pattern("y").expect("valid"));
    assert_eq!(hits[0].line, 4);
    view.reveal(hits[0].line);
    assert_eq!(view.rows(40), all);
    view.fold_all();
    assert_eq!(shown(&mut view, 40).len(), 4);
    view.fold_level(0);
    assert_eq!(shown(&mut view, 40), ["{…} 2 keys"]);
    view.unfold_all();
    assert_eq!(view.rows(40), all);
    let line = view.toggle(1);
    assert!(view.is_folded(line));
}

#[test]
fn parts_have_titles_that_fold() {
    let part = |title: &str| Part::whole(title, b"one\ntwo".to_vec(), Hint::default());
    let mut view = View::new(Payload { parts: vec![part("system"), part("user")] }, Mode::Pretty, Options::default());
    view.toggle(1);
    assert_eq!(shown(&mut view, 40), ["system  7 B, 2 lines", "user  7 B", "one", "two"]);
    assert_eq!(view.path(5), "");
}

#[test]
fn broken_json_stays_laid_out_as_far_as_it_is_good() {
    let mut view = pretty("{\"a\":1,\"b\":[{\"c\":2},!,\"d\"]}");
    let rows = shown(&mut view, 80);
    assert_eq!(rows[1], "  \"a\": 1,");
    assert_eq!(view.notice(), Some("expected a value, found `!` at byte 20; the rest as text"));
    assert_eq!(rows.last().map(String::as_str), Some("!,\"d\"]}"));
    let mut cut = pretty("{\"content\":\"first\\nseco");
    assert_eq!(shown(&mut cut, 80)[2..4], ["  │ first", "  │ seco"]);
    assert_eq!(cut.notice(), Some("the text ends inside a string at byte 23"));
    assert_eq!(pretty("[INFO] started").notice(), None);
    assert_eq!(pretty("[1] A citation").notice(), None);
}

#[test]
fn a_window_of_a_long_body_says_so() {
    let bytes = b"{\"a\":1}".to_vec();
    let part = Part { title: String::new(), size: 98_200_000, bytes, from: 0x1000, hint: Hint::default() };
    let several = Payload { parts: vec![part.clone(), part.clone()] };
    let view = View::new(several, Mode::Pretty, Options::default());
    assert_eq!(view.notice(), Some("98.2 MB: the first part, raw; show --part gives it whole"));
    let payload = Payload { parts: vec![part] };
    let mut view = View::new(payload, Mode::Pretty, Options::default());
    assert_eq!(view.notice(), Some("98.2 MB: raw view; pretty stops at 8 MiB"));
    assert_eq!(shown(&mut view, 60)[1], "{\"a\":1}");
    let mut view = view.with_mode(Mode::Hex);
    assert!(shown(&mut view, 80)[1].starts_with("00001000  7b 22 61"));
}

#[test]
fn hits_marks_and_the_cursor_are_styled_apart() {
    let mut view = view_of(b"abc\x1bdef\nghi", Mode::Raw, Options::default());
    let theme = Theme::dark();
    view.set_hits(view.find(&pattern("b").expect("valid")), Some(0));
    view.set_cursor(Some(1));
    let rows = view.draw(0, 9, 20, &theme);
    assert_eq!(rows[0].spans[1].style.bg, theme.current_hit.bg);
    let mark = rows[0].spans.iter().find(|span| span.content == "^[").expect("a mark");
    assert!(mark.style.add_modifier.contains(Modifier::REVERSED));
    assert_eq!(rows[1].width(), 20);
    assert_eq!(rows[1].spans[0].style.bg, theme.cursor.bg);
}

#[test]
fn lines_scroll_sideways_by_columns() {
    let options = Options { wrap: false, ..Options::default() };
    let mut view = view_of("abcdef\n日本語\n\tx".as_bytes(), Mode::Raw, options);
    view.set_aside(3);
    assert_eq!(shown(&mut view, 10), ["def", " 語", " x"]);
}

#[test]
fn colours_are_interpreted_on_request_only() {
    let text = b"\x1b[31mred\x1b[0m \x1b[2J";
    let mut view = view_of(text, Mode::Raw, Options::default());
    assert_eq!(shown(&mut view, 80), ["^[[31mred^[[0m ^[[2J"]);
    view.set_options(Options { colours: true, ..Options::default() });
    assert_eq!(shown(&mut view, 80), ["red ^[[2J"]);
    let rows = view.draw(0, 1, 80, &Theme::dark());
    assert_eq!(rows[0].spans[0].style.fg, Some(ratatui::style::Color::Red));
}

#[test]
fn code_is_coloured_alike_however_one_comes_to_it() {
    let code: String = (0..400).map(|line| format!("fn f{line}() -> u32 {{ /* {line} */ {line} }}\n")).collect();
    let hint = Hint { file_name: Some("x.rs".to_owned()), ..Hint::default() };
    let part = Part::whole("", code.into_bytes(), hint);
    let payload = Payload { parts: vec![part] };
    let mut walked = View::new(payload.clone(), Mode::Raw, Options::default());
    let theme = Theme::dark();
    for row in 0..350 {
        walked.draw(row, 1, 80, &theme);
    }
    let mut jumped = View::new(payload, Mode::Raw, Options::default());
    let rows = jumped.draw(340, 5, 80, &theme);
    assert!(rows[0].spans.len() > 4, "{rows:?}");
    assert_eq!(rows, walked.draw(340, 5, 80, &theme));
}

#[test]
fn the_middle_of_one_long_line_of_json_is_coloured() {
    let text = format!("[{}]", "{\"key\":\"val\",\"n\":1},".repeat(20_000));
    let mut view = view_of(text.as_bytes(), Mode::Raw, Options::default());
    let theme = Theme::dark();
    let rows = view.rows(100);
    let styled = view.draw(rows / 2, 1, 100, &theme);
    for span in &styled[0].spans {
        if span.content.contains("val") {
            assert_eq!(span.style.fg, theme.json_string.fg);
        }
    }
    assert!(styled[0].spans.iter().any(|span| span.style.fg == theme.json_key.fg));
}
