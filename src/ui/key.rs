//! Names of keys: what the terminal reports, in the spelling of the key table.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// One key press by its name: `j`, `G`, `^D`, `Enter`, `Space`, `PgDn`, `↓`, `Alt-x`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key(pub String);

impl Key {
    /// The name of a press; `None` for releases and for keys that no table can name.
    pub fn of(event: &KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let name = match event.code {
            // Some terminals send ^H for Backspace; nothing may be bound on it.
            KeyCode::Char('h') if control => "Backspace".to_owned(),
            // An Enter typed ahead, before the terminal was ours, was made a line feed on its way.
            KeyCode::Char('j') if control => "Enter".to_owned(),
            KeyCode::Char(letter) if control => format!("^{}", letter.to_uppercase()),
            KeyCode::Char(' ') => "Space".to_owned(),
            // Shift is part of the character, and only some terminals report it besides.
            KeyCode::Char(letter) => letter.to_string(),
            KeyCode::F(number) => format!("F{number}"),
            code => special(code)?.to_owned(),
        };
        let alt = event.modifiers.contains(KeyModifiers::ALT);
        Some(Self(if alt { format!("Alt-{name}") } else { name }))
    }

    /// The character that the key types into a prompt.
    pub fn typed(&self) -> Option<char> {
        if self.0 == "Space" {
            return Some(' ');
        }
        let mut characters = self.0.chars();
        match (characters.next(), characters.next()) {
            (Some(only), None) if !ARROWS.contains(&only) => Some(only),
            _ => None,
        }
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}

const ARROWS: [char; 4] = ['↑', '↓', '←', '→'];

fn special(code: KeyCode) -> Option<&'static str> {
    Some(match code {
        KeyCode::Enter => "Enter",
        KeyCode::Esc => "Esc",
        KeyCode::Tab => "Tab",
        KeyCode::BackTab => "S-Tab",
        KeyCode::Backspace => "Backspace",
        KeyCode::Delete => "Del",
        KeyCode::Up => "↑",
        KeyCode::Down => "↓",
        KeyCode::Left => "←",
        KeyCode::Right => "→",
        KeyCode::Home => "Home",
        KeyCode::End => "End",
        KeyCode::PageUp => "PgUp",
        KeyCode::PageDown => "PgDn",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(code: KeyCode, modifiers: KeyModifiers) -> String {
        Key::of(&KeyEvent::new(code, modifiers)).expect("has a name").0
    }

    #[test]
    fn a_capital_letter_is_the_same_with_and_without_shift() {
        assert_eq!(name(KeyCode::Char('G'), KeyModifiers::SHIFT), "G");
        assert_eq!(name(KeyCode::Char('G'), KeyModifiers::NONE), "G");
    }

    #[test]
    fn control_alt_and_named_keys_have_names() {
        assert_eq!(name(KeyCode::Char('d'), KeyModifiers::CONTROL), "^D");
        assert_eq!(name(KeyCode::Char('h'), KeyModifiers::CONTROL), "Backspace");
        assert_eq!(name(KeyCode::Char(']'), KeyModifiers::ALT), "Alt-]");
        assert_eq!(name(KeyCode::BackTab, KeyModifiers::SHIFT), "S-Tab");
        assert_eq!(name(KeyCode::F(1), KeyModifiers::NONE), "F1");
    }

    #[test]
    fn only_single_characters_type() {
        assert_eq!(Key("Space".to_owned()).typed(), Some(' '));
        assert_eq!(Key("ż".to_owned()).typed(), Some('ż'));
        assert_eq!(Key("^D".to_owned()).typed(), None);
        assert_eq!(Key("↓".to_owned()).typed(), None);
    }
}
