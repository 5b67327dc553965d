//! Draws a [`RushStage`]: a pure function of what has happened.
//!
//! ```text
//!  rush · for-update · 2 of 11        600 seats · 20 workers · seed 1            12 s left
//! ╭ seats ────────────────────────────╮╭ requests a second ─ 9310 ──────────────────────╮
//! │A  140 of 200 sold                 ││        chart                                   │
//! │■■■■■■■■·····                      │╰────────────────────────────────────────────────╯
//! │B  ...                             │╭ latency ─ p50 1.9 ms, p99 8.2 ms ──────────────╮
//! │                                   ││        chart                                   │
//! ╰───────────────────────────────────╯╰────────────────────────────────────────────────╯
//!  lock waits 3 now, 120/s seen · conflicts 12/s · retries 12/s
//!  booked 140 · taken 310 · gave up 0 · failed 0 · errors: 40001 12
//! ╭ done ──────────────────────────────────────────────────────────────────────────────────╮
//! │strategy    req/s   p99 ms   conflicts   sold twice   missing                               │
//! ╰────────────────────────────────────────────────────────────────────────────────────────────╯
//!  q stop   ? help
//! ```

use std::time::Duration;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, Widget};

use crate::core::scenario::counted;
use crate::rush::board::{Finished, Running, label};
use crate::rush::tally::Tally;
use crate::stage::rush::series::{Latency, Moment};
use crate::stage::rush::{Over, Phase, RushStage};
use crate::stage::text;
use crate::tui::theme::{Charset, Role, Theme};
use crate::tui::view::lines;

mod done;
mod dots;
mod help;

/// Draws a frame.
pub fn draw(frame: &mut Frame<'_>, stage: &RushStage, theme: &Theme) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    buffer.set_style(area, theme.style(Role::Screen));
    let table = done::lines(&stage.board, area.width.saturating_sub(2), theme);
    let [header, top, now, done_area, footer] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(if stage.phase == Phase::Over { 0 } else { 2 }),
        Constraint::Length(done::height(&table, stage.phase, area.height)),
        Constraint::Length(1),
    ])
    .areas(area);
    let [seats, charts] = Layout::horizontal([Constraint::Fill(1); 2]).areas(top);
    let [throughput, latency] = Layout::vertical([Constraint::Fill(1); 2]).areas(charts);
    draw_header(stage, theme, header, buffer);
    dots::draw(stage, theme, pane(&seats_title(stage), theme, seats, buffer), buffer);
    draw_throughput(stage, theme, throughput, buffer);
    draw_latency(stage, theme, latency, buffer);
    draw_now(stage, theme, now, buffer);
    done::draw(&table, theme, done_area, buffer);
    draw_footer(stage, theme, footer, buffer);
    match stage.over {
        Some(Over::Help) => help::draw(theme, area, buffer),
        None => {}
    }
    if theme.charset() == Charset::Ascii {
        keep_ascii(buffer);
    }
}

/// The chart's axes know no character set.
fn keep_ascii(buffer: &mut Buffer) {
    for cell in buffer.content.iter_mut().filter(|cell| !cell.symbol().is_ascii()) {
        cell.set_symbol(match cell.symbol() {
            "│" => "|",
            "─" => "-",
            "└" => "+",
            "≥" => ">",
            _ => "?",
        });
    }
}

fn seats_title(stage: &RushStage) -> String {
    match &stage.kept {
        Some(ended) => format!("seats after {}", ended.label()),
        None => "seats".to_owned(),
    }
}

/// A border with a title; gives what is inside.
fn pane(title: &str, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Rect {
    let title = Span::styled(format!(" {title} "), theme.style(Role::Title));
    let block = Block::bordered()
        .border_set(theme.border())
        .border_style(theme.style(Role::Border))
        .title(title);
    let inside = block.inner(area);
    block.render(area, buffer);
    inside
}

fn draw_header(stage: &RushStage, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let between = theme.signs().between;
    let strategy = match &stage.board.running {
        Some(running) => label(running.strategy, running.fault),
        None if stage.phase == Phase::Over => "over".to_owned(),
        None => "getting ready".to_owned(),
    };
    let next = usize::from(stage.phase != Phase::Over);
    let number = (stage.board.ended.len() + next).min(stage.runs);
    let options = &stage.options;
    let words = format!(" rush {between} {strategy} {between} {number} of {}", stage.runs);
    let crowd = format!(
        "   {} {between} {} {between} seed {}",
        counted(options.seats, "seat"),
        counted(options.workers, "worker"),
        options.seed
    );
    let progress = progress(stage);
    let end = area.right().saturating_sub(u16::try_from(text::width(&progress) + 1).unwrap_or(0));
    let x = lines::put(buffer, area, (area.x, area.y), &words, theme.style(Role::Strong));
    let room = usize::from(end.saturating_sub(x + 3));
    let crowd = text::fit(&crowd, room, theme.signs().ellipsis);
    lines::put(buffer, area, (x, area.y), &crowd, theme.style(Role::Dim));
    lines::put(buffer, area, (end.max(area.x), area.y), &progress, theme.style(Role::Strong));
}

fn progress(stage: &RushStage) -> String {
    let Some(running) = &stage.board.running else { return String::new() };
    let share = running.tally.settled * 100 / u64::from(stage.options.requests.max(1));
    match stage.left() {
        Some(left) => format!("{share} %, {} left", seconds(left)),
        None => format!("{share} %"),
    }
}

fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{} s", time.as_secs() + u64::from(time.subsec_nanos() > 0)),
        whole @ 60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        whole => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// A line of a chart.
struct Curve {
    label: &'static str,
    /// None where there is a gap.
    value: fn(&Moment) -> Option<f64>,
    role: Role,
}

impl Curve {
    fn at(&self, moment: &Moment) -> Option<(f64, f64)> {
        Some((moment.at, (self.value)(moment)?))
    }
}

/// What was measured in the end says more than the last moment did.
fn finished(stage: &RushStage) -> Option<&Finished> {
    stage.kept.as_ref()?.finished()
}

fn draw_throughput(stage: &RushStage, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let title = match finished(stage) {
        Some(finished) => format!("requests per second: {:.0} on average", finished.throughput()),
        None => format!("requests per second: {:.0}", stage.series.last().throughput),
    };
    let area = pane(&title, theme, area, buffer);
    let curve =
        Curve { label: "req/s", value: |moment| Some(moment.throughput), role: Role::Booked };
    draw_chart(stage, theme, &[curve], area, buffer);
}

fn draw_latency(stage: &RushStage, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let latency = match finished(stage) {
        Some(finished) => Latency::of(&finished.tally.latencies),
        None => stage.series.last().latency,
    };
    let title = match latency {
        Some(Latency { p50, p99 }) => format!("latency in ms: p50 {p50:.1}, p99 {p99:.1}"),
        None if stage.series.moments().is_empty() => "latency in ms".to_owned(),
        None => "latency in ms: none recently".to_owned(),
    };
    let area = pane(&title, theme, area, buffer);
    let curves = [
        Curve { label: "p50", value: |moment| Some(moment.latency?.p50), role: Role::Booked },
        Curve { label: "p99", value: |moment| Some(moment.latency?.p99), role: Role::Waiting },
    ];
    draw_chart(stage, theme, &curves, area, buffer);
}

fn draw_chart(stage: &RushStage, theme: &Theme, curves: &[Curve], area: Rect, buffer: &mut Buffer) {
    let moments = stage.series.moments();
    let (Some(first), Some(last)) = (moments.front(), moments.back()) else { return };
    let points: Vec<Vec<(f64, f64)>> = curves
        .iter()
        .map(|curve| moments.iter().filter_map(|moment| curve.at(moment)).collect())
        .collect();
    let highest = points.iter().flatten().map(|(_, value)| *value).fold(1.0, f64::max);
    let marker = match theme.charset() {
        Charset::Ascii => Marker::Custom('*'),
        Charset::Unicode => Marker::Braille,
    };
    let lines = points.iter().zip(curves).map(|(points, curve)| {
        let style = theme.style(curve.role);
        Dataset::default().data(points).marker(marker).graph_type(GraphType::Line).style(style)
    });
    let labels = [String::from("0"), format!("{highest:.0}")];
    let dim = theme.style(Role::Dim);
    let height = Axis::default().bounds([0.0, highest]).labels(labels).style(dim);
    let width = Axis::default().bounds([first.at, last.at.max(first.at + 1.0)]).style(dim);
    Chart::new(lines.collect()).x_axis(width).y_axis(height).render(area, buffer);
    let ends = points.iter().map(|points| points.last().map(|(_, value)| value / highest));
    draw_labels(curves, ends, theme, area, buffer);
}

/// Each curve's label at its right end, a line away from another one's.
fn draw_labels(
    curves: &[Curve],
    ends: impl Iterator<Item = Option<f64>>,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    let mut taken: Vec<u16> = Vec::new();
    for (curve, end) in curves.iter().zip(ends) {
        let Some(y) = end.and_then(|share| row_of_label(share, area, &taken)) else { continue };
        taken.push(y);
        let width = u16::try_from(text::width(curve.label)).unwrap_or(0);
        let x = area.right().saturating_sub(width).max(area.x);
        lines::put(buffer, area, (x, y), curve.label, theme.style(curve.role));
    }
}

/// Above the curve where there is room, else below it.
fn row_of_label(share: f64, area: Rect, taken: &[u16]) -> Option<u16> {
    let lowest = area.height.checked_sub(1)?;
    // From the top; a share is between 0 and 1, so it fits.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to the height")]
    let at = ((1.0 - share.clamp(0.0, 1.0)) * f64::from(lowest)).round() as u16;
    let above = (0..at).rev();
    let below = at + 1..area.height;
    above.chain(below).map(|row| area.y + row).find(|y| !taken.contains(y))
}

fn draw_now(stage: &RushStage, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some(running) = &stage.board.running else { return };
    let rates = match stage.away_for() {
        Some(away) => Line::styled(absence(away), theme.style(Role::Conflict)),
        None => Line::styled(rates(stage, running, theme), theme.style(Role::Screen)),
    };
    let counts = counts(&running.tally, stage, theme.signs().between);
    let counts = text::visible(&counts).into_owned();
    let counts = text::fit(&counts, usize::from(area.width), theme.signs().ellipsis).into_owned();
    lines::put_lines(buffer, area, &[rates, Line::styled(counts, theme.style(Role::Notice))]);
}

fn absence(away: Duration) -> String {
    format!(" no answer from the server for {}; every worker is waiting", seconds(away))
}

fn rates(stage: &RushStage, running: &Running, theme: &Theme) -> String {
    let last = stage.series.last();
    let between = theme.signs().between;
    let waits = match running.waits {
        Some(waits) => format!("lock waits {} now, {:.0}/s seen", waits.now, last.waits),
        None => "lock waits: not reported by this engine".to_owned(),
    };
    let own = running.figures.line().map(|line| format!(" {between} {line}")).unwrap_or_default();
    format!(
        " {waits} {between} conflicts {:.0}/s {between} retries {:.0}/s{own}",
        last.conflicts, last.retries
    )
}

fn counts(tally: &Tally, stage: &RushStage, between: &str) -> String {
    let Tally { booked, taken, gave_up, failed, errors, .. } = tally;
    let errors: Vec<String> =
        errors.iter().map(|(class, count)| format!("{class} {count}")).collect();
    // An error is counted with its request, and no request ends while nobody answers.
    let errors = match (errors.is_empty(), stage.away_for()) {
        (true, None) => "no errors".to_owned(),
        (true, Some(_)) => "errors are reported later".to_owned(),
        (false, _) => format!("errors: {}", errors.join(", ")),
    };
    format!(
        " booked {booked} {between} taken {taken} {between} gave up {gave_up} {between} failed \
         {failed} {between} {errors}"
    )
}

fn draw_footer(stage: &RushStage, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let words = match stage.phase {
        Phase::Going => " stop",
        Phase::Stopping => " quit at once; the rush is stopping",
        Phase::Over => " quit and print the table",
    };
    let mut x = area.x;
    for (key, words) in [(" q", words), ("   ?", " help")] {
        x = lines::put(buffer, area, (x, area.y), key, theme.style(Role::Key));
        x = lines::put(buffer, area, (x, area.y), words, theme.style(Role::Screen));
    }
    if let Some(note) = stage.board.notes.last() {
        let note = format!("   {}", text::visible(note));
        lines::put(buffer, area, (x, area.y), &note, theme.style(Role::Dim));
    }
}
