//! The two searches: for text in a pane, and for a statement sent earlier.

use crate::stage::keys::{Action, Code, Key};
use crate::stage::panes::scrollback::{Direction, Scrollback};

/// A search in a pane.
#[derive(Clone, Debug, Default)]
pub struct FindText {
    /// What is looked for.
    pub needle: String,
    /// The line on which it was found last.
    at: Option<u64>,
}

/// What a search in a pane has come upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It stands on this line.
    At(u64),
    /// It stands nowhere further on.
    Nowhere,
    /// Nothing is looked for yet.
    NothingSought,
}

impl FindText {
    /// Reacts to a key: in which direction to look now, unless it closes the search.
    pub(super) fn press(&mut self, key: Key, action: Option<Action>) -> Option<Direction> {
        if key.code() == Code::Esc || key.is_cancel() {
            return None;
        }
        match (action, key.code()) {
            (Some(Action::FindText), _) | (_, Code::Enter | Code::Up) => Some(Direction::Up),
            (_, Code::Down) => Some(Direction::Down),
            _ => {
                edit(&mut self.needle, key);
                self.at = None;
                Some(Direction::Up)
            }
        }
    }

    /// Looks on from where it was found last.
    pub(super) fn look(&mut self, lines: &mut Scrollback, direction: Direction) -> Found {
        if self.needle.is_empty() {
            lines.follow();
            return Found::NothingSought;
        }
        let from = self.at.unwrap_or(lines.end());
        match lines.find(&self.needle, from, direction) {
            Some(line) => {
                self.at = Some(line);
                Found::At(line)
            }
            None => Found::Nowhere,
        }
    }
}

/// A search among earlier statements, as Ctrl-R does it in psql.
#[derive(Clone, Debug, Default)]
pub struct FindStatement {
    /// What is looked for.
    pub needle: String,
    /// How many older matches to pass over.
    skip: usize,
}

/// Where a search among earlier statements stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sought {
    /// It goes on.
    On,
    /// It was given up.
    Given,
    /// What was found is taken.
    Taken,
}

impl FindStatement {
    /// Reacts to a key.
    pub(super) fn press(&mut self, key: Key, action: Option<Action>) -> Sought {
        match (action, key.code()) {
            (Some(Action::FindStatement), _) | (_, Code::Up) => self.skip += 1,
            (_, Code::Down) => self.skip = self.skip.saturating_sub(1),
            (_, Code::Esc) => return Sought::Given,
            _ if key.is_cancel() => return Sought::Given,
            (_, Code::Char(_) | Code::Backspace) => {
                edit(&mut self.needle, key);
                self.skip = 0;
            }
            _ => return Sought::Taken,
        }
        Sought::On
    }

    /// The statement found.
    pub fn found<'a>(&self, earlier: &'a [String]) -> Option<&'a str> {
        let needle = self.needle.to_lowercase();
        let mut matching =
            earlier.iter().rev().filter(|statement| statement.to_lowercase().contains(&needle));
        matching.nth(self.skip).map(String::as_str)
    }
}

/// The few keys that a short search text needs.
pub(super) fn edit(text: &mut String, key: Key) {
    let held = key.held();
    match key.code() {
        Code::Char('u') if held.control => text.clear(),
        Code::Char(letter) if !held.control && !held.alt => text.push(letter),
        Code::Backspace => {
            text.pop();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::panes::scrollback::{Line, Look};

    fn type_into(mut press: impl FnMut(Key), text: &str) {
        text.split(' ').for_each(|key| press(key.parse().unwrap()));
    }

    #[test]
    fn text_is_looked_for_from_the_newest_line_up() {
        let mut lines = Scrollback::default();
        for text in ["seat A-4", "nothing", "seat A-5"] {
            lines.push(Line::new(Look::Note, text));
        }
        let mut find = FindText::default();
        assert_eq!(find.look(&mut lines, Direction::Up), Found::NothingSought);
        type_into(|key| assert_eq!(find.press(key, None), Some(Direction::Up)), "s e x Backspace");
        assert_eq!(find.look(&mut lines, Direction::Up), Found::At(2));
        assert_eq!(find.look(&mut lines, Direction::Up), Found::At(0));
        assert_eq!(find.look(&mut lines, Direction::Up), Found::Nowhere);
        assert_eq!(find.look(&mut lines, Direction::Down), Found::At(2));
        assert_eq!(find.press("Ctrl-C".parse().unwrap(), Some(Action::Interrupt)), None);
    }

    #[test]
    fn an_earlier_statement_is_found_by_a_part_of_it() {
        let earlier = ["select 1;", "begin;", "select 2;"].map(str::to_owned);
        let mut find = FindStatement::default();
        type_into(|key| assert_eq!(find.press(key, None), Sought::On), "S E L");
        assert_eq!(find.found(&earlier), Some("select 2;"));
        assert_eq!(find.press("Up".parse().unwrap(), None), Sought::On);
        assert_eq!(find.found(&earlier), Some("select 1;"));
        assert_eq!(find.press("Enter".parse().unwrap(), Some(Action::Enter)), Sought::Taken);
    }
}
