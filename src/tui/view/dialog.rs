//! What lies over the screen.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{centred, open_box, sql};

use crate::core::scenario::Scenario;
use crate::tui::app::App;
use crate::tui::editor::Editor;
use crate::tui::keys::Action;
use crate::tui::layer::{FindStatement, FindText, Layer, Question};
use crate::tui::losses::{Losses, losses_on_leaving};
use crate::tui::text;
use crate::tui::theme::Role;
use crate::tui::view::graph;
use crate::tui::view::layout::Places;
use crate::tui::view::timeline::{self, Cursor};

/// The widest line that reads well.
const READABLE: u16 = 76;

/// Draws the topmost layer; gives the cursor's place where one is typed in.
pub(super) fn draw(
    app: &App,
    places: &Places,
    now: Duration,
    buffer: &mut Buffer,
) -> Option<Position> {
    let screen = buffer.area;
    match app.layers.last()? {
        Layer::Quit => quit(app, &losses_on_leaving(&Losses::of(&[app])), screen, buffer),
        Layer::Question(question) => ask(app, question, screen, buffer),
        Layer::Help { down } => super::help::draw(app, *down, screen, buffer),
        Layer::Story => story(app, screen, buffer),
        Layer::Graph(gaze) => graph(app, *gaze, places, now, buffer),
        Layer::Picker(picker) => return Some(super::picker::draw(app, picker, screen, buffer)),
        Layer::FindText(find) => return Some(find_text(app, find, places.footer, buffer)),
        Layer::FindStatement(find) => {
            return Some(find_statement(app, find, places.footer, buffer));
        }
        Layer::EditStep(editor) => return edit_step(app, editor, screen, buffer),
    }
    None
}

pub(super) fn put_lines(area: Rect, lines: &[Line<'_>], buffer: &mut Buffer) {
    for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
        buffer.set_line(area.x, y, line, area.width);
    }
}

pub(super) fn height_of(lines: &[Line<'_>]) -> u16 {
    u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2)
}

/// The question before leaving.
pub(super) fn quit(app: &App, words: &[String], screen: Rect, buffer: &mut Buffer) {
    let keys = [("y".into(), "leave"), ("n".into(), "stay")];
    put_question(app, "Leave?", words, &keys, screen, buffer);
}

fn ask(app: &App, question: &Question, screen: Rect, buffer: &mut Buffer) {
    let keys = [("y".into(), question.yes), ("n".into(), question.no)];
    put_question(app, question.title, &question.words, &keys, screen, buffer);
}

/// What can be read of a question at a glance: sentences, one below the other, and the keys that
/// answer it.
fn put_question(
    app: &App,
    title: &str,
    words: &[String],
    keys: &[(String, &'static str)],
    screen: Rect,
    buffer: &mut Buffer,
) {
    let rows = words.iter().flat_map(|sentence| text::wrap(&text::visible(sentence), 56));
    let mut lines: Vec<Line<'_>> =
        rows.map(|row| Line::from(app.span(row, Role::Screen))).collect();
    // The keys stay in sight, however much there is to say.
    let most = usize::from(screen.height.saturating_sub(4)).max(1);
    if lines.len() > most {
        lines.truncate(most - 1);
        let ellipsis = app.setting.theme.signs().ellipsis;
        lines.push(Line::from(app.span(ellipsis, Role::Screen)));
    }
    lines.push(Line::default());
    lines.push(keys_line(app, keys));
    let area = centred(screen, 62, height_of(&lines));
    put_lines(open_box(app, area, title, buffer), &lines, buffer);
}

pub(super) fn keys_line(app: &App, keys: &[(String, &'static str)]) -> Line<'static> {
    let spans = keys.iter().flat_map(|(key, words)| {
        [
            Span::styled(key.clone(), app.style(Role::Key)),
            Span::styled(format!(" {words}   "), app.style(Role::Dim)),
        ]
    });
    spans.collect()
}

fn story(app: &App, screen: Rect, buffer: &mut Buffer) {
    let Some(script) = &app.script else { return };
    let scenario = &script.scenario;
    let width = READABLE.min(screen.width.saturating_sub(4));
    let mut lines = vec![Line::default()];
    lines.extend(story_lines(app, scenario, usize::from(width.saturating_sub(4))));
    lines.push(cast_line(app, scenario));
    lines.push(Line::default());
    let step = app.key(Action::NextStep);
    lines.push(keys_line(app, &[(step, "plays the first step"), ("Enter".into(), "to the stage")]));
    let area = centred(screen, width, height_of(&lines));
    let title = text::visible(&scenario.title).into_owned();
    put_lines(open_box(app, area, &title, buffer), &lines, buffer);
}

pub(super) fn story_lines(app: &App, scenario: &Scenario, cells: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for paragraph in &scenario.story {
        let rows = text::wrap(&text::visible(paragraph), cells);
        lines.extend(rows.into_iter().map(|row| Line::from(app.span(row, Role::Screen))));
        lines.push(Line::default());
    }
    lines
}

pub(super) fn cast_line(app: &App, scenario: &Scenario) -> Line<'static> {
    let mut spans = vec![app.span("On stage: ", Role::Dim)];
    for (place, player) in scenario.sessions.iter().enumerate() {
        let name = text::visible(player.name.as_str()).into_owned();
        spans.push(Span::styled(name, app.setting.theme.accent(place)));
        spans.push(Span::raw("  "));
    }
    Line::from(spans)
}

/// The fewest rows in which the graph and the time line show something.
const GRAPH: u16 = 20;

/// Who waits for whom, and under it the time line. They lie below the house where there is room for
/// them, and over it otherwise: what the graph tells is seen on the map.
fn graph(app: &App, gaze: Cursor, places: &Places, now: Duration, buffer: &mut Buffer) {
    let screen = buffer.area;
    let cast = app.cast();
    let scene = super::scene(app, &cast, now);
    let waits: graph::Waits = app
        .panes
        .iter()
        .filter_map(|pane| Some((pane.name.clone(), pane.waiting.as_ref()?.wait.clone())))
        .collect();
    let width = screen.width.saturating_sub(4);
    let inside = width.saturating_sub(4);
    let wanted = graph::desired_height(&waits, inside, &scene);
    let lanes = timeline::desired_height(&app.timeline, inside, &scene);
    let height = wanted.saturating_add(lanes).saturating_add(3);
    let below = places.footer.y.saturating_sub(places.house.bottom());
    let (y, height) = if below >= height.min(GRAPH) {
        (places.house.bottom(), height.min(below))
    } else {
        let height = height.min(screen.height.saturating_sub(2));
        (places.house.y.min(screen.height.saturating_sub(height)), height)
    };
    let area = Rect { x: (screen.width - width) / 2, y, width, height };
    let inner = open_box(app, area, "who waits for whom", buffer);
    let above = wanted.min(inner.height.saturating_sub(lanes + 1).max(inner.height / 3));
    let [top, rule, below] =
        Layout::vertical([Constraint::Length(above), Constraint::Length(1), Constraint::Fill(1)])
            .areas(inner);
    graph::draw(&waits, top, buffer, &scene);
    let mut heading = vec![app.span("who did what when   ", Role::Title)];
    heading.extend(keys_line(app, &[("Left Right Home End".into(), "look back and forth")]).spans);
    put_lines(rule, &[Line::from(heading)], buffer);
    timeline::draw(&app.timeline, gaze, below, buffer, &scene);
}

fn find_text(app: &App, find: &FindText, area: Rect, buffer: &mut Buffer) -> Position {
    let keys = "   Enter older   Down newer   Esc done";
    line_at(app, "find: ", &find.needle, keys, area, buffer)
}

fn find_statement(app: &App, find: &FindStatement, area: Rect, buffer: &mut Buffer) -> Position {
    let found = app.pane().and_then(|pane| find.found(pane.editor.earlier()));
    let found = found.map_or_else(|| "nothing".to_owned(), sql::on_one_line);
    line_at(app, "(reverse-i-search) ", &find.needle, &format!("   {found}"), area, buffer)
}

fn line_at(
    app: &App,
    label: &str,
    typed: &str,
    after: &str,
    area: Rect,
    buffer: &mut Buffer,
) -> Position {
    buffer.set_style(area, app.style(Role::Screen));
    let blank = " ".repeat(usize::from(area.width));
    text::put(buffer, area, (area.x, area.y), &blank, Style::new());
    let label_end = text::put(buffer, area, (area.x + 1, area.y), label, app.style(Role::Key));
    let typed = text::visible(typed).into_owned();
    let x = text::put(buffer, area, (label_end, area.y), &typed, app.style(Role::Strong));
    text::put(buffer, area, (x, area.y), &text::visible(after), app.style(Role::Dim));
    Position { x: x.min(area.right().saturating_sub(1)), y: area.y }
}

fn edit_step(app: &App, editor: &Editor, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
    let step = app.script.as_ref()?.next_step()?;
    let title = format!("{} {}", step.session, step.narration);
    let width = screen.width.saturating_sub(8).min(100);
    let rows = usize::from(screen.height / 2).max(3);
    let sheet = editor.sheet(0, usize::from(width.saturating_sub(4)), rows);
    let height = u16::try_from(sheet.rows.len()).unwrap_or(u16::MAX).saturating_add(4);
    let area = centred(screen, width, height);
    let inner = open_box(app, area, &text::visible(&title), buffer);
    for (row, y) in sheet.rows.iter().zip(inner.top()..inner.bottom()) {
        let line = editor.lines().get(row.line).map_or("", String::as_str);
        let plain = app.style(Role::Screen);
        let spans = sql::spans(app, line, row.text.clone(), editor.spans(row.line), plain);
        buffer.set_line(inner.x, y, &Line::from(spans), inner.width);
    }
    let keys = [(app.key(Action::Enter), "sends it"), ("Esc".into(), "leaves it as it was")];
    let foot = Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner };
    put_lines(foot, &[keys_line(app, &keys)], buffer);
    let (row, cell) = sheet.cursor;
    let x = inner.x + u16::try_from(cell).unwrap_or(0).min(inner.width.saturating_sub(1));
    let y = inner.y + u16::try_from(row).unwrap_or(0);
    Some(Position { x, y: y.min(inner.bottom().saturating_sub(1)) })
}
