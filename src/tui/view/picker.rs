//! The list of scenarios, and what the chosen one is about: beside it where both have room, below
//! it otherwise.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::bars::NOT_FOR_THIS_ENGINE;
use super::dialog::{cast_line, keys_line, story_lines};
use super::{View, centred, mistake, open_box};
use crate::core::scenario::{Scenario, counted};
use crate::stage::layers::{Listed, Picker};
use crate::stage::text;
use crate::stage::words;
use crate::tui::theme::Role;
use crate::tui::view::lines;

/// The narrowest column in which a story reads well.
const NARROWEST: u16 = 40;

/// Draws the list; gives the cursor's place.
pub(super) fn draw(
    view: &View<'_>,
    picker: &Picker,
    screen: Rect,
    buffer: &mut Buffer,
) -> Position {
    let area =
        centred(screen, screen.width.saturating_sub(8).min(120), screen.height.saturating_sub(4));
    let inner = open_box(view, area, "pick a scenario", buffer);
    let filter = format!("find: {}", text::visible(picker.filter()));
    buffer.set_stringn(
        inner.x,
        inner.y,
        &filter,
        usize::from(inner.width),
        view.style(Role::Strong),
    );
    let body = Rect { y: inner.y + 2, height: inner.height.saturating_sub(4), ..inner };
    let (list, preview) = split(view, picker, body);
    draw_list(view, picker, list, buffer);
    match picker.choice() {
        Some(Listed::Own(file)) if file.scenario().is_none() => {
            lines::put_lines(buffer, preview, &mistake::words(view, file, preview.width));
        }
        Some(listed) => {
            if let Some(scenario) = listed.scenario() {
                draw_preview(view, scenario, preview, buffer);
            }
        }
        None => {}
    }
    let keys =
        [("Enter".into(), "opens it"), ("Esc".into(), "closes"), ("Up Down".into(), "choose")];
    let foot = Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner };
    lines::put_lines(buffer, foot, &[keys_line(view, &keys)]);
    let x = inner.x + u16::try_from(text::width(&filter)).unwrap_or(0).min(inner.width);
    Position { x, y: inner.y }
}

/// The list's place and the preview's. Titles differ at their ends, so the list is as wide as the
/// widest.
fn split(view: &View<'_>, picker: &Picker, body: Rect) -> (Rect, Rect) {
    let titles = picker.all().iter().map(|listed| text::width(&text::visible(&listed.title())));
    let badge = picker.all().iter().map(|listed| text::width(badge(view, listed)));
    let badge = badge.max().filter(|width| *width > 0).map_or(0, |width| width + 1);
    let widest = titles.max().unwrap_or(0) + badge + 2;
    let widest = u16::try_from(widest).unwrap_or(u16::MAX);
    let width = widest.max(body.width * 2 / 5);
    let beside = body.width.saturating_sub(width.saturating_add(3));
    if beside >= NARROWEST {
        let list = Rect { width, ..body };
        return (list, Rect { x: list.right() + 3, width: beside, ..body });
    }
    let list = Rect { height: body.height * 3 / 5, ..body };
    let y = (list.bottom() + 1).min(body.bottom());
    (list, Rect { y, height: body.bottom() - y, ..body })
}

fn draw_list(view: &View<'_>, picker: &Picker, area: Rect, buffer: &mut Buffer) {
    let height = usize::from(area.height).max(1);
    let first = picker.chosen().saturating_sub(height / 2);
    let rows = rows(view, picker);
    let first = first.min(rows.len().saturating_sub(height));
    let signs = view.theme.signs();
    let below = rows.len().saturating_sub(first + height);
    // The rows before and behind the list are blank.
    draw_more(view, first, "above", (area.x, area.y.saturating_sub(1)), buffer);
    draw_more(view, below, "below", (area.x, area.bottom()), buffer);
    let shown = rows.iter().enumerate().skip(first);
    for ((place, (title, badge)), y) in shown.zip(area.top()..area.bottom()) {
        let is_chosen = place == picker.chosen();
        let sign = if is_chosen { signs.next } else { " " };
        let title = format!("{sign} {}", text::visible(title));
        let room = usize::from(area.width).saturating_sub(text::width(badge));
        let title = text::pad(&title, room, signs.ellipsis) + badge;
        let role = if is_chosen { Role::Selection } else { Role::Screen };
        lines::put(buffer, area, (area.x, y), &title, view.style(role));
    }
    if rows.is_empty() {
        let words = "No match; a path to a file or a folder opens that";
        lines::put(buffer, area, (area.x, area.y), words, view.style(Role::Dim));
    }
}

/// What stands in each line, and at its end; the last one is the path that was typed, if one was.
fn rows(view: &View<'_>, picker: &Picker) -> Vec<(String, &'static str)> {
    let matching = picker.matching().into_iter();
    let matching = matching.map(|listed| (listed.title(), badge(view, listed)));
    let typed = picker.typed_path();
    let typed = typed.map(|path| (format!("Open the path {}", path.display()), ""));
    matching.chain(typed).collect()
}

/// What stands at a line's end where the scenario is not for the engine that is played on.
fn badge(view: &View<'_>, listed: &Listed) -> &'static str {
    match (view.stage.course().engine().ahead(), listed.scenario()) {
        (Some(here), Some(scenario)) if !scenario.is_for(here) => NOT_FOR_THIS_ENGINE,
        _ => "",
    }
}

/// How many scenarios are out of sight.
fn draw_more(view: &View<'_>, count: usize, side: &str, at: (u16, u16), buffer: &mut Buffer) {
    if count > 0 {
        let words = format!("  {} {count} more {side}", view.theme.signs().ellipsis);
        lines::put(buffer, buffer.area, at, &words, view.style(Role::Dim));
    }
}

fn draw_preview(view: &View<'_>, scenario: &Scenario, area: Rect, buffer: &mut Buffer) {
    let cells = usize::from(area.width);
    let mut lines = Vec::new();
    if let Some(engines) = engines(view, scenario) {
        let rows = text::wrap(&engines, cells);
        lines.extend(rows.into_iter().map(|row| Line::from(view.span(row, Role::Notice))));
        lines.push(Line::default());
    }
    lines.extend(story_lines(view, &scenario.story, cells));
    lines.push(cast_line(view, scenario));
    let steps = scenario.schedules.first().launches.len();
    let levels = scenario.levels_in_words().map(|levels| format!(", for {levels}"));
    let steps = counted(steps as u64, "step") + &levels.unwrap_or_default();
    let rows = text::wrap(&steps, cells);
    lines.extend(rows.into_iter().map(|row| Line::from(view.span(row, Role::Dim))));
    if let Some(source) = &scenario.source {
        let rows = text::wrap(&text::visible(&format!("from {source}")), cells);
        lines.extend(rows.into_iter().map(|row| Line::from(view.span(row, Role::Dim))));
    }
    lines::put_lines(buffer, area, &lines);
}

/// Where the scenario applies, if that is not everywhere, and what comes of picking it here.
fn engines(view: &View<'_>, scenario: &Scenario) -> Option<String> {
    if scenario.engines.is_empty() {
        return None;
    }
    let names: Vec<&str> = scenario.engines.iter().map(|kind| words::engine(*kind)).collect();
    let goes = match (view.stage.engine_for(scenario), view.stage.course().engine().ahead()) {
        (Some(_), _) => "; opens there",
        (None, Some(here)) if !scenario.is_for(here) => "; this is another engine",
        _ => "",
    };
    Some(format!("For {} only{goes}.", names.join(" and ")))
}
