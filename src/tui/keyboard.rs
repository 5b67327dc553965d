//! What a terminal tells, in the words of the stage.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::stage::keys::{Code, Held, Key};

/// The key that was pressed.
pub(super) fn key_of(event: KeyEvent) -> Key {
    let has = |modifier| event.modifiers.contains(modifier);
    let held = Held {
        control: has(KeyModifiers::CONTROL),
        alt: has(KeyModifiers::ALT),
        // A terminal's word for Shift-Tab is a key of its own.
        shift: has(KeyModifiers::SHIFT) || event.code == KeyCode::BackTab,
    };
    Key::new(code_of(event.code), held)
}

fn code_of(code: KeyCode) -> Code {
    match code {
        KeyCode::Char(letter) => Code::Char(letter),
        KeyCode::F(number) => Code::F(number),
        KeyCode::Enter => Code::Enter,
        KeyCode::Tab | KeyCode::BackTab => Code::Tab,
        KeyCode::Esc => Code::Esc,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Insert => Code::Insert,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        _ => Code::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_calls_otherwise_is_the_same_key() {
        let key = |code, modifiers| key_of(KeyEvent::new(code, modifiers));
        let shift_tab = "Shift-Tab".parse().unwrap();
        assert_eq!(key(KeyCode::BackTab, KeyModifiers::NONE), shift_tab);
        assert_eq!(key(KeyCode::Tab, KeyModifiers::SHIFT), shift_tab);
        let capital = KeyModifiers::CONTROL | KeyModifiers::SHIFT;
        assert_eq!(key(KeyCode::Char('C'), capital), "Ctrl-C".parse().unwrap());
        assert_eq!(key(KeyCode::CapsLock, KeyModifiers::NONE).code(), Code::Other);
    }
}
