//! What every order of the script comes to: a line for each class of orders, and below the name
//! of the chosen one and the steps of its witness.
//!
//! ```text
//! ╭ every order: The last ticket ────────────────────────────────────────────────╮
//! │ 3 classes · 9 orders played, which stand for 70 · nothing is left · 0.3 s    │
//! │                                                                              │
//! │ ✔ Bob refused 40001                       24   like Alice, Bob               │
//! │ ✗ sold twice                              22   in no order: lost update      │   chosen
//! │                                                                              │
//! │ sold twice                                                                   │
//! │ Alice sees that A-4 is free · Bob sees that A-4 is free · Alice books it · … │
//! │                                                                              │
//! │ Enter plays it here   Esc closes   Up Down choose   f the file's own order   │
//! ╰──────────────────────────────────────────────────────────────────────────────╯
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialog::keys_line;
use super::{View, centred, open_box, put_line};
use crate::core::scenario::counted;
use crate::explorer::explore::Shown;
use crate::explorer::serial::Verdict;
use crate::stage::exploring::{Exploring, State};
use crate::stage::layers::ClassList;
use crate::stage::text;
use crate::tui::theme::Role;
use crate::tui::view::lines;

/// The widest list that reads well.
const WIDEST: u16 = 118;

/// The rows that are kept for the chosen class's name and witness, if there are as many.
const WITNESS: u16 = 8;

/// Draws the list and the chosen class's witness.
pub(super) fn draw(view: &View<'_>, list: ClassList, screen: Rect, buffer: &mut Buffer) {
    let Some(exploring) = view.stage.exploring() else { return };
    let width = screen.width.saturating_sub(4).min(WIDEST);
    let cells = usize::from(width.saturating_sub(4));
    let chosen = list.chosen().min(exploring.classes.len().saturating_sub(1));
    let standing = wrapped(view, &standing(exploring), cells, standing_role(exploring));
    let mut witness = wrapped(view, &witness(exploring, chosen), cells, Role::Screen);
    if let Some(class) = exploring.classes.get(chosen) {
        witness.splice(0..0, wrapped(view, &class.name, cells, Role::Strong));
    }
    let most = usize::from(screen.height.saturating_sub(4));
    let wanted = standing.len() + exploring.classes.len().max(1) + witness.len() + 6;
    let height = u16::try_from(wanted.min(most)).unwrap_or(u16::MAX);
    let title = format!("every order: {}", text::visible(&exploring.wanted.scenario.title));
    let area = centred(screen, width, height);
    let inner = open_box(view, area, &title, buffer);
    let below = u16::try_from(witness.len()).unwrap_or(u16::MAX).min(WITNESS).min(inner.height / 3);
    let head = u16::try_from(standing.len()).unwrap_or(u16::MAX).min(inner.height / 3);
    lines::put_lines(buffer, Rect { height: head, ..inner }, &standing);
    let top = inner.y + head + 1;
    let foot = inner.bottom().saturating_sub(1);
    let rows = foot.saturating_sub(top).saturating_sub(below + 2);
    let rows = Rect { y: top, height: rows, ..inner };
    draw_rows(view, exploring, chosen, rows, buffer);
    let below = Rect { y: foot.saturating_sub(below + 1), height: below, ..inner };
    lines::put_lines(buffer, below, &witness);
    let foot = Rect { y: foot, height: 1, ..inner };
    lines::put_lines(buffer, foot, &[keys(view, exploring, foot.width)]);
}

fn wrapped(view: &View<'_>, words: &str, cells: usize, role: Role) -> Vec<Line<'static>> {
    let words = text::visible(words).replace('\u{b7}', view.theme.signs().between);
    let rows = text::wrap(&words, cells.max(1));
    rows.into_iter().map(|row| Line::from(view.span(row, role))).collect()
}

/// How far it is, in words.
fn standing(exploring: &Exploring) -> String {
    let progress = exploring.progress;
    let classes = match exploring.classes.len() {
        1 => "1 class".to_owned(),
        count => format!("{count} classes"),
    };
    let played = counted(progress.plays, "order");
    let stands = match progress.orders {
        Some(orders) if orders > progress.plays => format!(", which stand for {orders}"),
        _ => String::new(),
    };
    let known = format!("{classes} · {played} played{stands}");
    match &exploring.state {
        State::Running if progress.plays == 0 => "getting ready".to_owned(),
        State::Running => format!("{known} · goes on"),
        State::Over { is_complete: true, took } => {
            format!("{known} · nothing is left · {:.1} s", took.as_secs_f64())
        }
        State::Over { is_complete: false, .. } => format!("{known} · more are left"),
        State::Stopped => format!("{known} · stopped"),
        State::Failed(why) => why.clone(),
    }
}

fn standing_role(exploring: &Exploring) -> Role {
    match exploring.state {
        State::Failed(_) => Role::Broken,
        _ => Role::Dim,
    }
}

/// The steps of the chosen class's witness, in a line.
fn witness(exploring: &Exploring, chosen: usize) -> String {
    let steps = exploring.witness(chosen).into_iter();
    let steps = steps.map(|step| format!("{} {}", step.session, step.narration));
    steps.collect::<Vec<_>>().join(" · ")
}

fn draw_rows(
    view: &View<'_>,
    exploring: &Exploring,
    chosen: usize,
    area: Rect,
    buffer: &mut Buffer,
) {
    let height = usize::from(area.height).max(1);
    let count = exploring.classes.len();
    let first = chosen.saturating_sub(height / 2).min(count.saturating_sub(height));
    // One for all, so that the counts of orders stand below each other.
    let verdicts = exploring.classes.iter().map(|class| text::width(&verdict(exploring, class)));
    let widest = verdicts.max().unwrap_or_default().clamp(22, 40);
    for (class, y) in (first..count).zip(area.top()..area.bottom()) {
        let row = Rect { y, height: 1, ..area };
        let cells = (usize::from(area.width), widest);
        let spans = line(view, exploring, &exploring.classes[class], cells);
        put_line(view, spans, row, buffer);
        if class == chosen {
            buffer.set_style(row, view.style(Role::Selection));
        }
    }
}

/// How wide the count of orders is.
const COUNT: usize = 9;

/// A class in so many cells, of which the verdict takes no more than is said.
fn line(
    view: &View<'_>,
    exploring: &Exploring,
    class: &Shown,
    (cells, widest): (usize, usize),
) -> Vec<Span<'static>> {
    let signs = view.theme.signs();
    let is_wrong = class.is_broken || class.verdict.as_ref().is_some_and(Verdict::is_anomaly);
    let (sign, role) = match (is_wrong, &class.verdict) {
        (true, _) => (signs.broken, Role::Broken),
        (false, Some(Verdict::Serial(_))) => (signs.kept, Role::Kept),
        (false, _) => (" ", Role::Dim),
    };
    let verdict = verdict(exploring, class);
    let room = cells.saturating_sub(COUNT + 7);
    let name = room.saturating_sub(widest).max(room / 3);
    let rest = room.saturating_sub(name);
    let orders = class.orders.map_or_else(|| "?".to_owned(), |orders| orders.to_string());
    vec![
        view.span(format!("{sign} "), role),
        view.span(fitted(view, &class.name, name), Role::Strong),
        view.span(format!(" {orders:>COUNT$}   "), Role::Screen),
        view.span(text::fit(&verdict, rest, signs.ellipsis).into_owned(), role),
    ]
}

fn fitted(view: &View<'_>, words: &str, cells: usize) -> String {
    let signs = view.theme.signs();
    let words = text::visible(words).replace('\u{b7}', signs.between);
    let words = text::fit(&words, cells, signs.ellipsis);
    text::pad(&words, cells, "")
}

/// Whether whole transactions one after another come to the same, in words.
fn verdict(exploring: &Exploring, class: &Shown) -> String {
    let sessions = &exploring.wanted.scenario.sessions;
    let broken = if class.is_broken { "an invariant is broken; " } else { "" };
    let words = match &class.verdict {
        None => String::new(),
        Some(Verdict::Anomaly { .. }) => match class.kind {
            Some(kind) => format!("in no order: {kind}"),
            None => "in no order".to_owned(),
        },
        Some(Verdict::Unknown) => "too many serial orders".to_owned(),
        Some(Verdict::Serial(order)) => {
            let names = order.iter().filter_map(|it| Some(sessions.get(it.session)?.name.as_str()));
            let mut names: Vec<&str> = names.collect();
            names.dedup();
            format!("like {}", names.join(", "))
        }
    };
    format!("{broken}{words}")
}

/// What can be done here, as much of it as there is room for.
fn keys(view: &View<'_>, exploring: &Exploring, cells: u16) -> Line<'static> {
    let closes = if exploring.state == State::Running { "stops" } else { "closes" };
    let keys = [
        ("Enter".into(), "plays it"),
        ("Esc".into(), closes),
        ("Up Down".into(), "choose"),
        ("f".into(), "the file's own order"),
    ];
    let most = (1..=keys.len()).rev().map(|count| keys_line(view, &keys[..count]));
    let mut fitting = most.filter(|line| line.width() <= usize::from(cells));
    fitting.next().unwrap_or_default()
}
