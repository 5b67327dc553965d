//! The database itself: what is committed, who has locked what, who waits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use overbooked::core::event::answer::Outcome;
use overbooked::core::event::{Column, ServerMessage, TransactionStatus};
use overbooked::explorer::played::{Answered, Launched};

use super::{Level, Model, Operation, Rows};

/// A committed row: its value, and a number that no other version has.
type Versions = BTreeMap<i32, (i32, u64)>;

pub(crate) struct Machine<'a> {
    model: &'a Model,
    committed: Versions,
    last_version: u64,
    sessions: Vec<Session>,
    /// Who has locked a row.
    holders: BTreeMap<i32, usize>,
    /// Who waits, the first first, and for which row.
    queue: VecDeque<(usize, i32)>,
}

#[derive(Default)]
struct Session {
    sent: usize,
    level: Option<Level>,
    status: TransactionStatus,
    snapshot: Option<Versions>,
    own: BTreeMap<i32, Own>,
    /// What an optimistic transaction has locked.
    wanted: BTreeSet<i32>,
}

/// What a transaction has made of a row.
#[derive(Clone, Copy)]
struct Own {
    value: Option<i32>,
    /// It is a version of the row that the snapshot has, and not another of the same key.
    replaces: bool,
}

enum Attempt {
    Answered(Outcome),
    Waits(i32),
}

impl<'a> Machine<'a> {
    pub(crate) fn new(model: &'a Model) -> Self {
        let versions = model.rows.iter().map(|(id, value)| (*id, (*value, 0)));
        Self {
            model,
            committed: versions.collect(),
            last_version: 0,
            sessions: model.sessions.iter().map(|_| Session::default()).collect(),
            holders: BTreeMap::new(),
            queue: VecDeque::new(),
        }
    }

    pub(crate) fn committed(&self) -> Rows {
        self.committed.iter().map(|(id, (value, _))| (*id, *value)).collect()
    }

    pub(crate) fn enabled(&self) -> Vec<usize> {
        let waiting = self.waiting();
        let has_more = |session: &usize| {
            self.sessions[*session].sent < self.model.sessions[*session].len()
                && !waiting.contains(session)
        };
        (0..self.sessions.len()).filter(has_more).collect()
    }

    pub(crate) fn waiting(&self) -> Vec<usize> {
        let waiting: BTreeSet<usize> = self.queue.iter().map(|(session, _)| *session).collect();
        waiting.into_iter().collect()
    }

    /// Sends a session's next step; whoever can go on because of it does.
    pub(crate) fn launch(&mut self, session: usize, launches: &mut Vec<Launched>) {
        let place = launches.len();
        let enabled = self.enabled();
        let step = self.sessions[session].sent;
        self.sessions[session].sent += 1;
        launches.push(Launched { session, step, enabled, answer: None });
        self.take_snapshot(session);
        match self.attempt(session) {
            Attempt::Answered(outcome) => self.answer(session, outcome, launches),
            Attempt::Waits(row) => {
                self.queue.push_back((session, row));
                if self.closes_a_circle(session) {
                    self.queue.retain(|(other, _)| *other != session);
                    let victim = self.fail(session, "40P01");
                    self.answer(session, victim, launches);
                }
            }
        }
        debug_assert!(
            launches.iter().all(|one| one.answer.as_ref().is_none_or(|a| a.after <= place))
        );
    }

    fn answer(&mut self, session: usize, outcome: Outcome, launches: &mut [Launched]) {
        let after = launches.len() - 1;
        let is_idle = self.sessions[session].status == TransactionStatus::Idle;
        let by_statement = self.sessions[session].level == Some(Level::ReadCommitted);
        if is_idle || by_statement && !self.optimistic() {
            self.sessions[session].snapshot = None;
        }
        let status = self.sessions[session].status;
        let own = launches.iter_mut().rev().find(|launched| launched.session == session).unwrap();
        own.answer = Some(Answered { outcomes: vec![outcome], status, lost: None, after });
        self.go_on(launches);
    }

    fn go_on(&mut self, launches: &mut [Launched]) {
        for place in 0..self.queue.len() {
            let (session, row) = self.queue[place];
            match self.attempt_at(session, place) {
                Attempt::Waits(next) => {
                    debug_assert_eq!(row, next);
                }
                Attempt::Answered(outcome) => {
                    self.queue.remove(place);
                    return self.answer(session, outcome, launches);
                }
            }
        }
    }

    /// Whether somebody for whom this session waits waits for it in turn.
    fn closes_a_circle(&self, session: usize) -> bool {
        let mut reached: BTreeSet<usize> = BTreeSet::new();
        let mut open = vec![session];
        while let Some(waiter) = open.pop() {
            for blocker in self.blockers(waiter) {
                if blocker == session {
                    return true;
                }
                if reached.insert(blocker) {
                    open.push(blocker);
                }
            }
        }
        false
    }

    fn blockers(&self, waiter: usize) -> Vec<usize> {
        let Some(place) = self.queue.iter().position(|(other, _)| *other == waiter) else {
            return Vec::new();
        };
        let row = self.queue[place].1;
        let ahead = self.queue.iter().take(place).filter(|(_, other)| *other == row);
        ahead.map(|(other, _)| *other).chain(self.holders.get(&row).copied()).collect()
    }

    fn optimistic(&self) -> bool {
        self.model.is_optimistic
    }

    fn operation(&self, session: usize) -> Operation {
        self.model.sessions[session][self.sessions[session].sent - 1]
    }

    fn take_snapshot(&mut self, session: usize) {
        let is_begin = matches!(self.operation(session), Operation::Begin(_));
        let own = &mut self.sessions[session];
        if own.snapshot.is_none() && (!is_begin || self.model.is_optimistic) {
            own.snapshot = Some(self.committed.clone());
        }
    }

    fn attempt(&mut self, session: usize) -> Attempt {
        self.attempt_at(session, self.queue.len())
    }

    /// Carries out a session's statement; those before this place in the queue go first.
    fn attempt_at(&mut self, session: usize, place: usize) -> Attempt {
        let operation = self.operation(session);
        let is_failed = self.sessions[session].status == TransactionStatus::Failed;
        let answered = match operation {
            Operation::Begin(level) => self.begin(session, level),
            Operation::Commit => self.commit(session),
            Operation::Rollback => self.roll_back(session),
            _ if is_failed => failed("25P02"),
            Operation::ReadAll => self.read(session, None),
            Operation::Read(id) => self.read(session, Some(id)),
            Operation::Insert(id, value) => return self.insert(session, id, value),
            Operation::ForUpdate(id)
            | Operation::Set(id, _)
            | Operation::Add(id, _)
            | Operation::SetIf(id, ..)
            | Operation::Copy(id, _)
            | Operation::Delete(id) => return self.change(session, id, operation, place),
        };
        Attempt::Answered(answered)
    }

    fn begin(&mut self, session: usize, level: Level) -> Outcome {
        self.sessions[session].level = Some(level);
        self.sessions[session].status = TransactionStatus::InTransaction;
        done("BEGIN")
    }

    fn commit(&mut self, session: usize) -> Outcome {
        if self.sessions[session].status == TransactionStatus::Failed {
            return self.roll_back(session);
        }
        if self.optimistic() && self.is_outdated(session) {
            let refused = self.fail(session, "40001");
            self.sessions[session].status = TransactionStatus::Idle;
            return refused;
        }
        for (id, own) in std::mem::take(&mut self.sessions[session].own) {
            self.last_version += 1;
            match own.value {
                Some(value) => drop(self.committed.insert(id, (value, self.last_version))),
                None if own.replaces => drop(self.committed.remove(&id)),
                None => {}
            }
        }
        self.let_go(session);
        self.sessions[session].status = TransactionStatus::Idle;
        done("COMMIT")
    }

    fn is_outdated(&self, session: usize) -> bool {
        let own = &self.sessions[session];
        let version = |versions: &Versions, id| versions.get(id).map(|(_, version)| *version);
        own.wanted
            .iter()
            .any(|id| version(&self.committed, id) != version(own.snapshot.as_ref().unwrap(), id))
    }

    fn roll_back(&mut self, session: usize) -> Outcome {
        self.let_go(session);
        self.sessions[session].status = TransactionStatus::Idle;
        done("ROLLBACK")
    }

    fn let_go(&mut self, session: usize) {
        self.holders.retain(|_, holder| *holder != session);
        self.sessions[session].own.clear();
        self.sessions[session].wanted.clear();
    }

    fn fail(&mut self, session: usize, code: &str) -> Outcome {
        self.let_go(session);
        if self.sessions[session].status == TransactionStatus::InTransaction {
            self.sessions[session].status = TransactionStatus::Failed;
        }
        failed(code)
    }

    /// The versions of a row that a statement sees: the snapshot's, and the transaction's own.
    fn seen(&self, session: usize, id: i32) -> (Option<(i32, u64)>, Option<i32>) {
        let own = self.sessions[session].own.get(&id);
        let stored = self.sessions[session].snapshot.as_ref().unwrap().get(&id).copied();
        let stored = stored.filter(|_| own.is_none_or(|own| !own.replaces));
        (stored, own.and_then(|own| own.value))
    }

    fn values(&self, session: usize, id: i32) -> Vec<i32> {
        let (stored, own) = self.seen(session, id);
        let mut values: Vec<i32> = stored.map(|(value, _)| value).into_iter().chain(own).collect();
        values.sort_unstable();
        values
    }

    fn read(&self, session: usize, only: Option<i32>) -> Outcome {
        let snapshot = self.sessions[session].snapshot.as_ref().unwrap();
        let keys = snapshot.keys().chain(self.sessions[session].own.keys());
        let keys: BTreeSet<i32> =
            keys.copied().filter(|id| only.is_none_or(|o| o == *id)).collect();
        let rows = keys.into_iter().flat_map(|id| {
            let values = self.values(session, id).into_iter();
            values.map(move |v| if only.is_some() { vec![v] } else { vec![id, v] })
        });
        result(rows.collect())
    }

    fn insert(&mut self, session: usize, id: i32, value: i32) -> Attempt {
        let is_mine = self.sessions[session].own.get(&id).map(|own| own.value.is_some());
        if is_mine == Some(true) {
            return Attempt::Answered(self.fail(session, "23505"));
        }
        if self.optimistic() {
            return Attempt::Answered(self.insert_privately(session, id, value));
        }
        let holder = self.holders.get(&id).copied().filter(|holder| *holder != session);
        if holder.is_some_and(|holder| self.sessions[holder].own.contains_key(&id)) {
            return Attempt::Waits(id);
        }
        if is_mine.is_none() && self.committed.contains_key(&id) {
            return Attempt::Answered(self.fail(session, "23505"));
        }
        self.holders.insert(id, session);
        let replaces = self.sessions[session].own.get(&id).is_some_and(|own| own.replaces);
        self.write(session, id, Own { value: Some(value), replaces });
        Attempt::Answered(self.done(session, "INSERT 0 1".to_owned()))
    }

    fn insert_privately(&mut self, session: usize, id: i32, value: i32) -> Outcome {
        if !self.values(session, id).is_empty() {
            return self.fail(session, "23505");
        }
        let replaces = self.sessions[session].own.get(&id).is_some_and(|own| own.replaces);
        self.write(session, id, Own { value: Some(value), replaces });
        self.done(session, "INSERT 0 1".to_owned())
    }

    fn write(&mut self, session: usize, id: i32, own: Own) {
        self.sessions[session].own.insert(id, own);
        self.sessions[session].wanted.insert(id);
    }

    /// A statement on its own commits at once.
    fn done(&mut self, session: usize, tag: String) -> Outcome {
        if self.sessions[session].status == TransactionStatus::Idle {
            self.commit(session);
        }
        Outcome::Done { tag }
    }

    fn change(&mut self, session: usize, id: i32, by: Operation, place: usize) -> Attempt {
        match self.seen(session, id) {
            (None, None) => Attempt::Answered(self.changed(session, id, by, None)),
            (Some(_), Some(_)) => Attempt::Answered(self.fail(session, "40001")),
            (None, Some(value)) => Attempt::Answered(self.apply(session, id, by, value)),
            (Some((value, _)), None) if !concerns(by, value) => {
                Attempt::Answered(self.changed(session, id, by, None))
            }
            (Some((value, _)), None) if self.optimistic() => {
                self.sessions[session].wanted.insert(id);
                Attempt::Answered(self.apply(session, id, by, value))
            }
            (Some(stored), None) => self.lock(session, id, by, (stored, place)),
        }
    }

    fn lock(
        &mut self,
        session: usize,
        id: i32,
        by: Operation,
        ((_, version), place): ((i32, u64), usize),
    ) -> Attempt {
        let current = self.committed.get(&id).copied();
        let is_repeatable = self.sessions[session].level == Some(Level::RepeatableRead)
            && self.sessions[session].status == TransactionStatus::InTransaction;
        if is_repeatable && current.is_none_or(|(_, other)| other != version) {
            return Attempt::Answered(self.fail(session, "40001"));
        }
        let holder = self.holders.get(&id).copied();
        let is_queued = self.queue.iter().take(place).any(|(_, row)| *row == id);
        if holder != Some(session) && (holder.is_some() || is_queued) {
            return Attempt::Waits(id);
        }
        let Some((value, _)) = current else {
            return Attempt::Answered(self.changed(session, id, by, None));
        };
        self.holders.insert(id, session);
        Attempt::Answered(if concerns(by, value) {
            self.apply(session, id, by, value)
        } else {
            self.changed(session, id, by, None)
        })
    }

    fn apply(&mut self, session: usize, id: i32, by: Operation, value: i32) -> Outcome {
        if !concerns(by, value) {
            return self.changed(session, id, by, None);
        }
        let new = match by {
            Operation::Set(_, to) | Operation::SetIf(_, _, to) => Some(to),
            Operation::Add(_, n) => Some(value + n),
            Operation::Copy(_, from) => Some(self.values(session, from).iter().sum()),
            Operation::Delete(_) => None,
            _ => return self.changed(session, id, by, Some(value)),
        };
        let before = self.sessions[session].own.get(&id).map(|own| own.replaces);
        self.write(session, id, Own { value: new, replaces: before.unwrap_or(true) });
        self.changed(session, id, by, Some(value))
    }

    fn changed(&mut self, session: usize, _: i32, by: Operation, value: Option<i32>) -> Outcome {
        let count = usize::from(value.is_some());
        let outcome = match by {
            Operation::ForUpdate(_) => result(value.map(|value| vec![value]).into_iter().collect()),
            Operation::Delete(_) => done(&format!("DELETE {count}")),
            _ => done(&format!("UPDATE {count}")),
        };
        if self.sessions[session].status == TransactionStatus::Idle {
            self.commit(session);
        }
        outcome
    }
}

/// Whether the condition beside the key holds for this value.
fn concerns(by: Operation, value: i32) -> bool {
    if let Operation::SetIf(_, from, _) = by { value == from } else { true }
}

fn done(tag: &str) -> Outcome {
    Outcome::Done { tag: tag.to_owned() }
}

fn failed(code: &str) -> Outcome {
    Outcome::Failed(ServerMessage { code: code.to_owned(), ..ServerMessage::default() })
}

fn result(rows: Vec<Vec<i32>>) -> Outcome {
    let width = rows.first().map_or(0, Vec::len);
    let column = |place: usize| Column { name: format!("c{place}"), type_oid: 23 };
    let count = rows.len() as u64;
    let cells = |row: Vec<i32>| row.into_iter().map(|cell| Some(cell.to_string())).collect();
    Outcome::Result {
        columns: (0..width).map(column).collect(),
        rows: rows.into_iter().map(cells).collect(),
        count,
        tag: format!("SELECT {count}"),
    }
}
