//! The waits-for graph: who waits for whom, and for what.
//!
//! ```text
//! ↻ Deadlock  Alice ──▶ Bob ──▶ Alice      a circle, drawn as one and named
//!   Alice ──▶ Bob    row A-4 of seats
//!   Bob ──▶ Alice    row A-5 of seats
//!
//! Carol                                    the head of a queue; under her those who wait, in order
//! ├ Mallory ──▶ Carol    row A-1 of seats
//! │ └ Peggy ──▶ Mallory    row A-2 of seats
//! └ Trent ──▶ Mallory    row A-1 of seats
//!
//! Not waiting  Peggy · Victor
//! ```
//!
//! Where that is too tall, a queue stands on one line: `Carol ◀── Mallory, Trent, Peggy`.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::flow::{Entry, flow};
use super::row_note::Scene;
use crate::core::event::{Blocker, Certainty, SessionName, Wait};
use crate::stage::text;
use crate::stage::waits::{self, Waits};
use crate::tui::theme::Role;
use crate::tui::view::lines;

#[cfg(test)]
mod tests;

/// Blockers named behind one arrow.
const NAMED: usize = 3;

/// How many lines the graph takes at this width, drawn in full.
pub(super) fn desired_height(waits: &Waits, width: u16, scene: &Scene<'_>) -> u16 {
    let lines = Graph::of(waits, *scene).lines(usize::from(width), Detail::Everybody);
    u16::try_from(lines.len()).unwrap_or(u16::MAX)
}

/// Draws the graph from the top of the area; the lines below it stay as they are.
pub(super) fn draw(waits: &Waits, area: Rect, buffer: &mut Buffer, scene: &Scene<'_>) {
    let area = area.intersection(buffer.area);
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let graph = Graph::of(waits, *scene);
    let mut lines = graph.lines(width, Detail::Everybody);
    if lines.len() > height {
        lines = graph.lines(width, Detail::Queues);
    }
    if lines.len() > height {
        let left_out = lines.len() - height.saturating_sub(1);
        lines.truncate(height.saturating_sub(1));
        let words = format!("{} and {left_out} more lines", scene.signs().ellipsis);
        lines.push(Line::from(scene.span(words, Role::Dim)));
    }
    lines::put_lines(buffer, area, &lines);
}

/// What is waited for, in words: `row A-4 of seats`.
pub(super) fn target(wait: &Wait) -> String {
    text::visible(&wait.target.to_string()).into_owned() + guess(wait)
}

/// What is said of a wait that nobody has observed.
pub(super) fn guess(wait: &Wait) -> &'static str {
    match wait.certainty {
        Certainty::Observed => "",
        Certainty::Guessed => " (a guess; this engine reports no waits)",
    }
}

/// How much is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// A line for everybody who waits.
    Everybody,
    /// A line for every queue.
    Queues,
}

/// The waits sorted for drawing.
struct Graph<'a> {
    waits: &'a Waits,
    scene: Scene<'a>,
    circles: Vec<Vec<SessionName>>,
    queues: BTreeMap<Blocker, Vec<&'a SessionName>>,
}

impl<'a> Graph<'a> {
    fn of(waits: &'a Waits, scene: Scene<'a>) -> Self {
        let circles = waits::deadlocks(waits);
        let queues = waits::queues(waits, &circles);
        Self { waits, scene, circles, queues }
    }

    fn lines(&self, width: usize, detail: Detail) -> Vec<Line<'a>> {
        let mut parts: Vec<Vec<Line<'a>>> =
            self.circles.iter().map(|circle| self.circle(circle, width, detail)).collect();
        let heads = self.queues.keys().filter(|head| self.is_outermost(head));
        parts.extend(heads.map(|head| {
            let mut lines = Vec::new();
            if detail == Detail::Everybody {
                lines.push(Line::from(self.blocker(head)));
            }
            self.hang(head, "", (width, detail), &mut lines);
            lines
        }));
        parts.push(self.unexplained(width, detail));
        if self.waits.is_empty() {
            parts.push(vec![Line::from(self.scene.span("Nobody is waiting.", Role::Dim))]);
        }
        parts.push(self.others(width));
        parts.retain(|part| !part.is_empty());
        let gap = if detail == Detail::Everybody { vec![Line::default()] } else { Vec::new() };
        parts.join(&gap[..])
    }

    fn is_outermost(&self, head: &Blocker) -> bool {
        match head {
            Blocker::Session(name) => !self.waits.contains_key(name),
            Blocker::Prepared(_) | Blocker::Foreign { .. } => true,
        }
    }

    /// A circle: itself on the first line, then what each waits for, with who stands behind it.
    fn circle(&self, circle: &[SessionName], width: usize, detail: Detail) -> Vec<Line<'a>> {
        let lead = format!("{} Deadlock  ", self.scene.signs().cycle);
        let mut entries: Vec<Entry<'a>> = vec![vec![self.scene.span(lead, Role::Conflict)]];
        entries.extend(circle.iter().map(|name| vec![self.name(name), self.arrow()]));
        entries.extend(circle.first().map(|first| vec![self.name(first)]));
        let mut lines = flow(entries, 0, width);
        for name in circle {
            lines.push(self.waiting("  ", name));
            self.hang(&Blocker::Session(name.clone()), "  ", (width, detail), &mut lines);
        }
        lines
    }

    /// Those of whom only is known that they wait, with who stands behind them.
    fn unexplained(&self, width: usize, detail: Detail) -> Vec<Line<'a>> {
        let mut lines = Vec::new();
        for (name, _) in self.waits.iter().filter(|(_, wait)| wait.blockers.is_empty()) {
            lines.push(self.waiting("", name));
            self.hang(&Blocker::Session(name.clone()), "", (width, detail), &mut lines);
        }
        lines
    }

    /// Those who stand in the head's queue, and who stands in theirs.
    fn hang(
        &self,
        head: &Blocker,
        margin: &str,
        (width, detail): (usize, Detail),
        lines: &mut Vec<Line<'a>>,
    ) {
        let Some(queue) = self.queues.get(head) else { return };
        if detail == Detail::Queues {
            lines.extend(self.queue(head, queue, width));
        }
        let signs = self.scene.signs();
        for (at, name) in queue.iter().enumerate() {
            let is_last = at + 1 == queue.len();
            let branch = signs.branch[usize::from(is_last)];
            let below = if is_last { " " } else { signs.wall };
            if detail == Detail::Everybody {
                lines.push(self.waiting(&format!("{margin}{branch} "), name));
            }
            let blocker = Blocker::Session((*name).clone());
            self.hang(&blocker, &format!("{margin}{below} "), (width, detail), lines);
        }
    }

    /// A whole queue on as few lines as it needs.
    fn queue(&self, head: &Blocker, queue: &[&'a SessionName], width: usize) -> Vec<Line<'a>> {
        let signs = self.scene.signs();
        let mut head = self.blocker(head);
        head.push(self.scene.span(format!(" {}", signs.followed), Role::Dim));
        let names = queue.iter().map(|name| vec![self.name(name)]);
        flow([head].into_iter().chain(names).collect(), 1, width)
    }

    /// One who waits: for whom, for what.
    fn waiting(&self, margin: &str, name: &SessionName) -> Line<'a> {
        let Some(wait) = self.waits.get(name) else { return Line::default() };
        let mut spans = vec![self.scene.span(margin.to_owned(), Role::Dim), self.name(name)];
        spans.push(self.arrow());
        for (at, blocker) in wait.blockers.iter().take(NAMED).enumerate() {
            spans.extend((at > 0).then(|| Span::raw(", ")));
            spans.extend(self.blocker(blocker));
        }
        spans.extend(wait.blockers.is_empty().then(|| Span::raw(self.scene.signs().unsure)));
        let left_out = wait.blockers.len().saturating_sub(NAMED);
        spans.extend((left_out > 0).then(|| Span::raw(format!(" +{left_out}"))));
        spans.push(self.scene.span(format!("   {}", target(wait)), Role::Dim));
        Line::from(spans)
    }

    /// Everybody who neither waits nor is waited for.
    fn others(&self, width: usize) -> Vec<Line<'a>> {
        let is_idle = |name: &&SessionName| {
            let blocker = Blocker::Session((*name).clone());
            !self.waits.contains_key(*name) && !self.queues.contains_key(&blocker)
        };
        let names: Vec<_> =
            self.scene.cast.iter().filter(is_idle).map(|name| vec![self.name(name)]).collect();
        if names.is_empty() {
            return Vec::new();
        }
        let lead = vec![self.scene.span("Not waiting", Role::Dim)];
        flow([lead].into_iter().chain(names).collect(), 2, width)
    }

    fn arrow(&self) -> Span<'a> {
        self.scene.span(format!(" {} ", self.scene.signs().leads), Role::Waiting)
    }

    fn blocker(&self, blocker: &Blocker) -> Vec<Span<'a>> {
        match blocker {
            Blocker::Session(name) => vec![self.name(name)],
            Blocker::Prepared(_) | Blocker::Foreign { .. } => {
                let words = text::visible(&blocker.to_string()).into_owned();
                vec![self.scene.span(words, Role::Strong)]
            }
        }
    }

    fn name(&self, name: &SessionName) -> Span<'a> {
        let accent = self.scene.theme.accent_of(name, self.scene.cast);
        Span::styled(text::visible(name.as_str()).into_owned(), accent)
    }
}
