//! The timeline, drawn: a lane a session, a column a moment.
//!
//! ```text
//!            1          2          3          4          5
//!  Bob       ▐BEGIN▌────▐SELECT 1▌──────────────────────▐◆COMMIT▌   a bar a statement
//!  Mallory                          ▐UPDATE▒▒▒▒▒▒▒▒▒▒▒▒▒▒UPDATE 0▌   hatched while it waits
//!
//!  4 · 12.3 s  Mallory: update seats set booked_by = 'Mallory' ...   the moment that is looked at
//!  waited for Bob: row A-4 of seats; then UPDATE 0
//!
//!  ▒ waits   ─ in a transaction   ╌ in a failed one   ◆ committed   ◇ rolled back   ✘ failed
//! ```
//!
//! Only what is in sight is drawn, however much has happened.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::flow::flow;
use super::graph;
use super::row_note::Scene;
use crate::core::event::{WaitTarget, transaction_end};
use crate::stage::text;
use crate::stage::timeline::{Bar, Cursor, End, Timeline};
use crate::stage::words;
use crate::tui::theme::Role;
use crate::tui::view::lines;

mod lane;
#[cfg(test)]
mod tests;

/// A moment's cells: the widest label, `◇ROLLBACK`, between its edges.
const CELL: usize = 11;
/// The most cells of a name.
const NAME: usize = 14;

/// How many lines the timeline would like to have at this width.
pub(super) fn desired_height(timeline: &Timeline, width: u16, scene: &Scene<'_>) -> u16 {
    let lines = 1
        + timeline.lanes().len()
        + foot(timeline, Cursor::default(), usize::from(width), scene).len();
    u16::try_from(lines).unwrap_or(u16::MAX)
}

/// Draws the timeline into an area.
pub(super) fn draw(
    timeline: &Timeline,
    cursor: Cursor,
    area: Rect,
    buffer: &mut Buffer,
    scene: &Scene<'_>,
) {
    let width = usize::from(area.width);
    let foot = foot(timeline, cursor, width, scene);
    let height = usize::from(area.height);
    let rows = height.saturating_sub(foot.len() + 1).max(height.min(2).saturating_sub(1));
    let sight = Sight::of(timeline, cursor, width, rows);
    let mut lines = vec![sight.header(timeline, scene)];
    let shown = timeline.lanes().iter().skip(sight.first_lane).take(rows);
    lines.extend(shown.map(|lane| sight.lane(timeline, lane, scene)));
    lines.extend(foot);
    lines::put_lines(buffer, area, &lines);
}

struct Sight {
    /// The cells of the names.
    names: usize,
    /// The moment that is looked at.
    at: usize,
    first: usize,
    last: usize,
    first_lane: usize,
}

impl Sight {
    fn of(timeline: &Timeline, cursor: Cursor, width: usize, lanes: usize) -> Self {
        let name = |lane: &crate::stage::timeline::Lane| {
            text::width(&text::visible(lane.session.as_str()))
        };
        let names = timeline.lanes().iter().map(name).max().unwrap_or(0).min(NAME) + 2;
        let columns = (width.saturating_sub(names) / CELL).max(1);
        let at = cursor.at(timeline);
        let latest = timeline.len().saturating_sub(columns);
        let first = at.saturating_sub(columns / 2).min(latest).max(timeline.first());
        let first_lane = cursor.lane.min(timeline.lanes().len().saturating_sub(lanes));
        Self { names, at, first, last: first + columns - 1, first_lane }
    }

    /// The numbers of the steps; what was typed has none.
    fn header(&self, timeline: &Timeline, scene: &Scene<'_>) -> Line<'static> {
        let more = if self.first > timeline.first() { scene.signs().followed } else { "" };
        let mut spans = vec![Span::styled(text::pad(more, self.names, ""), scene.style(Role::Dim))];
        for moment in self.first..=self.last.min(timeline.len().saturating_sub(1)) {
            let Some(known) = timeline.moment(moment) else { break };
            let label =
                known.step.map_or_else(|| "typed".to_owned(), |step| (step + 1).to_string());
            let role = if moment == self.at { Role::Cursor } else { Role::Dim };
            let rest = CELL.saturating_sub(label.len());
            spans.push(Span::styled(label, scene.style(role)));
            spans.push(Span::raw(" ".repeat(rest)));
        }
        Line::from(spans)
    }
}

/// What stands under the lanes: the moment that is looked at, and what the signs mean.
fn foot<'a>(timeline: &Timeline, cursor: Cursor, width: usize, scene: &Scene<'a>) -> Vec<Line<'a>> {
    let mut lines = vec![Line::default()];
    if timeline.is_empty() {
        lines.push(Line::from(scene.span("Nothing has been sent yet.", Role::Dim)));
    } else {
        lines.extend(moment(timeline, cursor.at(timeline), width, scene));
    }
    lines.push(Line::default());
    lines.extend(legend(width, scene));
    lines
}

fn moment<'a>(timeline: &Timeline, at: usize, width: usize, scene: &Scene<'a>) -> Vec<Line<'a>> {
    let (Some(moment), Some(bar)) = (timeline.moment(at), timeline.sent_at(at)) else {
        return Vec::new();
    };
    let signs = scene.signs();
    let which = moment.step.map_or_else(|| "typed".to_owned(), |step| format!("step {}", step + 1));
    let when = format!("{which} {} {}  ", signs.between, words::seconds(moment.at));
    let name = text::visible(moment.session.as_str()).into_owned();
    let room = width.saturating_sub(text::width(&when) + text::width(&name) + 2);
    let sql = text::fit(&text::visible(&moment.sql), room, signs.ellipsis).into_owned();
    let accent = scene.theme.accent_of(&moment.session, scene.cast);
    let outcome = outcome(bar);
    let outcome = text::fit(&outcome, width, signs.ellipsis).into_owned();
    vec![
        Line::from(vec![
            scene.span(when, Role::Dim),
            Span::styled(name, accent),
            scene.span(format!("  {sql}"), Role::Screen),
        ]),
        Line::from(scene.span(outcome, role_of(bar))),
    ]
}

fn role_of(bar: &Bar) -> Role {
    match (&bar.end, &bar.wait) {
        (End::Open, Some(_)) => Role::Waiting,
        (End::Failed { .. } | End::Lost, _) => Role::Error,
        (End::Committed, _) => Role::Kept,
        _ => Role::Dim,
    }
}

/// What came of a statement, in words.
fn outcome(bar: &Bar) -> String {
    let waited = bar.wait.as_ref().map(|wait| {
        let verb = if bar.end == End::Open { "waits for" } else { "waited for" };
        let whom = words::blockers(&wait.blockers);
        match wait.target {
            WaitTarget::Transaction => {
                format!("{verb} {}{}", transaction_end(&wait.blockers, &whom), graph::guess(wait))
            }
            _ => format!("{verb} {whom}: {}", graph::target(wait)),
        }
    });
    let end = match &bar.end {
        End::Open => waited.is_none().then(|| "running".to_owned()),
        End::Done(tag) => Some(tag.clone()),
        End::Committed => Some("COMMIT".to_owned()),
        End::RolledBack => Some("ROLLBACK".to_owned()),
        End::Failed { code, message } => Some(format!("ERROR {code} {message}")),
        End::Lost => Some("connection lost".to_owned()),
    };
    let elapsed = bar.elapsed.map(|elapsed| format!(" ({})", words::milliseconds(elapsed)));
    let parts: Vec<String> = waited.into_iter().chain(end).collect();
    let gone = bar.abandoned().map_or("", |_| "; then the session ended, rolling it back");
    text::visible(&(parts.join("; then ") + &elapsed.unwrap_or_default() + gone)).into_owned()
}

fn legend<'a>(width: usize, scene: &Scene<'a>) -> Vec<Line<'a>> {
    let signs = scene.signs();
    let entries = [
        (signs.hatch, "waits", Role::Waiting),
        (signs.rule, "transaction", Role::Screen),
        (signs.dashes, "failed transaction", Role::Screen),
        (signs.committed, "committed", Role::Kept),
        (signs.rolled_back, "rolled back", Role::Screen),
        (signs.broken, "failed", Role::Conflict),
    ];
    let entry = |(sign, words, role): (&'static str, &'static str, Role)| {
        vec![scene.span(sign, role), scene.span(format!(" {words}"), Role::Dim)]
    };
    flow(entries.into_iter().map(entry).collect(), 3, width)
}

/// A style laid over another's accent.
fn laid_over(accent: Style, role: Role, scene: &Scene<'_>) -> Style {
    match role {
        Role::Screen => accent,
        role => scene.style(role),
    }
}
