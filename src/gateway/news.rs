//! What only a local engine can tell: private changes before anybody else can see them, and why a
//! COMMIT was refused.

use std::collections::HashMap;

use crate::core::event::{Conflict, Pid};
use crate::core::seats::HoldKind;
use crate::gateway::backend::{AnswerRow, BackendError, Question};
use crate::gateway::protocol::Session;
use crate::gateway::transaction::changes::{Pair, array};
use crate::gateway::transaction::commit::{Change, RowOp, TableChanges};

/// A piece of news about one client.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    /// The client's backend, as `pg_backend_pid()` tells it to the client itself.
    pub pid: Pid,
    /// The client's `application_name` (`overbooked/Alice` for a session of the console), perhaps
    /// empty.
    pub application: String,
    /// What happened.
    pub what: Happening,
}

/// What happened to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// All its private, uncommitted changes and locks as they are now; none once the transaction is
    /// over.
    Private(Vec<PrivateChange>),
    /// Its COMMIT was refused, and this is why.
    Conflict(Conflict),
    /// It is gone.
    Gone,
}

/// One row that a transaction has changed or locked, privately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateChange {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The row's key, its parts joined by a hyphen.
    pub key: String,
    /// Locked or changed.
    pub kind: HoldKind,
    /// The columns of the table and the row's values after the change; nothing for a deleted or
    /// merely locked row.
    pub becomes: Option<Vec<(String, Option<String>)>>,
}

impl Session {
    /// The rows that the open transaction has changed or locked, with what it makes of them.
    pub(crate) async fn private_changes(
        &mut self,
        changes: &[TableChanges],
    ) -> Result<Vec<PrivateChange>, BackendError> {
        let mut told = Vec::new();
        for table in changes {
            let values = self.values(table).await?;
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
        &mut self,
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
        let answer = self.server.ask(Question::prepared(pair.values()).with(array(places))).await?;
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
            kind: match change.deed {
                RowOp::Inserted => HoldKind::Insert,
                RowOp::Updated | RowOp::Rekeyed => HoldKind::Write,
                RowOp::Deleted => HoldKind::Delete,
                RowOp::Locked => HoldKind::Update,
            },
            becomes: row.map(|row| names.zip(row.iter().cloned()).collect()),
        }
    }
}
