//! Which way to draw the seats: the most telling one that fits.
//!
//! In this order: names in even columns, in columns that fit, cut; the same with shorter queues;
//! two letters; signs apart; signs close; several rows abreast. Each is tried with the caption and
//! without it. The last resort is signs in rows that break at the width.

use super::arrange::{Arrangement, Bands, Block, Density, Picture};
use super::dots::Dots;
use super::initials::Initials;
use super::legend::Shown;
use super::names::Names;
use crate::stage::watched::plan::{Compartment, Plan};
use crate::tui::view::row_note::{Scene, Trim};

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

#[derive(Clone, Debug)]
enum Grain {
    Names(Names),
    Initials(Initials),
    Dots(Dots),
}

impl Way {
    /// The best way within a width and a height.
    pub(super) fn choose(plan: &Plan<'_>, size: (usize, usize), scene: &Scene<'_>) -> Self {
        let is_contested = |seat: &&super::Seat<'_>| {
            !seat.place.holders.is_empty() || !seat.place.waiters.is_empty()
        };
        let words = if plan.seats().any(|seat| is_contested(&seat)) { WORDS } else { 0 };
        let captions: &[bool] = match scene.trim {
            Trim::Framed => &[true, false],
            Trim::Bare => &[false],
        };
        let fitting =
            |group: &Group, words| Self::first_fitting(plan, group, size, words, captions);
        named(plan, size.0, scene)
            .find_map(|group| fitting(&group, 0))
            .or_else(|| dense(plan).iter().find_map(|group| fitting(group, words)))
            .or_else(|| dense(plan).iter().find_map(|group| fitting(group, 0)))
            .unwrap_or_else(|| Self::last_resort(plan, size.0))
    }

    /// The first of these that fits with the caption, or else the first that fits without.
    fn first_fitting(
        plan: &Plan<'_>,
        group: &[(Grain, Bands)],
        (width, height): (usize, usize),
        words: usize,
        captions: &[bool],
    ) -> Option<Self> {
        let arranged = group.iter().filter_map(|(grain, bands)| {
            let arrangement = Arrangement::of(&plan.compartments, grain, *bands, width)?;
            Some((grain.clone(), arrangement))
        });
        let mut arranged: Vec<_> = arranged.collect();
        let captions = captions.iter().copied();
        let mut ways = captions.filter_map(|has_caption| {
            let needed = usize::from(has_caption) + words;
            let fits = move |height_of: usize| needed.saturating_add(height_of) <= height;
            let at = arranged.iter().position(|(_, arrangement)| fits(arrangement.height()));
            at.map(|at| (has_caption, at))
        });
        let (has_caption, at) = ways.next()?;
        let (grain, arrangement) = arranged.swap_remove(at);
        Some(Self { has_caption, words, grain, arrangement: Some(arrangement) })
    }

    /// The lowest of what the width allows; its end will not be seen.
    fn last_resort(plan: &Plan<'_>, width: usize) -> Self {
        let close = Dots::apart(plan).close();
        let abreast = (1..=ABREAST).rev().map(|abreast| close.abreast(abreast));
        let mut ways = abreast.chain([close.broken_at(width)]).map(Grain::Dots).map(|grain| {
            let arrangement = Arrangement::of(&plan.compartments, &grain, Bands::Many, width);
            Self { has_caption: false, words: 0, grain, arrangement }
        });
        let lowest = ways.by_ref().filter(|way| way.arrangement.is_some()).min_by_key(Self::height);
        let nothing =
            Self { has_caption: false, words: 0, grain: Grain::Dots(close), arrangement: None };
        lowest.unwrap_or(nothing)
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

    pub(super) fn draw<'a>(&self, plan: &'a Plan<'a>, scene: &Scene<'a>) -> Picture<'a> {
        let arrangement = self.arrangement.as_ref();
        arrangement
            .map_or_else(Picture::default, |it| it.draw(&plan.compartments, &self.grain, scene))
    }
}

type Group = Vec<(Grain, Bands)>;

/// Ways with names, for each length of the queues.
fn named(plan: &Plan<'_>, width: usize, scene: &Scene<'_>) -> impl Iterator<Item = Group> {
    let fitted = Names::fitted(plan, scene);
    let alike = fitted.made_alike(scene);
    let cut = fitted.cut_to(width, plan);
    QUEUES.into_iter().map(move |lines| {
        let way = |names: &Names, bands| (Grain::Names(names.with_lines(lines)), bands);
        let mut group = vec![
            way(&alike, Bands::One),
            way(&alike.with_gap(2), Bands::One),
            way(&fitted, Bands::One),
            way(&alike, Bands::Many),
            way(&fitted, Bands::Many),
        ];
        group.extend(cut.iter().map(|cut| way(cut, Bands::One)));
        group
    })
}

/// Ways without names, each a group of its own: first all compartments side by side, only then
/// below each other.
fn dense(plan: &Plan<'_>) -> Vec<Group> {
    let apart = Dots::apart(plan);
    let abreast = (1..=ABREAST)
        .flat_map(|abreast| [apart, apart.close()].map(|dots| Grain::Dots(dots.abreast(abreast))));
    let grains: Vec<_> =
        Initials::of(plan).map(Grain::Initials).into_iter().chain(abreast).collect();
    let groups = [Bands::One, Bands::Many]
        .into_iter()
        .flat_map(|bands| grains.iter().map(move |grain| vec![(grain.clone(), bands)]));
    groups.collect()
}

impl Density for Grain {
    fn width(&self, part: &Compartment<'_>) -> usize {
        match self {
            Self::Names(names) => names.width(part),
            Self::Initials(initials) => initials.width(part),
            Self::Dots(dots) => dots.width(part),
        }
    }

    fn height(&self, part: &Compartment<'_>) -> usize {
        match self {
            Self::Names(names) => names.height(part),
            Self::Initials(initials) => initials.height(part),
            Self::Dots(dots) => dots.height(part),
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
