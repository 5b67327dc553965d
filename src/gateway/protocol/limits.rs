//! What of a change of the schema the service refuses for what there is already: its limits, and a
//! table's primary key.

use super::Protocol;
use crate::core::sql;
use crate::gateway::backend::{BackendError, Question, Questions as _};
use crate::gateway::dsql::{self, Drops, KeyColumns, Strictness};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{Kind, Statement};
use crate::gateway::transaction::pair::array;

/// How a setting is off (PostgreSQL documentation, 20.1.1).
const OFF: [&str; 4] = ["off", "false", "no", "0"];

impl Protocol {
    /// Before it runs.
    pub(super) async fn check_as_the_service(
        &mut self,
        statement: &Statement,
    ) -> Result<(), BackendError> {
        self.check_index_at_once(statement).await?;
        self.check_primary_key(statement).await?;
        self.check_key_types(statement).await?;
        self.note_mapping(statement).await
    }

    /// An index is made at once only where the session has asked that it may be.
    async fn check_index_at_once(&mut self, statement: &Statement) -> Result<(), BackendError> {
        if !self.is_limited(statement) || !dsql::makes_index_at_once(statement) {
            return Ok(());
        }
        let answer = self.backend.ask(Question::prepared(dsql::asks_own_setting())).await?;
        let is_off = answer.value(0).is_some_and(|value| OFF.contains(&&*value.to_lowercase()));
        let refused =
            if is_off { dsql::refused_keys(statement) } else { Some(Refusal::index_at_once()) };
        refused.map_or(Ok(()), |refusal| Err(refusal.into()))
    }

    async fn check_primary_key(&mut self, statement: &Statement) -> Result<(), BackendError> {
        let Some(drops) = self.is_limited(statement).then(|| dsql::drops(statement)).flatten()
        else {
            return Ok(());
        };
        let Drops { schema, table, columns, constraints } = drops;
        let question = Question::prepared(sql::optimistic::PRIMARY_KEY)
            .with_some(schema)
            .with(table)
            .with(array(columns.iter().map(String::as_str)))
            .with(array(constraints.iter().map(String::as_str)));
        let rows = self.backend.ask(question).await?.rows;
        match rows.first().map(Vec::as_slice) {
            Some([Some(is_constraint), column]) => {
                let column = column.as_deref().filter(|_| is_constraint != "t");
                Err(dsql::refused_drop(column).into())
            }
            _ => Ok(()),
        }
    }

    /// PostgreSQL has words of its own for a key that cannot be.
    async fn check_key_types(&mut self, statement: &Statement) -> Result<(), BackendError> {
        let keys = self.is_limited(statement).then(|| dsql::key_columns(statement)).flatten();
        let Some(KeyColumns { schema, table, columns }) = keys else { return Ok(()) };
        let question = Question::prepared(sql::optimistic::KEY_TYPES)
            .with_some(schema)
            .with(table)
            .with(array(columns.iter().map(String::as_str)));
        match self.backend.ask(question).await?.value(0) {
            None => Ok(()),
            Some(kind) => Err(dsql::refused_key_type(kind).into()),
        }
    }

    /// After it has run, and before anybody is told so.
    pub(super) async fn check_counts(&mut self, statement: &Statement) -> Result<(), BackendError> {
        if !self.is_limited(statement) || !statement.is_a("create") {
            return Ok(());
        }
        let rows = self.backend.ask(Question::prepared(sql::optimistic::COUNTS)).await?.rows;
        let refused = rows.iter().find_map(|row| {
            let counted = row.first()?.as_deref()?;
            dsql::refused_count(counted, row.get(1)?.as_deref()?.parse().ok()?)
        });
        refused.map_or(Ok(()), |refusal: Refusal| Err(refusal.into()))
    }

    fn is_limited(&self, statement: &Statement) -> bool {
        self.context.strictness == Strictness::Dsql && matches!(statement.kind, Kind::Ddl(_))
    }
}
