//! What stands below a pane's history: what the session waits for, and the line that is being
//! typed.

use std::ops::Range;

use ratatui::layout::Rect;

use super::{View, sql};
use crate::core::event::Certainty;
use crate::stage::panes::editor::EditorLayout;
use crate::stage::panes::pane::{Link, Pane, Waiting};
use crate::stage::text;
use crate::stage::words;
use crate::stage::wrap;

/// The lower part of a pane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PaneFooter {
    /// The wait in words, a row an entry.
    pub(super) wait: Vec<String>,
    /// The guest's statement that is held, a part of its one line an entry.
    pub(super) held: Vec<Range<usize>>,
    /// Why it is held, a row an entry.
    pub(super) reason: Vec<String>,
    /// What is being typed, with the prompt's width already counted in.
    pub(super) editor: Option<EditorLayout>,
}

impl PaneFooter {
    /// How many rows it takes.
    pub(super) fn height(&self) -> usize {
        self.wait.len()
            + self.held.len()
            + self.reason.len()
            + self.editor.as_ref().map_or(0, |layout| layout.rows.len())
    }
}

/// Lays out the lower part of a pane in the area inside its border.
pub(super) fn compose(view: &View<'_>, pane: &Pane, inner: Rect) -> PaneFooter {
    let (cells, rows) = (usize::from(inner.width), usize::from(inner.height));
    let mut wait =
        pane.waiting.as_ref().map_or_else(Vec::new, |waiting| wait_rows(view, waiting, cells));
    wait.truncate(rows);
    let left = rows - wait.len();
    if pane.is_guest {
        let Some(held) = &pane.held else { return PaneFooter { wait, ..PaneFooter::default() } };
        let reason = reason_rows(&held.reason(), cells, left / 4);
        let sql = held_rows(&held_line(&held.sql), cells, left - reason.len());
        return PaneFooter { wait, held: sql, reason, editor: None };
    }
    let is_typed_in = pane.in_flight.is_none() && pane.link != Link::Connecting;
    if left == 0 || (pane.editor.is_empty() && !is_typed_in) {
        return PaneFooter { wait, ..PaneFooter::default() };
    }
    let prompt = text::width(&shown_prompt(pane, 0));
    let layout =
        pane.editor.layout(prompt.min(cells.saturating_sub(4)), cells, left.min((rows / 2).max(1)));
    PaneFooter { wait, editor: Some(layout), ..PaneFooter::default() }
}

/// Of a statement as long as a pane the beginning is shown; the export has all of it. What was said
/// before keeps a third of the pane.
fn held_rows(line: &str, cells: usize, rows: usize) -> Vec<Range<usize>> {
    let mut held = wrap::wrapped(line, cells, 0);
    let most = (rows * 2 / 3).max(1).min(rows);
    if held.len() > most {
        held.truncate(most);
        if let Some(last) = held.last_mut() {
            // One row that is longer than the pane is shown with the sign that it goes on.
            last.end = line.len();
        }
    }
    held
}

/// A statement that is held, on one line; of a very long one the beginning, and how long it is.
pub(super) fn held_line(sql: &str) -> String {
    let line = sql::on_one_line(sql);
    let line = text::visible(&line);
    match sql.len() {
        ..=sql::ON_ONE_LINE => line.into_owned(),
        bytes => format!("{line}\u{2026} ({bytes} bytes)"),
    }
}

/// Why it is held, where there is room for that.
fn reason_rows(reason: &str, cells: usize, rows: usize) -> Vec<String> {
    let mut shown = text::wrap(&text::visible(reason), cells);
    shown.truncate(rows);
    shown
}

/// The prompt before a line of the editor: none while a statement runs, as in psql what is typed
/// ahead stands alone.
pub(super) fn shown_prompt(pane: &Pane, line: usize) -> String {
    if pane.in_flight.is_some() {
        return String::new();
    }
    let prompt = pane.prompt(pane.editor.unfinished_before(line));
    text::visible(&prompt).into_owned()
}

fn wait_rows(view: &View<'_>, waiting: &Waiting, cells: usize) -> Vec<String> {
    let signs = view.theme.signs();
    let sentence = sentence(view, waiting);
    let indent = text::width(signs.waiting) + 1;
    let room = cells.saturating_sub(indent);
    let rows = wrap::wrapped(&sentence, room, 0).into_iter().enumerate();
    let row = |(index, range): (usize, std::ops::Range<usize>)| {
        let text = &sentence[range];
        if index == 0 {
            format!("{} {text}", signs.waiting)
        } else {
            format!("{:indent$}{text}", "")
        }
    };
    rows.map(row).collect()
}

/// `waits for Bob: row A-4, locked by SELECT FOR UPDATE`.
fn sentence(view: &View<'_>, waiting: &Waiting) -> String {
    let whom = words::blockers(&waiting.wait.blockers);
    let how = waiting.row().and_then(|(table, key)| {
        words::hold(view.stage.watched().tables(), table, key, &waiting.wait.blockers)
    });
    let how = how.map(|how| format!(", {how}")).unwrap_or_default();
    let sentence = match waiting.wait.certainty {
        Certainty::Observed => format!("waits for {}{how}", words::whom_and_what(&waiting.wait)),
        Certainty::Guessed => {
            format!(
                "no answer yet; perhaps waiting for {whom} (a guess; this engine does not report \
                 waits)"
            )
        }
    };
    text::visible(&sentence).into_owned()
}
