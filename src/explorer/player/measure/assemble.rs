//! From what statements have touched to what their steps do to others, at each one's level.
//!
//! ```text
//!                     begin          select        update        commit
//!  read committed                    reads it      reads, locks  publishes, releases all
//!  repeatable read                   reads all     locks         publishes, releases all
//!  serializable                      … and whatever touches a table that somebody writes meets
//!  optimistic         reads all                                  locks, publishes all
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::words::Said;
use crate::core::event::TransactionStatus;
use crate::core::event::answer::Outcome;
use crate::core::syntax::{Strings, Verb, verb, words};
use crate::explorer::effects::{Access, Effects, Footprint, Resource};

/// Each session's setup and steps, statement by statement.
pub(super) type Touches = Vec<Vec<Vec<Touch>>>;

/// At which level a statement's transaction runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Level {
    #[default]
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

/// What a statement has touched.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Touch {
    pub(super) sql: String,
    pub(super) verb: Verb,
    pub(super) said: Said,
    pub(super) reads: Footprint,
    pub(super) locks: Footprint,
    /// What is seen of it once it is committed.
    pub(super) writes: Footprint,
    /// Locks that it has let go without ending anything.
    pub(super) released: Footprint,
    /// The tables that it has scanned or changed.
    pub(super) tables: BTreeSet<String>,
    pub(super) level: Level,
    /// It ran in a transaction of its own.
    pub(super) is_alone: bool,
    pub(super) has_committed: bool,
    has_failed: bool,
    has_worked: bool,
    /// The transaction was open, or failed, before it.
    was_open: bool,
    is_open: bool,
    pub(super) is_unknown: bool,
}

impl Level {
    pub(super) fn named(name: &str) -> Self {
        match name {
            "serializable" => Self::Serializable,
            "repeatable read" => Self::RepeatableRead,
            _ => Self::ReadCommitted,
        }
    }
}

impl Touch {
    pub(super) fn of(sql: &str) -> Self {
        let said = Said::of(sql);
        Self {
            sql: sql.to_owned(),
            verb: verb(&words(sql, Strings::default())),
            said,
            reads: Footprint::new(),
            locks: Footprint::new(),
            writes: Footprint::new(),
            released: Footprint::new(),
            tables: BTreeSet::new(),
            level: Level::default(),
            is_alone: false,
            has_committed: false,
            has_failed: false,
            has_worked: false,
            was_open: false,
            is_open: false,
            is_unknown: said.is_unknown,
        }
    }

    /// Whether it is about rows, and not about transactions or its session.
    pub(super) fn touches_rows(&self) -> bool {
        self.verb.is_dml() || matches!(self.verb, Verb::Execute | Verb::Declare | Verb::Cursor)
    }

    /// Whether something that was done is undone by it, or may be later.
    pub(super) fn undoes(&self) -> bool {
        matches!(self.verb, Verb::Rollback | Verb::RollbackTo | Verb::Savepoint | Verb::Declare)
    }

    /// Whether it was played in a transaction that others before it had begun.
    pub(super) fn is_in_a_block(&self) -> bool {
        self.was_open
    }

    /// Whether it may say at which level its transaction runs.
    pub(super) fn sets_the_transaction(&self) -> bool {
        matches!(self.verb, Verb::Begin | Verb::SetTransaction)
    }

    pub(super) fn note_answer(
        &mut self,
        outcomes: &[Outcome],
        before: TransactionStatus,
        after: TransactionStatus,
    ) {
        self.was_open = before != TransactionStatus::Idle;
        self.is_open = after != TransactionStatus::Idle;
        for outcome in outcomes {
            match outcome {
                // Nothing is done in a transaction that has failed.
                Outcome::Failed(message) if message.code == "25P02" => {}
                Outcome::Failed(_) => self.has_failed = true,
                Outcome::Done { tag } => {
                    self.has_worked = true;
                    self.has_committed |= tag == "COMMIT";
                }
                Outcome::Result { .. } => self.has_worked = true,
            }
        }
    }

    pub(super) fn ends(&self) -> bool {
        matches!(self.verb, Verb::Commit | Verb::Rollback)
    }

    /// Takes all its tables as a whole.
    pub(super) fn widen(&mut self) {
        for table in self.all_tables() {
            self.reads.insert(Resource::Table(table), Access::Shared);
        }
        let written = tables_of(&self.writes);
        let is_locking = self.said.may_lock || self.said.locks_alone;
        let locked = if is_locking { tables_of(&self.locks) } else { written.clone() };
        for table in locked {
            self.locks.insert(Resource::Table(table), Access::Exclusive);
        }
        for table in written {
            self.writes.insert(Resource::Table(table), Access::Exclusive);
        }
    }

    /// Takes what it has found and left alone for what it writes: in another order it may not leave
    /// it alone.
    fn expect_writes(&mut self) {
        match self.verb {
            Verb::Update | Verb::Delete => {
                let found: Vec<Resource> = self.reads.keys().cloned().collect();
                for resource in found {
                    self.locks.insert(resource.clone(), Access::Exclusive);
                    self.writes.insert(resource, Access::Exclusive);
                }
            }
            Verb::Insert | Verb::Merge => {
                for table in self.all_tables() {
                    self.take_whole(&table);
                }
            }
            _ => {}
        }
    }

    /// An answer where only what is read is looked at.
    pub(super) fn note_failure(&mut self, outcomes: &[Outcome]) {
        self.has_failed |= outcomes.iter().any(|it| matches!(it, Outcome::Failed(_)));
    }

    pub(super) fn writes_to(&self, table: &str) -> bool {
        self.writes.keys().any(|it| table_of(it) == Some(table))
    }

    /// Takes a table as a whole, to read and to write.
    pub(super) fn take_whole(&mut self, table: &str) {
        let whole = || Resource::Table(table.to_owned());
        self.reads.insert(whole(), Access::Shared);
        self.locks.insert(whole(), Access::Exclusive);
        self.writes.insert(whole(), Access::Exclusive);
    }

    pub(super) fn all_tables(&self) -> BTreeSet<String> {
        let resources = self.reads.keys().chain(self.locks.keys()).chain(self.writes.keys());
        let named = resources.filter_map(table_of).map(str::to_owned);
        named.chain(self.tables.iter().cloned()).collect()
    }
}

/// The table that a resource belongs to.
pub(super) fn table_of(resource: &Resource) -> Option<&str> {
    match resource {
        Resource::Table(table)
        | Resource::Row { table, .. }
        | Resource::Key { table, .. }
        | Resource::Gap { table } => Some(table),
        Resource::Named(_) => None,
    }
}

fn tables_of(footprint: &Footprint) -> BTreeSet<String> {
    footprint.keys().filter_map(table_of).map(str::to_owned).collect()
}

/// What several measurements have shown, put together.
pub(super) fn merge(found: Vec<Touches>) -> Touches {
    let mut found = found.into_iter();
    let mut merged = found.next().unwrap_or_default();
    for other in found {
        let ours = merged.iter_mut().flatten().flatten();
        for (ours, other) in ours.zip(other.into_iter().flatten().flatten()) {
            merge_one(ours, other);
        }
    }
    for touch in merged.iter_mut().flatten().flatten() {
        // What has worked in one order and failed in another may do anything with its tables.
        if touch.has_failed && touch.has_worked || touch.said.takes_whole_tables {
            touch.widen();
        }
        if touch.has_worked && touch.writes.is_empty() {
            touch.expect_writes();
        }
        // What has never been carried out is not known.
        touch.is_unknown |= touch.touches_rows() && !touch.has_worked;
    }
    merged
}

fn merge_one(ours: &mut Touch, other: Touch) {
    merge_footprint(&mut ours.reads, other.reads, Access::Shared);
    merge_footprint(&mut ours.locks, other.locks, Access::Exclusive);
    merge_footprint(&mut ours.writes, other.writes, Access::Exclusive);
    ours.released.extend(other.released);
    ours.tables.extend(other.tables);
    ours.is_unknown |= other.is_unknown;
    ours.has_failed |= other.has_failed;
    ours.has_worked |= other.has_worked;
    ours.has_committed |= other.has_committed;
    ours.is_alone |= other.is_alone;
    // A failed statement tells no level.
    if ours.level == Level::ReadCommitted {
        ours.level = other.level;
    }
}

/// Rows that differ from one measurement to the next can be any: where neither has all of the
/// other's, the table is taken as a whole.
fn merge_footprint(ours: &mut Footprint, other: Footprint, access: Access) {
    let rows_of = |footprint: &Footprint| {
        let mut rows: BTreeMap<String, BTreeSet<Resource>> = BTreeMap::new();
        for row in footprint.keys().filter(|it| matches!(it, Resource::Row { .. })) {
            if let Some(table) = table_of(row) {
                rows.entry(table.to_owned()).or_default().insert(row.clone());
            }
        }
        rows
    };
    let (mine, others) = (rows_of(ours), rows_of(&other));
    for (table, rows) in &mine {
        let Some(theirs) = others.get(table) else { continue };
        if !rows.is_subset(theirs) && !theirs.is_subset(rows) {
            ours.insert(Resource::Table(table.clone()), access);
        }
    }
    for (resource, access) in other {
        let known = ours.entry(resource).or_insert(access);
        *known = (*known).max(access);
    }
}

/// The effects of each session's steps.
pub(super) fn assemble(touches: &Touches, is_optimistic: bool) -> Vec<Vec<Effects>> {
    let groups = if is_optimistic { Vec::new() } else { serializable_groups(touches) };
    let sessions = touches.iter().enumerate().map(|(session, steps)| {
        let mut effects = of_session(steps, is_optimistic);
        for (own, step, name) in groups.iter().filter(|(own, ..)| *own == session) {
            debug_assert_eq!(*own, session);
            effects[*step].locks.insert(Resource::Named(name.clone()), Access::Exclusive);
        }
        // The setup is played before all steps.
        effects.remove(0);
        effects
    });
    sessions.collect()
}

/// A statement's place: its step, its place in it.
type Place = (usize, usize);

/// A session's transactions: the places of their statements.
fn transactions(steps: &[Vec<Touch>]) -> Vec<Vec<Place>> {
    let mut all: Vec<Vec<Place>> = Vec::new();
    let mut is_open = false;
    for (step, statements) in steps.iter().enumerate() {
        for (at, touch) in statements.iter().enumerate() {
            match all.last_mut() {
                Some(last) if is_open => last.push((step, at)),
                _ => all.push(vec![(step, at)]),
            }
            is_open = touch.is_open && !touch.is_alone;
        }
    }
    all
}

fn of_session(steps: &[Vec<Touch>], is_optimistic: bool) -> Vec<Effects> {
    let mut effects = vec![Effects::default(); steps.len()];
    for transaction in transactions(steps) {
        let of = |place: &Place| &steps[place.0][place.1];
        let is_unknown = transaction.iter().position(|place| of(place).is_unknown);
        let touches: Vec<&Touch> = transaction.iter().map(of).collect();
        if is_optimistic {
            optimistic(&transaction, &touches, &mut effects);
        } else {
            locking(&transaction, &touches, &mut effects);
        }
        // What is not known may be held to the end.
        for place in transaction.iter().skip(is_unknown.unwrap_or(transaction.len())) {
            effects[place.0].is_unknown = true;
        }
    }
    effects
}

fn all(touches: &[&Touch], what: impl Fn(&Touch) -> &Footprint) -> Footprint {
    let mut all = Footprint::new();
    for touch in touches {
        add(&mut all, what(touch));
    }
    all
}

fn add(to: &mut Footprint, footprint: &Footprint) {
    for (resource, access) in footprint {
        let known = to.entry(resource.clone()).or_insert(*access);
        *known = (*known).max(*access);
    }
}

/// Of an engine that locks.
fn locking(transaction: &[Place], touches: &[&Touch], effects: &mut [Effects]) {
    let has_snapshot =
        touches.iter().any(|touch| touch.level != Level::ReadCommitted) && touches.len() > 1;
    let first = touches.iter().position(|touch| touch.touches_rows() || touch.is_unknown);
    for (at, (place, touch)) in transaction.iter().zip(touches).enumerate() {
        let own = &mut effects[place.0];
        if !has_snapshot {
            add(&mut own.reads, &touch.reads);
        } else if Some(at) == first {
            add(&mut own.reads, &all(touches, |touch| &touch.reads));
            // A row that is changed as well loses its SIREAD lock, and must be in the snapshot all
            // the same.
            add(&mut own.reads, &all(touches, |touch| &touch.locks));
        }
        add(&mut own.locks, &touch.locks);
        add(&mut own.releases, &touch.released);
        let ends = at + 1 == touches.len() && (touch.is_alone || touch.ends() || !touch.is_open);
        if ends && touch.verb != Verb::Rollback {
            add(&mut own.publishes, &all(touches, |touch| &touch.writes));
        }
        if ends || touch.verb == Verb::RollbackTo {
            add(&mut own.releases, &all(&touches[..=at], |touch| &touch.locks));
        }
    }
}

/// Of one that judges at COMMIT.
fn optimistic(transaction: &[Place], touches: &[&Touch], effects: &mut [Effects]) {
    let (Some(first), Some(last)) = (transaction.first(), transaction.last()) else { return };
    let locks = all(touches, |touch| &touch.locks);
    let begin = &mut effects[first.0];
    add(&mut begin.reads, &all(touches, |touch| &touch.reads));
    add(&mut begin.reads, &locks);
    let ends = touches.last().is_some_and(|touch| touch.is_alone || touch.verb == Verb::Commit);
    if ends {
        let end = &mut effects[last.0];
        add(&mut end.locks, &locks);
        add(&mut end.releases, &locks);
        add(&mut end.publishes, &all(touches, |touch| &touch.writes));
    }
}

/// A serializable transaction.
struct Serializable {
    session: usize,
    places: Vec<Place>,
    tables: BTreeSet<String>,
    written: BTreeSet<String>,
}

impl Serializable {
    fn all(touches: &Touches) -> Vec<Self> {
        let mut all = Vec::new();
        for (session, steps) in touches.iter().enumerate() {
            for places in transactions(steps) {
                let own: Vec<&Touch> = places.iter().map(|it| &steps[it.0][it.1]).collect();
                if own.iter().any(|touch| touch.level == Level::Serializable) {
                    let tables = own.iter().flat_map(|touch| touch.all_tables()).collect();
                    let written = own.iter().flat_map(|touch| tables_of(&touch.writes)).collect();
                    all.push(Self { session, places, tables, written });
                }
            }
        }
        all
    }

    fn meets(&self, other: &Self) -> bool {
        !self.written.is_disjoint(&other.tables) || !other.written.is_disjoint(&self.tables)
    }
}

/// Steps of serializable transactions that hang together through tables that one of them writes,
/// with the name of what they share: who is refused depends on each one's moment.
fn serializable_groups(touches: &Touches) -> Vec<(usize, usize, String)> {
    let all = Serializable::all(touches);
    let mut groups: Vec<usize> = (0..all.len()).collect();
    for one in 0..all.len() {
        for other in (0..one).filter(|&other| all[one].meets(&all[other])) {
            let (from, to) = (groups[one], groups[other]);
            groups.iter_mut().filter(|group| **group == from).for_each(|group| *group = to);
        }
    }
    let is_shared = |group: usize| groups.iter().filter(|other| **other == group).count() > 1;
    let mut steps = Vec::new();
    for (transaction, &group) in all.iter().zip(&groups).filter(|(_, group)| is_shared(**group)) {
        for place in &transaction.places {
            let touch = &touches[transaction.session][place.0][place.1];
            if touch.touches_rows() || touch.ends() || touch.is_unknown {
                steps.push((transaction.session, place.0, format!("serializable {group}")));
            }
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str) -> Resource {
        Resource::Row { table: "t".to_owned(), key: key.to_owned() }
    }

    fn only(resource: Resource, access: Access) -> Footprint {
        Footprint::from([(resource, access)])
    }

    /// A statement as it was measured in a block.
    fn touch(sql: &str, level: Level) -> Touch {
        let mut touch = Touch::of(sql);
        touch.level = level;
        touch.has_worked = true;
        touch.is_open = !touch.ends();
        touch
    }

    fn reads(key: &str, level: Level) -> Touch {
        Touch { reads: only(row(key), Access::Shared), ..touch("select 1", level) }
    }

    fn writes(key: &str, level: Level) -> Touch {
        let row = only(row(key), Access::Exclusive);
        let reads = row.clone();
        let (locks, writes) = (row.clone(), row);
        Touch { reads, locks, writes, ..touch("update t set n = 1", level) }
    }

    fn session(level: Level) -> Vec<Vec<Touch>> {
        vec![
            vec![],
            vec![touch("begin", level)],
            vec![reads("1", level)],
            vec![writes("2", level)],
            vec![touch("commit", level)],
        ]
    }

    #[test]
    fn at_read_committed_each_statement_reads_for_itself() {
        let effects = &assemble(&vec![session(Level::ReadCommitted)], false)[0];
        assert_eq!(effects[0], Effects::default());
        assert_eq!(effects[1].reads, only(row("1"), Access::Shared));
        assert_eq!(effects[2].locks, only(row("2"), Access::Exclusive));
        assert!(effects[2].publishes.is_empty() && effects[2].releases.is_empty());
        assert_eq!(effects[3].publishes, only(row("2"), Access::Exclusive));
        assert_eq!(effects[3].releases, only(row("2"), Access::Exclusive));
    }

    #[test]
    fn a_snapshot_is_taken_by_the_first_query() {
        let effects = &assemble(&vec![session(Level::RepeatableRead)], false)[0];
        assert_eq!(effects[1].reads.len(), 2);
        assert!(effects[2].reads.is_empty() && !effects[2].locks.is_empty());
    }

    #[test]
    fn what_is_changed_is_read_in_the_snapshot_although_nothing_notes_it() {
        let mut session = session(Level::RepeatableRead);
        session[3][0].reads.clear();
        let effects = &assemble(&vec![session], false)[0];
        assert!(effects[1].reads.contains_key(&row("2")));
    }

    #[test]
    fn the_optimistic_engine_reads_at_begin_and_locks_at_commit() {
        let effects = &assemble(&vec![session(Level::RepeatableRead)], true)[0];
        assert_eq!(effects[0].reads.len(), 2);
        assert_eq!(effects[1], Effects::default());
        assert_eq!(effects[3].locks, only(row("2"), Access::Exclusive));
        assert!(!effects[3].publishes.is_empty());
    }

    #[test]
    fn serializable_transactions_that_hang_together_share_something() {
        let both = vec![session(Level::Serializable), session(Level::Serializable)];
        let effects = assemble(&both, false);
        assert!(effects[0][1].depends_on(&effects[1][3]));
        assert!(!effects[0][0].depends_on(&effects[1][1]), "BEGIN is nothing");
        let apart = assemble(&vec![session(Level::Serializable)], false);
        assert!(apart[0][1].locks.is_empty());
    }

    #[test]
    fn rows_that_differ_are_the_whole_table() {
        let of = |key: &str| vec![vec![vec![writes(key, Level::ReadCommitted)]]];
        let merged = merge(vec![of("1"), of("2")]);
        assert!(merged[0][0][0].locks.contains_key(&Resource::Table("t".to_owned())));
        let nothing = vec![vec![vec![touch("update t set n = 1", Level::ReadCommitted)]]];
        let merged = merge(vec![nothing, of("2")]);
        assert_eq!(merged[0][0][0].locks, only(row("2"), Access::Exclusive));
    }

    #[test]
    fn what_was_found_and_left_alone_may_be_written_in_another_order() {
        let mut touch = writes("1", Level::ReadCommitted);
        (touch.locks, touch.writes) = (Footprint::new(), Footprint::new());
        let merged = merge(vec![vec![vec![vec![touch]]]]);
        assert_eq!(merged[0][0][0].writes, only(row("1"), Access::Exclusive));
        assert_eq!(merged[0][0][0].locks, only(row("1"), Access::Exclusive));
    }

    #[test]
    fn what_has_failed_may_do_more() {
        let worked = writes("1", Level::ReadCommitted);
        let mut failed = touch("update t set n = 1", Level::ReadCommitted);
        (failed.has_worked, failed.has_failed) = (false, true);
        let refused = Touch { has_failed: false, ..failed.clone() };
        let merged = merge(vec![vec![vec![vec![worked]]], vec![vec![vec![failed.clone()]]]]);
        assert!(merged[0][0][0].writes.contains_key(&Resource::Table("t".to_owned())));
        let never = merge(vec![vec![vec![vec![failed]]]]);
        assert!(never[0][0][0].is_unknown);
        let refused = merge(vec![vec![vec![vec![refused]]]]);
        assert!(refused[0][0][0].is_unknown, "its transaction had failed before");
    }
}
