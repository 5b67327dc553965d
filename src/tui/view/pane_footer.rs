//! What stands below a pane's history: what the session waits for, and the line that is being
//! typed.

use ratatui::layout::Rect;

use crate::core::event::Certainty;
use crate::stage::words;
use crate::tui::app::App;
use crate::tui::editor::EditorLayout;
use crate::tui::pane::{Link, Pane, Waiting};
use crate::tui::text;
use crate::tui::wrap;

/// The lower part of a pane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaneFooter {
    /// The wait in words, a row an entry.
    pub wait: Vec<String>,
    /// What is being typed, with the prompt's width already counted in.
    pub sheet: Option<EditorLayout>,
}

impl PaneFooter {
    /// How many rows it takes.
    pub fn height(&self) -> usize {
        self.wait.len() + self.sheet.as_ref().map_or(0, |sheet| sheet.rows.len())
    }
}

/// Lays out the lower part of a pane in the area inside its border.
pub fn compose(app: &App, pane: &Pane, inner: Rect) -> PaneFooter {
    let (cells, rows) = (usize::from(inner.width), usize::from(inner.height));
    let mut wait =
        pane.waiting.as_ref().map_or_else(Vec::new, |waiting| wait_rows(app, waiting, cells));
    wait.truncate(rows);
    let left = rows - wait.len();
    let is_typed_in = pane.in_flight.is_none() && pane.link != Link::Connecting;
    if left == 0 || (pane.editor.is_empty() && !is_typed_in) {
        return PaneFooter { wait, sheet: None };
    }
    let prompt = text::width(&shown_prompt(pane, 0));
    let sheet =
        pane.editor.sheet(prompt.min(cells.saturating_sub(4)), cells, left.min((rows / 2).max(1)));
    PaneFooter { wait, sheet: Some(sheet) }
}

/// The prompt before a line of the editor: none while a statement runs, as in psql what is typed
/// ahead stands alone.
pub fn shown_prompt(pane: &Pane, line: usize) -> String {
    if pane.in_flight.is_some() {
        return String::new();
    }
    let prompt = pane.prompt(pane.editor.unfinished_before(line));
    text::visible(&prompt).into_owned()
}

fn wait_rows(app: &App, waiting: &Waiting, cells: usize) -> Vec<String> {
    let signs = app.setting.theme.signs();
    let sentence = sentence(app, waiting);
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
fn sentence(app: &App, waiting: &Waiting) -> String {
    let whom = words::blockers(&waiting.wait.blockers);
    let what = words::target(&waiting.wait.target);
    let how = waiting
        .row()
        .and_then(|(table, key)| words::hold(&app.house, table, key, &waiting.wait.blockers));
    let how = how.map(|how| format!(", {how}")).unwrap_or_default();
    let sentence = match waiting.wait.certainty {
        Certainty::Observed => format!("waits for {whom}: {what}{how}"),
        Certainty::Guessed => {
            format!("no answer yet; perhaps it waits for {whom} (a guess: this engine cannot tell)")
        }
    };
    text::visible(&sentence).into_owned()
}
