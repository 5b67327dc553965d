//! The script's pane.
//!
//! ```text
//! ╭ script ──────────────────────────────────────────────────────────────────────╮
//! │ ✔ Bob      verifies that A-4 is still free   select * from seats where ...   │   met
//! │ ✘ Mallory  tries to take A-4   expected OK, got waits for Bob                │   not met
//! │ ▶ Bob      books A-4   update seats set booked_by = 'Bob'                    │   comes next
//! │            where (seat_row, seat_number) = ('A', 4);                         │
//! ╰──────────────────────────────────────────────────────────────────────────────╯
//! ```
//!
//! The statements stand in a column where that leaves them most of the width. The next step and
//! those after it take two lines where they need them, and a statement breaks before its WHERE,
//! which is what a race is about.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::{View, bars, ending, frame_of, put_line, sql};
use crate::core::event::SessionName;
use crate::core::scenario::Step;
use crate::core::syntax::{self, Strings, TokenKind};
use crate::stage::BEING_SET_UP;
use crate::stage::keys::Action;
use crate::stage::script::{Mark, Script};
use crate::stage::{text, wrap};
use crate::tui::theme::Role;

/// Draws the script.
pub(super) fn draw(view: &View<'_>, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    if let (Some(debugging), None) = (view.stage.debugging(), view.stage.course().broken()) {
        return bars::guests(view, debugging, area, buffer);
    }
    let mut title = Line::from(view.span(" script ", Role::Title));
    title.extend(revision(view));
    frame_of(view, Role::Border).title(title).render(area, buffer);
    let inner = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    };
    if let Some(why) = view.stage.course().broken() {
        return draw_broken(view, why, inner, buffer);
    }
    let Some(script) = view.stage.course().script() else { return draw_setup(view, inner, buffer) };
    let columns = Columns::of(script, inner.width);
    let mut y = inner.y;
    let lines = first_line(script, &columns, usize::from(inner.height))..script.lines();
    for line in lines.take(usize::from(inner.height)) {
        let rows = if line < script.len() {
            step_rows(view, script, line, inner.height, &columns)
        } else {
            vec![finally_row(view, script, &columns)]
        };
        for spans in rows {
            if y < inner.bottom() {
                put_line(view, spans, Rect { y, height: 1, ..inner }, buffer);
                y += 1;
            }
        }
    }
    let indent = cells(columns.name + 4).min(inner.width);
    let below =
        Rect { x: inner.x + indent, y, width: inner.width - indent, height: inner.bottom() - y };
    ending::draw(view, script, below, buffer);
}

fn cells(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// That the file says something else by now, for as long as it is so.
fn revision(view: &View<'_>) -> Option<Span<'static>> {
    let revision = view.stage.course().revision()?;
    let name = revision.path.as_ref()?.file_name()?.to_string_lossy().into_owned();
    let restart = view.stage.key(Action::Restart);
    let words = format!("{} has changed: {restart} plays the new version ", text::visible(&name));
    Some(view.span(words, Role::Notice))
}

fn draw_setup(view: &View<'_>, area: Rect, buffer: &mut Buffer) {
    draw_words(view, BEING_SET_UP, Role::Dim, area, buffer);
}

fn draw_broken(view: &View<'_>, why: &str, area: Rect, buffer: &mut Buffer) {
    let mut lines = broken_lines(view, why, usize::from(area.width));
    // Which key tries again stays in sight, however much there is to say.
    let most = usize::from(area.height);
    if lines.len() > most && most > 1 {
        let last = lines.pop();
        lines.truncate(most - 2);
        lines.push(view.theme.signs().ellipsis.to_owned());
        lines.extend(last);
    }
    draw_lines(view, &lines, Role::Error, area, buffer);
}

/// How many rows it takes on a screen of this width to say why the run cannot go on.
pub(super) fn broken_height(view: &View<'_>, width: u16) -> Option<usize> {
    let why = view.stage.course().broken()?;
    Some(broken_lines(view, why, usize::from(width.saturating_sub(4))).len())
}

/// In the first line what has happened; what a server has said about it follows as it said it.
fn broken_lines(view: &View<'_>, why: &str, cells: usize) -> Vec<String> {
    // In front of programs there is none.
    let restart = Some(view.stage.key(Action::Restart)).filter(|key| !key.is_empty());
    let again = restart.map(|key| format!("{key} tries again."));
    let first = "The run cannot continue:";
    let Some((what, told)) = why.split_once('\n') else {
        let words = format!("{first} {}. {}", text::visible(why), again.unwrap_or_default());
        return text::wrap(words.trim_end(), cells);
    };
    let mut lines = text::wrap(&format!("{first} {}", text::visible(what)), cells);
    lines.extend(told.lines().flat_map(|line| as_told(line, cells)));
    lines.extend(again);
    lines
}

/// A line of what a server has said: as it is where that fits, since a mark under it counts on its
/// blanks.
fn as_told(line: &str, cells: usize) -> Vec<String> {
    let line = text::visible(line);
    if text::width(&line) <= cells { vec![line.into_owned()] } else { text::wrap(&line, cells) }
}

fn draw_words(view: &View<'_>, words: &str, role: Role, area: Rect, buffer: &mut Buffer) {
    draw_lines(
        view,
        &text::wrap(&text::visible(words), usize::from(area.width)),
        role,
        area,
        buffer,
    );
}

fn draw_lines(view: &View<'_>, lines: &[String], role: Role, area: Rect, buffer: &mut Buffer) {
    for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
        buffer.set_stringn(area.x, y, line, usize::from(area.width), view.style(role));
    }
}

/// The line at the top: the next step is in sight with one that has run above it; in the end, what
/// was read is.
fn first_line(script: &Script, columns: &Columns, height: usize) -> usize {
    let height_of = |line: usize| columns.height(script, line).min(height);
    let mut room = height.saturating_sub(script.ending_lines());
    // From the end upwards, as much as fits.
    let fitting = (0..script.lines()).rev().take_while(|line| {
        let (rows, left) = (height_of(*line), room);
        room = room.saturating_sub(rows);
        rows <= left
    });
    let last = fitting.last().unwrap_or(script.lines());
    if script.ending_lines() > 0 {
        return last.min(script.len());
    }
    let next = height_of(script.next());
    let above = if height > next + 3 { 2 } else { height.saturating_sub(next).min(1) };
    script.next().saturating_sub(above).min(last)
}

/// What stands in a name's place before the last look.
const FINALLY: &str = "finally";

/// Between a step's narration and its statement.
const GAP: usize = 3;

/// The widths of a line's parts.
struct Columns {
    width: usize,
    name: usize,
    /// How wide the narrations' column is, where there is room for one.
    narration: Option<usize>,
}

impl Columns {
    fn of(script: &Script, width: u16) -> Self {
        let width = usize::from(width);
        let players = script.scenario().sessions.iter().map(|player| player.name.as_str());
        let names = players.chain(script.scenario().finally.as_ref().map(|_| FINALLY));
        let name = names.map(text::width).max().unwrap_or(0).min(width / 5);
        let steps = (0..script.len()).filter_map(|launch| script.step(launch));
        let narrations = steps.map(|step| text::width(&text::visible(&step.narration)));
        let finally = script.scenario().finally.as_ref().map(|_| finally_words(script).len());
        let narration = narrations.chain(finally).max().unwrap_or(0);
        Self { width, name, narration: Some(narration).filter(|it| *it <= width / 4) }
    }

    /// How many rows a line takes: what has run takes one.
    fn height(&self, script: &Script, line: usize) -> usize {
        match script.step(line) {
            Some(step) if line >= script.next() => self.broken(step).map_or(1, |_| 2),
            _ => 1,
        }
    }

    /// A narration, as wide as its column where there is one.
    fn narration(&self, narration: &str) -> String {
        let words = text::visible(narration);
        self.narration.map_or_else(|| words.to_string(), |width| text::pad(&words, width, ""))
    }

    /// The cells that are left of a line beside the name and the narration.
    fn beside(&self, narration: &str) -> usize {
        let narration = self.narration.unwrap_or_else(|| text::width(narration));
        self.width.saturating_sub(self.indent() + narration + GAP)
    }

    /// Where what follows the name begins, in the second row as in the first.
    fn indent(&self) -> usize {
        self.name + 4
    }

    /// Where the statement of a step is broken, if it does not fit behind the narration: how much
    /// of it stands in the first row, and where in it the second row begins.
    fn broken(&self, step: &Step) -> Option<Break> {
        let statement = sql::on_one_line(&step.sql);
        let beside = self.beside(&text::visible(&step.narration));
        if text::width(&statement) <= beside {
            return None;
        }
        let below = self.width.saturating_sub(self.indent());
        let fits = |from: usize| text::width(&statement[from..]) <= below;
        let filled = Break::where_full(&statement, beside);
        let condition = condition(&statement).filter(|from| fits(*from));
        let before = condition.map(|condition| Break { end: condition, next: condition });
        match before {
            Some(before) if text::width(statement[..before.end].trim_end()) <= beside => {
                Some(before)
            }
            // What stands before the condition is cut rather than the condition.
            Some(before) if !fits(filled.next) => Some(before),
            _ => Some(filled),
        }
    }
}

/// Fewer cells than this hold no beginning of a statement that says anything.
const LEAST: usize = 12;

/// Where a statement goes on in the next row.
struct Break {
    /// The end of its part in the first row.
    end: usize,
    /// The beginning of its part in the second one.
    next: usize,
}

impl Break {
    /// Where a first row of so many cells is full.
    fn where_full(statement: &str, cells: usize) -> Self {
        if cells < LEAST {
            return Self { end: 0, next: 0 };
        }
        let end = wrap::wrapped(statement, cells, 0).first().map_or(0, |row| row.end);
        Self { end, next: statement.len() - statement[end..].trim_start().len() }
    }
}

/// Where the first WHERE of a statement begins that is no part of a string or of a subquery.
fn condition(statement: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let tokens = syntax::tokens(statement, Strings::default()).into_iter();
    let mut words = tokens.filter(|token| {
        match &statement[token.range.clone()] {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && token.kind == TokenKind::Word
    });
    let word = words.find(|token| statement[token.range.clone()].eq_ignore_ascii_case("where"))?;
    Some(word.range.start)
}

/// The rows of a step: one, or two where its statement needs them and they are there.
fn step_rows(
    view: &View<'_>,
    script: &Script,
    launch: usize,
    height: u16,
    columns: &Columns,
) -> Vec<Vec<Span<'static>>> {
    let Some(step) = script.step(launch) else { return Vec::new() };
    let is_next = launch == script.next();
    let mark = script.mark(launch);
    let (sign, sign_style) = sign(view, &mark, is_next);
    let plain = view.style(if launch < script.next() { Role::Dim } else { Role::Screen });
    let strong = if is_next { view.style(Role::Next) } else { plain };
    let mut row = vec![
        Span::styled(format!("{sign} "), sign_style),
        Span::styled(
            fitted(view, step.session.as_str(), columns.name),
            accent(view, &step.session),
        ),
        Span::raw("  "),
        Span::styled(columns.narration(&step.narration), strong),
        Span::raw(" ".repeat(GAP)),
    ];
    if let Mark::Broken(lines) = &mark {
        row.push(mismatch(view, lines));
        return vec![row];
    }
    let role = if is_next { Role::Screen } else { Role::Dim };
    let statement = sql::on_one_line(&step.sql);
    let part = |part: std::ops::Range<usize>| {
        let colours = syntax::colours(&statement, Strings::default()).into_iter();
        let spans = sql::spans(view, &statement, part, colours, view.style(role));
        spans.into_iter().map(|span| Span::styled(span.content.into_owned(), span.style))
    };
    match columns.broken(step).filter(|_| height > 1 && launch >= script.next()) {
        None => {
            row.extend(part(0..statement.len()));
            vec![row]
        }
        Some(Break { end, next }) => {
            row.extend(part(0..end));
            let mut below = vec![Span::raw(" ".repeat(columns.indent()))];
            below.extend(part(next..statement.len()));
            vec![row, below]
        }
    }
}

pub(super) fn accent(view: &View<'_>, name: &SessionName) -> Style {
    view.theme.accent_of(name, &view.stage.panes().cast())
}

pub(super) fn fitted(view: &View<'_>, words: &str, width: usize) -> String {
    text::pad(&text::visible(words), width, view.theme.signs().ellipsis)
}

pub(super) fn sign(view: &View<'_>, mark: &Mark, is_next: bool) -> (&'static str, Style) {
    let signs = view.theme.signs();
    match mark {
        Mark::Broken(_) => (signs.broken, view.style(Role::Broken)),
        Mark::Kept => (signs.kept, view.style(Role::Kept)),
        Mark::Done => (signs.between, view.style(Role::Dim)),
        Mark::Sent => (signs.next, view.style(Role::Dim)),
        Mark::Ahead if is_next => (signs.next, view.style(Role::Next)),
        Mark::Ahead => (" ", view.style(Role::Dim)),
    }
}

fn mismatch(view: &View<'_>, lines: &[String]) -> Span<'static> {
    let first = lines.first().map_or("", String::as_str);
    view.span(text::visible(first).into_owned(), Role::Broken)
}

/// How the end is, in words.
fn finally_words(script: &Script) -> &'static str {
    match script.finally() {
        Mark::Kept => "as expected",
        Mark::Broken(_) => "not as expected",
        _ => "final state",
    }
}

fn finally_row(view: &View<'_>, script: &Script, columns: &Columns) -> Vec<Span<'static>> {
    let Some(finally) = &script.scenario().finally else { return Vec::new() };
    let mark = script.finally();
    let (sign, style) = sign(view, &mark, false);
    let words = finally_words(script);
    let mut spans = vec![
        Span::styled(format!("{sign} "), style),
        view.span(fitted(view, FINALLY, columns.name), Role::Dim),
        Span::raw("  "),
        view.span(columns.narration(words), Role::Dim),
        Span::raw(" ".repeat(GAP)),
    ];
    match &mark {
        Mark::Broken(lines) => spans.push(mismatch(view, lines)),
        _ => spans.push(view.span(sql::on_one_line(&finally.sql), Role::Dim)),
    }
    spans
}
