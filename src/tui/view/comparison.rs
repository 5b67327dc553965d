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
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{bars, dialog, draw_half, keep_ascii, sql, too_small};
use crate::reports::engine_diff::Answer;
use crate::tui::app::App;
use crate::tui::comparison::{Comparison, Half, SMALLEST, Typing, areas};
use crate::tui::keys::Action;
use crate::tui::layer::Layer;
use crate::tui::losses::{Losses, losses_on_leaving};
use crate::tui::script::{Mark, Script};
use crate::tui::text;
use crate::tui::theme::{Charset, Role};

/// Draws a frame of a comparison.
pub fn draw(frame: &mut Frame, comparison: &Comparison, now: Duration) {
    let app = comparison.leading();
    let area = frame.area();
    frame.buffer_mut().set_style(area, app.style(Role::Screen));
    if area.as_size() != comparison.size() || comparison.is_too_small() {
        return too_small(app, SMALLEST, area, frame.buffer_mut());
    }
    if let Some(cursor) = draw_parts(comparison, now, frame.buffer_mut()) {
        frame.set_cursor_position(cursor);
    }
    if app.setting.theme.charset() == Charset::Ascii {
        keep_ascii(frame.buffer_mut());
    }
}

fn draw_parts(comparison: &Comparison, now: Duration, buffer: &mut Buffer) -> Option<Position> {
    let app = comparison.leading();
    let places = areas(comparison.size());
    bars::shared_header(app, places.header, buffer);
    let mut cursor = None;
    let way_out = format!(" {}: this engine alone ", app.key(Action::Compare));
    for half in Half::BOTH {
        let (app, is_led) = (comparison.app(half), half == comparison.turned_to());
        let hint = is_led.then_some(way_out.as_str());
        bars::engine(app, hint, app.places().header, buffer);
        cursor = cursor.or(draw_half(app, now, buffer).filter(|_| is_led));
    }
    draw_rule(comparison, places.steps, buffer);
    draw_steps(comparison, places.steps, buffer);
    footer(comparison, places.footer, buffer);
    if app.layers.is_empty() {
        return cursor;
    }
    draw_layer(comparison, places.footer, now, buffer)
}

fn draw_layer(
    comparison: &Comparison,
    footer: Rect,
    now: Duration,
    buffer: &mut Buffer,
) -> Option<Position> {
    let app = comparison.leading();
    if let Some(Layer::Quit) = app.layers.last() {
        let losses = Losses::of(&Half::BOTH.map(|half| comparison.app(half)));
        dialog::quit(app, &losses_on_leaving(&losses), buffer.area, buffer);
        return None;
    }
    let places = crate::tui::view::layout::Places { footer, ..app.places() };
    dialog::draw(app, &places, now, buffer)
}

/// The line over the steps: the rows that are not the same, as many as there is room for.
fn draw_rule(comparison: &Comparison, area: Rect, buffer: &mut Buffer) {
    let app = comparison.leading();
    let signs = app.setting.theme.signs();
    let width = usize::from(area.width);
    bars::put(buffer, area, 0, &signs.rule.repeat(width), app.style(Role::Border));
    let rows = comparison.rows().iter().map(|row| {
        let words = format!("{}: {} {} {}", row.key, row.above, signs.differs, row.below);
        text::visible(&words).into_owned()
    });
    let rows: Vec<String> = rows.collect();
    let words = match rows.len() {
        0 => " the same rows in both ".to_owned(),
        _ => format!(" {} ", rows.join("   ")),
    };
    let role = if rows.is_empty() { Role::Dim } else { Role::Conflict };
    let words = text::fit(&words, width.saturating_sub(4), signs.ellipsis);
    bars::put(buffer, area, 2, &words, app.style(role));
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
            script.scenario.sessions.iter().map(|player| text::width(player.name.as_str()));
        let name = players.max().unwrap_or(0).min(width / 6);
        let steps = (0..script.len()).filter_map(|launch| script.step(launch));
        let narration = steps.map(|step| text::width(&step.narration)).max().unwrap_or(0);
        let rest = width.saturating_sub(name + 8);
        let narration = narration.min(rest * 2 / 5);
        Self { name, narration, answer: rest.saturating_sub(narration + 4) / 2 }
    }
}

fn draw_steps(comparison: &Comparison, area: Rect, buffer: &mut Buffer) {
    let Some(script) = &comparison.leading().script else { return };
    let columns = Columns::of(script, usize::from(area.width));
    let lines = usize::from(area.height.saturating_sub(1));
    // The next step at the bottom, under as many as there is room for: what has been answered is
    // what can be compared.
    let last = script.lines().saturating_sub(lines);
    let first = (script.next + 1).saturating_sub(lines).min(last);
    for (line, y) in (first..script.lines()).zip(area.top() + 1..area.bottom()) {
        let row = Rect { y, height: 1, ..area };
        let spans = if line < script.len() {
            step_spans(comparison, script, line, &columns)
        } else {
            finally_spans(comparison, script, &columns)
        };
        buffer.set_line(row.x, row.y, &Line::from(spans), row.width);
    }
}

fn step_spans<'a>(
    comparison: &'a Comparison,
    script: &'a Script,
    launch: usize,
    columns: &Columns,
) -> Vec<Span<'a>> {
    let app = comparison.leading();
    let Some(step) = script.step(launch) else { return Vec::new() };
    let is_next = launch == script.next;
    let role = if is_next { Role::Next } else { Role::Screen };
    let accent = app.setting.theme.accent_of(&step.session, &app.cast());
    let (sign, sign_role) = sign(comparison, launch, is_next);
    let mut spans = vec![
        app.span(format!(" {sign} "), sign_role),
        Span::styled(fitted(app, step.session.as_str(), columns.name), accent),
        app.span(format!("  {}", fitted(app, &step.narration, columns.narration)), role),
    ];
    let answers = Half::BOTH.map(|half| comparison.account(half).step(launch));
    if is_next || answers == [None, None] {
        spans.push(Span::raw("   "));
        spans.push(app.span(sql::on_one_line(&step.sql), Role::Dim));
    } else {
        spans.extend(answer_spans(app, answers, columns));
    }
    spans
}

/// Whether the two answers are the same, whether the file says otherwise of one of them, what comes
/// next.
fn sign(comparison: &Comparison, launch: usize, is_next: bool) -> (&'static str, Role) {
    let signs = comparison.leading().setting.theme.signs();
    let mark = |half| comparison.app(half).script.as_ref().map(|script| script.mark(launch));
    let [above, below] = Half::BOTH.map(|half| comparison.account(half));
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

fn finally_spans<'a>(
    comparison: &'a Comparison,
    script: &'a Script,
    columns: &Columns,
) -> Vec<Span<'a>> {
    let app = comparison.leading();
    let [above, below] = Half::BOTH.map(|half| comparison.account(half).finally());
    let sign = if above.differs_from(below) { app.setting.theme.signs().differs } else { " " };
    let mut spans = vec![
        app.span(format!(" {sign} "), Role::Conflict),
        app.span(fitted(app, "finally", columns.name), Role::Dim),
        app.span(
            format!("  {}", fitted(app, "what is left in the end", columns.narration)),
            Role::Dim,
        ),
    ];
    if script.is_over() {
        spans.extend(answer_spans(app, [Some(above), Some(below)], columns));
    }
    spans
}

fn answer_spans(app: &App, answers: [Option<&Answer>; 2], columns: &Columns) -> Vec<Span<'static>> {
    let [one, two] = answers;
    let differ = matches!(answers, [Some(one), Some(two)] if one.differs_from(two));
    let role = if differ { Role::Strong } else { Role::Dim };
    let words = |answer: Option<&Answer>, other: Option<&Answer>| {
        let words = answer.map_or_else(String::new, |answer| answer.words_beside(other));
        Span::styled(format!("   {}", fitted(app, &words, columns.answer)), app.style(role))
    };
    vec![words(one, two), words(two, one)]
}

fn fitted(app: &App, words: &str, width: usize) -> String {
    text::pad(&text::visible(words), width, app.setting.theme.signs().ellipsis)
}

/// A message of either half, or else the keys that matter while two engines are compared.
fn footer(comparison: &Comparison, area: Rect, buffer: &mut Buffer) {
    let app = comparison.leading();
    let other = comparison.app(comparison.turned_to().other());
    if app.message.is_some() || other.message.is_some() {
        let speaker = if app.message.is_some() { app } else { other };
        return bars::footer(speaker, area, buffer);
    }
    let mut spans = vec![Span::raw(" "), typing_words(comparison)];
    for action in KEYS {
        let hint = bars::hint(app, action);
        let used = bars::width_of(&spans) + bars::width_of(&hint);
        if used <= usize::from(area.width) {
            spans.extend(hint);
        }
    }
    buffer.set_line(area.x, area.y, &Line::from(spans), area.width);
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

fn typing_words(comparison: &Comparison) -> Span<'static> {
    let words = match comparison.typing() {
        Typing::Both => "types into both",
        Typing::Alone => "types into one alone",
    };
    let style: Style = comparison.leading().style(Role::Notice);
    Span::styled(format!("{words}   "), style)
}
