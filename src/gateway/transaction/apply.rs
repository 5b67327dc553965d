//! The order in which changes reach the stored tables.
//!
//! Rows go before others change, and others change before new ones come: a transaction that frees a
//! seat and takes another must not hit the unique key on the way. A row whose key columns changed
//! goes and comes again, for the same reason.
//!
//! Where foreign keys tie the tables, all of these are one statement, since PostgreSQL checks them
//! at a statement's end. Rows that were only locked come last: nothing depends on when.

use std::sync::Arc;

use super::pair::{Pair, array, at_once};
use super::row_changes::{RowOp, TableChanges};
use crate::gateway::backend::Question;

/// An outsider's row lock is waited for as long as a row's update takes, and no longer. What is
/// applied is planned once, not for each transaction's keys. That plan has to fit when the table
/// has grown, so it finds rows by key also where a small table would be quicker to read whole.
const SETTINGS: &str = "select set_config('lock_timeout', '100ms', true), \
     set_config('plan_cache_mode', 'force_generic_plan', true), \
     set_config('enable_seqscan', 'off', true)";

/// What is applied, in order.
pub(super) struct Plan<'a> {
    tables: &'a [TableChanges],
}

/// What a plan does to one table.
struct Piece {
    sql: String,
    parameters: Vec<String>,
    /// To how many rows.
    count: usize,
}

impl<'a> Plan<'a> {
    /// The plan for these changes.
    pub(super) fn of(tables: &'a [TableChanges]) -> Self {
        Self { tables }
    }

    /// The statements, what tidies up the copies behind them and COMMIT last: the first one that
    /// fails keeps all later ones from running.
    /// Nobody but an outsider can hold a row lock now, and whoever waits for him holds up every
    /// other COMMIT.
    pub(super) fn questions(&self, tidying: Option<Question>) -> Vec<Question> {
        let tied = self.tables.iter().any(|table| table.shape.is_tied());
        let mut questions = vec![Question::prepared(SETTINGS)];
        questions.extend(if tied { self.together() } else { self.phase_by_phase() });
        questions.extend(self.locks());
        // Behind the changes, which lock the table against TRUNCATE: asked before them, the answer
        // could be wrong by the time of COMMIT.
        questions.extend(self.same_files());
        questions.extend(tidying);
        questions.push(Question::prepared("commit"));
        questions
    }

    /// Whether rows of a table that others refer to swap unique values: then a unique key may be
    /// hit on the way, and the client gets to see that instead of a conflict that a retry would
    /// meet again.
    pub(super) fn may_stumble(&self) -> bool {
        self.tables.iter().any(|table| table.moves_keys() && table.shape.is_referred_to())
    }

    /// One statement for each kind: what it does to one table has nothing to do with another.
    fn phase_by_phase(&self) -> Vec<Question> {
        let all = CHANGES.into_iter().filter_map(|phase| {
            let (mut statements, mut parameters, mut counts) = (Vec::new(), Vec::new(), Vec::new());
            for table in self.tables {
                let Some(piece) = phase.piece(table, parameters.len() + 1) else { continue };
                statements.push(piece.sql);
                parameters.extend(piece.parameters);
                counts.push(piece.count.to_string());
            }
            let sql = if phase == Phase::Inserts {
                at_once(statements)?
            } else {
                let from = parameters.len() + 1;
                parameters.extend(counts);
                counted(&statements, from)?
            };
            Some(self.question(sql, parameters))
        });
        all.collect()
    }

    /// One by one: a part of a WITH that only reads runs no further than it is read (PostgreSQL
    /// documentation, 7.8.4).
    fn locks(&self) -> impl Iterator<Item = Question> {
        let pieces = self.tables.iter().filter_map(|table| Phase::Locks.piece(table, 1));
        pieces.map(|piece| self.question(piece.sql, piece.parameters))
    }

    /// Raises an error where a stored table is no longer in the file in which its rows were read:
    /// somebody past the gateway has emptied it or written it anew, and TRUNCATE does not care for
    /// snapshots.
    fn same_files(&self) -> Option<Question> {
        let read = |table: &'a TableChanges| Some((table.pair().file(), table.file.as_deref()?));
        let (now, read): (Vec<String>, Vec<&str>) = self.tables.iter().filter_map(read).unzip();
        let differ = now.iter().enumerate().map(|(at, now)| format!("{now}::text <> ${}", at + 1));
        let differ = differ.collect::<Vec<_>>().join(" or ");
        // A cast that cannot succeed, since SQL has no statement that raises an error. COMMIT takes
        // its 22P02 for a conflict (`judged`).
        let sql = format!("select ('now in ' || {})::int where {differ}", now.first()?);
        Some(read.into_iter().fold(Question::prepared(sql), Question::with))
    }

    /// One statement; each part waits for the one before it.
    fn together(&self) -> Vec<Question> {
        let (mut parts, mut parameters, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for phase in CHANGES {
            for table in self.tables {
                let Some(piece) = phase.piece(table, parameters.len() + 1) else { continue };
                let before = parts.len().checked_sub(1);
                // The parts of a WITH run in no certain order otherwise (PostgreSQL documentation,
                // 7.8.4). The condition is always true, and evaluating it runs the part before to
                // its end.
                let wait = before.map(|at| format!(" and (select count(*) from p{at}) >= 0"));
                parts.push(piece.sql + &wait.unwrap_or_default());
                parameters.extend(piece.parameters);
                counts.push(piece.count.to_string());
            }
        }
        let from = parameters.len() + 1;
        parameters.extend(counts);
        let sql = counted(&parts, from);
        sql.map(|sql| self.question(sql, parameters)).into_iter().collect()
    }

    fn question(&self, sql: String, parameters: Vec<String>) -> Question {
        let question = parameters.into_iter().fold(Question::prepared(sql), Question::with);
        self.tables.iter().fold(question, |question, table| table.shape.asking(question))
    }
}

/// Several statements that change rows as one, and an error where one of them has not found as many
/// as the parameters from this one on say: what is acknowledged is stored.
fn counted(statements: &[String], from: usize) -> Option<String> {
    let parts = statements.iter().enumerate();
    let parts = parts.map(|(at, text)| format!("p{at} as ({text} returning 1)"));
    let count = |at: usize| format!("(select count(*) from p{at})");
    let differs = (0..statements.len()).map(|at| format!("{} <> ${}::int8", count(at), from + at));
    let (parts, differs) = (parts.collect::<Vec<_>>(), differs.collect::<Vec<_>>());
    // The cast fails, as that of another file does (`same_files`).
    (!parts.is_empty()).then(|| {
        format!(
            "with {} select ('found ' || {})::int where {}",
            parts.join(", "),
            count(0),
            differs.join(" or ")
        )
    })
}

const CHANGES: [Phase; 3] = [Phase::Deletes, Phase::Updates, Phase::Inserts];

/// One kind of statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Deletes,
    Updates,
    Inserts,
    Locks,
}

impl Phase {
    fn piece(self, table: &TableChanges, from: usize) -> Option<Piece> {
        let keys = self.keys(table);
        if keys.is_empty() {
            return None;
        }
        let pair = table.pair();
        let sql = match self {
            Self::Deletes => pair.apply_deletes(from),
            Self::Updates => pair.apply_updates(from),
            Self::Inserts => pair.apply_inserts(from),
            Self::Locks => pair.apply_locks(from),
        };
        let columns = 0..pair.key_types().len();
        let values = |column: usize| array(keys.iter().map(|key| key[column].as_str()));
        Some(Piece { sql, parameters: columns.map(values).collect(), count: keys.len() })
    }

    fn keys(self, table: &TableChanges) -> Vec<Arc<[String]>> {
        if self == Self::Locks {
            return table.locked();
        }
        let changes = table.changes.iter().filter(|change| self.is_for(table, change.op));
        changes.map(|change| Arc::clone(&change.key)).collect()
    }

    fn is_for(self, table: &TableChanges, op: RowOp) -> bool {
        let replaces = table.moves_keys() && !table.shape.is_referred_to();
        match self {
            Self::Deletes => op == RowOp::Deleted || (replaces && op == RowOp::Rekeyed),
            Self::Updates => op == RowOp::Updated || (!replaces && op == RowOp::Rekeyed),
            Self::Inserts => op == RowOp::Inserted || (replaces && op == RowOp::Rekeyed),
            Self::Locks => false,
        }
    }
}

impl TableChanges {
    fn pair(&self) -> Pair<'_> {
        Pair::new(&self.shape, &self.copy)
    }

    /// Whether several rows change their keys, so that one may need what another still has.
    fn moves_keys(&self) -> bool {
        let rekeyed = self.changes.iter().filter(|change| change.op == RowOp::Rekeyed).count();
        rekeyed > 1 && self.shape.other_unique()
    }
}
