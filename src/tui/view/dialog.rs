//! What lies over the screen.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{View, breakpoints, centred, open_box, sql};

use crate::core::scenario::Scenario;
use crate::stage::keys::Action;
use crate::stage::layers::losses::{Losses, losses_on_leaving};
use crate::stage::layers::{Choice, Choices, FindStatement, FindText, Layer, Question};
use crate::stage::panes::editor::Editor;
use crate::stage::text;
use crate::stage::timeline::Cursor;
use crate::stage::waits::waits;
use crate::tui::theme::Role;
use crate::tui::view::graph;
use crate::tui::view::layout::Places;
use crate::tui::view::lines;
use crate::tui::view::timeline;

/// The widest line that reads well.
const READABLE: u16 = 76;

/// Draws the topmost layer; gives the cursor's place where one is typed in.
pub(super) fn draw(
    view: &View<'_>,
    places: &Places,
    now: Duration,
    buffer: &mut Buffer,
) -> Option<Position> {
    let screen = buffer.area;
    match view.stage.layers().top()? {
        Layer::Quit => quit(view, &losses_on_leaving(&Losses::of(&[view.stage])), screen, buffer),
        Layer::Question(question) => ask(view, question, screen, buffer),
        Layer::Help(help) => return Some(super::help::draw(view, help, screen, buffer)),
        Layer::Story => story(view, screen, buffer),
        Layer::Graph(cursor) => graph(view, *cursor, places, now, buffer),
        Layer::Mistake(mistake) => super::mistake::draw(view, mistake, screen, buffer),
        Layer::Browse(browse) => super::browse::draw(view, browse, screen, buffer),
        Layer::Classes(list) => super::classes::draw(view, *list, screen, buffer),
        Layer::Picker(picker) => return Some(super::picker::draw(view, picker, screen, buffer)),
        Layer::FindText(find) => return Some(find_text(view, find, places.footer, buffer)),
        Layer::FindStatement(find) => {
            return Some(find_statement(view, find, places.footer, buffer));
        }
        Layer::EditStep(editor) => return edit_step(view, editor, screen, buffer),
        Layer::Choices(choices) => draw_choices(view, choices, screen, buffer),
        Layer::Breakpoints(panel) => return Some(breakpoints::draw(view, panel, screen, buffer)),
        Layer::Passed(list) => breakpoints::draw_passed(view, *list, screen, buffer),
        Layer::Room(panel) => super::room::draw(view, *panel, places, screen, buffer),
        // They hang on the cursor, so whoever knows that draws them.
        Layer::Menu(_) | Layer::Select(_) => {}
    }
    None
}

pub(super) fn height_of(lines: &[Line<'_>]) -> u16 {
    u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2)
}

/// The question before leaving.
pub(super) fn quit(view: &View<'_>, words: &[String], screen: Rect, buffer: &mut Buffer) {
    let keys = [("y".into(), "leave"), ("n".into(), "stay")];
    put_question(view, "Leave?", words, &keys, screen, buffer);
}

fn ask(view: &View<'_>, question: &Question, screen: Rect, buffer: &mut Buffer) {
    let keys = [("y".into(), question.yes), ("n".into(), question.no)];
    put_question(view, question.title, &question.words, &keys, screen, buffer);
}

/// What can be read of a question at a glance: sentences, one below the other, and the keys that
/// answer it.
fn put_question(
    view: &View<'_>,
    title: &str,
    words: &[String],
    keys: &[(String, &'static str)],
    screen: Rect,
    buffer: &mut Buffer,
) {
    let rows = words.iter().flat_map(|sentence| text::wrap(&text::visible(sentence), 56));
    let mut lines: Vec<Line<'_>> =
        rows.map(|row| Line::from(view.span(row, Role::Screen))).collect();
    // The keys stay in sight, however much there is to say.
    let most = usize::from(screen.height.saturating_sub(4)).max(1);
    if lines.len() > most {
        lines.truncate(most - 1);
        let ellipsis = view.theme.signs().ellipsis;
        lines.push(Line::from(view.span(ellipsis, Role::Screen)));
    }
    lines.push(Line::default());
    lines.push(keys_line(view, keys));
    let area = centred(screen, 62, height_of(&lines));
    let inner = open_box(view, area, title, buffer);
    lines::put_lines(buffer, inner, &lines);
}

pub(super) fn keys_line(view: &View<'_>, keys: &[(String, &str)]) -> Line<'static> {
    let spans = keys.iter().flat_map(|(key, words)| {
        [
            Span::styled(key.clone(), view.style(Role::Key)),
            Span::styled(format!(" {words}   "), view.style(Role::Dim)),
        ]
    });
    spans.collect()
}

/// How wide a list of choices is at most.
const CHOICES: u16 = 76;

/// A line for each, with the number that chooses it.
fn draw_choices(view: &View<'_>, choices: &Choices, screen: Rect, buffer: &mut Buffer) {
    let width = choices.iter().map(|(choice, _)| text::width(&choice.name)).max().unwrap_or(0);
    let cells = usize::from(CHOICES.min(screen.width)).saturating_sub(width + 10);
    let rows = |(place, (choice, is_marked)): (usize, (&Choice, bool))| {
        let words = text::wrap(&choice.words, cells.max(12)).into_iter().enumerate();
        let row = move |(row, words): (usize, String)| {
            let (number, name) = match row {
                0 => (format!(" {}  ", place + 1), text::pad(&choice.name, width, "")),
                _ => ("    ".to_owned(), " ".repeat(width)),
            };
            let line = Line::from(vec![
                view.span(number, Role::Key),
                view.span(name, Role::Strong),
                view.span(format!("  {words}"), Role::Screen),
            ]);
            if is_marked { line.style(view.selection()) } else { line }
        };
        words.map(row).collect::<Vec<_>>()
    };
    let mut lines: Vec<Line<'_>> = choices.iter().enumerate().flat_map(rows).collect();
    lines.push(Line::default());
    let keys =
        [("Up Down".into(), "choose"), ("Enter".into(), "does it"), ("Esc".into(), "closes")];
    lines.push(keys_line(view, &keys));
    let area = centred(screen, CHOICES, height_of(&lines));
    let inner = open_box(view, area, &choices.title, buffer);
    lines::put_lines(buffer, inner, &lines);
}

fn story(view: &View<'_>, screen: Rect, buffer: &mut Buffer) {
    let Some(script) = view.stage.course().script() else { return };
    let scenario = script.scenario();
    let width = READABLE.min(screen.width.saturating_sub(4));
    let cells = usize::from(width.saturating_sub(4));
    let told = story_lines(view, &scenario.story, cells);
    let afterwards = story_lines(view, &scenario.afterwards, cells);
    // Before the room was asked, the story does not say what it comes to.
    let is_over = script.is_over() && !afterwards.is_empty();
    let has_room = told.len() + afterwards.len() + 6 <= usize::from(screen.height);
    let mut lines = vec![Line::default()];
    if !is_over || has_room {
        lines.extend(told);
    }
    if is_over {
        lines.extend(afterwards);
    }
    lines.push(cast_line(view, scenario));
    lines.push(Line::default());
    let (key, does) = match script.next() {
        _ if is_over => (Action::Restart, "restarts"),
        0 => (Action::NextStep, "plays the first step"),
        _ => (Action::NextStep, "plays the next step"),
    };
    let keys = [(view.stage.key(key), does), ("Enter".into(), "closes this")];
    lines.push(keys_line(view, &keys));
    let area = centred(screen, width, height_of(&lines));
    let title = text::visible(&scenario.title).into_owned();
    let inner = open_box(view, area, &title, buffer);
    lines::put_lines(buffer, inner, &lines);
}

pub(super) fn story_lines(
    view: &View<'_>,
    paragraphs: &[String],
    cells: usize,
) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for paragraph in paragraphs {
        let rows = text::wrap(&text::visible(paragraph), cells);
        lines.extend(rows.into_iter().map(|row| Line::from(view.span(row, Role::Screen))));
        lines.push(Line::default());
    }
    lines
}

pub(super) fn cast_line(view: &View<'_>, scenario: &Scenario) -> Line<'static> {
    let mut spans = vec![view.span("Sessions: ", Role::Dim)];
    for (place, player) in scenario.sessions.iter().enumerate() {
        let name = text::visible(player.name.as_str()).into_owned();
        spans.push(Span::styled(name, view.theme.accent(place)));
        spans.push(Span::raw("  "));
    }
    Line::from(spans)
}

/// The fewest rows in which the graph and the timeline show something.
const GRAPH: u16 = 20;

/// Who waits for whom, and under it the timeline. They lie below the tables where there is room
/// for them, and over it otherwise: what the graph tells is seen on the map.
fn graph(view: &View<'_>, cursor: Cursor, places: &Places, now: Duration, buffer: &mut Buffer) {
    let screen = buffer.area;
    let cast = view.stage.panes().cast();
    let scene = view.scene(&cast, now);
    let waits = waits(view.stage.panes());
    let width = screen.width.saturating_sub(4);
    let inside = width.saturating_sub(4);
    let wanted = graph::desired_height(&waits, inside, &scene);
    let lanes = timeline::desired_height(view.stage.history().timeline(), inside, &scene);
    let height = wanted.saturating_add(lanes).saturating_add(3);
    let below = places.footer.y.saturating_sub(places.watched.bottom());
    let (y, height) = if below >= height.min(GRAPH) {
        (places.watched.bottom(), height.min(below))
    } else {
        let height = height.min(screen.height.saturating_sub(2));
        (places.watched.y.min(screen.height.saturating_sub(height)), height)
    };
    let area = Rect { x: (screen.width - width) / 2, y, width, height };
    let inner = open_box(view, area, "who waits for whom", buffer);
    let above = wanted.min(inner.height.saturating_sub(lanes + 1).max(inner.height / 3));
    let [top, rule, below] =
        Layout::vertical([Constraint::Length(above), Constraint::Length(1), Constraint::Fill(1)])
            .areas(inner);
    graph::draw(&waits, top, buffer, &scene);
    let mut heading = vec![view.span("who did what, when   ", Role::Title)];
    let keys = [("Esc".into(), "closes"), ("Left Right Home End".into(), "move through time")];
    heading.extend(keys_line(view, &keys).spans);
    lines::put_lines(buffer, rule, &[Line::from(heading)]);
    timeline::draw(view.stage.history().timeline(), cursor, below, buffer, &scene);
}

/// The keys of a selection, in the last line.
pub(super) fn selection_keys(view: &View<'_>, area: Rect, buffer: &mut Buffer) {
    let keys = "v characters   V lines   y copies   Esc leaves";
    line_at(view, "select: ", "", keys, area, buffer);
}

fn find_text(view: &View<'_>, find: &FindText, area: Rect, buffer: &mut Buffer) -> Position {
    let keys = "   Enter older   Down newer   Esc done";
    line_at(view, "find: ", &find.needle, keys, area, buffer)
}

fn find_statement(
    view: &View<'_>,
    find: &FindStatement,
    area: Rect,
    buffer: &mut Buffer,
) -> Position {
    let found = view.stage.panes().focused().and_then(|pane| find.found(pane.editor.earlier()));
    let found = found.map_or_else(|| "no match".to_owned(), sql::on_one_line);
    let label = "(reverse-i-search) ";
    let keys = "   Enter runs   Up older   Esc leaves";
    let taken = text::width(label) + text::width(&find.needle) + text::width(keys) + 5;
    let room = usize::from(area.width).saturating_sub(taken).max(12);
    let found = text::fit(&found, room, view.theme.signs().ellipsis).into_owned();
    line_at(view, label, &find.needle, &format!("   {found}{keys}"), area, buffer)
}

fn line_at(
    view: &View<'_>,
    label: &str,
    typed: &str,
    after: &str,
    area: Rect,
    buffer: &mut Buffer,
) -> Position {
    buffer.set_style(area, view.style(Role::Screen));
    let blank = " ".repeat(usize::from(area.width));
    lines::put(buffer, area, (area.x, area.y), &blank, Style::new());
    let label_end = lines::put(buffer, area, (area.x + 1, area.y), label, view.style(Role::Key));
    let typed = text::visible(typed).into_owned();
    let x = lines::put(buffer, area, (label_end, area.y), &typed, view.style(Role::Strong));
    lines::put(buffer, area, (x, area.y), &text::visible(after), view.style(Role::Dim));
    Position { x: x.min(area.right().saturating_sub(1)), y: area.y }
}

fn edit_step(
    view: &View<'_>,
    editor: &Editor,
    screen: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let step = view.stage.course().script()?.next_step()?;
    let title = format!("{} {}", step.session, step.narration);
    let width = screen.width.saturating_sub(8).min(100);
    let rows = usize::from(screen.height / 2).max(3);
    let layout = editor.layout(0, usize::from(width.saturating_sub(4)), rows);
    let height = u16::try_from(layout.rows.len()).unwrap_or(u16::MAX).saturating_add(4);
    let area = centred(screen, width, height);
    let inner = open_box(view, area, &text::visible(&title), buffer);
    for (row, y) in layout.rows.iter().zip(inner.top()..inner.bottom()) {
        let line = editor.lines().get(row.line).map_or("", String::as_str);
        let plain = view.style(Role::Screen);
        let spans = sql::spans(view, line, row.text.clone(), editor.spans(row.line), plain);
        buffer.set_line(inner.x, y, &Line::from(spans), inner.width);
    }
    let keys = [(view.stage.key(Action::Enter), "sends it"), ("Esc".into(), "discards the edit")];
    let foot = Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner };
    lines::put_lines(buffer, foot, &[keys_line(view, &keys)]);
    let (row, cell) = layout.cursor;
    let x = inner.x + u16::try_from(cell).unwrap_or(0).min(inner.width.saturating_sub(1));
    let y = inner.y + u16::try_from(row).unwrap_or(0);
    Some(Position { x, y: y.min(inner.bottom().saturating_sub(1)) })
}
