//! Who is in the room, one by one: the name, whether there is a pane, how it stands.

use ratatui::text::{Line, Span};

use crate::stage::room::Present;
use crate::stage::text;
use crate::tui::theme::{Charset, Role};
use crate::tui::view::View;

/// The longest name that is shown whole.
const NAME: usize = 24;

/// The lines of as many people as there is room for, the marked one among them.
pub(super) fn lines(
    view: &View<'_>,
    people: &[Present],
    chosen: usize,
    cells: usize,
    rows: usize,
) -> Vec<Line<'static>> {
    if people.is_empty() {
        let words = "Nobody takes part yet. Whoever follows can: the page asks for a name.";
        return super::plain(view, words, cells, Role::Dim);
    }
    let chosen = chosen.min(people.len() - 1);
    // What is too long for a line is said in full of whoever is marked.
    let in_full = in_full(view, &people[chosen], cells);
    let rows = rows.saturating_sub(1 + in_full.len()).max(1);
    let first = (chosen + 1).saturating_sub(rows);
    let longest = people.iter().map(|it| text::width(&it.name)).max().unwrap_or(0).min(NAME);
    let shown = people.iter().enumerate().skip(first).take(rows);
    let mut lines: Vec<_> =
        shown.map(|(at, person)| line(view, person, at == chosen, longest, cells)).collect();
    if people.len() > rows {
        let words = format!("{} of {}", chosen + 1, people.len());
        lines.push(Line::from(Span::styled(words, view.style(Role::Dim))));
    }
    lines.extend(in_full);
    lines
}

fn in_full(view: &View<'_>, person: &Present, cells: usize) -> Vec<Line<'static>> {
    if text::width(&person.words) + NAME <= cells {
        return Vec::new();
    }
    super::plain(view, &text::visible(&person.words), cells, Role::Waiting)
}

fn line(
    view: &View<'_>,
    person: &Present,
    is_chosen: bool,
    name: usize,
    cells: usize,
) -> Line<'static> {
    let cut = if view.theme.charset() == Charset::Ascii { ".." } else { "\u{2026}" };
    let pane = if person.has_pane { "  has a pane" } else { "" };
    let words = match (person.words.as_str(), person.has_pane) {
        ("", true) => String::new(),
        ("", false) => "  has not pressed yet".to_owned(),
        (words, _) => format!("  {words}"),
    };
    let text = format!("{}{pane}{words}", text::pad(&text::visible(&person.name), name, cut));
    let text = text::fit(&text::visible(&text), cells, cut).into_owned();
    let (text, role) = if is_chosen {
        (text::pad(&text, cells, cut), Role::Selection)
    } else {
        (text, Role::Screen)
    };
    Line::from(Span::styled(text, view.style(role)))
}
