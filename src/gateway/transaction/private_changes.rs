//! What the console is told of an open transaction, and nobody else can see.

use std::collections::HashMap;

use super::Transaction;
use super::pair::{Pair, array};
use super::row_changes::{Change, RowOp, TableChanges};
use crate::core::seats::HoldKind;
use crate::gateway::backend::{AnswerRow, BackendError, Question, Questions};
use crate::gateway::news::PrivateChange;

impl Transaction {
    /// The rows that the open transaction has changed or locked, with what it makes of them.
    pub(super) async fn private_changes(
        &mut self,
        backend: &mut impl Questions,
        changes: &[TableChanges],
    ) -> Result<Vec<PrivateChange>, BackendError> {
        let mut told = Vec::new();
        for table in changes {
            let values = Self::values(backend, table).await?;
            told.extend(table.changes.iter().map(|change| table.tell(change, &values)));
            told.extend(table.shared().map(|key| PrivateChange {
                schema: table.shape.schema.clone(),
                table: table.shape.name.clone(),
                key,
                kind: HoldKind::KeyShare,
                becomes: None,
            }));
        }
        Ok(told)
    }

    /// The values of the changed rows, by their places in the copy.
    async fn values(
        backend: &mut impl Questions,
        table: &TableChanges,
    ) -> Result<HashMap<String, AnswerRow>, BackendError> {
        let places: Vec<&str> = table
            .changes
            .iter()
            .filter(|change| change.is_written())
            .filter_map(|change| change.place.as_deref())
            .collect();
        if places.is_empty() {
            return Ok(HashMap::new());
        }
        let pair = Pair::new(&table.shape, &table.copy);
        let answer = backend.ask(Question::prepared(pair.values()).with(array(places))).await?;
        let mut values = HashMap::new();
        for mut row in answer.rows {
            if let Some(place) = row.pop().flatten() {
                values.insert(place, row);
            }
        }
        Ok(values)
    }
}

impl TableChanges {
    fn tell(&self, change: &Change, values: &HashMap<String, AnswerRow>) -> PrivateChange {
        let row = change.place.as_ref().and_then(|place| values.get(place));
        let names = self.shape.columns.iter().map(|column| column.name.clone());
        PrivateChange {
            schema: self.shape.schema.clone(),
            table: self.shape.name.clone(),
            key: change.key.join("-"),
            kind: match change.op {
                RowOp::Inserted => HoldKind::Insert,
                RowOp::Updated | RowOp::Rekeyed => HoldKind::Write,
                RowOp::Deleted => HoldKind::Delete,
                RowOp::Locked if self.is_marked_by_checks() => HoldKind::KeyShare,
                RowOp::Locked => HoldKind::Update,
            },
            becomes: row.map(|row| names.zip(row.iter().cloned()).collect()),
        }
    }
}
