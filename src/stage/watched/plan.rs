//! The plan of a theatre: a table's rows sorted into compartments, rows and numbered seats.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use crate::core::seats::{SeatColumns, WatchedRow, WatchedTable};
use crate::stage::text;
use crate::stage::watched::{Marks, Weight};

/// The whole seat map.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    pub compartments: Vec<Compartment<'a>>,
}

/// One compartment: its rows, and the seat number of every column.
#[derive(Clone, Debug)]
pub struct Compartment<'a> {
    /// What it is called, where there are several.
    pub title: Option<Cow<'a, str>>,
    /// The number over each column.
    pub numbers: Vec<Cow<'a, str>>,
    /// Its rows of seats.
    pub rows: Vec<Row<'a>>,
}

/// One row of seats.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// What it is called.
    pub label: Cow<'a, str>,
    /// The seats with their columns, from left to right. A column may be missing (an aisle) or come
    /// twice (two sessions have each inserted the seat).
    pub seats: Vec<(usize, Seat<'a>)>,
}

impl<'a> Row<'a> {
    /// The seats by column.
    pub fn columns(&self) -> impl Iterator<Item = &[(usize, Seat<'a>)]> {
        self.seats.chunk_by(|left, right| left.0 == right.0)
    }

    /// How much it matters: as much as its seat that matters most.
    pub fn weight(&self) -> Weight {
        self.seats.iter().map(|(_, seat)| seat.weight).max().unwrap_or_default()
    }
}

#[derive(Clone, Debug)]
pub struct Seat<'a> {
    /// The table's row.
    pub place: &'a WatchedRow,
    /// Whose it is, as committed.
    pub booked_by: Option<Cow<'a, str>>,
    /// Which of the states that the legend counts.
    pub state: State,
    pub weight: Weight,
    /// Whether it has just changed.
    pub lit: bool,
    /// Whether it is not the same on the other engine.
    pub differs: bool,
}

/// What the legend counts; every seat is in exactly one of these states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Free,
    Held,
    /// Changed in a transaction that has not committed.
    Uncommitted,
    /// Committed, with a holder.
    Booked,
}

impl State {
    fn of(place: &WatchedRow, booked_by: Option<&str>) -> Self {
        let is_changed = place.holders.iter().any(|hold| hold.kind.is_change());
        match (is_changed || !place.committed, place.holders.is_empty(), booked_by) {
            (true, ..) => Self::Uncommitted,
            (false, false, _) => Self::Held,
            (false, true, Some(_)) => Self::Booked,
            (false, true, None) => Self::Free,
        }
    }
}

/// Where the table keeps what the map shows.
struct Indexes {
    compartment: Option<usize>,
    row: usize,
    number: usize,
    holder: usize,
}

impl Indexes {
    fn of(columns: &SeatColumns, table: &WatchedTable) -> Option<Self> {
        let index = |name: &str| table.columns.iter().position(|column| column == name);
        let compartment = match &columns.compartment {
            Some(name) => Some(index(name)?),
            None => None,
        };
        Some(Self {
            compartment,
            row: index(&columns.row)?,
            number: index(&columns.number)?,
            holder: index(&columns.holder)?,
        })
    }
}

impl<'a> Plan<'a> {
    /// The plan, if the table is a seat map and has the columns that make it one.
    pub fn of(table: &'a WatchedTable, marks: Marks<'_>) -> Option<Self> {
        let indexes = Indexes::of(table.seats.as_ref()?, table)?;
        let mut titles: Vec<&str> = Vec::new();
        let mut groups: Vec<Vec<&WatchedRow>> = Vec::new();
        for place in &table.places {
            let title = indexes.compartment.map_or("", |index| value(place, index).unwrap_or("?"));
            let known = titles.iter().position(|known| *known == title);
            let group = known.unwrap_or_else(|| {
                titles.push(title);
                groups.push(Vec::new());
                titles.len() - 1
            });
            groups[group].push(place);
        }
        let seat = |place: &'a WatchedRow| Seat {
            weight: marks.weight(&table.name, place),
            lit: marks.is_lit(&table.name, &place.key),
            differs: marks.differs(&table.name, &place.key),
            ..Seat::of(place, &indexes)
        };
        let compartments = titles.iter().zip(&groups).map(|(title, places)| {
            let title = indexes.compartment.map(|_| text::visible(title));
            Compartment::of(title, places, &indexes, seat)
        });
        Some(Self { compartments: compartments.collect() })
    }

    /// Every seat, in the order of the plan.
    pub fn seats(&self) -> impl Iterator<Item = &Seat<'a>> {
        let rows = self.compartments.iter().flat_map(|part| &part.rows);
        rows.flat_map(|row| &row.seats).map(|(_, seat)| seat)
    }

    /// How many rows of seats matter at least so much.
    pub fn rows_from(&self, weight: Weight) -> usize {
        let rows = self.compartments.iter().flat_map(|part| &part.rows);
        rows.filter(|row| row.weight() >= weight).count()
    }

    /// The same with so many of its rows: those that matter most, then those next to them. They
    /// stand where they stood, and compartments of which no row is left are gone.
    #[must_use]
    pub fn narrowed(&self, kept: usize) -> Self {
        let mut ranks: Vec<_> = self.compartments.iter().enumerate().flat_map(ranks).collect();
        ranks.sort_unstable();
        let kept: HashSet<(usize, usize)> =
            ranks.into_iter().take(kept).map(|rank| rank.place).collect();
        let parts = self.compartments.iter().enumerate();
        let compartments = parts.filter_map(|(at, part)| {
            let rows = (0..).zip(&part.rows).filter(|(row, _)| kept.contains(&(at, *row)));
            let rows: Vec<_> = rows.map(|(_, row)| row.clone()).collect();
            (!rows.is_empty()).then(|| part.with_rows(rows))
        });
        Self { compartments: compartments.collect() }
    }
}

/// What decides whether a row stays where not all do, the first to stay first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    weight: Reverse<Weight>,
    /// How far the nearest row of its compartment is that matters.
    distance: usize,
    /// Its compartment, and its place there.
    place: (usize, usize),
}

fn ranks((compartment, part): (usize, &Compartment<'_>)) -> Vec<Rank> {
    let weights: Vec<Weight> = part.rows.iter().map(Row::weight).collect();
    let telling = (0..weights.len()).filter(|row| weights[*row] > Weight::Quiet);
    let telling: Vec<usize> = telling.collect();
    let distance = |row: usize| telling.iter().map(|other| other.abs_diff(row)).min();
    let rank = |row: usize| Rank {
        weight: Reverse(weights[row]),
        distance: distance(row).unwrap_or(usize::MAX),
        place: (compartment, row),
    };
    (0..weights.len()).map(rank).collect()
}

impl<'a> Compartment<'a> {
    fn with_rows(&self, rows: Vec<Row<'a>>) -> Self {
        Self { title: self.title.clone(), numbers: self.numbers.clone(), rows }
    }

    fn of(
        title: Option<Cow<'a, str>>,
        places: &[&'a WatchedRow],
        indexes: &Indexes,
        seat: impl Fn(&'a WatchedRow) -> Seat<'a>,
    ) -> Self {
        let label = |place: &&'a WatchedRow| value(place, indexes.row).unwrap_or("?");
        let number = |place: &&'a WatchedRow| value(place, indexes.number).unwrap_or("?");
        let labels = in_order(places.iter().map(label));
        let numbers = in_order(places.iter().map(number));
        let (row_of, column_of) = (positions(&labels), positions(&numbers));
        let row = |label: &&'a str| Row { label: text::visible(label), seats: Vec::new() };
        let mut rows: Vec<Row<'a>> = labels.iter().map(row).collect();
        for place in places {
            rows[row_of[label(place)]].seats.push((column_of[number(place)], seat(place)));
        }
        for row in &mut rows {
            row.seats.sort_by_key(|(column, _)| *column);
        }
        let numbers = numbers.into_iter().map(text::visible).collect();
        Self { title, numbers, rows }.closed_up()
    }

    /// Where numbers hardly ever stand under each other (every row counts on), seats close up to
    /// the left.
    fn closed_up(mut self) -> Self {
        let widest = self.rows.iter().map(|row| row.columns().count()).max().unwrap_or(0);
        if self.numbers.len() <= 2 * widest {
            return self;
        }
        for row in &mut self.rows {
            let places = row.seats.chunk_by_mut(|left, right| left.0 == right.0);
            for (column, seats) in places.enumerate() {
                for seat in seats {
                    seat.0 = column;
                }
            }
        }
        self.numbers = vec!["".into(); widest];
        self
    }
}

fn positions<'a>(labels: &[&'a str]) -> HashMap<&'a str, usize> {
    labels.iter().copied().zip(0..).collect()
}

impl<'a> Seat<'a> {
    fn of(place: &'a WatchedRow, indexes: &Indexes) -> Self {
        let booked_by = value(place, indexes.holder);
        let state = State::of(place, booked_by);
        Self {
            place,
            booked_by: booked_by.map(text::visible),
            state,
            weight: Weight::Quiet,
            lit: false,
            differs: false,
        }
    }
}

fn value(place: &WatchedRow, index: usize) -> Option<&str> {
    place.values.get(index).and_then(Option::as_deref)
}

/// The distinct labels as people count: 2 before 10, Z before AA.
fn in_order<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let distinct: HashSet<&str> = labels.collect();
    let mut labels: Vec<_> = distinct.into_iter().collect();
    labels.sort_by_cached_key(|&label| (label.parse().unwrap_or(i64::MAX), label.len(), label));
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::watched::sample;

    #[test]
    fn labels_stand_as_people_count() {
        assert_eq!(in_order(["10", "9", "2", "2"].into_iter()), ["2", "9", "10"]);
        assert_eq!(in_order(["AA", "B", "A"].into_iter()), ["A", "B", "AA"]);
    }

    #[test]
    fn a_table_without_its_seat_columns_is_no_seat_map() {
        let mut tables = sample::picture();
        tables.tables[0].columns.pop();
        assert!(Plan::of(&tables.tables[0], sample::unmarked()).is_none());
    }

    #[test]
    fn two_sessions_that_insert_the_same_seat_share_its_place() {
        let mut tables = sample::picture();
        let twin = tables.tables[0].places[3].clone();
        tables.tables[0].places.push(twin);
        let plan = Plan::of(&tables.tables[0], sample::unmarked()).unwrap();
        assert_eq!(plan.seats().count(), 8);
        assert_eq!(plan.compartments[0].rows[0].columns().nth(3).unwrap().len(), 2);
    }

    #[test]
    fn rows_that_matter_stay_first_then_those_next_to_them() {
        let tables = sample::cinema(10);
        let plan = Plan::of(&tables.tables[0], sample::unmarked()).unwrap();
        let labels = |kept| {
            let narrowed = plan.narrowed(kept);
            let parts = narrowed.compartments.iter().flat_map(|part| {
                let title = part.title.as_deref().unwrap_or_default();
                part.rows.iter().map(move |row| format!("{title}-{}", row.label))
            });
            parts.collect::<Vec<_>>()
        };
        assert_eq!(plan.rows_from(Weight::Held), 2);
        assert_eq!(labels(1), ["First-B"], "somebody waits for it");
        assert_eq!(labels(2), ["First-B", "Second-G"]);
        assert_eq!(
            labels(6),
            ["First-A", "First-B", "First-C", "Second-F", "Second-G", "Second-H"]
        );
        assert_eq!(labels(30).len(), 30);
    }
}
