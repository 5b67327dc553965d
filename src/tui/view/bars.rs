//! The first line (title, engine, step), the tabs, the last line (the keys that matter now).

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::View;
use crate::core::scenario::EngineKind;
use crate::stage::debugging::Debugging;
use crate::stage::keys::{Action, entry_of};
use crate::stage::layers::Layer;
use crate::stage::message::Tone;
use crate::stage::panes::pane::{Link, Pane};
use crate::stage::script::Script;
use crate::stage::text;
use crate::stage::words;
use crate::tui::theme::Role;
use crate::tui::view::lines;

/// What stands in the first line, and beside a title in the list, for as long as it is so.
pub(super) const NOT_FOR_THIS_ENGINE: &str = "not for this engine";

/// A title that is cut to no less than this still tells which scenario it is.
const TITLE: usize = 24;

/// Draws the first line: what does not fit is left out, where the engine is first, then the rest of
/// the title, and last the isolation level.
pub(super) fn header(view: &View<'_>, area: Rect, buffer: &mut Buffer) {
    title(view, engine_words(view), area, buffer);
}

/// Draws the first line of a comparison, whose halves name their engines themselves.
pub(super) fn shared_header(view: &View<'_>, area: Rect, buffer: &mut Buffer) {
    title(view, vec!["both engines".to_owned()], area, buffer);
}

fn title(view: &View<'_>, engine: Vec<String>, area: Rect, buffer: &mut Buffer) {
    let step = match view.stage.debugging() {
        Some(debugging) => holds(debugging, usize::from(area.width / 2)),
        None => view.stage.course().script().map(step_words).unwrap_or_default(),
    };
    let badge = view.stage.course().script().filter(|script| script.is_out_of_place());
    let badge = badge.map_or("", |_| NOT_FOR_THIS_ENGINE);
    let title =
        view.stage.course().script().map_or("Overbooked", |script| &script.scenario().title);
    let title = text::visible(title).into_owned();
    let width = usize::from(area.width);
    let beside = if badge.is_empty() { 0 } else { text::width(badge) + 2 };
    let used = text::width(&step) + 4 + beside;
    let ellipsis = view.theme.signs().ellipsis;
    let room_beside = |words: &String| width.saturating_sub(used + text::width(words) + 2);
    let least = TITLE.min(text::width(&title));
    let with_level = engine.get(1).map(room_beside).filter(|room| *room >= least);
    let room = with_level.unwrap_or_else(|| engine.last().map_or(width, room_beside));
    let title = text::fit(&title, room, ellipsis).into_owned();
    let left = text::width(&title) + 2;
    put(buffer, area, 1, &title, view.style(Role::Title));
    let at = width.saturating_sub(text::width(&step) + 1);
    put(buffer, area, at, &step, view.style(Role::Strong));
    put(buffer, area, at.saturating_sub(beside), badge, view.style(Role::Notice));
    let free = width.saturating_sub(left + used);
    if let Some(engine) = engine.into_iter().find(|words| text::width(words) <= free) {
        let middle = (width.saturating_sub(text::width(&engine)) / 2).max(left + 1);
        let last = width.saturating_sub(used + text::width(&engine));
        put(buffer, area, middle.min(last.max(left)), &engine, view.style(Role::Dim));
    }
}

/// What the debugger holds, in so many cells.
fn holds(debugging: &Debugging, room: usize) -> String {
    let words = debugging.holds().into_iter().map(|words| text::visible(&words).into_owned());
    words.into_iter().find(|words| text::width(words) <= room).unwrap_or_default()
}

/// Draws the line over the keys: who is held, and how many others there are.
pub(super) fn guests(view: &View<'_>, debugging: &Debugging, area: Rect, buffer: &mut Buffer) {
    let between = view.theme.signs().between;
    let names: Vec<String> = (view.stage.panes().iter())
        .filter(|pane| pane.held.is_some())
        .map(|pane| text::visible(pane.name.as_str()).into_owned())
        .collect();
    let unseen = debugging.overview.held_without_pane;
    let held = match names.len() {
        count if unseen > 0 => {
            format!("{count} held, and {unseen} more without a pane: {}", names.join(", "))
        }
        0 => "nothing is held".to_owned(),
        count => format!("{count} held: {}", names.join(", ")),
    };
    let width = usize::from(area.width).saturating_sub(2);
    let key = format!("{} ", view.stage.key(Action::PassedStatements));
    let key = Some(key).filter(|_| debugging.overview.passed > 0).unwrap_or_default();
    let beside = debugging.others().into_iter();
    let mut beside = beside
        .filter(|words| text::width(&held) + text::width(words) + text::width(&key) + 5 <= width);
    let shortest = debugging.others().pop().unwrap_or_default();
    let beside = beside.next().unwrap_or(shortest);
    let left = width.saturating_sub(text::width(&beside) + text::width(&key) + 3);
    let held = text::fit(&held, left, view.theme.signs().ellipsis).into_owned();
    let role = if names.is_empty() { Role::Dim } else { Role::Strong };
    let line = Line::from(vec![
        view.span(held, role),
        view.span(format!(" {between} "), Role::Dim),
        view.span(beside, Role::Dim),
        view.span(format!("  {key}"), Role::Key),
    ]);
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
    lines::put_lines(buffer, inner, &[line]);
}

pub(super) fn step_words(script: &Script) -> String {
    let count = script.len();
    match script.next() {
        _ if count == 0 => String::new(),
        next if next >= count && count == 1 => "the only step played".to_owned(),
        next if next >= count => format!("all {count} steps played"),
        next => format!("step {} of {count}", next + 1),
    }
}

/// The engine in words, longest first.
fn engine_words(view: &View<'_>) -> Vec<String> {
    let Some(engine) = view.stage.course().engine().line() else { return Vec::new() };
    let dot = format!(" {} ", view.theme.signs().between);
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
pub(super) fn engine(view: &View<'_>, hint: Option<&str>, area: Rect, buffer: &mut Buffer) {
    let role = if view.is_typed_in { Role::Focus } else { Role::Border };
    let line = view.theme.signs().rule.repeat(usize::from(area.width));
    put(buffer, area, 0, &line, view.style(role));
    let free = usize::from(area.width).saturating_sub(4);
    let beside = free.saturating_sub(hint.map_or(0, text::width));
    let fitting = |room| engine_words(view).into_iter().find(|words| text::width(words) <= room);
    let words = fitting(beside).or_else(|| fitting(free));
    let words = format!(" {} ", words.unwrap_or_default());
    put(buffer, area, 2, &words, view.style(Role::Strong));
    let at = 3 + text::width(&words);
    let broken = view
        .stage
        .course()
        .broken()
        .map(|why| format!(" cannot continue: {} ", text::visible(why)));
    let used = at + broken.as_ref().map_or(0, |broken| text::width(broken));
    if let Some(broken) = broken {
        put(buffer, area, at, &broken, view.style(Role::Error));
    }
    let end = usize::from(area.width).saturating_sub(2);
    let place = hint.and_then(|hint| Some((hint, end.checked_sub(text::width(hint))?)));
    if let Some((hint, place)) = place.filter(|(_, place)| *place >= used) {
        put(buffer, area, place, hint, view.style(Role::Dim));
    }
}

pub(super) fn put(buffer: &mut Buffer, area: Rect, at: usize, words: &str, style: Style) {
    let x = area.x + u16::try_from(at).unwrap_or(u16::MAX).min(area.width);
    lines::put(buffer, area, (x, area.y), words, style);
}

/// Draws a session's name among those of the others.
pub(super) fn draw_tab(view: &View<'_>, place: usize, area: Rect, buffer: &mut Buffer) {
    let Some(pane) = view.stage.panes().get(place) else { return };
    let accent = view.theme.accent(place);
    let is_focused = place == view.stage.panes().focus();
    let style = if is_focused { accent.patch(Style::new().reversed()) } else { accent };
    put(buffer, area, 0, &tab(view, place, pane), style);
}

/// A session's name among those of the others, with a sign for how it stands.
pub(super) fn tab(view: &View<'_>, place: usize, pane: &Pane) -> String {
    let sign = match (&pane.waiting, pane.link) {
        _ if pane.held.is_some() => view.theme.signs().next,
        (Some(_), _) => view.theme.signs().waiting,
        (None, Link::Lost) => "!",
        _ if pane.has_transaction() => "*",
        _ => "",
    };
    format!(" {} {}{sign} ", place + 1, text::visible(pane.name.as_str()))
}

/// Draws the last line: a message, or else the keys that matter now.
pub(super) fn footer(view: &View<'_>, area: Rect, buffer: &mut Buffer) {
    if let Some(message) = view.stage.message() {
        let role = match message.tone() {
            Tone::Plain => Role::Notice,
            Tone::Refusal => Role::Waiting,
        };
        let words = text::visible(message.text());
        let fitted = text::fit(&words, usize::from(area.width.saturating_sub(2)), "");
        return put(buffer, area, 1, &fitted, view.style(role));
    }
    for hint in hints(view, area) {
        hint.draw(buffer);
    }
}

/// The name of a key that matters now, with what it does.
pub(super) struct Hint {
    pub(super) action: Action,
    pub(super) area: Rect,
    spans: Vec<Span<'static>>,
}

/// What the last line shows of keys, unless something else stands there.
pub(super) fn hints(view: &View<'_>, area: Rect) -> Vec<Hint> {
    let layer = view.stage.layers().top();
    let is_taken = matches!(
        layer,
        Some(Layer::FindText(_) | Layer::FindStatement(_) | Layer::Select(_) | Layer::Classes(_))
    );
    if is_taken || view.stage.message().is_some() {
        return Vec::new();
    }
    let help = hint(view, Action::Help);
    let room = area.width.saturating_sub(width_of(&help));
    let left = Rect { x: area.x.saturating_add(1), ..area };
    let mut hints =
        fitting(view, &matter_now(view), Rect { width: room.saturating_sub(1), ..left });
    let x = hints.last().map_or(left.x, |last| last.area.right());
    hints.push(Hint::new(Action::Help, help, Rect { x, ..area }));
    hints
}

/// As many of these as fit into a line, one after the other.
pub(super) fn fitting(view: &View<'_>, actions: &[Action], area: Rect) -> Vec<Hint> {
    let mut x = area.x;
    let mut hints = Vec::new();
    for action in actions {
        let spans = hint(view, *action);
        if x.saturating_add(width_of(&spans)) <= area.right() {
            hints.push(Hint::new(*action, spans, Rect { x, ..area }));
            x = hints.last().map_or(x, |last| last.area.right());
        }
    }
    hints
}

impl Hint {
    /// One that begins here.
    fn new(action: Action, spans: Vec<Span<'static>>, from: Rect) -> Self {
        let area = Rect { width: width_of(&spans), height: 1, ..from };
        Self { action, area, spans }
    }

    pub(super) fn draw(self, buffer: &mut Buffer) {
        lines::put_lines(buffer, self.area, &[Line::from(self.spans)]);
    }
}

fn width_of(spans: &[Span<'_>]) -> u16 {
    u16::try_from(spans.iter().map(Span::width).sum::<usize>()).unwrap_or(u16::MAX)
}

fn hint(view: &View<'_>, action: Action) -> Vec<Span<'static>> {
    let short = entry_of(action).map_or("", |entry| entry.short);
    vec![
        Span::styled(key_now(view, action), view.style(Role::Key)),
        Span::styled(format!(" {short}   "), view.style(Role::Dim)),
    ]
}

/// The key to show: an empty line is left with the key that completes any other.
fn key_now(view: &View<'_>, action: Action) -> String {
    let is_on_an_empty_line =
        view.stage.panes().focused().is_none_or(|pane| pane.editor.is_empty());
    let completes = view.stage.key(Action::Complete);
    if action == Action::FocusNext && is_on_an_empty_line && !completes.is_empty() {
        return completes;
    }
    view.stage.key(action)
}

/// The same beside the debugger.
fn matter_to_debugging(view: &View<'_>, debugging: &Debugging) -> Vec<Action> {
    let mut actions = Vec::new();
    let held = view.stage.panes().iter().filter(|pane| pane.held.is_some()).count();
    if held > 0 {
        actions.extend([Action::LetGo, Action::LetAllGo, Action::AnswerHeld]);
    }
    if view.stage.panes().len() > 1 {
        actions.push(Action::FocusNext);
    }
    if held > 1 && debugging.has_gate {
        actions.push(Action::LetGoTogether);
    }
    actions.extend([Action::RunOn, Action::Breakpoints]);
    actions.push(Action::AddSession);
    actions.extend([Action::Graph, Action::Export, Action::PassedStatements, Action::Quit]);
    actions
}

/// The keys for what can be done here, most wanted first.
fn matter_now(view: &View<'_>) -> Vec<Action> {
    if let Some(debugging) = view.stage.debugging() {
        return matter_to_debugging(view, debugging);
    }
    let mut actions = Vec::new();
    let is_typing = view.stage.panes().focused().is_some_and(|pane| !pane.editor.is_empty());
    let is_busy = view.stage.panes().focused().is_some_and(|pane| pane.in_flight.is_some());
    match view.stage.course().script() {
        Some(script) if script.is_empty() => {
            actions.extend([Action::FocusNext, Action::AddSession, Action::Export]);
        }
        Some(script) if script.is_over() => actions.extend([Action::Restart, Action::StepBack]),
        Some(script) if script.next() == 0 => actions.extend([Action::NextStep, Action::AutoPlay]),
        Some(_) => actions.extend([Action::NextStep, Action::StepBack]),
        None => {}
    }
    if is_typing {
        actions.extend([Action::Enter, Action::Complete, Action::NewLine]);
    }
    if is_typing || is_busy {
        actions.push(Action::Interrupt);
    }
    actions.extend([Action::FocusNext, Action::SwitchEngine, Action::PickScenario]);
    actions.extend([Action::Graph, Action::EditStep]);
    actions.extend([Action::AutoPlay, Action::Restart, Action::Export]);
    actions.extend([Action::AddSession, Action::Quit]);
    let is_over = view.stage.course().script().is_some_and(Script::is_over);
    let is_past = |action| is_over && matches!(action, Action::EditStep | Action::AutoPlay);
    let mut once = Vec::new();
    for action in actions {
        if !once.contains(&action) && !is_past(action) {
            once.push(action);
        }
    }
    once
}
