//! A part of what was said in a session, chosen with the keys of a pager, to be copied.

use std::ops::RangeInclusive;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::core::event::SessionName;
use crate::stage::clipboard::Clip;
use crate::stage::keys::{Action, Code, Key};
use crate::stage::panes::scrollback::Scrollback;
use crate::stage::text;

/// How many lines the page keys go.
const PAGE: u64 = 10;

/// A character in a pane: its line's number, and the cell in which it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    pub line: u64,
    pub cell: usize,
}

/// What is selected between the mark and the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Characters,
    Lines,
}

/// The cursor in a pane, and what is selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    session: SessionName,
    cursor: Spot,
    mark: Option<(Spot, Unit)>,
}

/// What comes of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selected {
    /// The cursor may have moved.
    On,
    Left,
    Copied(Clip),
}

impl Selection {
    /// The cursor at a session's newest line.
    pub(crate) fn of(session: SessionName, lines: &Scrollback) -> Option<Self> {
        let line = lines.end().checked_sub(1)?;
        lines.text_of(line)?;
        Some(Self { session, cursor: Spot { line, cell: 0 }, mark: None })
    }

    /// In which session.
    pub fn session(&self) -> &SessionName {
        &self.session
    }

    pub fn cursor(&self) -> Spot {
        self.cursor
    }

    /// The cells of this line that are selected; none, if none is.
    pub fn cells_of(&self, line: u64) -> Option<RangeInclusive<usize>> {
        let (mark, unit) = self.mark?;
        let (from, to) = (mark.min(self.cursor), mark.max(self.cursor));
        if !(from.line..=to.line).contains(&line) {
            return None;
        }
        let first = if line == from.line && unit == Unit::Characters { from.cell } else { 0 };
        let is_last = line == to.line && unit == Unit::Characters;
        Some(first..=if is_last { to.cell } else { usize::MAX })
    }

    pub(crate) fn press(
        &mut self,
        key: Key,
        action: Option<Action>,
        lines: &Scrollback,
    ) -> Selected {
        match (key.code(), action) {
            (Code::Esc | Code::Char('q'), _) | (_, Some(Action::Interrupt)) => {
                return Selected::Left;
            }
            (Code::Enter | Code::Char('y'), _) => return Selected::Copied(self.clip(lines)),
            (Code::Char('v' | ' '), _) if !key.held().alt && !key.held().control => {
                self.toggle(Unit::Characters);
            }
            (Code::Char('V'), _) => self.toggle(Unit::Lines),
            _ => self.go(key, action, lines),
        }
        Selected::On
    }

    fn toggle(&mut self, unit: Unit) {
        self.mark = match self.mark {
            Some((_, marked)) if marked == unit => None,
            Some((spot, _)) => Some((spot, unit)),
            None => Some((self.cursor, unit)),
        };
    }

    fn go(&mut self, key: Key, action: Option<Action>, lines: &Scrollback) {
        let Spot { line, cell } = self.cursor;
        let (first, last) = (lines.first(), lines.end().saturating_sub(1));
        let cells = cells(lines.text_of(line).unwrap_or_default());
        let at = cells.iter().rposition(|begin| *begin <= cell).unwrap_or(0);
        let to_line = |line: u64| Spot { line: line.clamp(first, last), cell };
        let to_cell = |place: usize| Spot { cell: cells.get(place).copied().unwrap_or(cell), line };
        self.cursor = match (key.code(), action) {
            (_, Some(Action::Top)) | (Code::Char('g'), _) => to_line(first),
            (_, Some(Action::Bottom)) | (Code::Char('G'), _) => to_line(last),
            (_, Some(Action::PageUp)) => to_line(line.saturating_sub(PAGE)),
            (_, Some(Action::PageDown)) => to_line(line + PAGE),
            (_, Some(Action::Earlier)) | (Code::Up | Code::Char('k'), _) => {
                to_line(line.saturating_sub(1))
            }
            (_, Some(Action::Later)) | (Code::Down | Code::Char('j'), _) => to_line(line + 1),
            (Code::Left | Code::Char('h'), _) => to_cell(at.saturating_sub(1)),
            (Code::Right | Code::Char('l'), _) => to_cell(at + 1),
            (Code::Home | Code::Char('0'), _) => to_cell(0),
            (Code::End | Code::Char('$'), _) => to_cell(cells.len().saturating_sub(1)),
            _ => self.cursor,
        };
    }

    /// What is selected; the cursor's line, where nothing is.
    fn clip(&self, lines: &Scrollback) -> Clip {
        let Some((mark, unit)) = self.mark else {
            return Clip::of(lines.text_of(self.cursor.line));
        };
        let (from, to) = (mark.min(self.cursor), mark.max(self.cursor));
        let texts = (from.line..=to.line).filter_map(|line| Some((line, lines.text_of(line)?)));
        Clip::of(texts.map(|(line, text)| match unit {
            Unit::Lines => text,
            Unit::Characters => {
                let end = if line == to.line { byte_after(text, to.cell) } else { text.len() };
                let begin = if line == from.line { byte_at(text, from.cell) } else { 0 };
                &text[begin.min(end)..end]
            }
        }))
    }
}

/// The cells in which a text's characters begin.
fn cells(text: &str) -> Vec<usize> {
    let mut at = 0;
    let begins = text.trim_end().graphemes(true).map(|grapheme| {
        let begin = at;
        at += text::width(grapheme);
        begin
    });
    begins.collect()
}

/// Where the character in this cell begins, in bytes.
fn byte_at(text: &str, cell: usize) -> usize {
    text::head(text, cell).len()
}

/// Where it ends.
fn byte_after(text: &str, cell: usize) -> usize {
    let begin = byte_at(text, cell);
    begin + text[begin..].graphemes(true).next().map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::panes::scrollback::{Line, Look};

    fn lines(texts: &[&str]) -> Scrollback {
        let mut lines = Scrollback::default();
        for text in texts {
            lines.push(Line::new(Look::Row, text));
        }
        lines
    }

    /// What is copied after these keys, from the newest line.
    fn copied(texts: &[&str], keys: &str) -> Option<String> {
        let lines = lines(texts);
        let mut selection = Selection::of(SessionName::new("Alice"), &lines).unwrap();
        let map = crate::stage::keys::KeyMap::default();
        for name in keys.split(' ') {
            let key: Key = name.parse().unwrap();
            match selection.press(key, map.action(key), &lines) {
                Selected::On => {}
                Selected::Left => return None,
                Selected::Copied(clip) => return Some(clip.text),
            }
        }
        panic!("it goes on")
    }

    const TABLE: [&str; 4] = [" n | name", "---+------", " 1 | Zoë 張", " 2 | Bob"];

    #[test]
    fn the_line_under_the_cursor_is_copied_where_nothing_is_selected() {
        assert_eq!(copied(&TABLE, "y").as_deref(), Some(" 2 | Bob"));
        assert_eq!(copied(&TABLE, "Up Enter").as_deref(), Some(" 1 | Zoë 張"));
        assert_eq!(copied(&TABLE, "Up Esc"), None);
    }

    #[test]
    fn lines_and_characters_are_selected_from_the_mark_to_the_cursor() {
        assert_eq!(copied(&TABLE, "V Up y").as_deref(), Some(" 1 | Zoë 張\n 2 | Bob"));
        assert_eq!(copied(&TABLE, "End v Left Left y").as_deref(), Some("Bob"));
        assert_eq!(copied(&TABLE, "Up End Space y").as_deref(), Some("張"), "a wide one whole");
        assert_eq!(copied(&TABLE, "Right v Up End y").as_deref(), Some("張\n 2"));
        assert_eq!(copied(&TABLE, "v V Up V y").as_deref(), Some(" 1 | Zoë 張"), "taken back");
    }

    #[test]
    fn the_cursor_stays_within_what_there_is() {
        assert_eq!(copied(&TABLE, "Down PageDown y").as_deref(), Some(" 2 | Bob"));
        assert_eq!(copied(&TABLE, "PageUp Up g y").as_deref(), Some(" n | name"));
        assert_eq!(copied(&["a", ""], "Right Left y").as_deref(), Some(""));
        assert!(Selection::of(SessionName::new("Alice"), &lines(&[])).is_none());
    }

    #[test]
    fn what_is_selected_is_told_line_by_line() {
        let lines = lines(&TABLE);
        let mut selection = Selection::of(SessionName::new("Alice"), &lines).unwrap();
        assert_eq!(selection.cells_of(3), None);
        for key in ["Right", "v", "Up", "Right"] {
            selection.press(key.parse().unwrap(), None, &lines);
        }
        assert_eq!(selection.cells_of(1), None);
        assert_eq!(selection.cells_of(2), Some(2..=usize::MAX));
        assert_eq!(selection.cells_of(3), Some(0..=1));
    }
}
