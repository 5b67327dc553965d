//! Looking through the script, and choosing a step to go to.

use crate::stage::keys::{Action, Code, Key};
use crate::stage::panes::scrollback::Direction;

/// How many lines the page keys go.
const PAGE: usize = 10;

/// A look through the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Browse {
    /// The chosen line: a step, or the end behind the last one.
    chosen: usize,
    /// How many steps there are.
    steps: usize,
}

/// What a key has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Browsed {
    Stays,
    Closes,
    /// To this step: it is to come next.
    Jumps(usize),
}

impl Browse {
    /// Of so many steps, of which this one is chosen.
    pub(crate) fn at(chosen: usize, steps: usize) -> Self {
        Self { chosen: chosen.min(steps), steps }
    }

    /// The chosen step; behind the last one stands the end.
    pub fn chosen(&self) -> usize {
        self.chosen
    }

    /// Goes up or down the list.
    pub(crate) fn go(&mut self, direction: Direction, by: usize) {
        self.chosen = match direction {
            Direction::Up => self.chosen.saturating_sub(by),
            Direction::Down => (self.chosen + by).min(self.steps),
        };
    }

    /// Reacts to a key.
    pub(super) fn press(&mut self, key: Key, action: Option<Action>) -> Browsed {
        match (key.code(), action) {
            (Code::Up, _) => self.go(Direction::Up, 1),
            (Code::Down, _) => self.go(Direction::Down, 1),
            (Code::PageUp, _) => self.go(Direction::Up, PAGE),
            (Code::PageDown, _) => self.go(Direction::Down, PAGE),
            (Code::Home, _) => self.go(Direction::Up, self.steps),
            (Code::End, _) => self.go(Direction::Down, self.steps),
            (Code::Enter, _) => return Browsed::Jumps(self.chosen),
            (Code::Esc, _) | (_, Some(Action::Browse)) => return Browsed::Closes,
            _ if key.is_cancel() => return Browsed::Closes,
            _ => {}
        }
        Browsed::Stays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_ends_behind_the_last_step() {
        let mut browse = Browse::at(1, 3);
        let mut press = |key: &str, action| browse.press(key.parse().unwrap(), action);
        press("PageDown", None);
        assert_eq!(press("Enter", Some(Action::Enter)), Browsed::Jumps(3));
        press("Up", None);
        assert_eq!(press("Enter", Some(Action::Enter)), Browsed::Jumps(2));
        press("Home", None);
        assert_eq!(press("Enter", None), Browsed::Jumps(0));
        assert_eq!(press("F5", Some(Action::NextStep)), Browsed::Stays);
        assert_eq!(press("Alt-j", Some(Action::Browse)), Browsed::Closes);
    }
}
