//! The words that can stand where somebody types, to choose from.

use crate::stage::completion::{Candidate, Completions};
use crate::stage::keys::{Action, Code, Key};
use crate::stage::panes::scrollback::Direction;

/// How many lines the page keys go.
const PAGE: usize = 8;

/// Several words that fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    completions: Completions,
    /// The line that they complete, and the cursor's place in it.
    line: (String, usize),
    chosen: usize,
}

/// What comes of a key in the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// It goes on.
    On,
    /// The chosen word is taken.
    Taken,
    /// Nothing is taken.
    Left,
    /// The key is typed, and what still fits is left.
    Typed,
}

impl Menu {
    pub(crate) fn of(completions: Completions, line: (String, usize)) -> Self {
        Self { completions, line, chosen: 0 }
    }

    /// Whether this line is the one that they complete.
    pub(crate) fn is_for(&self, text: &str, cursor: usize) -> bool {
        (self.line.0.as_str(), self.line.1) == (text, cursor)
    }

    /// The words to choose from.
    pub fn candidates(&self) -> &[Candidate] {
        &self.completions.candidates
    }

    /// Where in the text the word begins that is completed.
    pub fn from(&self) -> usize {
        self.completions.from
    }

    /// The place of the chosen one.
    pub fn chosen(&self) -> usize {
        self.chosen
    }

    /// The chosen one.
    pub(crate) fn choice(&self) -> Option<&Candidate> {
        self.candidates().get(self.chosen)
    }

    /// Whether a key is for the menu; any other closes it, and does what it always does.
    pub(crate) fn takes(key: Key) -> bool {
        let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
        let held = key.held();
        match key.code() {
            Code::Char(letter) if !held.control && !held.alt => is_name(letter),
            Code::Char('n' | 'p') => held.control,
            Code::Tab | Code::Up | Code::Down | Code::PageUp | Code::PageDown => true,
            Code::Enter => !held.alt,
            Code::Esc | Code::Backspace => true,
            _ => key.is_cancel(),
        }
    }

    pub(super) fn press(&mut self, key: Key, action: Option<Action>) -> Choice {
        let held = key.held();
        match (key.code(), action) {
            (Code::Esc, _) | (_, Some(Action::Interrupt)) => return Choice::Left,
            (Code::Enter, _) => return Choice::Taken,
            (Code::Tab, _) if held.shift => self.go(Direction::Up, 1),
            (Code::Up, _) | (_, Some(Action::Earlier)) => self.go(Direction::Up, 1),
            (Code::Tab | Code::Down, _) | (_, Some(Action::Later)) => self.go(Direction::Down, 1),
            (Code::PageUp, _) => self.chosen = self.chosen.saturating_sub(PAGE),
            (Code::PageDown, _) => {
                self.chosen = (self.chosen + PAGE).min(self.candidates().len().saturating_sub(1));
            }
            (Code::Char(_) | Code::Backspace, _) => return Choice::Typed,
            _ => return Choice::Left,
        }
        Choice::On
    }

    /// Up or down, and from either end on to the other.
    pub(crate) fn go(&mut self, direction: Direction, by: usize) {
        let count = self.candidates().len().max(1);
        self.chosen = match direction {
            Direction::Up => (self.chosen + count - by % count) % count,
            Direction::Down => (self.chosen + by) % count,
        };
    }
}
