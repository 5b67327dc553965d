//! Draws two engines at once.
//!
//! ```text
//!  title                                              step 8 of 11
//! ── PostgreSQL 15.20 ────────────────────────────────────────────
//!   seats, sessions
//! ── optimistic on PostgreSQL 15.20 ──────────────────────────────
//!   seats, sessions
//! ── not the same ── A-4: Bob holds it ≠ free ─────────────────────
//!   Bob      verifies that A-4 is free   (1 row)         (1 row)
//! ≠ Mallory  tries to take A-4           waits for Bob   UPDATE 1
//!   keys
//! ```

use std::time::Duration;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::bars::Hint;
use super::layout::{Places, SMALLEST_OF_TWO, areas};
use super::{View, bars, dialog, draw_half, sql, too_small};
use crate::reports::engine_diff::Answer;
use crate::stage::comparison::{Comparison, Half, Typing};
use crate::stage::keys::Action;
use crate::stage::layers::Layer;
use crate::stage::layers::losses::{Losses, losses_on_leaving};
use crate::stage::script::{Mark, Script};
use crate::stage::text;
use crate::tui::app::App;
use crate::tui::theme::Role;

/// The two runs, and where they are drawn.
#[derive(Clone, Copy)]
struct Two<'a> {
    app: &'a App,
    comparison: &'a Comparison,
}

impl<'a> Two<'a> {
    fn view(self, half: Half) -> View<'a> {
        self.app.view(half)
    }

    fn leading(self) -> View<'a> {
        self.view(self.comparison.turned_to())
    }
}

/// Draws a frame of a comparison.
pub(super) fn draw(frame: &mut Frame, app: &App, comparison: &Comparison, now: Duration) {
    let two = Two { app, comparison };
    let view = two.leading();
    let area = frame.area();
    frame.buffer_mut().set_style(area, view.style(Role::Screen));
    if area.as_size() != app.size() || is_too_small(app.size()) {
        return too_small(&view, SMALLEST_OF_TWO, area, frame.buffer_mut());
    }
    if let Some(cursor) = draw_parts(two, now, frame.buffer_mut()) {
        frame.set_cursor_position(cursor);
    }
}

/// Whether the terminal is too small for two halves.
fn is_too_small(size: Size) -> bool {
    size.width < SMALLEST_OF_TWO.width || size.height < SMALLEST_OF_TWO.height
}

fn draw_parts(two: Two<'_>, now: Duration, buffer: &mut Buffer) -> Option<Position> {
    let view = two.leading();
    let places = areas(two.app.size());
    bars::shared_header(&view, places.header, buffer);
    let mut cursor = None;
    let way_out = format!(" {}: this engine only ", view.stage.key(Action::Compare));
    for half in Half::BOTH {
        let (view, is_led) = (two.view(half), half == two.comparison.turned_to());
        let hint = is_led.then_some(way_out.as_str());
        bars::engine(&view, hint, view.places().header, buffer);
        cursor = cursor.or(draw_half(&view, now, buffer).filter(|_| is_led));
    }
    draw_rule(two, places.steps, buffer);
    draw_steps(two, places.steps, buffer);
    footer(two, places.footer, buffer);
    draw_layer(two, places.footer, cursor, now, buffer)
}

fn draw_layer(
    two: Two<'_>,
    footer: Rect,
    cursor: Option<Position>,
    now: Duration,
    buffer: &mut Buffer,
) -> Option<Position> {
    let view = two.leading();
    if let Some(Layer::Quit) = view.stage.layers().top() {
        let losses = Losses::of(&Half::BOTH.map(|half| two.comparison.stage(half)));
        dialog::quit(&view, &losses_on_leaving(&losses), buffer.area, buffer);
        return None;
    }
    let places = Places { footer, ..view.places() };
    super::draw_layer(&view, &places, cursor, now, buffer)
}

/// The line over the steps: the rows that are not the same, as many as there is room for.
fn draw_rule(two: Two<'_>, area: Rect, buffer: &mut Buffer) {
    let view = two.leading();
    let signs = view.theme.signs();
    let width = usize::from(area.width);
    bars::put(buffer, area, 0, &signs.rule.repeat(width), view.style(Role::Border));
    let rows = two.comparison.rows().iter().map(|row| {
        let words = format!("{}: {} {} {}", row.key, row.above, signs.differs, row.below);
        text::visible(&words).into_owned()
    });
    let rows: Vec<String> = rows.collect();
    let words = match rows.len() {
        0 => " same rows in both ".to_owned(),
        _ => format!(" {} ", rows.join("   ")),
    };
    let role = if rows.is_empty() { Role::Dim } else { Role::Conflict };
    let words = text::fit(&words, width.saturating_sub(4), signs.ellipsis);
    bars::put(buffer, area, 2, &words, view.style(role));
}

/// The widths of a step's parts.
struct Columns {
    name: usize,
    narration: usize,
    answer: usize,
}

impl Columns {
    fn of(script: &Script, width: usize) -> Self {
        let players =
            script.scenario().sessions.iter().map(|player| text::width(player.name.as_str()));
        let name = players.max().unwrap_or(0).min(width / 6);
        let steps = (0..script.len()).filter_map(|launch| script.step(launch));
        let narration = steps.map(|step| text::width(&step.narration)).max().unwrap_or(0);
        let rest = width.saturating_sub(name + 8);
        let narration = narration.min(rest * 2 / 5);
        Self { name, narration, answer: rest.saturating_sub(narration + 4) / 2 }
    }
}

fn draw_steps(two: Two<'_>, area: Rect, buffer: &mut Buffer) {
    let Some(script) = two.leading().stage.course().script() else { return };
    let columns = Columns::of(script, usize::from(area.width));
    let lines = usize::from(area.height.saturating_sub(1));
    // The next step at the bottom, under as many as there is room for: what has been answered is
    // what can be compared.
    let last = script.lines().saturating_sub(lines);
    let first = (script.next() + 1).saturating_sub(lines).min(last);
    for (line, y) in (first..script.lines()).zip(area.top() + 1..area.bottom()) {
        let row = Rect { y, height: 1, ..area };
        let spans = if line < script.len() {
            step_spans(two, script, line, &columns)
        } else {
            finally_spans(two, script, &columns)
        };
        buffer.set_line(row.x, row.y, &Line::from(spans), row.width);
    }
}

fn step_spans<'a>(
    two: Two<'a>,
    script: &'a Script,
    launch: usize,
    columns: &Columns,
) -> Vec<Span<'a>> {
    let view = two.leading();
    let Some(step) = script.step(launch) else { return Vec::new() };
    let is_next = launch == script.next();
    let role = if is_next { Role::Next } else { Role::Screen };
    let accent = view.theme.accent_of(&step.session, &view.stage.panes().cast());
    let (sign, sign_role) = sign(two, launch, is_next);
    let mut spans = vec![
        view.span(format!(" {sign} "), sign_role),
        Span::styled(fitted(&view, step.session.as_str(), columns.name), accent),
        view.span(format!("  {}", fitted(&view, &step.narration, columns.narration)), role),
    ];
    let answers = Half::BOTH.map(|half| two.comparison.account(half).step(launch));
    if is_next || answers == [None, None] {
        spans.push(Span::raw("   "));
        spans.push(view.span(sql::on_one_line(&step.sql), Role::Dim));
    } else {
        spans.extend(answer_spans(&view, answers, columns));
    }
    spans
}

/// Whether the two answers are the same, whether the file says otherwise of one of them, what comes
/// next.
fn sign(two: Two<'_>, launch: usize, is_next: bool) -> (&'static str, Role) {
    let signs = two.leading().theme.signs();
    let mark = |half| two.view(half).stage.course().script().map(|script| script.mark(launch));
    let [above, below] = Half::BOTH.map(|half| two.comparison.account(half));
    let marks = Half::BOTH.map(mark);
    if marks.iter().flatten().any(|mark| matches!(mark, Mark::Broken(_))) {
        (signs.broken, Role::Broken)
    } else if above.differs_at(below, launch) {
        (signs.differs, Role::Conflict)
    } else if is_next {
        (signs.next, Role::Next)
    } else {
        (" ", Role::Dim)
    }
}

fn finally_spans<'a>(two: Two<'a>, script: &'a Script, columns: &Columns) -> Vec<Span<'a>> {
    let view = two.leading();
    let [above, below] = Half::BOTH.map(|half| two.comparison.account(half).finally());
    let sign = if above.differs_from(below) { view.theme.signs().differs } else { " " };
    let mut spans = vec![
        view.span(format!(" {sign} "), Role::Conflict),
        view.span(fitted(&view, "finally", columns.name), Role::Dim),
        view.span(format!("  {}", fitted(&view, "final state", columns.narration)), Role::Dim),
    ];
    if script.is_over() {
        spans.extend(answer_spans(&view, [Some(above), Some(below)], columns));
    }
    spans
}

fn answer_spans(
    view: &View<'_>,
    answers: [Option<&Answer>; 2],
    columns: &Columns,
) -> Vec<Span<'static>> {
    let [one, two] = answers;
    let differ = matches!(answers, [Some(one), Some(two)] if one.differs_from(two));
    let role = if differ { Role::Strong } else { Role::Dim };
    let words = |answer: Option<&Answer>, other: Option<&Answer>| {
        let words = answer.map_or_else(String::new, |answer| answer.words_beside(other));
        Span::styled(format!("   {}", fitted(view, &words, columns.answer)), view.style(role))
    };
    vec![words(one, two), words(two, one)]
}

fn fitted(view: &View<'_>, words: &str, width: usize) -> String {
    text::pad(&text::visible(words), width, view.theme.signs().ellipsis)
}

/// A message of either half, or else the keys that matter while two engines are compared.
fn footer(two: Two<'_>, area: Rect, buffer: &mut Buffer) {
    let view = two.leading();
    let other = two.view(two.comparison.turned_to().other());
    if view.stage.message().is_some() || other.stage.message().is_some() {
        let speaker = if view.stage.message().is_some() { view } else { other };
        return bars::footer(&speaker, area, buffer);
    }
    let words = typing_words(two);
    buffer.set_line(area.x + 1, area.y, &Line::from(words), area.width.saturating_sub(1));
    for hint in key_hints(two, area) {
        hint.draw(buffer);
    }
}

/// What the last line shows of keys, unless a message stands there.
pub(super) fn hints(app: &App, comparison: &Comparison) -> Vec<Hint> {
    let two = Two { app, comparison };
    let has_message = |half| two.view(half).stage.message().is_some();
    if Half::BOTH.into_iter().any(has_message) {
        return Vec::new();
    }
    key_hints(two, areas(app.size()).footer)
}

fn key_hints(two: Two<'_>, area: Rect) -> Vec<Hint> {
    let words = u16::try_from(typing_words(two).width() + 1).unwrap_or(u16::MAX);
    let x = area.x.saturating_add(words).min(area.right());
    bars::fitting(&two.leading(), &KEYS, Rect { x, width: area.right() - x, ..area })
}

/// The keys of a comparison, most wanted first.
const KEYS: [Action; 10] = [
    Action::NextStep,
    Action::StepBack,
    Action::FocusNext,
    Action::Help,
    Action::OtherEngine,
    Action::TypeAlone,
    Action::Compare,
    Action::Restart,
    Action::PickScenario,
    Action::Quit,
];

fn typing_words(two: Two<'_>) -> Span<'static> {
    let words = match two.comparison.typing() {
        Typing::Both => "typing into both",
        Typing::Alone => "typing into one only",
    };
    let style: Style = two.leading().style(Role::Notice);
    Span::styled(format!("{words}   "), style)
}
