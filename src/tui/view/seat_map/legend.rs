//! The legend: every state's sign, its word and how many seats are in it.

use ratatui::text::Span;

use crate::core::seats::HoldKind;
use crate::stage::watched::plan::{Plan, State};
use crate::tui::theme::Role;
use crate::tui::view::flow::{Counted, Entry};
use crate::tui::view::row_note::Scene;

/// How many seats are in each state, and how many sessions wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) free: usize,
    pub(super) held: usize,
    pub(super) uncommitted: usize,
    pub(super) booked: usize,
    pub(super) waiting: usize,
}

impl Counts {
    pub(super) fn of(plan: &Plan<'_>) -> Self {
        let mut counts = Self::default();
        for seat in plan.seats() {
            counts.waiting += seat.place.waiters.len();
            match seat.state {
                State::Free => counts.free += 1,
                State::Held => counts.held += 1,
                State::Uncommitted => counts.uncommitted += 1,
                State::Booked => counts.booked += 1,
            }
        }
        counts
    }
}

/// How seats are shown, as far as the legend must explain it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Names, and queues by name.
    Names,
    /// Two letters, and a mark for a queue.
    Initials,
    Dots,
}

/// The legend, what matters most first.
pub(super) fn legend<'a>(plan: &Plan<'_>, shown: Shown, scene: &Scene<'a>) -> Vec<Counted<'a>> {
    let (signs, counts) = (scene.signs(), Counts::of(plan));
    let booked = if shown == Shown::Dots { signs.booked } else { "" };
    let waiting = if shown == Shown::Names { signs.waiting } else { signs.awaited };
    let mut entries = vec![
        entry(signs.locked, Role::Locked, (counts.held, "held"), scene),
        entry(
            signs.uncommitted,
            Role::Uncommitted,
            (counts.uncommitted, "not yet committed"),
            scene,
        ),
        entry(waiting, Role::Waiting, (counts.waiting, "waiting"), scene),
        entry(signs.free, Role::Free, (counts.free, "free"), scene),
        entry(booked, Role::Booked, (counts.booked, "booked"), scene),
    ];
    if shown == Shown::Names {
        entries.extend(marks(plan, scene));
    }
    entries
}

/// The marks behind a sign, explained while one of them is on the map.
fn marks<'a>(plan: &Plan<'_>, scene: &Scene<'a>) -> Vec<Counted<'a>> {
    let signs = scene.signs();
    let has =
        |kind| plan.seats().any(|seat| seat.place.holders.iter().any(|hold| hold.kind == kind));
    let words = [
        (HoldKind::Insert, signs.new, "new"),
        (HoldKind::Delete, signs.gone, "deleted"),
        (HoldKind::LockOrWrite, signs.unsure, "held or changed"),
    ];
    let shown = words.into_iter().filter(|(kind, ..)| has(*kind));
    shown
        .map(|(_, sign, word)| (1, sign_with(sign, Role::Uncommitted, word.to_owned(), scene)))
        .collect()
}

fn entry<'a>(
    sign: &'static str,
    role: Role,
    (count, word): (usize, &str),
    scene: &Scene<'a>,
) -> Counted<'a> {
    (count, sign_with(sign, role, format!("{count} {word}"), scene))
}

fn sign_with<'a>(sign: &'static str, role: Role, words: String, scene: &Scene<'a>) -> Entry<'a> {
    let words = scene.span(words, Role::Dim);
    if sign.is_empty() { vec![words] } else { vec![scene.span(sign, role), Span::raw(" "), words] }
}
