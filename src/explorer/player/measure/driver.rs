//! Plays one session's statements and looks, before and after each, at what it has touched.

use std::collections::{BTreeMap, BTreeSet};

use super::assemble::{Level, Touch, table_of};
use super::catalog::{Catalog, Relation};
use crate::core::event::answer::Outcome;
use crate::core::event::{Row, TransactionStatus};
use crate::core::syntax::Verb;
use crate::explorer::effects::{Access, Footprint, Resource};
use crate::explorer::player::control::Control;
use crate::explorer::player::{PlayerError, Session};

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// Which rows are written and locked.
    Rows,
    /// What is read.
    Reads,
}

/// A measurement.
pub(super) struct Measuring<'a> {
    pub(super) control: &'a Control,
    pub(super) catalog: &'a Catalog,
    pub(super) pass: Pass,
}

/// What is known of the transaction that is open.
#[derive(Default)]
struct Open {
    /// The rows as it sees them.
    rows: Option<Rows>,
    /// From where a row is stored, as others see it, to its key.
    keys: BTreeMap<(usize, String), String>,
    noted: Option<Noted>,
    reads: Footprint,
    is_unknown: bool,
    has_failed: bool,
}

/// Rows by their table and key.
type Rows = BTreeMap<(usize, String), Told>;

/// Where a row is, who locked it last, and its values in indexes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    ctid: String,
    xmax: String,
    uniques: Vec<Option<String>>,
    indexed: String,
}

/// What PostgreSQL has noted of a transaction.
#[derive(Clone, Default)]
struct Noted {
    locks: BTreeSet<Row>,
    /// How often each table was scanned, and how many of its rows were changed.
    counts: BTreeMap<u32, (u64, u64)>,
}

impl Measuring<'_> {
    /// Plays a session's setup and steps to their end, and rolls back what they leave open.
    pub(super) async fn play(
        &self,
        session: &mut Session,
        steps: &mut [Vec<Touch>],
    ) -> Result<(), PlayerError> {
        ask(session, "set statement_timeout = '10s'").await?;
        let mut open = Open::default();
        let is_undone = steps.iter().flatten().any(Touch::undoes);
        let in_pieces = self.pass == Pass::Reads && !is_undone;
        for touch in steps.iter_mut().flatten() {
            let played = if in_pieces {
                self.play_alone(session, touch, &mut open).await
            } else {
                self.play_statement(session, touch, &mut open).await
            };
            match played {
                Ok(()) => {}
                // It has ended itself, or another step has.
                Err(PlayerError::Wire(_)) => {
                    session.give_up();
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        if session.is_lost() {
            steps.iter_mut().flatten().for_each(|touch| touch.is_unknown = true);
            return Ok(());
        }
        if session.status != TransactionStatus::Idle {
            ask(session, "rollback").await?;
        }
        ask(session, "select pg_catalog.pg_advisory_unlock_all()").await.map(|_| ())
    }

    /// Plays a statement as a transaction of its own, so that all that it reads is noted for it.
    async fn play_alone(
        &self,
        session: &mut Session,
        touch: &mut Touch,
        open: &mut Open,
    ) -> Result<(), PlayerError> {
        touch.is_unknown |= self.catalog.is_far;
        match touch.verb {
            Verb::Begin => {
                // A statement on its own may have failed before: that is over.
                open.has_failed = false;
                return Ok(());
            }
            Verb::SetTransaction => return Ok(()),
            Verb::Commit => {
                *open = Open::default();
                touch.is_unknown |= self.catalog.has_deferred;
                return Ok(());
            }
            // The rest of its transaction is refused.
            _ if open.has_failed && touch.is_in_a_block() => return Ok(()),
            _ => {}
        }
        if !touch.touches_rows() {
            return ask(session, &touch.sql).await.map(|_| ());
        }
        let (is_unknown, has_failed) = (open.is_unknown, open.has_failed);
        *open = Open { is_unknown, has_failed, ..Open::default() };
        ask(session, "begin isolation level serializable").await?;
        self.begin(open).await?;
        let then = noted(session).await?;
        let outcomes = ask(session, &touch.sql).await?;
        touch.note_failure(&outcomes);
        if session.status == TransactionStatus::InTransaction {
            let now = noted(session).await?;
            self.take_note(&then, &now, touch, open);
        }
        open.has_failed |= session.status == TransactionStatus::Failed;
        touch.is_unknown |= open.is_unknown;
        ask(session, "commit").await.map(|_| ())
    }

    async fn play_statement(
        &self,
        session: &mut Session,
        touch: &mut Touch,
        open: &mut Open,
    ) -> Result<(), PlayerError> {
        let before = session.status;
        let is_alone = before == TransactionStatus::Idle && touch.touches_rows();
        if is_alone {
            *open = Open::default();
            let begin = match self.pass {
                Pass::Rows => "begin",
                Pass::Reads => "begin isolation level serializable",
            };
            ask(session, begin).await?;
        }
        if before == TransactionStatus::Idle {
            self.begin(open).await?;
        }
        // No sooner: a question takes a snapshot, after which the level is settled.
        let is_first = touch.touches_rows() && open.noted.is_none();
        if is_first && self.pass == Pass::Reads && session.status != TransactionStatus::Failed {
            open.noted = Some(noted(session).await?);
        }
        let outcomes = ask(session, &touch.sql).await?;
        match self.pass {
            Pass::Rows => touch.note_answer(&outcomes, before, session.status),
            Pass::Reads => touch.note_failure(&outcomes),
        }
        match session.status {
            TransactionStatus::InTransaction => self.look(session, touch, open).await?,
            TransactionStatus::Idle => self.look_after(touch, open).await?,
            TransactionStatus::Failed => {}
        }
        touch.is_unknown |= self.catalog.is_far || open.is_unknown;
        touch.is_unknown |= touch.ends() && self.catalog.has_deferred;
        if is_alone {
            touch.is_alone |= self.pass == Pass::Rows;
            let end =
                if session.status == TransactionStatus::Failed { "rollback" } else { "commit" };
            ask(session, end).await?;
        }
        if session.status == TransactionStatus::Idle {
            *open = Open::default();
        }
        Ok(())
    }

    /// A transaction begins, or may.
    async fn begin(&self, open: &mut Open) -> Result<(), PlayerError> {
        let rows = self.committed().await?;
        let keys = rows.iter().map(|((table, key), told)| ((*table, told.ctid.clone()), key));
        open.keys = keys.map(|(place, key)| (place, key.clone())).collect();
        open.rows = Some(rows);
        Ok(())
    }

    /// Looks at what a statement has done whose transaction is open.
    async fn look(
        &self,
        session: &mut Session,
        touch: &mut Touch,
        open: &mut Open,
    ) -> Result<(), PlayerError> {
        match self.pass {
            Pass::Rows => self.look_at_rows(session, touch, open).await,
            Pass::Reads if touch.sets_the_transaction() => {
                // Its words may be about the level; what is read is noted at this one alone.
                let level = "set transaction isolation level serializable, read write";
                ask(session, level).await.map(|_| ())
            }
            Pass::Reads => {
                let Some(then) = open.noted.take() else { return Ok(()) };
                let now = noted(session).await?;
                self.take_note(&then, &now, touch, open);
                open.noted = Some(now);
                Ok(())
            }
        }
    }

    async fn look_at_rows(
        &self,
        session: &mut Session,
        touch: &mut Touch,
        open: &mut Open,
    ) -> Result<(), PlayerError> {
        // Without a snapshot, so that the level can still be set.
        let level = ask(session, "show transaction_isolation").await?;
        touch.level = Level::named(cell(&level).unwrap_or_default());
        let is_undone = touch.verb == Verb::RollbackTo;
        if self.catalog.question.is_empty() || !touch.touches_rows() && !is_undone {
            return Ok(());
        }
        let rows = read(&rows(&ask(session, &self.catalog.question).await?));
        if let Some(before) = open.rows.replace(rows.clone())
            && !is_undone
        {
            self.compare(&before, &rows, touch);
        }
        Ok(())
    }

    /// Looks at what has changed with the end of a transaction.
    async fn look_after(&self, touch: &mut Touch, open: &mut Open) -> Result<(), PlayerError> {
        if self.pass == Pass::Rows
            && touch.verb == Verb::Commit
            && let Some(before) = open.rows.take()
        {
            let mut rows = self.committed().await?;
            for (place, told) in &mut rows {
                if let Some(then) = before.get(place) {
                    told.xmax.clone_from(&then.xmax);
                }
            }
            // A transaction that had failed has written nothing.
            if touch.has_committed {
                self.compare(&before, &rows, touch);
            }
        }
        Ok(())
    }

    async fn committed(&self) -> Result<Rows, PlayerError> {
        if self.catalog.question.is_empty() {
            return Ok(Rows::new());
        }
        Ok(read(&self.control.rows(&self.catalog.question).await?))
    }

    fn compare(&self, before: &Rows, after: &Rows, touch: &mut Touch) {
        for (place, then) in before {
            match after.get(place) {
                None => self.write(place, &[then], touch),
                Some(now) if now.ctid != then.ctid => self.write(place, &[then, now], touch),
                Some(now) if now.xmax != then.xmax => {
                    let is_alone = touch.said.locks_alone || self.catalog.has_routines;
                    let access = if is_alone { Access::Exclusive } else { Access::Shared };
                    touch.locks.insert(self.row(place), access);
                }
                Some(_) => {}
            }
        }
        for (place, now) in after.iter().filter(|(place, _)| !before.contains_key(*place)) {
            self.write(place, &[now], touch);
        }
    }

    /// A row was written: there were or are these versions of it.
    fn write(&self, place: &(usize, String), versions: &[&Told], touch: &mut Touch) {
        let shape = &self.catalog.tables[place.0];
        touch.locks.insert(self.row(place), Access::Exclusive);
        touch.writes.insert(self.row(place), Access::Exclusive);
        let is_moved = versions.len() != 2 || versions[0].indexed != versions[1].indexed;
        if !is_moved {
            return;
        }
        let gap = Resource::Gap { table: shape.name.clone() };
        touch.writes.insert(gap, Access::Exclusive);
        for (at, version) in versions.iter().enumerate() {
            for (nth, index) in shape.uniques.iter().enumerate() {
                let values = version.uniques.get(nth).cloned().flatten();
                let others = versions.get(1 - at).and_then(|it| it.uniques.get(nth));
                // What stays as it was is in nobody's way.
                let Some(values) =
                    values.filter(|own| others.is_none_or(|other| other.as_ref() != Some(own)))
                else {
                    continue;
                };
                let key = Resource::Key { table: shape.name.clone(), index: index.clone(), values };
                touch.locks.insert(key.clone(), Access::Exclusive);
                touch.writes.insert(key, Access::Exclusive);
            }
        }
    }

    fn row(&self, (table, key): &(usize, String)) -> Resource {
        let table = self.catalog.tables[*table].name.clone();
        Resource::Row { table, key: key.clone() }
    }

    /// Takes what was noted since the last look.
    fn take_note(&self, then: &Noted, now: &Noted, touch: &mut Touch, open: &mut Open) {
        let touched = self.touched(then, now);
        let mut reads = Footprint::new();
        let mut opened = BTreeSet::new();
        for lock in now.locks.difference(&then.locks) {
            self.take_lock(lock, touch, open, &mut reads, &mut opened);
        }
        // What is held already is taken once more without a trace.
        if touch.said.names_advisory_locks || self.catalog.has_routines {
            for name in now.locks.iter().filter_map(advisory) {
                touch.locks.insert(name, Access::Exclusive);
            }
        }
        for lock in then.locks.difference(&now.locks) {
            if let Some(name) = advisory(lock) {
                touch.released.insert(name, Access::Exclusive);
            }
        }
        // What the transaction has read before is noted once; it may have been read again.
        let again = open
            .reads
            .iter()
            .filter(|(it, _)| table_of(it).is_some_and(|table| touched.contains_key(table)));
        touch.reads.extend(again.map(|(resource, access)| (resource.clone(), *access)));
        // A table that was opened without anything being noted: read in a way that is not noted.
        for table in opened {
            let is_noted = |it: &Resource| table_of(it) == Some(table.as_str());
            if !reads.keys().any(is_noted) {
                reads.insert(Resource::Table(table), Access::Shared);
            }
        }
        touch.tables.extend(touched.keys().cloned());
        open.reads.extend(reads.clone());
        touch.reads.extend(reads);
        self.take_whole_tables(&touched, touch);
    }

    /// The tables that were scanned or changed, and whether changed.
    fn touched(&self, before: &Noted, now: &Noted) -> BTreeMap<String, bool> {
        let mut touched = BTreeMap::new();
        for (oid, counts) in &now.counts {
            let then = before.counts.get(oid).copied().unwrap_or_default();
            if let Some(Relation::Table(at)) = self.catalog.relations.get(oid)
                && *counts != then
            {
                touched.insert(self.catalog.tables[*at].name.clone(), counts.1 != then.1);
            }
        }
        touched
    }

    /// Tables whose rows are not told apart are written and locked as a whole.
    fn take_whole_tables(&self, touched: &BTreeMap<String, bool>, touch: &mut Touch) {
        for shape in self.catalog.tables.iter().filter(|shape| !shape.has_rows) {
            let Some(is_written) = touched.get(&shape.name) else { continue };
            let whole = Resource::Table(shape.name.clone());
            if *is_written {
                touch.writes.insert(whole.clone(), Access::Exclusive);
            }
            if *is_written || touch.said.may_lock {
                touch.locks.insert(whole, Access::Exclusive);
            }
        }
    }

    fn take_lock(
        &self,
        lock: &Row,
        touch: &mut Touch,
        open: &mut Open,
        reads: &mut Footprint,
        opened: &mut BTreeSet<String>,
    ) {
        let cell = |at: usize| lock.get(at).and_then(Option::as_deref);
        if let Some(name) = advisory(lock) {
            let is_shared = cell(4) == Some("ShareLock");
            let access = if is_shared { Access::Shared } else { Access::Exclusive };
            touch.locks.insert(name, access);
            return;
        }
        let oid = cell(1).and_then(|oid| oid.parse::<u32>().ok());
        let Some(relation) = oid.and_then(|oid| self.catalog.relations.get(&oid)) else { return };
        let mode = cell(4).unwrap_or_default();
        match (*relation, mode) {
            (Relation::Table(at), "SIReadLock") => {
                reads.insert(self.read_of(at, lock, open), Access::Shared);
            }
            (Relation::IndexOf(at), "SIReadLock") => {
                let table = self.catalog.tables[at].name.clone();
                reads.insert(Resource::Gap { table }, Access::Shared);
            }
            (Relation::Table(at), "AccessShareLock") => {
                opened.insert(self.catalog.tables[at].name.clone());
            }
            (_, "AccessShareLock") if *relation != Relation::Sequence => {}
            (Relation::Sequence, "RowExclusiveLock") => {}
            (_, "RowShareLock" | "RowExclusiveLock") => {}
            // LOCK TABLE and its like are in the way of everybody, and so is the end of this.
            _ => open.is_unknown = true,
        }
    }

    /// What of a table was read.
    fn read_of(&self, at: usize, lock: &Row, open: &Open) -> Resource {
        let table = self.catalog.tables[at].name.clone();
        let cell = |at: usize| lock.get(at).and_then(Option::as_deref);
        let (Some(page), Some(tuple)) = (cell(2), cell(3)) else { return Resource::Table(table) };
        match open.keys.get(&(at, format!("({page},{tuple})"))) {
            Some(key) => Resource::Row { table, key: key.clone() },
            None => Resource::Table(table),
        }
    }
}

/// An advisory lock's name.
fn advisory(lock: &Row) -> Option<Resource> {
    let cell = |at: usize| lock.get(at).and_then(Option::as_deref);
    (cell(0) == Some("advisory")).then(|| {
        let numbers = (5..8).map(|at| cell(at).unwrap_or_default()).collect::<Vec<_>>().join("/");
        Resource::Named(format!("advisory lock {numbers}"))
    })
}

fn read(rows: &[Row]) -> Rows {
    rows.iter().filter_map(told).collect()
}

fn told(row: &Row) -> Option<((usize, String), Told)> {
    let cell = |at: usize| row.get(at)?.clone();
    let told = Told {
        ctid: cell(2)?,
        xmax: cell(3)?,
        uniques: serde_json::from_str(&cell(4)?).ok()?,
        indexed: cell(5)?,
    };
    Some(((cell(0)?.parse().ok()?, cell(1)?), told))
}

/// What PostgreSQL has noted of the open transaction, asked in it.
async fn noted(session: &mut Session) -> Result<Noted, PlayerError> {
    let locks = rows(&ask(session, LOCKS).await?).into_iter().collect();
    let counts = rows(&ask(session, COUNTS).await?);
    let count = |row: &Row| {
        let number = |at: usize| row.get(at)?.as_deref()?.parse::<u64>().ok();
        Some((u32::try_from(number(0)?).ok()?, (number(1)?, number(2)?)))
    };
    Ok(Noted { locks, counts: counts.iter().filter_map(count).collect() })
}

async fn ask(session: &mut Session, sql: &str) -> Result<Vec<Outcome>, PlayerError> {
    let answers = session.ask(&[sql.to_owned()]).await?;
    Ok(answers.into_iter().flatten().collect())
}

fn rows(outcomes: &[Outcome]) -> Vec<Row> {
    let results = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Result { rows, .. } => Some(rows.clone()),
        _ => None,
    });
    results.flatten().collect()
}

fn cell(outcomes: &[Outcome]) -> Option<&str> {
    outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Result { rows, .. } => rows.first()?.first()?.as_deref(),
        _ => None,
    })
}

/// What it has locked and read, of this database.
const LOCKS: &str = "select locktype, relation, page, tuple, mode, classid, objid, objsubid \
    from pg_catalog.pg_locks where pid = pg_catalog.pg_backend_pid() \
    and locktype in ('relation', 'page', 'tuple', 'advisory')";

const COUNTS: &str = "select relid, coalesce(seq_scan, 0) + coalesce(idx_scan, 0), \
    n_tup_ins + n_tup_upd + n_tup_del from pg_catalog.pg_stat_xact_user_tables";
