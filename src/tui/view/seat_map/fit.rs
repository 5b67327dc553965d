//! How much of a seat map fits, and how: all of it where there is room, else the rows that matter.

use std::borrow::Cow;

use super::Weight;
use super::arrange::{Arrangement, Bands};
use super::names::Names;
use super::queues::queues;
use super::way::Way;
use crate::stage::watched::plan::Plan;
use crate::tui::view::row_note::Scene;

/// The lines that words below a dense map may cost it.
const MOST_WORDS: usize = 2;
/// With more rows that were changed than this, they are not worth a higher map.
const MOST_TOUCHED: usize = 8;

/// What is drawn of a seat map.
pub(super) struct Fit<'a, 'b> {
    pub(super) plan: Cow<'b, Plan<'a>>,
    /// The rows that are not in it.
    pub(super) left_out: usize,
    /// How it is drawn; none where there is only room to say in words who has which seat.
    pub(super) way: Option<Way>,
}

impl<'a, 'b> Fit<'a, 'b> {
    /// What fits within a width and a height.
    pub(super) fn of(plan: &'b Plan<'a>, size: (usize, usize), scene: &Scene<'_>) -> Self {
        let whole = |way| Fit { plan: Cow::Borrowed(plan), left_out: 0, way };
        let words = words(plan, size.0, scene);
        let fit = [words, words.min(1)].into_iter().find_map(|words| {
            let way = Way::fitting(plan, size, words, scene);
            way.map(|way| whole(Some(way))).or_else(|| Self::narrowed(plan, size, words, scene))
        });
        fit.unwrap_or_else(|| {
            whole((words == 0 || size.1 == 0).then(|| Way::last_resort(plan, size.0)))
        })
    }

    /// As many rows as fit above the line that counts the others.
    fn narrowed(
        plan: &Plan<'a>,
        size: (usize, usize),
        words: usize,
        scene: &Scene<'_>,
    ) -> Option<Self> {
        let (rows, room) = (plan.rows_from(Weight::Quiet), (size.0, size.1.checked_sub(1)?));
        let fitting = |kept: usize| {
            let narrowed = plan.narrowed(kept);
            let way = Way::fitting(&narrowed, room, words, scene)?;
            Some(Self { plan: Cow::Owned(narrowed), left_out: rows - kept, way: Some(way) })
        };
        let (mut fits, mut beyond) = (0, rows);
        let mut best = None;
        while beyond - fits > 1 {
            let kept = fits.midpoint(beyond);
            match fitting(kept) {
                Some(fit) => (fits, best) = (kept, Some(fit)),
                None => beyond = kept,
            }
        }
        best
    }

    /// How many lines it takes.
    pub(super) fn height(&self) -> usize {
        self.way.as_ref().map_or(1, Way::height) + usize::from(self.left_out > 0)
    }
}

/// How many lines show the rows that matter: by name where the width allows, else by signs with a
/// line of words.
pub(super) fn needed_height(plan: &Plan<'_>, width: usize, scene: &Scene<'_>) -> usize {
    let rows = plan.rows_from(Weight::Quiet);
    let touched = plan.rows_from(Weight::Touched);
    let kept = if touched > MOST_TOUCHED { plan.rows_from(Weight::Held) } else { touched }.max(1);
    let words = words(plan, width, scene);
    let way = Way::lowest(&plan.narrowed(kept), width, words, scene);
    way.height() + usize::from(kept < rows)
}

/// How many lines it is worth to say in words who has which seat.
fn words(plan: &Plan<'_>, width: usize, scene: &Scene<'_>) -> usize {
    queues(plan, (width, MOST_WORDS), scene).len()
}

/// The width in which all compartments stand side by side with names, and with room for a waiter on
/// every seat.
pub(super) fn comfortable_width(plan: &Plan<'_>, scene: &Scene<'_>) -> usize {
    let names = Names::fitted(plan, scene).made_alike(scene);
    let arrangement = Arrangement::of(&plan.compartments, &names, Bands::One, usize::MAX);
    arrangement.map_or(usize::MAX, |it| it.taken())
}
