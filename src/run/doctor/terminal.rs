//! What the terminal is and can do: what the environment says of it, and what it answers when it is asked.

use std::io::{IsTerminal, stderr, stdin, stdout};

use super::Finding;
use super::probe::{Answers, ask};
use crate::ui::theme::Depth;

/// The narrowest screen that shows all it has to.
const NARROW: (u16, u16) = (20, 4);

pub fn findings(probing: bool) -> Vec<Finding> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let ends =
        [("stdin", stdin().is_terminal()), ("stdout", stdout().is_terminal()), ("stderr", stderr().is_terminal())];
    let missing: Vec<&str> = ends.iter().filter(|(_, is)| !is).map(|(name, _)| *name).collect();
    let mut findings = vec![kind(&missing, variable("TERM").as_deref())];
    if !missing.contains(&"stdout") {
        findings.push(size());
    }
    findings.push(colours(&variable));
    findings.push(letters(&variable));
    if let Some(through) = multiplexer(&variable) {
        findings.push(through);
    }
    if probing && !missing.contains(&"stdin") && variable("TERM").as_deref() != Some("dumb") {
        findings.extend(answers(ask(), variable("TMUX").is_some()));
    }
    findings
}

fn kind(missing: &[&str], term: Option<&str>) -> Finding {
    let check = "terminal";
    if missing.contains(&"stdin") || missing.contains(&"stdout") {
        let found = format!(
            "{} no terminal",
            if missing.len() == 1 { format!("{} is", missing[0]) } else { format!("{} are", missing.join(", ")) }
        );
        return Finding::warn(check, found, "run doctor without a pipe to see what the screen will have");
    }
    match term {
        None => Finding::fail(check, "TERM is not set", "set TERM, to xterm-256color where nothing better is known"),
        Some("dumb") => Finding::fail(
            check,
            "TERM=dumb has no cursor that can be moved",
            "use another terminal for the screen; tables work",
        ),
        Some(term) => Finding::ok(check, format!("TERM={term}")),
    }
}

fn size() -> Finding {
    let check = "size";
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns < NARROW.0 || rows < NARROW.1 => {
            Finding::warn(check, format!("{columns}x{rows}"), format!("make it at least {}x{}", NARROW.0, NARROW.1))
        }
        Ok((columns, rows)) => Finding::ok(check, format!("{columns}x{rows}")),
        Err(error) => Finding::warn(check, format!("not known: {error}"), "tables are laid out for 80 columns"),
    }
}

fn colours(variable: &dyn Fn(&str) -> Option<String>) -> Finding {
    let check = "colors";
    match Depth::detect(None, variable) {
        Depth::True => Finding::ok(check, "16 million"),
        Depth::Ansi256 => Finding::ok(check, "256"),
        Depth::Ansi16 => Finding::warn(check, "16", "where the terminal has more, set COLORTERM=truecolor"),
        Depth::None if variable("NO_COLOR").is_some() => Finding::ok(check, "none, as NO_COLOR asks"),
        Depth::None => Finding::warn(check, "none", "set TERM to that of the terminal"),
    }
}

fn letters(variable: &dyn Fn(&str) -> Option<String>) -> Finding {
    let check = "letters";
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable);
    match locale {
        None => Finding::ok(check, "no locale is set; UTF-8 is taken for granted"),
        Some(locale) if locale.to_ascii_lowercase().replace('-', "").contains("utf8") => Finding::ok(check, locale),
        Some(locale) => {
            Finding::warn(check, format!("{locale} is not UTF-8: the screen draws with ASCII"), "set LC_ALL=C.UTF-8")
        }
    }
}

fn multiplexer(variable: &dyn Fn(&str) -> Option<String>) -> Option<Finding> {
    let check = "multiplexer";
    if variable("TMUX").is_some() {
        return Some(Finding::ok(check, "tmux"));
    }
    variable("STY")
        .map(|_| Finding::warn(check, "screen", "copying (y) reaches the clipboard only where screen passes OSC 52 on"))
}

fn answers(answers: Option<Answers>, tmux: bool) -> Vec<Finding> {
    let Some(answers) = answers else {
        let advice = "turnscope works all the same; a line that is slow can be tried again";
        return vec![Finding::warn("answers", "the terminal answers no questions", advice)];
    };
    let synchronized = match answers.synchronized {
        Some(true) => Finding::ok("synchronized output", "yes"),
        _ => Finding::warn("synchronized output", "no", "a large change may flicker; nothing else depends on it"),
    };
    let clipboard = if answers.clipboard {
        Finding::ok("clipboard", "the terminal says that it takes OSC 52")
    } else if tmux {
        let advice = "put `set -s set-clipboard on` into tmux.conf, and allow OSC 52 in the terminal around it";
        Finding::warn("clipboard", "tmux decides whether OSC 52 is passed on", advice)
    } else {
        let advice = "try `yi` on a session and paste; where nothing comes, allow OSC 52 in the terminal's settings";
        Finding::warn("clipboard", "the terminal does not say whether it takes OSC 52", advice)
    };
    let widths = answers.widths.iter().filter(|(_, wanted, found)| wanted != found);
    let wrong: Vec<String> =
        widths.map(|(name, wanted, found)| format!("{name} takes {found} columns instead of {wanted}")).collect();
    let width = match (answers.widths.is_empty(), wrong.is_empty()) {
        (true, _) => Finding::warn(
            "character widths",
            "the terminal does not say where its cursor is",
            "columns may be off behind wide characters",
        ),
        (_, true) => Finding::ok("character widths", "as Unicode says"),
        _ => Finding::warn(
            "character widths",
            wrong.join(", "),
            "columns may be off behind such characters; a newer terminal, or another font setting, mends it",
        ),
    };
    vec![synchronized, clipboard, width]
}
