//! Reading the watched tables: which there are, and how much of each is read.
//!
//! ```text
//!  Whole ── too large, or not in a second ──▶ Sample ── nor then ──▶ Awaited ──▶ left alone
//!  every row                                  first ones, held,      first ones,
//!                                             awaited, neighbours    awaited
//! ```
//!
//! What took too long once is tried again after a while, a step at a time.

use std::time::Instant;

use sqlx::postgres::types::Oid;

use super::extents::{Extent, LEFT_ALONE, Sample};
use super::look::{self, Look, Seen};
use super::rows::SeenRow;
use super::table::Table;
use super::{Observer, ObserverError, ROWS_SHOWN, SEATS_SHOWN, TABLES_WATCHED, Watch, about, code};
use crate::core::seats::Unread;
use crate::core::sql;

/// A table with more rows, by the planner's estimate, is not read whole.
const LARGE: u64 = 100_000;
/// How many of a large table's first rows are shown.
const FIRST_SHOWN: i64 = 50;
/// How many of its rows that somebody holds are shown.
const HELD_SHOWN: i64 = 150;
/// `query_canceled`: the observer's statement timeout.
const QUERY_CANCELED: &str = "57014";
/// A table with so few rows is read again before less of it is.
const SMALL: u64 = 10_000;

impl Extent {
    /// What is said of a table of which so much was read.
    fn said_of(self, table: &Table) -> Option<Unread> {
        let rows = table.estimate();
        (self != Self::Whole).then_some(Unread::Sampled { rows, has_held: self == Self::Sample })
    }

    /// How much of a table can be read by its size.
    fn first_of(table: &Table) -> Self {
        let is_large = table.estimate().is_some_and(|rows| rows > LARGE);
        if is_large { Self::Sample } else { Self::Whole }
    }
}

/// The watched names, looked up.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) tables: Vec<Table>,
    /// The names, as they were written, that no table has.
    pub(super) missing: Vec<String>,
    /// Those that the server refuses to look up, in its words: in a schema that is not for this
    /// user.
    pub(super) refused: Vec<(String, String)>,
}

impl Observer {
    pub(super) async fn watched(&self, watch: &Watch) -> Result<Found, ObserverError> {
        let names = watch.names();
        let labels = watch.labels();
        let mut found = match self.tables(&names, &labels, watch.schema.as_deref()).await {
            Err(error) if error.refusal().is_some() && !labels.is_empty() => {
                self.one_by_one(&names, &labels, watch).await?
            }
            tables => Found { tables: tables?, ..Found::default() },
        };
        for (label, place) in labels.into_iter().zip(1_i64..) {
            let is_there = found.tables.iter().any(|table| table.place == place);
            let is_refused = found.refused.iter().any(|(name, _)| name == label);
            if !is_there && !is_refused {
                found.missing.push(label.to_owned());
            }
        }
        Ok(found)
    }

    /// One name that is refused must not hide the others.
    async fn one_by_one(
        &self,
        names: &[String],
        labels: &[&str],
        watch: &Watch,
    ) -> Result<Found, ObserverError> {
        let mut found = Found::default();
        for ((name, label), place) in names.iter().zip(labels).zip(1_i64..) {
            let name = std::slice::from_ref(name);
            match self.tables(name, &[label], watch.schema.as_deref()).await {
                Ok(tables) => {
                    for mut table in tables {
                        table.place = place;
                        found.tables.push(table);
                    }
                }
                Err(error) => match error.refusal() {
                    Some(words) => found.refused.push(((*label).to_owned(), words)),
                    None => return Err(error),
                },
            }
        }
        Ok(found)
    }

    pub(super) async fn tables(
        &self,
        names: &[String],
        labels: &[&str],
        schema: Option<&str>,
    ) -> Result<Vec<Table>, ObserverError> {
        sqlx::query_as(sql::observer::TABLES)
            .bind(names)
            .bind(schema)
            .bind(TABLES_WATCHED)
            .bind(labels)
            .fetch_all(&self.pool)
            .await
            .map_err(about("which tables there are"))
    }

    /// A look at a table, unless that is gone, or another one by now, since we were told of it.
    pub(super) async fn look(
        &self,
        table: Table,
        watch: &Watch,
    ) -> Result<Option<Look>, ObserverError> {
        let label = Self::label(&table, watch);
        let seats = watch.seats.clone().filter(|seats| look::is_seat_map(seats, &label));
        let limit = if seats.is_some() { SEATS_SHOWN } else { ROWS_SHOWN };
        let seen = match () {
            () if table.shut => Some(Seen::Shut),
            () if let Some(why) = table.why_not_shown() => {
                Some(Seen::Unread(Unread::Refused(why.to_owned())))
            }
            // `rows.sql` would have an empty `ARRAY[]` in it, of which the server cannot tell the
            // type.
            () if table.columns.is_empty() => Some(Seen::Open(Vec::new(), None)),
            () if self.is_left_alone(table.oid) => {
                Some(Seen::Unread(Unread::TooLarge { rows: table.estimate() }))
            }
            () => self.rows(&table, limit).await?,
        };
        let sampled = match seen {
            Some(Seen::Open(..)) => self.last_extent(&table).said_of(&table),
            _ => None,
        };
        Ok(seen.map(|seen| Look { table, label, seats, seen, sampled }))
    }

    /// A table's name as it was written, or its own where none was.
    pub(super) fn label(table: &Table, watch: &Watch) -> String {
        let place = usize::try_from(table.place - 1).ok();
        let written = place.and_then(|place| watch.labels().get(place).copied());
        written.unwrap_or(&table.name).to_owned()
    }

    /// Whether no more than a sample of it is read.
    pub(super) fn is_sampled(&self, table: &Table) -> bool {
        self.last_extent(table) != Extent::Whole
    }

    /// As much of the table as can be read in time.
    pub(super) async fn rows(
        &self,
        table: &Table,
        limit: i64,
    ) -> Result<Option<Seen>, ObserverError> {
        let first = Extent::first_of(table);
        let mut may_be_read_again = table.estimate().is_some_and(|rows| rows <= SMALL);
        loop {
            let extent = self.state().extents.next(table.oid, first, Instant::now());
            match self.read(table, extent, limit).await {
                Ok(rows) => {
                    self.was_read(table.oid, extent, first);
                    return Ok(Some(Seen::Open(rows, self.versions(table).await)));
                }
                Err(error) if code(&error).as_deref() == Some(QUERY_CANCELED) => {
                    if std::mem::take(&mut may_be_read_again) {
                        continue;
                    }
                    let now = Instant::now();
                    if !self.state().extents.was_too_much(table.oid, extent, now) {
                        self.leave_alone(table.oid);
                        let rows = table.estimate();
                        return Ok(Some(Seen::Unread(Unread::TooLarge { rows })));
                    }
                }
                Err(error) => return not_read(error),
            }
        }
    }

    async fn read(
        &self,
        table: &Table,
        extent: Extent,
        limit: i64,
    ) -> Result<Vec<SeenRow>, sqlx::Error> {
        if extent == Extent::Whole {
            let rows = sqlx::query_as(table.rows_query()).bind(table.oid).bind(limit);
            return rows.fetch_all(&self.pool).await;
        }
        let places = match extent {
            Extent::Sample => self.sampled(table).await?,
            Extent::Whole | Extent::Awaited => self.places(table, false).await?,
        };
        sqlx::query_as(table.sampled_rows_query())
            .bind(table.oid)
            .bind(i64::MAX)
            .bind(places)
            .fetch_all(&self.pool)
            .await
    }

    fn was_read(&self, table: Oid, extent: Extent, first: Extent) {
        let mut state = self.state();
        state.slow.remove(&table);
        state.extents.was_read(table, extent, first, Instant::now());
    }

    /// The places of its rows that are worth showing. Those that are held are looked for by a
    /// scan, if the last one is long enough ago.
    async fn sampled(&self, table: &Table) -> Result<Vec<String>, sqlx::Error> {
        if let Some(mut places) = self.found_before(table.oid) {
            let now = self.places(table, false).await?;
            places.extend(now);
            return Ok(places);
        }
        let began = Instant::now();
        let places = self.places(table, true).await?;
        let sample = Sample::new(places.clone(), began, Instant::now());
        self.state().samples.insert(table.oid, sample);
        Ok(places)
    }

    /// What the last scan has found, if it is not time for another one.
    fn found_before(&self, table: Oid) -> Option<Vec<String>> {
        let mut state = self.state();
        let sample = state.samples.get_mut(&table)?;
        if !sample.is_fresh(Instant::now()) {
            return None;
        }
        sample.is_behind = true;
        Some(sample.places.clone())
    }

    async fn places(&self, table: &Table, has_held: bool) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar(table.sample_query())
            .bind(table.oid)
            .bind(FIRST_SHOWN)
            .bind(HELD_SHOWN)
            .bind(has_held)
            .fetch_all(&self.pool)
            .await
    }

    fn last_extent(&self, table: &Table) -> Extent {
        self.state().extents.last(table.oid, Extent::first_of(table))
    }

    fn is_left_alone(&self, table: Oid) -> bool {
        self.state().slow.get(&table).is_some_and(|until| Instant::now() < *until)
    }

    /// A table whose rows took too long is not read again at once: whoever runs beside us would
    /// feel it.
    fn leave_alone(&self, table: Oid) {
        self.state().slow.insert(table, Instant::now() + LEFT_ALONE);
    }
}

impl ObserverError {
    /// What the server says, where it is about what was asked for.
    fn refusal(&self) -> Option<String> {
        match &self.source {
            sqlx::Error::Database(refusal) if is_about_the_table(refusal.code().as_deref()) => {
                Some(refusal.message().to_owned())
            }
            _ => None,
        }
    }
}

/// What comes of a table that cannot be read: one must not hide the others.
fn not_read(error: sqlx::Error) -> Result<Option<Seen>, ObserverError> {
    match error {
        error if is_lock_timeout(&error) => Ok(Some(Seen::Shut)),
        // Before the refusals below, to whose classes 42 and 0A these codes belong: a table that is
        // being dropped is no table that we may not read.
        error if has_changed(&error) => Ok(None),
        sqlx::Error::Database(refusal) if is_about_the_table(refusal.code().as_deref()) => {
            Ok(Some(Seen::Unread(Unread::Refused(refusal.message().to_owned()))))
        }
        error => Err(about("which rows a table has")(error)),
    }
}

/// Whether a refusal is about the table that was read, not about the server or the connection: it
/// is not allowed (42), or has what cannot be shown (22, 0A).
fn is_about_the_table(code: Option<&str>) -> bool {
    code.is_some_and(|code| ["42", "22", "0A"].iter().any(|class| code.starts_with(class)))
}

/// `55P03`: somebody locked the table between our asking whether it is shut and our reading it.
fn is_lock_timeout(error: &sqlx::Error) -> bool {
    code(error).as_deref() == Some("55P03")
}

/// Somebody dropped or altered the table between our asking what it looks like and our reading it:
/// the next look sees what it is now.
fn has_changed(error: &sqlx::Error) -> bool {
    // 0A000 is `cached plan must not change result type`: the query was prepared for other columns.
    let changed = ["42P01", "42703", "42883", "3F000", "0A000"];
    code(error).is_some_and(|code| changed.contains(&code.as_ref()))
}
