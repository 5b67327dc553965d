//! `AWS IAM GRANT` and `AWS IAM REVOKE`, which PostgreSQL does not know: they are noted, and told
//! of once the transaction is committed.

use super::Protocol;
use crate::core::sql;
use crate::gateway::backend::{BackendError, Question, Questions as _};
use crate::gateway::dsql::Strictness;
use crate::gateway::facade::{Mapping, MappingChange, RoleName};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::Statement;

impl Protocol {
    /// The change of a mapping that a statement asks for, where there are mappings.
    pub(super) fn mapping_change(&self, statement: &Statement) -> Option<MappingChange> {
        let is_strict = self.context.strictness == Strictness::Dsql;
        is_strict.then(|| MappingChange::read(&statement.words)).flatten()
    }

    /// Notes what such a statement changes, or says why it cannot.
    pub(super) async fn note_mapping(&mut self, statement: &Statement) -> Result<(), BackendError> {
        let Some(change) = self.mapping_change(statement) else { return Ok(()) };
        let question = Question::prepared(sql::optimistic::ROLES).with(&change.role);
        let values = self.backend.ask(question).await?.rows.pop().unwrap_or_default();
        let values: Vec<String> = values.into_iter().flatten().collect();
        let Ok([number, name, by_number, by_name]) = <[String; 4]>::try_from(values) else {
            let says = format!("role \"{}\" does not exist", change.role);
            return Err(Refusal::undefined(says).into());
        };
        if let Some(refusal) = self.context.transactions.facade().mappings.refusal(&change) {
            return Err(refusal.into());
        }
        let role = RoleName { number, name };
        let grantor = RoleName { number: by_number, name: by_name };
        self.done.mappings.push((change.gives, Mapping { arn: change.arn, role, grantor }));
        Ok(())
    }
}
