//! Which way to draw the seats: the most telling one that fits.
//!
//! In this order: boxes, where the screen is large; names in even columns, in columns that fit,
//! cut; the same with shorter queues; two letters; signs apart; signs close; several rows abreast;
//! rows that break at the width. Each is tried with the caption and without it.

use super::arrange::{Arrangement, Bands, Block, Density, Picture};
use super::boxes::Boxes;
use super::dots::Dots;
use super::initials::Initials;
use super::legend::Shown;
use super::names::Names;
use crate::stage::watched::plan::{Compartment, Plan};
use crate::tui::view::row_note::{Scene, Trim};

/// Lines that a seat may take for its holders and its queue, longest first.
const QUEUES: [usize; 3] = [8, 4, 2];
/// With more lines than this, what shows only the rows that matter is too high for names.
const LOW: usize = 6;
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
    Boxes(Boxes),
    Names(Names),
    Initials(Initials),
    Dots(Dots),
}

impl Way {
    /// The best way within a width and a height, if there is one. What a dense map cannot show of
    /// who has a seat must have so many lines of words below.
    pub(super) fn fitting(
        plan: &Plan<'_>,
        size: (usize, usize),
        words: usize,
        scene: &Scene<'_>,
    ) -> Option<Self> {
        let captions: &[bool] = match scene.trim {
            Trim::Roomy | Trim::Framed => &[true, false],
            Trim::Bare => &[false],
        };
        let fitting =
            |group: &Group, words| Self::first_fitting(plan, group, size, words, captions);
        boxed(plan, scene)
            .chain(named(plan, size.0, scene))
            .find_map(|group| fitting(&group, 0))
            .or_else(|| dense(plan, size.0).iter().find_map(|group| fitting(group, words)))
    }

    /// A way that takes few lines, whatever their number.
    pub(super) fn lowest(plan: &Plan<'_>, width: usize, words: usize, scene: &Scene<'_>) -> Self {
        let fitting = |group: &Group, words| {
            Self::first_fitting(plan, group, (width, usize::MAX), words, &[false])
        };
        let named = named(plan, width, scene).last().and_then(|group| fitting(&group, 0));
        let dense = dense(plan, width).into_iter().filter_map(|group| fitting(&group, words));
        let mut ways: Vec<Self> = named.into_iter().chain(dense).collect();
        let lowest = || (0..ways.len()).min_by_key(|at| ways[*at].height());
        match ways.iter().position(|way| way.height() <= LOW).or_else(lowest) {
            Some(at) => ways.swap_remove(at),
            None => Self::last_resort(plan, width),
        }
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
    pub(super) fn last_resort(plan: &Plan<'_>, width: usize) -> Self {
        let close = Dots::apart(plan).close();
        let abreast = (1..=ABREAST).rev().map(|abreast| close.abreast(abreast));
        let ways = abreast.chain([close.broken_at(width)]).map(Grain::Dots).map(|grain| {
            let arrangement = Arrangement::of(&plan.compartments, &grain, Bands::Many, width);
            Self { has_caption: false, words: 0, grain, arrangement }
        });
        let nothing =
            Self { has_caption: false, words: 0, grain: Grain::Dots(close), arrangement: None };
        let lowest = ways.filter(|way| way.arrangement.is_some()).min_by_key(Self::height);
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
            Grain::Boxes(_) | Grain::Names(_) => Shown::Names,
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

/// Ways with boxes, each a group of its own, the largest first.
fn boxed(plan: &Plan<'_>, scene: &Scene<'_>) -> impl Iterator<Item = Group> {
    let all = if scene.trim == Trim::Roomy { Boxes::all(plan, scene) } else { Vec::new() };
    all.into_iter().map(|boxes| vec![(Grain::Boxes(boxes), Bands::One)])
}

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
fn dense(plan: &Plan<'_>, width: usize) -> Vec<Group> {
    let apart = Dots::apart(plan);
    let abreast = (1..=ABREAST)
        .flat_map(|abreast| [apart, apart.close()].map(|dots| Grain::Dots(dots.abreast(abreast))));
    let grains: Vec<_> =
        Initials::of(plan).map(Grain::Initials).into_iter().chain(abreast).collect();
    let groups = [Bands::One, Bands::Many]
        .into_iter()
        .flat_map(|bands| grains.iter().map(move |grain| vec![(grain.clone(), bands)]));
    let broken = Grain::Dots(apart.close().broken_at(width));
    groups.chain([vec![(broken, Bands::Many)]]).collect()
}

impl Density for Grain {
    fn width(&self, part: &Compartment<'_>) -> usize {
        match self {
            Self::Boxes(boxes) => boxes.width(part),
            Self::Names(names) => names.width(part),
            Self::Initials(initials) => initials.width(part),
            Self::Dots(dots) => dots.width(part),
        }
    }

    fn height(&self, part: &Compartment<'_>) -> usize {
        match self {
            Self::Boxes(boxes) => boxes.height(part),
            Self::Names(names) => names.height(part),
            Self::Initials(initials) => initials.height(part),
            Self::Dots(dots) => dots.height(part),
        }
    }

    fn block<'a>(&self, part: &'a Compartment<'a>, scene: &Scene<'a>) -> Block<'a> {
        match self {
            Self::Boxes(boxes) => boxes.block(part, scene),
            Self::Names(names) => names.block(part, scene),
            Self::Initials(initials) => initials.block(part, scene),
            Self::Dots(dots) => dots.block(part, scene),
        }
    }
}
