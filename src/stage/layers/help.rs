//! The help: every key, in groups, narrowed by what is typed.

use super::find::edit;
use crate::stage::keys::{Action, Code, Key};
use crate::stage::panes::scrollback::Direction;

/// How many rows the page keys go.
const PAGE: u16 = 10;

/// The help over the screen.
#[derive(Clone, Debug, Default)]
pub struct Help {
    filter: String,
    down: u16,
}

/// What a key does in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    /// It stays, perhaps with fewer lines.
    Stays,
    Closes,
    /// It stays, and is scrolled by so many rows.
    Scrolls(Direction, u16),
}

impl Help {
    /// What was typed to narrow it.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Whether it shows a line of these parts.
    pub fn shows(&self, parts: &[&str]) -> bool {
        let filter = self.filter.to_lowercase();
        parts.iter().any(|part| part.to_lowercase().contains(&filter))
    }

    /// By how many rows it is scrolled down.
    pub fn down(&self) -> u16 {
        self.down
    }

    /// Scrolls it by so many rows, of which at most so many are out of sight above.
    pub(super) fn scroll(&mut self, direction: Direction, rows: u16, most: u16) {
        let moved = match direction {
            Direction::Up => self.down.saturating_sub(rows),
            Direction::Down => self.down.saturating_add(rows),
        };
        self.down = moved.min(most);
    }

    /// Reacts to a key. The one that opens it closes it, unless it can stand in what is looked for.
    pub(super) fn press(&mut self, key: Key, action: Option<Action>) -> Pressed {
        let is_typed = key.is_text() && !self.filter.is_empty();
        match key.code() {
            Code::Down => Pressed::Scrolls(Direction::Down, 1),
            Code::Up => Pressed::Scrolls(Direction::Up, 1),
            Code::PageDown => Pressed::Scrolls(Direction::Down, PAGE),
            Code::PageUp => Pressed::Scrolls(Direction::Up, PAGE),
            Code::Esc | Code::Enter | Code::F(_) => Pressed::Closes,
            _ if key.is_cancel() => Pressed::Closes,
            _ if action == Some(Action::Help) && !is_typed => Pressed::Closes,
            _ => {
                edit(&mut self.filter, key);
                self.down = 0;
                Pressed::Stays
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(help: &mut Help, key: &str) -> Pressed {
        let key = key.parse().unwrap();
        let action = crate::stage::keys::KeyMap::default().action(key);
        help.press(key, action)
    }

    #[test]
    fn what_is_typed_narrows_it() {
        let mut help = Help::default();
        assert!(help.shows(&["anything"]));
        for letter in ["s", "T", "e", "p"] {
            assert_eq!(press(&mut help, letter), Pressed::Stays);
        }
        assert!(help.shows(&["F5", "send the next STEP"]));
        assert!(!help.shows(&["F9", "add a session"]));
        press(&mut help, "Backspace");
        assert_eq!(help.filter(), "sTe");
    }

    #[test]
    fn the_key_that_opens_it_closes_it() {
        assert_eq!(press(&mut Help::default(), "?"), Pressed::Closes);
        assert_eq!(press(&mut Help::default(), "F1"), Pressed::Closes);
        let mut help = Help::default();
        press(&mut help, "x");
        assert_eq!(press(&mut help, "?"), Pressed::Stays);
        assert_eq!(help.filter(), "x?");
        assert_eq!(press(&mut help, "Esc"), Pressed::Closes);
    }

    #[test]
    fn what_is_typed_is_looked_for_from_the_top() {
        let mut help = Help::default();
        help.scroll(Direction::Down, 9, 5);
        assert_eq!(help.down(), 5);
        press(&mut help, "x");
        assert_eq!(help.down(), 0);
    }
}
