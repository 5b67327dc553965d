//! What the signs on the map say, every key, in groups, and psql's commands; what is typed narrows
//! it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::dialog::{height_of, keys_line};
use super::{View, centred, open_box};
use crate::core::psql::COMMANDS;
use crate::core::scenario::counted;
use crate::stage::keys::Group;
use crate::stage::layers::{Help, Layer};
use crate::stage::text;
use crate::tui::theme::Role;
use crate::tui::view::lines;

/// Over the lines: what is looked for, and a blank one. Under them: a blank one, and the keys.
const AROUND: u16 = 4;

/// Draws the help; gives the cursor's place.
pub(super) fn draw(view: &View<'_>, help: &Help, screen: Rect, buffer: &mut Buffer) -> Position {
    let area = place(view, screen);
    let inner = open_box(view, area, "help", buffer);
    let filter = format!("find: {}", text::visible(help.filter()));
    let x = lines::put(buffer, inner, (inner.x, inner.y), &filter, view.style(Role::Strong));
    let body = Rect { y: inner.y + 2, height: inner.height.saturating_sub(AROUND), ..inner };
    let lines = lines(view, help, body.width);
    let last = lines.len().saturating_sub(usize::from(body.height));
    let first = usize::from(help.down()).min(last);
    lines::put_lines(buffer, body, &lines[first..]);
    let foot = Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner };
    lines::put_lines(buffer, foot, &[keys(view, last - first)]);
    Position { x: x.min(inner.right().saturating_sub(1)), y: inner.y }
}

/// The keys that work in it, and how many lines are out of sight below.
fn keys(view: &View<'_>, below: usize) -> Line<'static> {
    let scroll = match below {
        0 => "scrolls".to_owned(),
        _ => counted(below as u64, "more line") + " below",
    };
    keys_line(view, &[("Esc".into(), "closes"), ("Up Down".into(), &scroll)])
}

/// It stays as large as it is with every line, whatever is looked for.
fn place(view: &View<'_>, screen: Rect) -> Rect {
    let lines = lines(view, &Help::default(), screen.width.saturating_sub(4));
    let widest = lines.iter().map(Line::width).max().unwrap_or(0) + 4;
    let height = height_of(&lines).saturating_add(AROUND).min(screen.height.saturating_sub(2));
    centred(screen, u16::try_from(widest).unwrap_or(u16::MAX), height)
}

/// How many lines of it are out of sight.
pub(crate) fn beyond(view: &View<'_>) -> u16 {
    let Some(Layer::Help(help)) = view.stage.layers().top() else { return 0 };
    let area = place(view, Rect { x: 0, y: 0, ..view.area });
    let lines = lines(view, help, area.width.saturating_sub(4)).len();
    let shown = usize::from(area.height.saturating_sub(AROUND + 2));
    u16::try_from(lines.saturating_sub(shown)).unwrap_or(u16::MAX)
}

/// What belongs together.
struct Section {
    title: &'static str,
    entries: Vec<Entry>,
}

/// A sign, a command, a key, and what it means.
struct Entry {
    what: String,
    meaning: &'static str,
    /// What it is called elsewhere, for whoever looks for that.
    name: &'static str,
}

impl Entry {
    fn new(what: String, meaning: &'static str) -> Self {
        Self { what, meaning, name: "" }
    }
}

/// The lines in so many cells; what is said of a key goes on below itself.
fn lines(view: &View<'_>, help: &Help, cells: u16) -> Vec<Line<'static>> {
    let sections = sections(view);
    let entries = sections.iter().flat_map(|section| &section.entries);
    let width = entries.map(|entry| text::width(&entry.what)).max().unwrap_or(0);
    let mut lines = Vec::new();
    for Section { title, entries } in sections {
        let shown = entries
            .iter()
            .filter(|entry| help.shows(&[title, &entry.what, entry.meaning, entry.name]));
        let rows: Vec<_> = shown.flat_map(|entry| rows(view, entry, width, cells)).collect();
        if rows.is_empty() {
            continue;
        }
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::from(view.span(title, Role::Title)));
        lines.extend(rows);
    }
    if lines.is_empty() {
        lines.push(Line::from(view.span("No match", Role::Dim)));
    }
    lines
}

fn rows(view: &View<'_>, entry: &Entry, width: usize, cells: u16) -> Vec<Line<'static>> {
    let room = usize::from(cells).saturating_sub(width + 3);
    let row = |(nth, meaning): (usize, String)| {
        let what = text::pad(if nth == 0 { &entry.what } else { "" }, width, "");
        let meaning = view.span(format!("   {meaning}"), Role::Screen);
        Line::from(vec![view.span(what, Role::Key), meaning])
    };
    text::wrap(entry.meaning, room).into_iter().enumerate().map(row).collect()
}

fn sections(view: &View<'_>) -> Vec<Section> {
    let mut sections = vec![Section { title: "On the map", entries: signs(view) }];
    let keys = &view.stage.setting().keys;
    sections.extend(Group::ALL.map(|group| {
        let entries = keys.entries().filter(|entry| entry.action.group() == group);
        let entries = entries.map(|entry| Entry {
            what: keys.words(entry.action),
            meaning: entry.help,
            name: entry.short,
        });
        let entries = entries.collect();
        Section { title: group.title(), entries }
    }));
    let commands = COMMANDS.iter().map(|command| {
        let usage = format!("\\{} {}", command.name, command.argument);
        Entry::new(usage.trim_end().to_owned(), command.does)
    });
    sections.push(Section { title: "psql's commands, in a pane", entries: commands.collect() });
    sections
}

/// What the legend's words say.
fn signs(view: &View<'_>) -> Vec<Entry> {
    let signs = view.theme.signs();
    let words = [
        (signs.free, "free", "nobody holds it"),
        (signs.locked, "held", "locked (SELECT ... FOR UPDATE), not changed yet"),
        (signs.uncommitted, "not yet committed", "changed by a transaction that is still open"),
        (
            signs.booked,
            "booked",
            "committed; nobody is holding or changing it (each seat is counted once)",
        ),
        (signs.waiting, "waiting", "these sessions are waiting for the row, in this order"),
    ];
    words.map(|(sign, word, meaning)| Entry::new(format!("{sign} {word}"), meaning)).into()
}
