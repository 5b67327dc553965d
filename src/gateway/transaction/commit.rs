//! COMMIT: what changed is found, judged, and applied to the stored tables, all inside the same
//! transaction.
//!
//! ```text
//!  changes of each copy ─▶ limits ─▶ ┌ the commit lock ───────────────────────────────┐
//!                                    │ the ledger's verdict ─▶ apply, COMMIT ─▶ entry │
//!                                    └────────────────────────────────────────────────┘
//! ```
//!
//! The ledger is the first judge and PostgreSQL the second: a row that somebody changed behind the
//! gateway's back raises 40001 where it is applied. Of several that come together the one that has
//! been trying for longest is judged first (`precedence`). The gateway's death at any point leaves
//! the stored tables with whole transactions, since PostgreSQL has only this one COMMIT.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::sync::Arc;

use crate::core::event::Conflict;
use crate::gateway::backend::{BackendError, Question, error_field};
use crate::gateway::news::Happening;
use crate::gateway::protocol::{Session, State, Transaction};
use crate::gateway::refusal::Refusal;
use crate::gateway::transaction::apply::Plan;
use crate::gateway::transaction::journal::Seen;
use crate::gateway::transaction::ledger::{Claim, RowId, Snapshot, Verdict};
use crate::gateway::transaction::precedence::{Arrival, Precedence};
use crate::gateway::transaction::shape::Shape;

/// What was done to one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowOp {
    Inserted,
    Updated,
    Rekeyed,
    Deleted,
    Locked,
}

/// One row that the transaction changed or locked.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) deed: RowOp,
    pub(crate) size: u64,
    /// Its place in the copy.
    pub(crate) place: Option<String>,
    pub(crate) key: Arc<[String]>,
}

/// What the transaction did to one table.
#[derive(Debug)]
pub(crate) struct TableChanges {
    pub(crate) shape: Arc<Shape>,
    pub(crate) copy: String,
    /// The file in which the stored table was when the copy was filled.
    pub(crate) file: Option<String>,
    pub(crate) changes: Vec<Change>,
    pub(crate) strong: HashSet<RowId>,
    pub(crate) shared: HashSet<RowId>,
}

impl Change {
    pub(crate) fn read(row: Vec<Option<String>>) -> Option<Self> {
        let mut values = row.into_iter();
        let deed = match values.next()??.as_str() {
            "i" => RowOp::Inserted,
            "u" => RowOp::Updated,
            "k" => RowOp::Rekeyed,
            "d" => RowOp::Deleted,
            _ => RowOp::Locked,
        };
        let size = values.next()??.parse().ok()?;
        let place = values.next()?;
        Some(Self { deed, size, place, key: values.map(Option::unwrap_or_default).collect() })
    }

    /// Whether the row is changed, and not merely locked.
    pub(crate) fn is_written(&self) -> bool {
        self.deed != RowOp::Locked
    }
}

impl TableChanges {
    /// Whether any row is changed.
    fn is_written(&self) -> bool {
        self.changes.iter().any(Change::is_written)
    }

    /// The rows whose stored contents change.
    fn written(&self) -> impl Iterator<Item = RowId> {
        let written = self.changes.iter().filter(|change| change.is_written());
        written.map(|change| RowId { table: self.shape.oid, key: Arc::clone(&change.key) })
    }

    /// The keys of rows locked FOR KEY SHARE, for people.
    pub(crate) fn shared(&self) -> impl Iterator<Item = String> {
        self.shared.iter().map(|row| row.key.join("-"))
    }

    /// What is claimed of the table's rows.
    fn claims(&self) -> impl Iterator<Item = (RowId, Claim)> {
        let table = self.shape.oid;
        // A new row of a table without a key is nobody else's.
        let is_keyed = self.shape.key().is_some();
        let tied = self.shape.is_referred_to();
        // Checking a foreign key marks the row that it refers to; PostgreSQL checks it once more
        // where it is applied.
        let named = self.changes.iter().filter(move |change| {
            (is_keyed || change.deed != RowOp::Inserted) && !(tied && change.deed == RowOp::Locked)
        });
        let claims = named.map(move |change| {
            let row = RowId { table, key: Arc::clone(&change.key) };
            let plain = change.deed == RowOp::Updated && !self.strong.contains(&row);
            (row, if plain { Claim::Update } else { Claim::Strong })
        });
        let shared = self.shared.iter().map(|row| (row.clone(), Claim::KeyShare));
        let strong = self.strong.iter().map(|row| (row.clone(), Claim::Strong));
        // What is claimed twice is claimed the stronger way: the last one counts.
        shared.chain(claims).chain(strong)
    }

    /// The keys of rows that are to be touched as if they had been written.
    pub(crate) fn touched(&self) -> Vec<Arc<[String]>> {
        let tied = self.shape.is_referred_to();
        let locked = self.changes.iter().filter(|change| !tied && change.deed == RowOp::Locked);
        let locked = locked.map(|change| Arc::clone(&change.key));
        let written = self.changes.iter().filter(|change| change.is_written());
        let written: HashSet<_> = written.map(|change| &change.key).collect();
        let strong = self.strong.iter().map(|row| Arc::clone(&row.key));
        let touched = strong.chain(locked).filter(|key| !written.contains(key));
        touched.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// How a COMMIT ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Committed,
    /// Refused; the transaction is over all the same.
    Refused(BackendError),
}

impl Session {
    /// Commits the open transaction. Whatever comes of it, there is none afterwards.
    pub(crate) async fn commit(&mut self) -> io::Result<Ended> {
        match self.try_commit().await {
            Ok(()) => {
                self.trying_since = None;
                Ok(Ended::Committed)
            }
            Err(BackendError::Lost(error)) => Err(error),
            Err(trouble) => {
                self.tables.prepare_retry();
                self.roll_back().await?;
                self.state = State::Idle;
                Ok(Ended::Refused(trouble))
            }
        }
    }

    async fn try_commit(&mut self) -> Result<(), BackendError> {
        self.check_state()?;
        let common = Arc::clone(&self.common);
        let arrival = self.arrive(&common.precedence);
        let changes = self.final_changes().await?;
        self.check_limits(&changes)?;
        self.apply_again().await?;
        let State::Open(open) = &self.state else { return Ok(()) };
        let (snapshot, xid, ddl) = (open.snapshot.clone(), open.xid, open.ddl.clone());
        let copies_changed = open.has_changed_copies();
        if let Some(ddl) = &ddl {
            self.announce(ddl);
        }
        if changes.iter().all(|table| table.claims().next().is_none() && !table.is_written()) {
            drop(arrival);
            self.common.journal().note_nothing(xid);
            self.server.ask(Question::prepared("commit")).await?;
        } else {
            self.commit_changes(&changes, &snapshot, xid, arrival).await?;
        }
        self.tables.commit(&Seen { snapshot, own: xid });
        self.state = State::Idle;
        self.keep_held_portals();
        if let Some(ddl) = ddl {
            // Whoever waits for the end of it must find the new versions.
            self.publish(&ddl);
        }
        Ok(self.after_end(copies_changed).await?)
    }

    /// Takes its place among the COMMITs that are to be judged; none where nothing was begun.
    fn arrive<'p>(&mut self, precedence: &'p Precedence) -> Option<Arrival<'p>> {
        let number = self.trying_since?;
        Some(precedence.arrive(number, self.tables.with_changes()))
    }

    async fn commit_changes(
        &mut self,
        changes: &[TableChanges],
        snapshot: &Snapshot,
        xid: u64,
        arrival: Option<Arrival<'_>>,
    ) -> Result<(), BackendError> {
        let claims: HashMap<RowId, Claim> = changes.iter().flat_map(TableChanges::claims).collect();
        self.server.ask_all(Plan::late_checks(changes)).await?;
        let plan = Plan::of(changes);
        let common = Arc::clone(&self.common);
        if let Some(arrival) = &arrival {
            arrival.turn().await;
        }
        let mut ledger = common.ledger.lock().await;
        if let Some(verdict) = ledger.judge(snapshot, &claims) {
            drop(ledger);
            return Err(self.explain(&verdict, changes).into());
        }
        let written = changes.iter().flat_map(TableChanges::written).collect();
        common.journal().note(xid, written);
        let applied = self.server.ask_all(plan.questions()).await;
        if let Err(trouble) = applied {
            return Err(if plan.may_stumble() { trouble } else { judged(trouble) });
        }
        ledger.enter(xid, &self.application, claims);
        ledger.forget(common.oldest(), common.limits.age);
        Ok(())
    }

    /// Tells the console which row, whose commit and when; the client gets what the service tells.
    fn explain(&self, verdict: &Verdict, changes: &[TableChanges]) -> Refusal {
        let table = changes.iter().find(|table| table.shape.oid == verdict.row.table);
        self.tell(Happening::Conflict(Conflict {
            table: table.map(|table| table.shape.name.clone()).unwrap_or_default(),
            key: verdict.row.key.join("-"),
            winner: Some(verdict.winner.to_string()).filter(|winner| !winner.is_empty()),
            since: Some(verdict.since),
        }));
        Refusal::conflict()
    }

    fn check_limits(&self, changes: &[TableChanges]) -> Result<(), Refusal> {
        let limits = &self.common.limits;
        let written =
            || changes.iter().flat_map(|table| &table.changes).filter(|change| change.is_written());
        if written().count() > limits.rows {
            return Err(Refusal::too_many_rows());
        }
        if written().map(|change| change.size).sum::<u64>() > limits.bytes {
            return Err(Refusal::too_large());
        }
        Ok(())
    }

    /// After a statement that may have written: the row limit holds at the statement that crosses
    /// it.
    pub(crate) async fn check_rows(&mut self, reported: Option<u64>) -> Result<(), BackendError> {
        let limit = self.common.limits.rows;
        let State::Open(open) = &mut self.state else { return Ok(()) };
        open.rows = open.rows.saturating_add(reported.unwrap_or(limit as u64 + 1));
        if open.rows <= limit as u64 {
            return Ok(());
        }
        let changes = self.changes().await?;
        let written =
            changes.iter().flat_map(|table| &table.changes).filter(|change| change.is_written());
        let written = written.count();
        if let State::Open(open) = &mut self.state {
            open.rows = written as u64;
        }
        if written > limit { Err(Refusal::too_many_rows().into()) } else { Ok(()) }
    }

    pub(crate) fn xid(&self) -> Option<u64> {
        match &self.state {
            State::Open(open) => Some(open.xid),
            _ => None,
        }
    }
}

/// What PostgreSQL's refusal to apply means: the transaction was right by its own snapshot, so a
/// row or a key that is in the way now is a concurrent transaction's.
fn judged(trouble: BackendError) -> BackendError {
    let BackendError::Server(frame) = &trouble else { return trouble };
    match error_field(frame, b'C').as_deref() {
        // 55P03 is an outsider's row lock, 22P02 a table that an outsider has emptied.
        Some("40001" | "23505" | "23P01" | "23503" | "40P01" | "55P03" | "22P02") => {
            Refusal::conflict().into()
        }
        _ => trouble.of_changed_schema(),
    }
}

impl Transaction {
    /// Whether other copies are there than the gateway knows of, once it is over.
    pub(crate) fn has_changed_copies(&self) -> bool {
        self.ddl.is_some() || self.path.was_followed()
    }

    /// Whether it may be ended by its own COMMIT only.
    pub(crate) fn is_block(&self) -> bool {
        self.block == crate::gateway::protocol::Block::Explicit
    }
}
