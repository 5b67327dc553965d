//! What statements of programs touch, read out of their texts: by tables, and with what the catalog
//! says that a change of one does to another.
//!
//! What a program sends depends on what it was answered, so the same step may be another statement
//! in another order. A step's effects are those of all that it has been; where one more comes to
//! it, the search has to begin again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod inserted;

use super::Sent;
use crate::core::event::TransactionStatus;
use crate::core::syntax::{Strings, Verb};
use crate::debugger::statement::{Part, Statement};
use crate::debugger::tables::TableName;
use crate::explorer::effects::{Access, Effects, Footprint, Resource};
use crate::explorer::row_order::{Sequences, Told};
use inserted::Keys;

/// What the catalog says of tables, by their names without a schema.
#[derive(Clone, Debug, Default)]
pub struct Relations {
    /// The tables that a table refers to.
    parents: BTreeMap<String, BTreeSet<String>>,
    /// The tables that refer to it.
    children: BTreeMap<String, BTreeSet<String>>,
    /// Views, tables with triggers and their like.
    doubtful: BTreeSet<String>,
    keys: Keys,
}

/// When a transaction looks at what others have committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Snapshot {
    /// With each statement.
    #[default]
    Statement,
    /// Once for all of its statements.
    Transaction,
    /// Once, and the server judges what everybody has read.
    Judged,
}

/// The effects of all steps, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    relations: Relations,
    snapshot: Snapshot,
    effects: Vec<Vec<Effects>>,
    /// Of which tables somebody tells which rows came first.
    told: Told,
    /// What each step was called and sent when it was seen first.
    texts: BTreeMap<(usize, usize), (String, Arc<str>)>,
}

impl Relations {
    /// Of what the catalog was asked: a table and the one that it refers to, or one by itself of
    /// which a text does not tell what it touches.
    pub fn new(rows: impl IntoIterator<Item = (String, Option<String>)>) -> Self {
        let mut relations = Self::default();
        for (name, parent) in rows {
            match parent {
                None => drop(relations.doubtful.insert(name)),
                Some(parent) => {
                    relations.children.entry(parent.clone()).or_default().insert(name.clone());
                    relations.parents.entry(name).or_default().insert(parent);
                }
            }
        }
        relations
    }

    /// And with what must be unique in tables.
    #[must_use]
    pub fn with_keys(
        self,
        keys: impl IntoIterator<Item = (String, Vec<String>, Vec<String>, Vec<String>)>,
    ) -> Self {
        Self { keys: Keys::new(keys), ..self }
    }

    /// The table and all that refer to it, straight or by way of others.
    fn with_heirs(&self, table: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::from([table.to_owned()]);
        let mut next = vec![table.to_owned()];
        while let Some(table) = next.pop() {
            for child in self.children.get(&table).into_iter().flatten() {
                if found.insert(child.clone()) {
                    next.push(child.clone());
                }
            }
        }
        found
    }
}

impl Reading {
    pub fn new(relations: Relations, snapshot: Snapshot) -> Self {
        Self { relations, snapshot, ..Self::default() }
    }

    /// What is asked at the end of each order may tell which rows came first as well.
    #[must_use]
    pub fn asked(mut self, check: Option<&str>) -> Self {
        if let Some(sql) = check {
            self.told.hear(sql, &Sequences::new());
        }
        self
    }

    /// Each session's steps, as far as they are known.
    pub fn effects(&self) -> &[Vec<Effects>] {
        &self.effects
    }

    /// What a step is called, and what was sent.
    pub fn text(&self, session: usize, step: usize) -> Option<(String, Arc<str>)> {
        self.texts.get(&(session, step)).cloned()
    }

    pub fn snapshot(&self) -> Snapshot {
        self.snapshot
    }

    /// From now on transactions look this seldom; whether that is news.
    pub fn is_at_least(&mut self, snapshot: Snapshot) -> bool {
        let is_news = self.snapshot < snapshot;
        self.snapshot = self.snapshot.max(snapshot);
        is_news
    }

    /// Takes in what was sent in an order; whether something in it was not known.
    pub fn learn(&mut self, sessions: usize, sent: &[Sent]) -> bool {
        let before = self.effects.clone();
        // The values of a sequence are no single rows: all who insert some depend on each other.
        let sequences = Sequences::new();
        for text in sent.iter().flat_map(Sent::texts) {
            self.told.hear(text, &sequences);
        }
        self.effects.resize_with(sessions.max(before.len()), Vec::new);
        for session in 0..self.effects.len() {
            let own: Vec<&Sent> = sent.iter().filter(|sent| sent.session == session).collect();
            for (step, sent) in own.iter().enumerate() {
                let text = || (sent.does.clone(), Arc::clone(&sent.sql));
                self.texts.entry((session, step)).or_insert_with(text);
            }
            for connection in own.iter().map(|sent| sent.connection).collect::<BTreeSet<_>>() {
                self.learn_connection(session, connection, &own);
            }
        }
        self.effects.iter_mut().flatten().for_each(|effects| self.told.bind_added(effects));
        before != self.effects
    }

    /// Takes in the transactions of one of a program's connections.
    fn learn_connection(&mut self, session: usize, connection: usize, sent: &[&Sent]) {
        let mut open = Vec::new();
        for (step, sent) in sent.iter().enumerate().filter(|(_, it)| it.connection == connection) {
            open.push((step, *sent));
            if sent.after == TransactionStatus::Idle {
                self.learn_transaction(session, &std::mem::take(&mut open));
            }
        }
        self.learn_transaction(session, &open);
    }

    fn learn_transaction(&mut self, session: usize, steps: &[(usize, &Sent)]) {
        let sent: Vec<&Sent> = steps.iter().map(|(_, sent)| *sent).collect();
        let mut own: Vec<Effects> = sent.iter().map(|sent| self.touched(sent)).collect();
        let written = union(own.iter().map(|effects| exclusive(&effects.locks)));
        let locked = union(own.iter().map(|effects| effects.locks.clone()));
        let seen = union(own.iter().map(|it| union([it.reads.clone(), it.locks.clone()])));
        let is_unknown = own.iter().any(|effects| effects.is_unknown);
        for (effects, sent) in own.iter_mut().zip(&sent) {
            if self.snapshot >= Snapshot::Transaction {
                // Any of them may be the one that takes the snapshot, and any may be refused.
                effects.reads = shared(&seen);
                effects.releases = locked.clone();
            }
            if sent.after == TransactionStatus::Idle {
                effects.publishes = written.clone();
                effects.releases = locked.clone();
                effects.is_unknown |= is_unknown;
            }
            effects.is_unknown |= self.snapshot == Snapshot::Judged;
        }
        for (effects, (step, _)) in own.into_iter().zip(steps) {
            self.add(session, *step, effects);
        }
    }

    fn add(&mut self, session: usize, step: usize, effects: Effects) {
        let steps = &mut self.effects[session];
        if steps.len() <= step {
            steps.resize_with(step + 1, Effects::default);
        }
        let known = &mut steps[step];
        merge(&mut known.reads, effects.reads);
        merge(&mut known.locks, effects.locks);
        merge(&mut known.publishes, effects.publishes);
        merge(&mut known.releases, effects.releases);
        known.is_unknown |= effects.is_unknown;
    }

    /// What a launch reads and locks by itself.
    fn touched(&self, sent: &Sent) -> Effects {
        let mut effects = Effects::default();
        for sql in sent.texts() {
            for part in Statement::read(sql, Strings::default()).parts {
                self.add_part(&part, &mut effects);
            }
        }
        effects
    }

    fn add_part(&self, part: &Part, effects: &mut Effects) {
        if part.verb.is_control() {
            return;
        }
        let is_doubtful = |table: &TableName| self.relations.doubtful.contains(&table.name);
        let acts_elsewhere = part.tables.is_empty() && part.verb != Verb::Select;
        let tells_not = !part.verb.is_dml()
            || acts_elsewhere
            || !part.doubts.is_empty()
            || calls_a_lock(part)
            || part.tables.all().any(is_doubtful);
        effects.is_unknown |= tells_not;
        for table in &part.tables.reads {
            add(&mut effects.reads, &table.name, Access::Shared);
            if part.locks_rows() {
                add(&mut effects.locks, &table.name, Access::Exclusive);
            }
        }
        for table in &part.tables.writes {
            match self.relations.keys.inserted(part, &table.name) {
                Some(row) => merge(&mut effects.locks, row),
                None => self.add_changed(&table.name, effects),
            }
            self.add_parents(&table.name, effects);
        }
    }

    /// Rows of tables that refer to it may go or change with its own.
    fn add_changed(&self, table: &str, effects: &mut Effects) {
        for table in self.relations.with_heirs(table) {
            add(&mut effects.locks, &table, Access::Exclusive);
            add(&mut effects.reads, &table, Access::Shared);
        }
    }

    fn add_parents(&self, table: &str, effects: &mut Effects) {
        // The row that is referred to must be there, and stay.
        for parent in self.relations.parents.get(table).into_iter().flatten() {
            add(&mut effects.locks, parent, Access::Shared);
            add(&mut effects.reads, parent, Access::Shared);
        }
    }
}

/// How seldom transactions look once this was sent.
pub fn level(sql: &str) -> Snapshot {
    let sql = sql.to_ascii_lowercase();
    if !sql.contains("isolation") && !sql.contains("characteristics") {
        return Snapshot::Statement;
    }
    if sql.contains("serializable") {
        Snapshot::Judged
    } else if sql.contains("repeatable") {
        Snapshot::Transaction
    } else {
        Snapshot::Statement
    }
}

/// Whether it takes a lock that belongs to no table.
fn calls_a_lock(part: &Part) -> bool {
    part.tables.is_empty() && part.sql.to_ascii_lowercase().contains("advisory")
}

fn add(footprint: &mut Footprint, table: &str, access: Access) {
    let known = footprint.entry(Resource::Table(table.to_owned())).or_insert(access);
    *known = (*known).max(access);
}

fn merge(known: &mut Footprint, more: Footprint) {
    for (resource, access) in more {
        let known = known.entry(resource).or_insert(access);
        *known = (*known).max(access);
    }
}

fn union(all: impl IntoIterator<Item = Footprint>) -> Footprint {
    let mut whole = Footprint::new();
    all.into_iter().for_each(|one| merge(&mut whole, one));
    whole
}

fn exclusive(footprint: &Footprint) -> Footprint {
    let held = footprint.iter().filter(|(_, access)| **access == Access::Exclusive);
    held.map(|(resource, access)| (resource.clone(), *access)).collect()
}

fn shared(footprint: &Footprint) -> Footprint {
    footprint.keys().map(|resource| (resource.clone(), Access::Shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(session: usize, sql: &str, status: [TransactionStatus; 2]) -> Sent {
        let [before, after] = status;
        let (sql, shape) = (sql.into(), sql.into());
        Sent { session, connection: session, sql, shape, before, after, ..Sent::default() }
    }

    const INSIDE: [TransactionStatus; 2] = [TransactionStatus::InTransaction; 2];
    const ENDS: [TransactionStatus; 2] =
        [TransactionStatus::InTransaction, TransactionStatus::Idle];

    fn names(footprint: &Footprint) -> String {
        let told = |(resource, access): (&Resource, &Access)| match (resource, access) {
            (Resource::Table(table), Access::Shared) => table.clone(),
            (Resource::Table(table), Access::Exclusive) => format!("{table}!"),
            _ => "?".to_owned(),
        };
        footprint.iter().map(told).collect::<Vec<_>>().join(" ")
    }

    fn booking() -> Vec<Sent> {
        vec![
            sent(0, "select booked_by from seats where seat = 'A-4'", INSIDE),
            sent(0, "update seats set booked_by = 'alice'", INSIDE),
            sent(0, "commit", ENDS),
        ]
    }

    #[test]
    fn a_statement_reads_and_locks_tables_and_commit_publishes() {
        let mut reading = Reading::default();
        assert!(reading.learn(2, &booking()));
        assert!(!reading.learn(2, &booking()));
        let [reads, writes, commits] = &reading.effects()[0][..] else { panic!() };
        assert_eq!((names(&reads.reads), names(&reads.locks)), ("seats".into(), String::new()));
        assert_eq!((names(&writes.reads), names(&writes.locks)), ("seats".into(), "seats!".into()));
        assert_eq!(names(&commits.publishes), "seats!");
        assert_eq!(names(&commits.releases), "seats!");
        assert!(reading.effects()[1].is_empty());
    }

    #[test]
    fn each_connection_of_a_program_has_its_own_transactions() {
        let mut reading = Reading::default();
        let beside = sent(0, "insert into log values (1)", ENDS);
        let mut all = booking();
        all.insert(2, Sent { connection: 1, ..beside });
        reading.learn(1, &all);
        let [_, writes, logs, commits] = &reading.effects()[0][..] else { panic!() };
        assert!(writes.publishes.is_empty());
        assert_eq!(names(&logs.publishes), "log!");
        assert_eq!(names(&commits.publishes), "seats!");
    }

    #[test]
    fn a_step_is_all_that_it_has_been() {
        let mut reading = Reading::default();
        reading.learn(1, &booking());
        let mut sold = booking();
        sold.truncate(1);
        sold.push(sent(0, "rollback", ENDS));
        assert!(!reading.learn(1, &sold));
        sold[1] = sent(0, "insert into waiting values (1)", ENDS);
        assert!(reading.learn(1, &sold));
        assert_eq!(names(&reading.effects()[0][1].locks), "seats! waiting!");
        assert_eq!(names(&reading.effects()[0][1].publishes), "waiting!");
    }

    #[test]
    fn a_snapshot_of_the_transaction_sees_all_that_it_will_read() {
        let mut reading = Reading::new(Relations::default(), Snapshot::Transaction);
        let mut all = booking();
        all.insert(1, sent(0, "select * from shows", INSIDE));
        reading.learn(1, &all);
        assert_eq!(names(&reading.effects()[0][0].reads), "seats shows");
        assert!(reading.is_at_least(Snapshot::Judged) && !reading.is_at_least(Snapshot::Statement));
        reading.learn(1, &all);
        assert!(reading.effects()[0].iter().all(|effects| effects.is_unknown));
    }

    #[test]
    fn the_level_is_heard_where_it_is_named() {
        for (sql, expected) in [
            ("BEGIN ISOLATION LEVEL SERIALIZABLE", Snapshot::Judged),
            ("set default_transaction_isolation to 'repeatable read'", Snapshot::Transaction),
            ("set transaction isolation level read committed", Snapshot::Statement),
            ("select 'serializable'", Snapshot::Statement),
        ] {
            assert_eq!(level(sql), expected, "{sql}");
        }
    }

    #[test]
    fn whoever_takes_the_first_row_makes_inserts_of_other_keys_depend_on_each_other() {
        let keys = || {
            let all = |name: &str| vec![name.to_owned()];
            ("queue".to_owned(), all("who"), all("who"), all("text"))
        };
        let inserts = [
            sent(0, "insert into queue values ('alice')", INSIDE),
            sent(1, "insert into queue values ('bob')", INSIDE),
        ];
        let meet = |reading: &Reading| {
            let [alice, bob] = reading.effects() else { panic!() };
            crate::explorer::effects::meet(&alice[0].locks, &bob[0].locks)
        };
        let relations = || Relations::default().with_keys([keys()]);
        let mut reading = Reading::new(relations(), Snapshot::Statement);
        reading.learn(2, &inserts);
        assert!(!meet(&reading));
        // It is known of a step that was seen before, too.
        let looks = sent(0, "select who from queue limit 1", INSIDE);
        let [alice, bob] = inserts.clone();
        assert!(reading.learn(2, &[alice, looks, bob]));
        assert!(meet(&reading));
        let mut reading = Reading::new(relations(), Snapshot::Statement)
            .asked(Some("select string_agg(who, ',') = 'alice,bob' from queue"));
        reading.learn(2, &inserts);
        assert!(meet(&reading));
    }

    #[test]
    fn what_refers_to_a_table_is_touched_with_it() {
        let refers = |child: &str, parent: &str| (child.to_owned(), Some(parent.to_owned()));
        let rows = [refers("tickets", "seats"), refers("stubs", "tickets")];
        let view = ("free_seats".to_owned(), None);
        let relations = Relations::new(rows.into_iter().chain([view]));
        let mut reading = Reading::new(relations, Snapshot::Statement);
        let statements =
            ["insert into tickets values (1)", "delete from seats", "table free_seats"];
        let all: Vec<_> = statements.into_iter().map(|sql| sent(0, sql, INSIDE)).collect();
        reading.learn(1, &all);
        let [inserts, deletes, looks] = &reading.effects()[0][..] else { panic!() };
        assert_eq!(names(&inserts.locks), "seats stubs! tickets!");
        assert_eq!(names(&deletes.locks), "seats! stubs! tickets!");
        assert!(looks.is_unknown && !deletes.is_unknown);
    }

    #[test]
    fn what_a_text_does_not_tell_depends_on_everything() {
        let mut reading = Reading::default();
        let doubtful =
            ["select book(4)", "call p()", "truncate seats", "select pg_advisory_xact_lock(4)"];
        let all: Vec<_> = doubtful.into_iter().map(|sql| sent(0, sql, INSIDE)).collect();
        reading.learn(1, &all);
        assert!(reading.effects()[0].iter().all(|effects| effects.is_unknown));
    }
}
