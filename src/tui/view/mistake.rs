//! What is wrong with a scenario file, in full.
//!
//! ```text
//! ╭ my-race.sql ─────────────────────────────────────────────────╮
//! │ races/my-race.sql:12:5                                       │
//! │ there is no session called Alise                                   │
//! │ did you mean Alice?                                          │
//! │                                                              │
//! │ 12  -- Alise: books A-4                                      │
//! │        ^                                                     │
//! │ The previous version is still here: F5 and F8 play that one. │
//! │ Esc closes                                                   │
//! ╰──────────────────────────────────────────────────────────────╯
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::dialog::{height_of, keys_line};
use super::{View, centred, open_box};
use crate::core::scenario::own::{OwnFile, Says, Wrong};
use crate::stage::keys::Action;
use crate::stage::layers::Mistake;
use crate::stage::text;
use crate::tui::theme::Role;
use crate::tui::view::lines;

/// The widest line that reads well.
const READABLE: u16 = 100;

/// Draws it in a box of its own.
pub(super) fn draw(view: &View<'_>, mistake: &Mistake, screen: Rect, buffer: &mut Buffer) {
    let width = READABLE.min(screen.width.saturating_sub(4));
    let cells = width.saturating_sub(4);
    let mut shown = wrong_lines(view, &mistake.wrong, cells);
    shown.push(Line::default());
    shown.extend(what_stays(view, mistake, cells));
    shown.push(Line::default());
    shown.push(keys_line(view, &[("Esc".into(), "closes")]));
    let area = centred(screen, width, height_of(&shown).min(screen.height));
    let name = mistake.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let inner = open_box(view, area, &text::visible(&name), buffer);
    lines::put_lines(buffer, inner, &shown);
}

/// The same of a file in the list.
pub(super) fn words(view: &View<'_>, file: &OwnFile, cells: u16) -> Vec<Line<'static>> {
    match &file.says {
        Says::Wrong(wrong) => wrong_lines(view, wrong, cells),
        Says::Scenario(_) => Vec::new(),
        Says::Gone => vec![Line::from(view.span("the file is gone", Role::Error))],
    }
}

fn wrong_lines(view: &View<'_>, wrong: &Wrong, cells: u16) -> Vec<Line<'static>> {
    let wrapped = |words: &str, role| {
        let rows = text::wrap(&text::visible(words), usize::from(cells)).into_iter();
        rows.map(move |row| Line::from(view.span(row, role))).collect::<Vec<_>>()
    };
    let mut shown = wrapped(&wrong.place, Role::Strong);
    shown.extend(wrapped(&wrong.problem, Role::Error));
    shown.extend(wrong.hint.iter().flat_map(|hint| wrapped(hint, Role::Notice)));
    if let Some((line, column)) = &wrong.line {
        shown.push(Line::default());
        let [line, mark] = pointed_at(line, *column, usize::from(cells));
        shown.push(Line::from(view.span(line, Role::Screen)));
        shown.push(Line::from(view.span(mark, Role::Error)));
    }
    shown
}

/// The line, and under it a mark at its column, counted from 1 in characters. Of a long line the
/// part around the mark is shown.
fn pointed_at(line: &str, column: usize, cells: usize) -> [String; 2] {
    let letters: Vec<char> = line.replace('\t', " ").chars().collect();
    let at = column.saturating_sub(1).min(letters.len());
    let from = first_shown(&letters[..at], cells.max(2) * 2 / 3);
    let shown: String = letters[from..].iter().take(cells).collect();
    let before: String = letters[from..at].iter().collect();
    let blanks = " ".repeat(text::width(&text::visible(&before)));
    [text::visible(&shown).into_owned(), format!("{blanks}^")]
}

/// From where on what stands before the mark takes less than this many cells.
fn first_shown(before: &[char], cells: usize) -> usize {
    let width = |letter: &char| text::width(&text::visible(&letter.to_string()));
    let mut taken = 0;
    let fits = |letter: &&char| {
        taken += width(letter);
        taken < cells
    };
    before.len() - before.iter().rev().take_while(fits).count()
}

fn what_stays(view: &View<'_>, mistake: &Mistake, cells: u16) -> Vec<Line<'static>> {
    let words = if mistake.is_on_stage {
        let (next, restart) = (view.stage.key(Action::NextStep), view.stage.key(Action::Restart));
        format!(
            "The previous version is still here: {next} and {restart} play that one. Once you save \
             the file again, it is read again."
        )
    } else {
        "Once you save the file again, it is read again.".to_owned()
    };
    let rows = text::wrap(&words, usize::from(cells)).into_iter();
    rows.map(|row| Line::from(view.span(row, Role::Screen))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_under_its_column_also_of_a_long_line() {
        assert_eq!(pointed_at("-- B: acts", 4, 40), ["-- B: acts", "   ^"].map(str::to_owned));
        let long = format!("{}HERE and on", "x ".repeat(100));
        let [line, mark] = pointed_at(&long, 201, 30);
        assert_eq!(line.find("HERE"), Some(mark.len() - 1), "{line}\n{mark}");
        assert!(mark.len() <= 30, "{mark}");
        assert_eq!(pointed_at("", 9, 30), ["", "^"].map(str::to_owned));
        let endless = format!("{}HERE{}", "x".repeat(500_000), "y".repeat(500_000));
        let [line, mark] = pointed_at(&endless, 500_001, 30);
        assert_eq!(line.find("HERE"), Some(mark.len() - 1), "{line}\n{mark}");
        assert_eq!((line.len(), mark.len()), (30, 20), "{line}\n{mark}");
    }
}
