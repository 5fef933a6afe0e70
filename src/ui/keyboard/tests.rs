//! Whatever comes, and in however many parts: keys are heard, replies are not.

use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

use super::*;

/// What is heard when these parts come, so many milliseconds apart, and then nothing for long.
fn hear(parts: &[&[u8]], apart: u64) -> Vec<Heard> {
    let (mut keyboard, mut now) = (Keyboard::default(), Instant::now());
    let mut heard = Vec::new();
    for part in parts {
        heard.extend(keyboard.feed(part, now));
        now += Duration::from_millis(apart);
    }
    heard.extend(keyboard.expire(now + REPLY_APART));
    assert_eq!(keyboard.deadline(), None);
    heard
}

fn at_once(text: &str) -> Vec<Heard> {
    hear(&[text.as_bytes()], 0)
}

fn typed(text: &str) -> Vec<Heard> {
    text.chars().map(|letter| plain(KeyCode::Char(letter))).collect()
}

const REPLIES: [&str; 14] = [
    "\x1b]10;rgb:cdcd/d6d6/f4f4\x1b\\",
    "\x1b]4;1;rgb:f3f3/8b8b/a8a8\x07",
    "\x1b]52;c;cm0gLXJmIC8K:quit\x1b\\",
    "\x1bP>|XTerm(379)\x1b\\",
    "\x1bP1+r524742=38\x1b\\",
    "\x1b_Gi=31;OK\x1b\\",
    "\x1b^:quit\x1b\\",
    "\x1b[?2026;2$y",
    "\x1b[>41;379;0c",
    "\x1b[?62;22c",
    "\x1b[24;80R",
    "\x1b[8;24;80t",
    "\x1b[I",
    "\x1b[?1u",
];

#[test]
fn replies_never_act_as_keys_and_keys_around_them_stay() {
    for reply in REPLIES {
        assert_eq!(at_once(&format!("j{reply}k")), typed("jk"), "{reply:?}");
    }
}

#[test]
fn a_reply_may_come_in_two_parts_half_a_second_apart() {
    let strings = REPLIES.iter().filter(|reply| reply.starts_with("\x1b]") || reply.starts_with("\x1bP"));
    let reports = REPLIES.iter().filter(|reply| reply.starts_with("\x1b["));
    for (reply, from) in strings.map(|reply| (reply, 2)).chain(reports.map(|reply| (reply, 3))) {
        for at in from..reply.len() {
            let parts = [&reply.as_bytes()[..at], &reply.as_bytes()[at..], b"k"];
            assert_eq!(hear(&parts, 500), typed("k"), "{reply:?} at {at}");
        }
    }
}

#[test]
fn the_background_is_told_by_its_reply() {
    for (colour, shade) in [("1e1e/1E1E/2e2e", Shade::Dark), ("ff/ff/f0", Shade::Light)] {
        for end in ["\x07", "\x1b\\"] {
            let expected = [typed("j"), vec![Heard::Background(shade)], typed("k")].concat();
            assert_eq!(at_once(&format!("j\x1b]11;rgb:{colour}{end}k")), expected);
        }
    }
    assert_eq!(at_once("\x1b]11;rgb:zz/0/0\x07"), []);
}

#[test]
fn keys_have_their_names_whatever_form_they_come_in() {
    let with = |code, modifiers| vec![Heard::Key(KeyEvent::new(code, modifiers))];
    for (text, code) in [
        ("\x1b[A", KeyCode::Up),
        ("\x1bOB", KeyCode::Down),
        ("\x1b[6~", KeyCode::PageDown),
        ("\x1b[1~", KeyCode::Home),
        ("\x1b[3~", KeyCode::Delete),
        ("\x1bOP", KeyCode::F(1)),
        ("\x1b[[C", KeyCode::F(3)),
        ("\x1b[15~", KeyCode::F(5)),
        ("\x1b[24~", KeyCode::F(12)),
        ("\r", KeyCode::Enter),
        ("\x7f", KeyCode::Backspace),
        ("ż", KeyCode::Char('ż')),
        ("日", KeyCode::Char('日')),
    ] {
        assert_eq!(at_once(text), with(code, KeyModifiers::NONE), "{text:?}");
    }
    assert_eq!(at_once("\x1b[1;5C"), with(KeyCode::Right, KeyModifiers::CONTROL));
    assert_eq!(at_once("\x1b[Z"), with(KeyCode::BackTab, KeyModifiers::SHIFT));
    assert_eq!(at_once("\x1bx"), with(KeyCode::Char('x'), KeyModifiers::ALT));
    assert_eq!(at_once("\x1b]"), with(KeyCode::Char(']'), KeyModifiers::ALT));
    assert_eq!(at_once("\x04"), with(KeyCode::Char('d'), KeyModifiers::CONTROL));
    assert_eq!(at_once("\x1b[97;5u"), with(KeyCode::Char('a'), KeyModifiers::CONTROL));
    assert_eq!(at_once("\x1b[<65;10;5M"), [Heard::Wheel { down: true }]);
    assert_eq!(at_once("\x1b[<0;10;5M\x1b[<0;10;5m\x1b[M !!j"), typed("j"));
}

#[test]
fn a_split_arrow_key_stays_an_arrow_key() {
    for parts in [["\x1b", "[A"], ["\x1b[", "A"]] {
        assert_eq!(hear(&parts.map(str::as_bytes), 30), [plain(KeyCode::Up)]);
    }
    assert_eq!(hear(&["\x1b[1;".as_bytes(), b"5C"], 200).len(), 1);
}

#[test]
fn a_letter_may_come_in_two_parts_half_a_second_apart() {
    assert_eq!(hear(&[b"\xe2", b"\x9d\x96"], 500), typed("❖"));
}

#[test]
fn a_lone_esc_comes_late_and_keys_behind_it_in_order() {
    let expected = [vec![plain(KeyCode::Esc)], typed("jk")].concat();
    assert_eq!(hear(&[b"\x1b", b"j", b"k"], 30), expected);
    let (mut keyboard, now) = (Keyboard::default(), Instant::now());
    assert_eq!(keyboard.feed(b"\x1b", now), []);
    assert_eq!(keyboard.expire(now), []);
    assert_eq!(keyboard.expire(now + HELD), [plain(KeyCode::Esc)]);
    assert_eq!(at_once("\x1b\x1b"), [plain(KeyCode::Esc), plain(KeyCode::Esc)]);
}

#[test]
fn a_paste_never_becomes_commands_even_in_parts() {
    let pasted = [Heard::Pasted(":quit\x1b[A\r".to_owned())];
    assert_eq!(at_once("\x1b[200~:quit\x1b[A\r\x1b[201~"), pasted);
    assert_eq!(hear(&[b"\x1b[200~:qu", b"it\x1b[A\r\x1b[20", b"1~"], 200), pasted);
}

#[test]
fn a_reply_that_never_ends_makes_nobody_deaf() {
    assert_eq!(hear(&[b"\x1b]11;rgb:", b"\x1b[A"], 10), [plain(KeyCode::Up)]);
    assert_eq!(hear(&[b"\x1bP1$r", b"\x03"], 10), [Heard::Key(ascii(3))]);
    let (mut keyboard, now) = (Keyboard::default(), Instant::now());
    assert_eq!(keyboard.feed(b"\x1b]52;c;", now), []);
    assert_eq!(keyboard.feed(b"j", now + REPLY_APART), typed("j"));
}

proptest! {
    #[test]
    fn nothing_makes_it_deaf(bytes in prop::collection::vec(any::<u8>(), 0..200), parts in 1usize..9) {
        let (mut keyboard, mut now) = (Keyboard::default(), Instant::now());
        for part in bytes.chunks(parts) {
            keyboard.feed(part, now);
        }
        now += REPLY_APART;
        keyboard.expire(now);
        prop_assert!(keyboard.deadline().is_none());
        prop_assert_eq!(keyboard.feed(b"j", now), typed("j"));
    }
}
