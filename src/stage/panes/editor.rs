//! The line (or lines) in which somebody types SQL: what psql and readline taught the fingers, over
//! a [`TextArea`].
//!
//! Enter sends what is complete and begins a new line otherwise, wherever the cursor stands. A
//! paste is only put in: it waits for Enter, because a room full of people should see what is about
//! to run.

use std::ops::Range;

use tui_textarea::{CursorMove, Input, TextArea};

use crate::core::syntax::{self, Span, Strings, Unfinished};
use crate::stage::keys::{Code, Key};
use crate::stage::{text, wrap};

/// How many statements the pane remembers for Up and Ctrl-R.
const STATEMENTS_KEPT: usize = 1000;

/// Beyond this many bytes a text is neither coloured nor looked at for its continuation prompts,
/// line by line.
const COLOURED: usize = 64 * 1024;

/// How much of a very long line is laid out around the cursor, in characters.
const AROUND: usize = 4096;

/// An editor of SQL with its own memory.
#[derive(Clone, Debug, Default)]
pub struct Editor {
    area: TextArea<'static>,
    earlier: Vec<String>,
    /// Which earlier statement is shown, and what was typed before somebody went looking.
    walking: Option<(usize, String)>,
    spans: Vec<Span>,
    strings: Strings,
}

/// The editor's lines broken into rows, as many as there is room for, the cursor among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditorLayout {
    pub rows: Vec<EditorRow>,
    /// The cursor: its row among these, its cell in that row.
    pub cursor: (usize, usize),
}

/// A row: a prompt if a line begins here, then some of the line's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditorRow {
    pub line: usize,
    /// Which bytes of the line.
    pub text: Range<usize>,
    /// How many cells stand before the text: the prompt, or the indentation of a continued line.
    pub indent: usize,
    /// Whether the line begins here.
    pub begins: bool,
}

impl Editor {
    /// An editor that already holds a text.
    pub fn holding(text: &str) -> Self {
        let mut editor = Self::default();
        editor.put(text);
        editor
    }

    /// How the strings in it are read.
    pub fn strings(&self) -> Strings {
        self.strings
    }

    /// Has the strings in it read in this way from now on.
    pub fn read_strings(&mut self, strings: Strings) {
        self.strings = strings;
        self.recolour();
    }

    /// In what all of it breaks off.
    pub fn unfinished(&self) -> Option<Unfinished> {
        syntax::read(&self.text(), self.strings).unfinished
    }

    /// Everything typed so far.
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    pub fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// The cursor's place in everything typed, in bytes.
    pub fn cursor(&self) -> usize {
        let (row, column) = {
            let cursor = self.area.cursor();
            (cursor.0, cursor.1)
        };
        let line = self.lines().get(row).map_or("", String::as_str);
        let byte = line.char_indices().nth(column).map_or(line.len(), |(byte, _)| byte);
        self.start_of(row) + byte
    }

    /// Puts this in the place of what stands before the cursor, from this byte of the text on.
    pub fn replace(&mut self, from: usize, text: &str) {
        self.walking = None;
        let typed = self.text();
        let replaced = typed.get(from..self.cursor()).unwrap_or_default();
        for _ in replaced.chars() {
            self.area.delete_char();
        }
        self.area.insert_str(text);
        self.recolour();
    }

    /// Whether nothing has been typed.
    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// The coloured parts of a line, in bytes of that line.
    pub fn spans(&self, line: usize) -> impl Iterator<Item = Span> + '_ {
        let start = self.start_of(line);
        let range = start..start + self.lines().get(line).map_or(0, String::len);
        let first = self.spans.partition_point(|span| span.range.end <= range.start);
        let end = range.end;
        self.spans[first..].iter().take_while(move |span| span.range.start < end).map(move |span| {
            let from = span.range.start.max(start) - start;
            Span { range: from..span.range.end.min(end) - start, colour: span.colour }
        })
    }

    fn start_of(&self, line: usize) -> usize {
        self.lines().iter().take(line).map(|line| line.len() + 1).sum()
    }

    /// In what the lines before this one break off, for psql's second prompt; `None` on the first.
    pub fn unfinished_before(&self, line: usize) -> Option<Unfinished> {
        let end = self.start_of(line);
        if line == 0 {
            return None;
        }
        if end > COLOURED {
            return Some(Unfinished::Statement);
        }
        let before = self.lines()[..line].join("\n");
        syntax::read(&before, self.strings).goes_on_in()
    }

    /// Whether Enter would send it.
    pub fn is_complete(&self) -> bool {
        let text = self.text();
        syntax::read(&text, self.strings).is_complete(&text)
    }

    /// A key that is nobody's action.
    pub fn type_key(&mut self, key: Key) {
        self.walking = None;
        let control = key.held().control;
        match key.code() {
            Code::Char('u') if control => self.area.delete_line_by_head(),
            Code::Char('_' | '7') if control => self.area.undo(),
            Code::Tab | Code::Enter | Code::Esc => false,
            _ => self.area.input(typed(key)),
        };
        self.recolour();
    }

    /// Puts in pasted text at the cursor, with the line ends of whichever system it comes from.
    pub fn paste(&mut self, text: &str) {
        self.walking = None;
        self.area.insert_str(text.replace("\r\n", "\n").replace('\r', "\n"));
        self.recolour();
    }

    /// A new line at the cursor.
    pub fn new_line(&mut self) {
        self.area.insert_newline();
        self.recolour();
    }

    /// Replaces everything; the cursor stands at the end.
    pub fn put(&mut self, text: &str) {
        self.area = TextArea::from(text.split('\n'));
        self.area.move_cursor(CursorMove::Bottom);
        self.area.move_cursor(CursorMove::End);
        self.recolour();
    }

    pub fn clear(&mut self) {
        self.walking = None;
        self.put("");
    }

    /// Takes what was typed, to be sent, and remembers it.
    pub fn take(&mut self) -> String {
        let text = self.text();
        self.remember(&text);
        self.clear();
        text
    }

    /// Begins with what was typed in earlier runs.
    pub fn recall(&mut self, earlier: &[String]) {
        self.earlier.splice(0..0, earlier.iter().cloned());
    }

    fn remember(&mut self, text: &str) {
        let text = text.trim_end();
        if text.is_empty() || self.earlier.last().is_some_and(|last| last == text) {
            return;
        }
        self.earlier.push(text.to_owned());
        if self.earlier.len() > STATEMENTS_KEPT {
            self.earlier.remove(0);
        }
    }

    /// What was sent, oldest first.
    pub fn earlier(&self) -> &[String] {
        &self.earlier
    }

    /// Whether the cursor stands on the first line, from where Up leaves for earlier statements.
    pub fn is_at_top(&self) -> bool {
        self.area.cursor().0 == 0
    }

    /// Whether the cursor stands on the last line.
    pub fn is_at_bottom(&self) -> bool {
        self.area.cursor().0 + 1 == self.lines().len()
    }

    /// Shows the statement before the one shown.
    pub fn walk_back(&mut self) {
        let (at, draft) = match self.walking.take() {
            Some((at, draft)) => (at, draft),
            None => (self.earlier.len(), self.text()),
        };
        let at = at.saturating_sub(1);
        if let Some(text) = self.earlier.get(at).cloned() {
            self.put(&text);
            self.walking = Some((at, draft));
        }
    }

    /// Shows the statement after the one shown; after the newest comes what was being typed.
    pub fn walk_forward(&mut self) {
        let Some((at, draft)) = self.walking.take() else { return };
        if let Some(text) = self.earlier.get(at + 1).cloned() {
            self.put(&text);
            self.walking = Some((at + 1, draft));
        } else {
            self.put(&draft);
        }
    }

    fn recolour(&mut self) {
        let size: usize = self.lines().iter().map(|line| line.len() + 1).sum();
        self.spans =
            if size > COLOURED { Vec::new() } else { syntax::colours(&self.text(), self.strings) };
    }

    /// Lays out what is around the cursor in at most so many rows.
    pub fn layout(&self, prompt: usize, cells: usize, most: usize) -> EditorLayout {
        let most = most.max(1);
        let (line, character) = {
            let cursor = self.area.cursor();
            (cursor.0, cursor.1)
        };
        let lines = line.saturating_sub(most)..(line + most).min(self.lines().len());
        let mut rows = Vec::new();
        let mut cursor = (0, 0);
        for number in lines {
            let from = rows.len();
            self.lay_out(number, prompt, cells, (number == line).then_some(character), &mut rows);
            if number == line {
                cursor = self.find_cursor(&mut rows, from, character, cells);
            }
        }
        let first =
            (cursor.0 + 1).saturating_sub(most).max(rows.len().saturating_sub(most).min(cursor.0));
        let rows: Vec<EditorRow> = rows.into_iter().skip(first).take(most).collect();
        EditorLayout { rows, cursor: (cursor.0 - first, cursor.1) }
    }

    fn lay_out(
        &self,
        line: usize,
        prompt: usize,
        cells: usize,
        cursor: Option<usize>,
        rows: &mut Vec<EditorRow>,
    ) {
        let text = &self.lines()[line];
        let shown = around(text, cursor.unwrap_or(0));
        let start = shown.start;
        let room = cells.saturating_sub(prompt).max(1);
        for (index, row) in wrap::wrapped(&text[shown], room, 0).into_iter().enumerate() {
            let text = row.start + start..row.end + start;
            rows.push(EditorRow { line, text, indent: prompt, begins: index == 0 });
        }
    }

    /// The cursor's row and cell; at the right edge it moves on to a row of its own.
    fn find_cursor(
        &self,
        rows: &mut Vec<EditorRow>,
        from: usize,
        character: usize,
        cells: usize,
    ) -> (usize, usize) {
        let Some(line) = rows.get(from).map(|row| row.line) else { return (0, 0) };
        let text = &self.lines()[line];
        let byte = text.char_indices().nth(character).map_or(text.len(), |(byte, _)| byte);
        let row = rows[from..].iter().rposition(|row| row.text.start <= byte).unwrap_or(0) + from;
        let before = &text[rows[row].text.start..byte.max(rows[row].text.start)];
        let cell = rows[row].indent + text::width(before);
        if cell < cells {
            return (row, cell);
        }
        let indent = rows[row].indent;
        let below = EditorRow { line, text: byte..byte, indent, begins: false };
        if rows.get(row + 1).is_none() {
            rows.push(below);
        }
        (row + 1, indent.min(cells.saturating_sub(1)))
    }
}

/// A key in the words of the text's own keeper. What it has no word for it leaves alone.
fn typed(key: Key) -> Input {
    use tui_textarea::Key as Typed;
    let held = key.held();
    let typed = match key.code() {
        Code::Char(letter) => Typed::Char(letter),
        Code::F(number) => Typed::F(number),
        Code::Enter => Typed::Enter,
        Code::Tab => Typed::Tab,
        Code::Esc => Typed::Esc,
        Code::Backspace => Typed::Backspace,
        Code::Delete => Typed::Delete,
        Code::Up => Typed::Up,
        Code::Down => Typed::Down,
        Code::Left => Typed::Left,
        Code::Right => Typed::Right,
        Code::Home => Typed::Home,
        Code::End => Typed::End,
        Code::PageUp => Typed::PageUp,
        Code::PageDown => Typed::PageDown,
        Code::Insert | Code::Digit | Code::Other => Typed::Null,
    };
    Input { key: typed, ctrl: held.control, alt: held.alt, shift: held.shift }
}

/// The part of a line that is laid out: all of it, unless it is very long.
fn around(text: &str, character: usize) -> Range<usize> {
    if text.len() <= 2 * AROUND {
        return 0..text.len();
    }
    let byte = text.char_indices().nth(character).map_or(text.len(), |(byte, _)| byte);
    let start = text.floor_char_boundary(byte.saturating_sub(AROUND));
    start..text.ceil_char_boundary((byte + AROUND).min(text.len()))
}

#[cfg(test)]
mod tests;
