//! The second pair of eyes: who waits for whom, who holds which row, what the seats look like.
//!
//! The observer has connections of its own and no task: the run asks, and each question is one
//! short query (`sql/observer/*.sql`; every file says what it answers and which trap it avoids).
//! Questions may be asked side by side. No answer needs a lock that a session could feel: whether a
//! table is shut is asked of the lock table before the table is read.
//!
//! ```text
//!  blocked(pids)   who is in whose way: after every step, at once   blocked.sql
//!  waits(roster)   the same in words: for whom, for which row or object     waits.sql; targets.rs
//!  watched_tables  the watched tables: rows, holders, queues                tables, rows, versions
//!  pulse()         has anything happened since? for the idle refresh        pulse.sql
//! ```
//!
//! Row locks are not in PostgreSQL's lock table but in the rows; `rows.sql` judges them. What
//! exactly a lone holder has done, and rows that are inserted and not committed, stand in the
//! pages, which only pageinspect reads, and only for a superuser ([`Inspection`]); without it the
//! last look is compared with this one, and what stays unknown is said to be unknown.

mod attributes;
mod connections;
mod contested;
mod copies;
mod elsewhere;
mod extents;
pub mod flavor;
mod key_locks;
mod look;
mod memory;
mod names;
mod numbered;
mod pageinspect;
mod people;
mod pulse;
mod reading;
mod rows;
mod table;
mod targets;
mod versions;
mod waits;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use sqlx::postgres::PgPool;
use sqlx::postgres::types::Oid;

pub use pageinspect::Inspection;
pub use pulse::Pulse;

use crate::core::event::{Certainty, Pid, SessionName, Wait, WaitTarget};
use crate::core::seats::{SeatColumns, WatchedTables};
use crate::core::sql;
use crate::core::syntax::quote;
use crate::observer::flavor::{Flavor, Source};
use crate::pg::Target;
use connections::Own;
use extents::{Extents, Sample};
use look::Look;
use memory::Memory;
use people::People;
use reading::Found;
use table::Table;
use versions::{Version, Versions};
use waits::WaitRow;

/// The sessions of a run and their backends.
pub type Roster = [(SessionName, Pid)];

/// How many rows of a seat map are shown: the largest map that still fits on a projector.
const SEATS_SHOWN: i64 = 10_000;
/// How many rows of any other table are shown, besides those that somebody holds or awaits.
const ROWS_SHOWN: i64 = 200;
/// How many tables are watched when none is named.
const TABLES_WATCHED: i32 = 12;
/// How many pages, from a table's last, are inspected: 2 MiB, more than a map of 10,000 seats
/// needs.
const PAGES_INSPECTED: i64 = 256;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// The schema of the run; the connection's own where there is none.
    pub schema: Option<String>,
    /// The table that is a seat map.
    pub seats: Option<SeatColumns>,
    /// Other tables, as the scenario writes their names. With neither seats nor these, the schema's
    /// tables are watched.
    pub tables: Vec<String>,
}

impl Watch {
    /// The names as the scenario wrote them, the seat map first.
    fn labels(&self) -> Vec<&str> {
        let seats = self.seats.as_ref().map(|seats| seats.table.as_str());
        let others = self.tables.iter().map(String::as_str);
        seats.into_iter().chain(others.filter(|name| Some(*name) != seats)).collect()
    }

    /// The names as `to_regclass` reads them.
    fn names(&self) -> Vec<String> {
        let qualify = |label: &&str| match &self.schema {
            Some(schema) if !label.contains('.') => format!("{}.{label}", quote(schema)),
            _ => (*label).to_owned(),
        };
        self.labels().iter().map(qualify).collect()
    }
}

/// A question that the database did not answer. The observer can be asked again.
#[derive(Debug, thiserror::Error)]
#[error("the observer could not learn {question}: {source}")]
pub struct ObserverError {
    /// What was asked.
    question: &'static str,
    /// What came instead.
    source: sqlx::Error,
}

impl ObserverError {
    /// `40001`: asked again, the database answers.
    fn may_try_again(&self) -> bool {
        code(&self.source).as_deref() == Some("40001")
    }
}

fn about(question: &'static str) -> impl Fn(sqlx::Error) -> ObserverError {
    move |source| ObserverError { question, source }
}

/// The observer of one run's database.
#[derive(Debug)]
pub struct Observer {
    pool: PgPool,
    own: Own,
    flavor: Flavor,
    /// Where the functions are that read pages, if pages may be read.
    inspect: Option<pageinspect::Pages>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    watch: Watch,
    /// The last look at each table.
    memory: HashMap<Oid, Memory>,
    /// Tables that took too long to read, and until when they are left alone.
    slow: HashMap<Oid, Instant>,
    /// How much is read of tables that took too long to be read whole.
    extents: Extents,
    /// Where the rows of large tables are that are worth showing.
    samples: HashMap<Oid, Sample>,
    /// What each backend was last told to wait for, by the wait's sign.
    targets: HashMap<Pid, (String, WaitTarget)>,
    /// The sessions as last told, for servers that know them by name and not by pid.
    roster: Vec<(SessionName, Pid)>,
}

impl Observer {
    /// Connects, and finds out what kind of server this is and what it lets us see.
    pub async fn connect(
        target: &Target,
        watch: Watch,
        inspection: Inspection,
    ) -> Result<Self, ObserverError> {
        let own = Own::default();
        let pool = connections::pool(target.sqlx_options(), inspection, &own);
        if inspection == Inspection::Allowed {
            connections::fill(&pool).await;
        }
        let flavor = Flavor::detect(target, &pool).await;
        let flavor = flavor.map_err(about("what kind of server this is"))?;
        let inspect = match flavor.sight.rows {
            Source::PostgreSql => pageinspect::find(&pool).await,
            _ => None,
        };
        let state = Mutex::new(State { watch, ..State::default() });
        Ok(Self { pool, own, flavor, inspect, state })
    }

    /// What kind of server this is and what can be seen.
    pub fn flavor(&self) -> &Flavor {
        &self.flavor
    }

    /// Watches something else from now on, and forgets what was seen.
    pub fn watch(&self, watch: Watch) {
        *self.state() = State { watch, ..State::default() };
    }

    /// Ends the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Everybody else who is connected to the database, by what they call themselves: a roster for
    /// whoever plays nothing and only wants to know who waits. A name can come twice; the process
    /// tells them apart.
    pub async fn clients(&self) -> Result<Vec<(SessionName, Pid)>, ObserverError> {
        let clients: Vec<(i32, String)> = sqlx::query_as(sql::observer::CLIENTS)
            .fetch_all(&self.pool)
            .await
            .map_err(about("who is connected"))?;
        let named = |(pid, name): (i32, String)| {
            (SessionName::new(&format!("{name} (process {pid})")), Pid(pid))
        };
        // `clients.sql` leaves out the connection that asks; the pool has others.
        let others = self.own.without(clients.iter().map(|(pid, _)| Pid(*pid)).collect());
        let clients = clients.into_iter().filter(|(pid, _)| others.contains(&Pid(*pid)));
        Ok(clients.map(named).collect())
    }

    /// Who of these waits, and for which backends; 0 is a prepared transaction. One cheap query,
    /// for the quiet rule.
    pub async fn blocked(&self, pids: &[Pid]) -> Result<Vec<(Pid, Vec<Pid>)>, ObserverError> {
        if self.flavor.sight.waits != Source::PostgreSql {
            // The caller has pids alone, and these servers know sessions by their names: the roster
            // of the last `waits` or `house` translates. Cloned, since the guard must be gone
            // before the next await.
            let roster = self.state().roster.clone();
            return Ok(key_locks::blocked(&self.key_locks().await?, &roster));
        }
        let blocked: Vec<(i32, Vec<i32>)> = sqlx::query_as(sql::observer::BLOCKED)
            .bind(numbers(pids))
            .fetch_all(&self.pool)
            .await
            .map_err(about("who is blocked"))?;
        // Whoever wants a whole table queues behind our own look at it, for as long as that lasts.
        // A session that waits for nobody else is not blocked: it goes on by itself.
        let named = |by: Vec<i32>| self.own.without(by.into_iter().map(Pid).collect());
        let blocked = blocked.into_iter().map(|(pid, by)| (Pid(pid), named(by)));
        Ok(blocked.filter(|(_, by)| !by.is_empty()).collect())
    }

    /// Which of these backends, none of them a session of the run, sit idle in an open transaction:
    /// only their users can end that.
    pub async fn idle_in_transaction(&self, pids: &[Pid]) -> Result<Vec<Pid>, ObserverError> {
        let idle: Vec<i32> = sqlx::query_scalar(sql::observer::IDLE_IN_TRANSACTION)
            .bind(numbers(pids))
            .fetch_all(&self.pool)
            .await
            .map_err(about("which backends are idle in a transaction"))?;
        Ok(idle.into_iter().map(Pid).collect())
    }

    /// Which of these backends have begun with their statement.
    pub async fn under_way(&self, pids: &[Pid]) -> Result<Vec<Pid>, ObserverError> {
        let begun: Vec<i32> = sqlx::query_scalar(sql::observer::UNDER_WAY)
            .bind(numbers(pids))
            .fetch_all(&self.pool)
            .await
            .map_err(about("which backends have begun with their statement"))?;
        Ok(begun.into_iter().map(Pid).collect())
    }

    /// Who waits for whom, for what.
    pub async fn waits(&self, roster: &Roster) -> Result<Vec<(SessionName, Wait)>, ObserverError> {
        if self.flavor.sight.waits != Source::PostgreSql {
            // For `blocked`, which is told no names.
            roster.clone_into(&mut self.state().roster);
            return Ok(key_locks::waits(&self.key_locks().await?, roster));
        }
        let pids: Vec<i32> = roster.iter().map(|(_, pid)| pid.0).collect();
        let waiting: Vec<WaitRow> = sqlx::query_as(sql::observer::WAITS)
            .bind(pids)
            .fetch_all(&self.pool)
            .await
            .map_err(about("who waits"))?;
        let people = self.people(roster, waiting.iter().flat_map(WaitRow::blockers)).await?;
        let targets = self.targets(&waiting).await?;
        let told = waiting.iter().zip(targets).filter_map(|(row, target)| {
            let session = people.session(row.pid())?;
            let blockers = self.own.without(row.blockers());
            let blockers = people.blockers(&blockers, row.prepared.as_ref());
            Some((session.clone(), Wait { blockers, target, certainty: Certainty::Observed }))
        });
        Ok(told.collect())
    }

    /// The watched tables: rows, holders, queues.
    pub async fn watched_tables(&self, roster: &Roster) -> Result<WatchedTables, ObserverError> {
        if self.flavor.sight.rows != Source::PostgreSql {
            roster.clone_into(&mut self.state().roster);
            return self.watched_plainly(roster).await;
        }
        let watch = self.state().watch.clone();
        let mut watched_tables =
            WatchedTables { tables: Vec::new(), blind: self.flavor.sight.blind.clone() };
        let mut looks = Vec::new();
        let Found { tables, missing, refused } = self.watched(&watch).await?;
        // One table after the other: the pool has one connection for each question that may be
        // asked at the same time, and watched tables that took more would keep the quiet rule's
        // verdict waiting.
        for table in tables {
            looks.extend(self.look(table, &watch).await?);
        }
        let people = self.people(roster, looks.iter().flat_map(Look::pids)).await?;
        watched_tables.tables.extend(self.remember(looks, &people));
        watched_tables.tables.extend(missing.iter().map(|name| look::missing(name)));
        let refused = refused.into_iter().map(|(name, why)| look::refused(&name, why));
        watched_tables.tables.extend(refused);
        Ok(watched_tables)
    }

    /// The watched names, as the scenario wrote them, that no table has.
    pub async fn missing(&self) -> Result<Vec<String>, ObserverError> {
        let watch = self.state().watch.clone();
        if watch.labels().is_empty() {
            return Ok(Vec::new());
        }
        if self.flavor.sight.rows != Source::PostgreSql {
            return self.missing_plainly(&watch).await;
        }
        Ok(self.watched(&watch).await?.missing)
    }

    fn remember(
        &self,
        looks: Vec<Look>,
        people: &People<'_>,
    ) -> Vec<crate::core::seats::WatchedTable> {
        let mut state = self.state();
        // Only what was looked at now is kept: a table that was dropped is forgotten, and the next
        // `pulse` asks about exactly these tables.
        let mut memory = HashMap::new();
        let mut shown = Vec::new();
        for look in looks {
            let oid = look.table.oid;
            let seen = look.told(people, state.memory.get(&oid));
            shown.push(seen.shown.clone());
            memory.insert(oid, seen);
        }
        state.samples.retain(|oid, _| memory.contains_key(oid));
        state.memory = memory;
        shown
    }

    /// The row versions, where they can be read. A failure only makes the look less sharp.
    async fn versions(&self, table: &Table) -> Option<Versions> {
        let pages = self.inspect.as_ref().filter(|_| table.has_pages())?;
        if !table.is_open() {
            // Nobody with a transaction id has a row lock mode on the table, so that no page can
            // have a version that is not settled. `Some`: that there are none is known, where
            // `None` would say that nobody looked.
            return Some(Versions::default());
        }
        let versions: Result<Vec<Version>, sqlx::Error> =
            sqlx::query_as(Table::versions_query(pages.schema()))
                .bind(table.oid)
                .bind(table.qualified())
                .bind(PAGES_INSPECTED)
                .fetch_all(&self.pool)
                .await;
        let blurred = |error: &sqlx::Error| tracing::warn!(%error, "the pages could not be read");
        versions.inspect_err(blurred).ok().map(Versions::new)
    }

    async fn people<'a>(
        &self,
        roster: &'a Roster,
        pids: impl IntoIterator<Item = Pid>,
    ) -> Result<People<'a>, ObserverError> {
        let mut people = People::new(roster);
        let strangers = people.strangers(pids);
        if !strangers.is_empty() {
            let applications: Vec<(i32, String)> = sqlx::query_as(sql::observer::APPLICATIONS)
                .bind(strangers)
                .fetch_all(&self.pool)
                .await
                .map_err(about("who else is connected"))?;
            people.introduce(applications.into_iter().map(|(pid, name)| (Pid(pid), name)));
        }
        Ok(people)
    }

    /// Never held across an await.
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic while the guard is held leaves nothing half done: whatever is written is put
        // there whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn numbers(pids: &[Pid]) -> Vec<i32> {
    pids.iter().map(|pid| pid.0).collect()
}

/// The SQLSTATE, of an error that is the server's.
fn code(error: &sqlx::Error) -> Option<std::borrow::Cow<'_, str>> {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code)
}
