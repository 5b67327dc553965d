//! Which way to draw the house: the most telling one that fits.
//!
//! In this order: whole names, names side by side but cut, shorter queues, two letters, signs apart, signs close, several rows
//! abreast. Each is tried with the caption and without it. The last resort is signs in rows that break at the width.

use super::arrange::{Arrangement, Block, Density, Picture};
use super::dots::Dots;
use super::initials::Initials;
use super::legend::Shown;
use super::names::Names;
use super::plan::{Compartment, Plan};
use crate::tui::remark::Scene;

/// Lines that a seat may take for its holders and its queue, longest first.
const QUEUES: [usize; 3] = [8, 4, 2];
/// Lines kept free under a dense map for its queues in words.
const WORDS: usize = 2;
/// Beyond this many rows abreast nobody finds a row any more.
const ABREAST: usize = 8;

/// A density with its arrangement, with or without the caption.
pub(super) struct Way {
    has_caption: bool,
    words: usize,
    grain: Grain,
    arrangement: Option<Arrangement>,
}

#[derive(Clone, Copy, Debug)]
enum Grain {
    Names(Names),
    Initials(Initials),
    Dots(Dots),
}

/// Whether compartments may stand below each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bands {
    One,
    Many,
}

impl Way {
    /// The best way within a width and a height.
    pub(super) fn choose(plan: &Plan<'_>, size: (usize, usize), scene: &Scene<'_>) -> Self {
        let is_contested = |seat: &&super::Seat<'_>| {
            !seat.place.holders.is_empty() || !seat.place.waiters.is_empty()
        };
        let words = if plan.seats().any(|seat| is_contested(&seat)) { WORDS } else { 0 };
        let named =
            named(plan, size.0, scene).find_map(|group| Self::first_fitting(plan, &group, size, 0));
        named
            .or_else(|| {
                dense(plan).find_map(|group| Self::first_fitting(plan, &group, size, words))
            })
            .unwrap_or_else(|| Self::last_resort(plan, size.0))
    }

    /// The first of these that fits with the caption, or else the first that fits without.
    fn first_fitting(
        plan: &Plan<'_>,
        group: &[(Grain, Bands)],
        (width, height): (usize, usize),
        words: usize,
    ) -> Option<Self> {
        let arranged = group.iter().filter_map(|(grain, bands)| {
            let arrangement = Arrangement::of(&plan.compartments, grain, width)?;
            let suits = *bands == Bands::Many || arrangement.is_one_band();
            suits.then_some((*grain, arrangement))
        });
        let mut arranged: Vec<_> = arranged.collect();
        let mut ways = [true, false].into_iter().flat_map(|has_caption| {
            let needed = usize::from(has_caption) + words;
            let fits = move |height_of: usize| needed.saturating_add(height_of) <= height;
            let at = arranged.iter().position(|(_, arrangement)| fits(arrangement.height()));
            at.map(|at| (has_caption, at))
        });
        let (has_caption, at) = ways.next()?;
        let (grain, arrangement) = arranged.swap_remove(at);
        Some(Self { has_caption, words, grain, arrangement: Some(arrangement) })
    }

    fn last_resort(plan: &Plan<'_>, width: usize) -> Self {
        let grain = Grain::Dots(Dots::apart(plan).close().broken_at(width));
        let arrangement = Arrangement::of(&plan.compartments, &grain, width);
        Self { has_caption: false, words: 0, grain, arrangement }
    }

    /// How many lines it takes.
    pub(super) fn height(&self) -> usize {
        let seats = self.arrangement.as_ref().map_or(0, Arrangement::height);
        usize::from(self.has_caption) + seats + self.words
    }

    /// What the legend must explain.
    pub(super) fn shown(&self) -> Shown {
        match self.grain {
            Grain::Names(_) => Shown::Names,
            Grain::Initials(_) => Shown::Initials,
            Grain::Dots(_) => Shown::Dots,
        }
    }

    /// Whether there is room for the caption.
    pub(super) fn has_caption(&self) -> bool {
        self.has_caption
    }

    /// The seats.
    pub(super) fn draw<'a>(&self, plan: &'a Plan<'a>, scene: &Scene<'a>) -> Picture<'a> {
        let arrangement = self.arrangement.as_ref();
        arrangement
            .map_or_else(Picture::default, |it| it.draw(&plan.compartments, &self.grain, scene))
    }
}

type Group = Vec<(Grain, Bands)>;

/// Ways with names, for each length of the queues.
fn named(plan: &Plan<'_>, width: usize, scene: &Scene<'_>) -> impl Iterator<Item = Group> {
    let whole = Names::whole(plan, scene);
    let cut = whole.cut_to(width, plan);
    QUEUES.into_iter().map(move |lines| {
        let with = |names: Names, bands| (Grain::Names(names.with_lines(lines)), bands);
        let tight = whole.with_gap(2);
        let mut group = vec![
            with(whole, Bands::One),
            with(tight, Bands::One),
            with(whole, Bands::Many),
            with(tight, Bands::Many),
        ];
        group.extend(cut.map(|cut| with(cut, Bands::One)));
        group
    })
}

/// Ways without names, each a group of its own.
fn dense(plan: &Plan<'_>) -> impl Iterator<Item = Group> {
    let apart = Dots::apart(plan);
    let initials = Initials::of(plan).map(Grain::Initials);
    let folded = (2..=ABREAST).flat_map(move |abreast| {
        [apart, apart.close()].map(|dots| Grain::Dots(dots.abreast(abreast)))
    });
    let straight = [apart, apart.close()].map(Grain::Dots);
    initials.into_iter().chain(straight).chain(folded).map(|grain| vec![(grain, Bands::Many)])
}

impl Density for Grain {
    fn size(&self, part: &Compartment<'_>) -> (usize, usize) {
        match self {
            Self::Names(names) => names.size(part),
            Self::Initials(initials) => initials.size(part),
            Self::Dots(dots) => dots.size(part),
        }
    }

    fn block<'a>(&self, part: &'a Compartment<'a>, scene: &Scene<'a>) -> Block<'a> {
        match self {
            Self::Names(names) => names.block(part, scene),
            Self::Initials(initials) => initials.block(part, scene),
            Self::Dots(dots) => dots.block(part, scene),
        }
    }
}
