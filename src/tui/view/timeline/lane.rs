//! One lane: its bars, and the lines between them.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{CELL, NAME, Sight, laid_over};
use crate::core::event::TransactionStatus;
use crate::stage::text;
use crate::stage::timeline::{Bar, End, Lane, Timeline};
use crate::tui::theme::Role;
use crate::tui::view::row_note::Scene;

/// A lane being drawn: a sign and a look for each cell.
struct Track<'a, 'b> {
    cells: Vec<(char, Style)>,
    first: usize,
    accent: Style,
    scene: &'b Scene<'a>,
}

impl Sight {
    pub(super) fn lane(
        &self,
        timeline: &Timeline,
        lane: &Lane,
        scene: &Scene<'_>,
    ) -> Line<'static> {
        let accent = scene.theme.accent_of(&lane.session, scene.cast);
        let name = text::visible(lane.session.as_str());
        let name = text::fit(&name, NAME, scene.signs().ellipsis);
        let name = Span::styled(text::pad(&name, self.names, ""), accent);
        let last = self.last.min(timeline.len().saturating_sub(1));
        let moments = if timeline.is_empty() { 0 } else { last + 1 - self.first };
        let blank = (' ', scene.style(Role::Screen));
        let cells = vec![blank; moments * CELL];
        let mut track = Track { cells, first: self.first, accent, scene };
        for moment in self.first..self.first + moments {
            track.stand(moment, lane.status_before(moment));
        }
        for bar in lane.bars_in(self.first, last) {
            track.bar(bar, last);
            track.abandon(bar);
        }
        Line::from(std::iter::once(name).chain(track.spans()).collect::<Vec<_>>())
    }
}

impl Track<'_, '_> {
    /// How the session stands in a moment in which it does nothing.
    fn stand(&mut self, moment: usize, status: TransactionStatus) {
        let begin = (moment - self.first) * CELL;
        self.line(begin, begin + CELL, status);
    }

    fn line(&mut self, from: usize, to: usize, status: TransactionStatus) {
        let signs = self.scene.signs();
        let style = Style { add_modifier: ratatui::style::Modifier::empty(), ..self.accent };
        match status {
            TransactionStatus::Idle => self.fill(from, to, " ", self.scene.style(Role::Screen)),
            TransactionStatus::InTransaction => self.fill(from, to, signs.rule, style),
            TransactionStatus::Failed => self.fill(from, to, signs.dashes, style),
        }
    }

    fn fill(&mut self, from: usize, to: usize, sign: &str, style: Style) {
        let sign = sign.chars().next().unwrap_or(' ');
        let to = to.min(self.cells.len());
        self.cells[from.min(to)..to].fill((sign, style));
    }

    /// Writes from a cell on, and gives the cell behind it.
    fn write(&mut self, at: usize, words: &str, style: Style) -> usize {
        let begin = at.min(self.cells.len());
        let cells = self.cells[begin..].iter_mut().zip(words.chars());
        begin + cells.map(|(cell, letter)| *cell = (letter, style)).count()
    }

    /// Draws a bar as far as it is in sight: where it was sent, the way to its answer, its answer.
    fn bar(&mut self, bar: &Bar, last: usize) {
        let until = bar.until.unwrap_or(usize::MAX);
        if until < self.first {
            return;
        }
        let end = laid_over(self.accent, role(&bar.end), self.scene);
        let closing = (until.min(last) - self.first) * CELL;
        let mut at = self.opening(bar, until, end);
        if until > last {
            return self.stretch(bar, at, closing + CELL);
        }
        if until > bar.from {
            self.stretch(bar, at, closing);
            at = closing;
        }
        self.closing(bar, (at, closing + CELL), end);
    }

    /// The left edge, and what was sent if its answer came only later.
    fn opening(&mut self, bar: &Bar, until: usize, end: Style) -> usize {
        let Some(column) = bar.from.checked_sub(self.first) else { return 0 };
        let [left, _] = self.scene.signs().edges;
        if until == bar.from {
            return self.write(column * CELL, left, end);
        }
        let at = self.write(column * CELL, left, self.accent);
        self.write(at, &shortened(&bar.verb, CELL - 2), self.accent.reversed())
    }

    /// What came of it, the right edge, and how the session stands after it.
    fn closing(&mut self, bar: &Bar, (mut at, cell_end): (usize, usize), end: Style) {
        if bar.wait.is_some() {
            self.stretch(bar, at, at + 1);
            at += 1;
        }
        let [_, right] = self.scene.signs().edges;
        let room = cell_end.saturating_sub(at + 1);
        at = self.write(at, &shortened(&self.label(bar), room), end.reversed());
        at = self.write(at, right, end);
        self.line(at, cell_end, bar.after);
    }

    /// Whoever leaves in the middle of a transaction has it rolled back.
    fn abandon(&mut self, bar: &Bar) {
        let column = bar.abandoned().and_then(|gone| gone.checked_sub(self.first));
        if let Some(column) = column {
            self.write((column + 1) * CELL - 1, self.scene.signs().rolled_back, self.accent);
        }
    }

    /// The part of a bar over which it waits or runs.
    fn stretch(&mut self, bar: &Bar, from: usize, to: usize) {
        let signs = self.scene.signs();
        match bar.wait {
            Some(_) => self.fill(from, to, signs.hatch, self.scene.style(Role::Waiting)),
            None => self.fill(from, to, signs.runs, self.accent),
        }
    }

    fn label(&self, bar: &Bar) -> String {
        let signs = self.scene.signs();
        match &bar.end {
            End::Open => bar.verb.clone(),
            End::Done(tag) => tag.replace("INSERT 0 ", "INSERT "),
            End::Committed => format!("{}COMMIT", signs.committed),
            End::RolledBack => format!("{}ROLLBACK", signs.rolled_back),
            End::Failed { code, .. } => format!("{}{code}", signs.broken),
            End::Lost => format!("{}lost", signs.broken),
        }
    }

    fn spans(self) -> Vec<Span<'static>> {
        let runs = self.cells.chunk_by(|one, next| one.1 == next.1);
        let text = |run: &[(char, Style)]| run.iter().map(|(sign, _)| sign).collect::<String>();
        runs.map(|run| Span::styled(text(run), run[0].1)).collect()
    }
}

fn role(end: &End) -> Role {
    match end {
        End::Failed { .. } | End::Lost => Role::Conflict,
        End::Committed => Role::Kept,
        _ => Role::Screen,
    }
}

/// What the server calls a statement, in cells of one letter each.
fn shortened(words: &str, room: usize) -> String {
    let plain =
        |letter: char| if text::width(letter.encode_utf8(&mut [0; 4])) == 1 { letter } else { '?' };
    words.chars().take(room).map(plain).collect()
}
