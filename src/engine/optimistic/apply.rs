//! The order in which changes reach the stored tables.
//!
//! Rows go before others change, and others change before new ones come: a transaction that frees a seat and takes another must not
//! hit the unique key on the way. A row whose key columns changed goes and comes again, for the same reason.

use super::changes::{Pair, array};
use super::commit::{Change, Deed, TableChanges};
use super::refusal::Refusal;
use super::server::Question;

/// What is applied, in order.
pub(super) struct Plan<'a> {
    tables: &'a [TableChanges],
}

impl<'a> Plan<'a> {
    /// The plan for these changes.
    pub(super) fn of(tables: &'a [TableChanges]) -> Self {
        Self { tables }
    }

    /// The statements, COMMIT last: the first one that fails keeps all later ones from running.
    pub(super) fn questions(&self) -> Result<Vec<Question>, Refusal> {
        let mut questions = Vec::new();
        for phase in [Phase::Deletes, Phase::Updates, Phase::Inserts, Phase::Touches] {
            for table in self.tables {
                questions.extend(phase.question(table));
            }
        }
        questions.push(Question::prepared("commit"));
        Ok(questions)
    }
}

/// One kind of statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Deletes,
    Updates,
    Inserts,
    Touches,
}

impl Phase {
    fn question(self, table: &TableChanges) -> Option<Question> {
        let rows: Vec<&Change> =
            table.changes.iter().filter(|change| self.is_for(table, change.deed)).collect();
        if rows.is_empty() {
            return None;
        }
        let pair = Pair::new(&table.shape, &table.copy);
        let sql = match self {
            Self::Deletes => pair.apply_deletes(),
            Self::Updates => pair.apply_updates(),
            Self::Inserts => pair.apply_inserts(),
            Self::Touches => pair.apply_touches(),
        };
        let columns = pair.key_types().len();
        let values = |column: usize| array(rows.iter().map(|row| row.key[column].as_str()));
        Some(
            (0..columns)
                .fold(Question::prepared(sql), |question, column| question.with(values(column))),
        )
    }

    fn is_for(self, table: &TableChanges, deed: Deed) -> bool {
        let moves = table.moves_by_replacing();
        match self {
            Self::Deletes => deed == Deed::Deleted || (moves && deed == Deed::Rekeyed),
            Self::Updates => deed == Deed::Updated || (!moves && deed == Deed::Rekeyed),
            Self::Inserts => deed == Deed::Inserted || (moves && deed == Deed::Rekeyed),
            Self::Touches => deed == Deed::Locked,
        }
    }
}

impl TableChanges {
    /// Whether several rows change their keys, so that one may need what another still has.
    fn moves_by_replacing(&self) -> bool {
        let rekeyed = self.changes.iter().filter(|change| change.deed == Deed::Rekeyed).count();
        rekeyed > 1 && self.shape.other_unique()
    }
}
