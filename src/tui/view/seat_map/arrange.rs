//! Puts the blocks of the compartments side by side, and below each other where the width runs out.
//!
//! ```text
//! ┌ band ──────────────────────────┐
//! │  First        Second           │   a band is as high as its highest block
//! │  A 1 2 3      A 1 2 3          │
//! ├ band ──────────────────────────┤
//! │         Third                  │
//! └────────────────────────────────┘
//! ```

use std::ops::Range;

use ratatui::text::{Line, Span};

use crate::stage::watched::plan::Compartment;
use crate::tui::view::row_note::Scene;

/// Blanks between two compartments.
pub(super) const AISLE: usize = 3;

/// Whether compartments may stand below each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bands {
    /// They must all stand side by side.
    One,
    Many,
}

/// One way to draw a compartment.
pub(super) trait Density {
    /// The width of the compartment's block, in cells.
    fn width(&self, compartment: &Compartment<'_>) -> usize;
    /// Its height, in lines.
    fn height(&self, compartment: &Compartment<'_>) -> usize;
    /// The block itself.
    fn block<'a>(&self, compartment: &'a Compartment<'a>, scene: &Scene<'a>) -> Block<'a>;
}

/// A compartment, drawn.
#[derive(Debug, Default)]
pub(super) struct Block<'a> {
    pub(super) lines: Vec<Vec<Span<'a>>>,
    /// The line on which each row of seats begins.
    pub(super) row_starts: Vec<usize>,
}

impl<'a> Block<'a> {
    /// What stands above, then the rows of seats one below the other.
    pub(super) fn stacked(
        above: impl IntoIterator<Item = Vec<Span<'a>>>,
        rows: impl IntoIterator<Item = Vec<Vec<Span<'a>>>>,
    ) -> Self {
        let mut block = Self { lines: above.into_iter().collect(), row_starts: Vec::new() };
        for row in rows {
            block.row_starts.push(block.lines.len());
            block.lines.extend(row);
        }
        block
    }
}

/// All compartments, drawn.
#[derive(Debug, Default)]
pub(super) struct Picture<'a> {
    pub(super) lines: Vec<Line<'a>>,
    pub(super) row_starts: Vec<usize>,
}

impl Picture<'_> {
    /// How many rows of seats begin below the first so many lines.
    pub(super) fn rows_below(&self, lines: usize) -> usize {
        self.row_starts.iter().filter(|start| **start >= lines).count()
    }
}

/// How the compartments would stand at some density and width.
pub(super) struct Arrangement {
    sizes: Vec<(usize, usize)>,
    bands: Vec<Range<usize>>,
    width: usize,
}

impl Arrangement {
    /// The arrangement, or none where the width is not enough. Heights are asked for only where it
    /// is: they cost more.
    pub(super) fn of(
        compartments: &[Compartment<'_>],
        density: &impl Density,
        allowed: Bands,
        width: usize,
    ) -> Option<Self> {
        let widths: Vec<_> = compartments.iter().map(|part| density.width(part)).collect();
        let bands = bands(&widths, allowed, width)?;
        let heights = compartments.iter().map(|part| density.height(part));
        Some(Self { sizes: widths.into_iter().zip(heights).collect(), bands, width })
    }

    pub(super) fn height(&self) -> usize {
        self.bands.iter().map(|band| self.band_height(band)).sum()
    }

    /// The width of its widest band.
    pub(super) fn taken(&self) -> usize {
        self.bands.iter().map(|band| taken(&self.sizes[band.clone()])).max().unwrap_or(0)
    }

    fn band_height(&self, band: &Range<usize>) -> usize {
        self.sizes[band.clone()].iter().map(|size| size.1).max().unwrap_or(0)
    }

    pub(super) fn draw<'a>(
        &self,
        compartments: &'a [Compartment<'a>],
        density: &impl Density,
        scene: &Scene<'a>,
    ) -> Picture<'a> {
        let mut picture = Picture::default();
        for band in &self.bands {
            let blocks: Vec<_> = compartments[band.clone()]
                .iter()
                .map(|compartment| density.block(compartment, scene))
                .collect();
            self.draw_band(band, blocks, &mut picture);
        }
        picture
    }

    fn draw_band<'a>(
        &self,
        band: &Range<usize>,
        blocks: Vec<Block<'a>>,
        picture: &mut Picture<'a>,
    ) {
        let sizes = &self.sizes[band.clone()];
        let margin = (self.width - taken(sizes)) / 2;
        let first = picture.lines.len();
        let mut lines = vec![vec![blank(margin)]; self.band_height(band)];
        for (at, (block, size)) in blocks.into_iter().zip(sizes).enumerate() {
            picture.row_starts.extend(block.row_starts.iter().map(|start| first + start));
            let aisle = if at == 0 { 0 } else { AISLE };
            let mut drawn = block.lines.into_iter();
            for line in &mut lines {
                let spans = drawn.next().unwrap_or_default();
                let rest = size.0.saturating_sub(spans.iter().map(Span::width).sum());
                line.push(blank(aisle));
                line.extend(spans);
                line.push(blank(rest));
            }
        }
        picture.lines.extend(lines.into_iter().map(Line::from));
    }
}

/// The width of blocks side by side.
fn taken(sizes: &[(usize, usize)]) -> usize {
    sizes.iter().map(|size| size.0).sum::<usize>() + AISLE * sizes.len().saturating_sub(1)
}

/// Which compartments stand side by side.
fn bands(widths: &[usize], allowed: Bands, width: usize) -> Option<Vec<Range<usize>>> {
    let mut bands: Vec<Range<usize>> = Vec::new();
    let mut taken = 0;
    for (at, cells) in widths.iter().enumerate() {
        match bands.last_mut() {
            Some(band) if taken + AISLE + cells <= width => {
                band.end += 1;
                taken += AISLE + cells;
            }
            Some(_) if allowed == Bands::One => return None,
            _ if *cells > width => return None,
            _ => {
                bands.push(at..at + 1);
                taken = *cells;
            }
        }
    }
    Some(bands)
}

pub(super) fn blank<'a>(cells: usize) -> Span<'a> {
    const BLANKS: &str = "                                                                ";
    match BLANKS.get(..cells) {
        Some(blanks) => Span::raw(blanks),
        None => Span::raw(" ".repeat(cells)),
    }
}
