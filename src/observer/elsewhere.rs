//! Servers that are not PostgreSQL underneath: contents by plain SQL, locks as far as the product
//! tells them.
//!
//! Whatever such a server refuses to tell of its locks is said not to be seen; it never stops the
//! look.

use sqlx::FromRow;

use super::connections::CONNECTIONS;
use super::key_locks::{self, KeyLock};
use super::look::is_seat_map;
use super::table::Names;
use super::{
    Observer, ObserverError, ROWS_SHOWN, Roster, SEATS_SHOWN, TABLES_WATCHED, Watch, about,
};
use crate::core::seats::{WatchedRow, WatchedTable, WatchedTables};
use crate::core::sql;
use crate::core::syntax::identifier;
use crate::observer::flavor::Source;

const LOCKS_REFUSED: &str = "this server did not report its locks";

/// A table as the standard's catalog describes it.
#[derive(Clone, Debug, FromRow)]
struct PlainTable {
    schema: String,
    name: String,
    columns: Vec<String>,
    key: Option<Vec<String>>,
}

#[derive(Clone, Debug, FromRow)]
struct PlainRow {
    key: Option<String>,
    n: i64,
    columns: Vec<Option<String>>,
    total: i64,
}

impl PlainTable {
    fn names(&self) -> Names<'_> {
        Names {
            schema: &self.schema,
            name: &self.name,
            columns: &self.columns,
            key: self.key.as_deref(),
            // There is no ctid here, and the template needs something behind its ORDER BY: this
            // orders nothing.
            keyless_order: "(SELECT NULL)",
        }
    }
}

impl Observer {
    /// Held and awaited keys, or nothing where the product has no such table.
    pub(super) async fn key_locks(&self) -> Result<Vec<KeyLock>, ObserverError> {
        let source = self.flavor.sight.waits;
        let question = match source {
            Source::YugabyteDb => sql::observer::YUGABYTE_LOCKS,
            Source::CockroachDb => sql::observer::COCKROACH_LOCKS,
            Source::PostgreSql | Source::Nowhere => return Ok(Vec::new()),
        };
        let locks: Vec<KeyLock> = sqlx::query_as(question)
            .fetch_all(&self.pool)
            .await
            .map_err(about("which keys are locked"))?;
        Ok(locks.into_iter().map(|lock| lock.read_for(source)).collect())
    }

    /// The watched tables by plain SQL. Where COMMIT judges, each connection is told once of a
    /// change of the schema, and may try again.
    pub(super) async fn watched_plainly(
        &self,
        roster: &Roster,
    ) -> Result<WatchedTables, ObserverError> {
        for _ in 0..CONNECTIONS {
            match self.look_plainly(roster).await {
                Err(error) if error.may_try_again() => {}
                looked => return looked,
            }
        }
        self.look_plainly(roster).await
    }

    async fn look_plainly(&self, roster: &Roster) -> Result<WatchedTables, ObserverError> {
        let watch = self.state().watch.clone();
        let mut watched_tables =
            WatchedTables { tables: Vec::new(), blind: self.flavor.sight.blind.clone() };
        let locks = self.key_locks().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "locks cannot be seen");
            watched_tables.blind.push(LOCKS_REFUSED.to_owned());
            Vec::new()
        });
        let tables = self.plain_tables(&watch).await?;
        watched_tables
            .tables
            .extend(absent(&watch, &tables).iter().map(|name| super::look::missing(name)));
        for table in tables {
            let mut shown = self.plain_look(&table, &watch).await?;
            key_locks::settle(&locks, roster, &table.name, &mut shown.places);
            watched_tables.tables.push(shown);
        }
        Ok(watched_tables)
    }

    pub(super) async fn missing_plainly(
        &self,
        watch: &Watch,
    ) -> Result<Vec<String>, ObserverError> {
        Ok(absent(watch, &self.plain_tables(watch).await?))
    }

    async fn plain_tables(&self, watch: &Watch) -> Result<Vec<PlainTable>, ObserverError> {
        let names: Vec<String> = watch.labels().into_iter().map(identifier).collect();
        sqlx::query_as(sql::observer::PLAIN_TABLES)
            .bind(names)
            .bind(watch.schema.as_deref())
            .bind(i64::from(TABLES_WATCHED))
            .fetch_all(&self.pool)
            .await
            .map_err(about("which tables there are"))
    }

    async fn plain_look(
        &self,
        table: &PlainTable,
        watch: &Watch,
    ) -> Result<WatchedTable, ObserverError> {
        let seats = watch.seats.clone().filter(|seats| is_seat_map(seats, &table.name));
        let rows: Vec<PlainRow> = sqlx::query_as(table.names().plain_rows_query())
            .bind(if seats.is_some() { SEATS_SHOWN } else { ROWS_SHOWN })
            .fetch_all(&self.pool)
            .await
            .map_err(about("which rows a table has"))?;
        Ok(WatchedTable {
            name: table.name.clone(),
            seats,
            columns: table.columns.clone(),
            rows: rows.first().map_or(0, |row| row.total.unsigned_abs()),
            places: rows.into_iter().map(place).collect(),
            locked_by: None,
            lock_wanted_by: None,
            unseen_inserts: Vec::new(),
            unread: None,
        })
    }
}

/// The watched names that none of these tables has.
fn absent(watch: &Watch, tables: &[PlainTable]) -> Vec<String> {
    let is_there = |label: &str| tables.iter().any(|table| table.name == identifier(label));
    let absent = watch.labels().into_iter().filter(|label| !is_there(label));
    absent.map(str::to_owned).collect()
}

fn place(row: PlainRow) -> WatchedRow {
    WatchedRow {
        key: row.key.unwrap_or_else(|| format!("row {}", row.n)),
        values: row.columns,
        committed: true,
        holders: Vec::new(),
        waiters: Vec::new(),
    }
}
