//! The keys of the rush's screen.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Stop the rush, or leave its screen.
    Leave,
    /// Explain the screen.
    Help,
}

/// The keys and what they do, for the help.
pub(in crate::tui) const TABLE: [(&str, &str); 2] = [
    (
        "q Esc Ctrl-C",
        "stops the rush: what was begun is ended, and gets its verdict; again: leaves",
    ),
    ("? F1", "this; any key closes it"),
];

impl Key {
    /// None for a key that means nothing here.
    pub(super) fn of(key: KeyEvent) -> Option<Self> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => Some(Self::Leave),
            KeyCode::Char('c') if control => Some(Self::Leave),
            KeyCode::Char('?') | KeyCode::F(1) => Some(Self::Help),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_that_leave_a_program_leave_this_one() {
        let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
        let control = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
        for key in [plain(KeyCode::Char('q')), plain(KeyCode::Esc), control('c'), control('q')] {
            assert_eq!(Key::of(key), Some(Key::Leave), "{key:?}");
        }
        assert_eq!(Key::of(plain(KeyCode::Char('?'))), Some(Key::Help));
        assert_eq!(Key::of(plain(KeyCode::Char('c'))), None);
    }
}
