//! The first line (title, engine, step), the tabs, the last line (the keys that matter now).

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::core::scenario::EngineKind;
use crate::stage::words;
use crate::tui::app::{App, Tone};
use crate::tui::keys::{Action, entry_of};
use crate::tui::pane::{Link, Pane};
use crate::tui::script::Script;
use crate::tui::text;
use crate::tui::theme::Role;

/// Draws the first line: what does not fit is left out, the engine's details first.
pub(super) fn header(app: &App, area: Rect, buffer: &mut Buffer) {
    title(app, engine_words(app), area, buffer);
}

/// Draws the first line of a comparison, whose halves name their engines themselves.
pub(super) fn shared_header(app: &App, area: Rect, buffer: &mut Buffer) {
    title(app, vec!["both engines".to_owned()], area, buffer);
}

fn title(app: &App, engine: Vec<String>, area: Rect, buffer: &mut Buffer) {
    let step = app.script.as_ref().map(step_words).unwrap_or_default();
    let title = app.script.as_ref().map_or("Overbooked", |script| &script.scenario.title);
    let title = text::visible(title).into_owned();
    let width = usize::from(area.width);
    let used = text::width(&step) + 4;
    let shortest = engine.last().map_or(0, |words| text::width(words) + 2);
    let ellipsis = app.setting.theme.signs().ellipsis;
    let room = width.saturating_sub(used + shortest);
    let title = text::fit(&title, room, ellipsis).into_owned();
    let left = text::width(&title) + 2;
    put(buffer, area, 1, &title, app.style(Role::Title));
    put(buffer, area, width.saturating_sub(text::width(&step) + 1), &step, app.style(Role::Strong));
    let free = width.saturating_sub(left + used);
    if let Some(engine) = engine.into_iter().find(|words| text::width(words) <= free) {
        let middle = (width.saturating_sub(text::width(&engine)) / 2).max(left + 1);
        let last = width.saturating_sub(used + text::width(&engine));
        put(buffer, area, middle.min(last.max(left)), &engine, app.style(Role::Dim));
    }
}

pub(super) fn step_words(script: &Script) -> String {
    let count = script.len();
    match script.next {
        _ if count == 0 => String::new(),
        next if next >= count && count == 1 => "its one step played".to_owned(),
        next if next >= count => format!("all {count} steps played"),
        next => format!("step {} of {count}", next + 1),
    }
}

/// The engine in words, longest first.
fn engine_words(app: &App) -> Vec<String> {
    let Some(engine) = &app.engine else { return Vec::new() };
    let dot = format!(" {} ", app.setting.theme.signs().between);
    let parts = [engine.product.as_str(), engine.place.as_str(), engine.isolation.as_sql()];
    let joined = |parts: &[&str]| text::visible(&parts.join(&dot)).into_owned();
    let kind = match engine.kind {
        EngineKind::Optimistic => "optimistic",
        kind => words::engine(kind),
    };
    let shorter = [&[parts[0], parts[2]][..], &parts[..1], &[kind]].map(joined);
    [joined(&parts)].into_iter().chain(shorter).collect()
}

/// Draws the line over a half of a comparison: its engine, and whether what is typed goes there. At
/// its end stands a hint, if there is one and room for it.
pub(super) fn engine(app: &App, hint: Option<&str>, area: Rect, buffer: &mut Buffer) {
    let role = if app.is_typed_in { Role::Focus } else { Role::Border };
    let line = app.setting.theme.signs().rule.repeat(usize::from(area.width));
    put(buffer, area, 0, &line, app.style(role));
    let free = usize::from(area.width).saturating_sub(4);
    let beside = free.saturating_sub(hint.map_or(0, text::width));
    let fitting = |room| engine_words(app).into_iter().find(|words| text::width(words) <= room);
    let words = fitting(beside).or_else(|| fitting(free));
    let words = format!(" {} ", words.unwrap_or_default());
    put(buffer, area, 2, &words, app.style(Role::Strong));
    let at = 3 + text::width(&words);
    let broken = app.broken.as_ref().map(|why| format!(" cannot go on: {} ", text::visible(why)));
    let used = at + broken.as_ref().map_or(0, |broken| text::width(broken));
    if let Some(broken) = broken {
        put(buffer, area, at, &broken, app.style(Role::Error));
    }
    let end = usize::from(area.width).saturating_sub(2);
    let place = hint.and_then(|hint| Some((hint, end.checked_sub(text::width(hint))?)));
    if let Some((hint, place)) = place.filter(|(_, place)| *place >= used) {
        put(buffer, area, place, hint, app.style(Role::Dim));
    }
}

pub(super) fn put(buffer: &mut Buffer, area: Rect, at: usize, words: &str, style: Style) {
    let x = area.x + u16::try_from(at).unwrap_or(u16::MAX).min(area.width);
    text::put(buffer, area, (x, area.y), words, style);
}

/// Draws the names of all sessions, those in sight among them, around the focused one.
pub(super) fn tabs(app: &App, area: Rect, buffer: &mut Buffer) {
    let labels: Vec<String> =
        app.panes.iter().enumerate().map(|(place, pane)| label(app, place, pane)).collect();
    let width = usize::from(area.width);
    let mut first = 0;
    let through = |first: usize| -> usize {
        labels[first..=app.focus.min(labels.len() - 1)].iter().map(|l| text::width(l) + 1).sum()
    };
    while !labels.is_empty() && first < app.focus && through(first) > width.saturating_sub(8) {
        first += 1;
    }
    let mut x = 1;
    for (place, label) in labels.iter().enumerate().skip(first) {
        if x + text::width(label) > width {
            break;
        }
        let accent = app.setting.theme.accent(place);
        let style = if place == app.focus { accent.patch(Style::new().reversed()) } else { accent };
        put(buffer, area, x, label, style);
        x += text::width(label) + 1;
    }
}

fn label(app: &App, place: usize, pane: &Pane) -> String {
    let sign = match (&pane.waiting, pane.link) {
        (Some(_), _) => app.setting.theme.signs().waiting,
        (None, Link::Lost) => "!",
        _ if pane.has_transaction() => "*",
        _ => "",
    };
    format!(" {} {}{sign} ", place + 1, text::visible(pane.name.as_str()))
}

/// Draws the last line: a message, or else the keys that matter now.
pub(super) fn footer(app: &App, area: Rect, buffer: &mut Buffer) {
    if let Some(message) = &app.message {
        let role = match message.tone {
            Tone::Plain => Role::Notice,
            Tone::Refusal => Role::Waiting,
        };
        let words = text::visible(&message.text);
        let fitted = text::fit(&words, usize::from(area.width.saturating_sub(2)), "");
        return put(buffer, area, 1, &fitted, app.style(role));
    }
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    let help = hint(app, Action::Help);
    let room = usize::from(area.width).saturating_sub(width_of(&help) + 1);
    for action in matter_now(app) {
        let hint = hint(app, action);
        if used + width_of(&hint) > room {
            continue;
        }
        used += width_of(&hint);
        spans.extend(hint);
    }
    spans.extend(help);
    buffer.set_line(area.x, area.y, &Line::from(spans), area.width);
}

pub(super) fn width_of(spans: &[Span<'_>]) -> usize {
    spans.iter().map(Span::width).sum()
}

pub(super) fn hint(app: &App, action: Action) -> Vec<Span<'static>> {
    let short = entry_of(action).map_or("", |entry| entry.short);
    vec![
        Span::styled(app.key(action), app.style(Role::Key)),
        Span::styled(format!(" {short}   "), app.style(Role::Dim)),
    ]
}

/// The keys for what can be done here, most wanted first.
fn matter_now(app: &App) -> Vec<Action> {
    let mut actions = Vec::new();
    let is_typing = app.pane().is_some_and(|pane| !pane.editor.is_empty());
    let is_busy = app.pane().is_some_and(|pane| pane.in_flight.is_some());
    match app.script.as_ref() {
        Some(script) if script.is_over() => actions.extend([Action::Restart, Action::StepBack]),
        Some(script) if script.next == 0 => actions.extend([Action::NextStep, Action::AutoPlay]),
        Some(_) => actions.extend([Action::NextStep, Action::StepBack]),
        None => {}
    }
    if is_typing {
        actions.extend([Action::Enter, Action::NewLine]);
    }
    if is_typing || is_busy {
        actions.push(Action::Interrupt);
    }
    actions.extend([Action::FocusNext, Action::SwitchEngine, Action::PickScenario]);
    actions.extend([Action::Graph, Action::EditStep]);
    actions.extend([Action::AutoPlay, Action::Restart, Action::Export]);
    actions.extend([Action::AddSession, Action::Quit]);
    let is_over = app.script.as_ref().is_some_and(Script::is_over);
    let is_past = |action| is_over && matches!(action, Action::EditStep | Action::AutoPlay);
    let mut once = Vec::new();
    for action in actions {
        if !once.contains(&action) && !is_past(action) {
            once.push(action);
        }
    }
    once
}
