//! The numbers by which PostgreSQL knows a copy and what it is a copy of.

use crate::core::syntax::quote;
use crate::gateway::backend::{BackendError, Question, Questions};

/// The numbers by which PostgreSQL knows a copy, and those of what it is a copy of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    pub(super) copy: u32,
    pub(super) stored: u32,
    /// The types of their rows.
    pub(super) copy_row: u32,
    pub(super) stored_row: u32,
}

impl Numbers {
    /// Those of the copy and of the relation.
    pub(super) fn of_tables(self) -> (u32, u32) {
        (self.copy, self.stored)
    }

    /// Those of this copy of a relation.
    pub(super) async fn ask(
        backend: &mut impl Questions,
        copy: &str,
        stored: u32,
    ) -> Result<Self, BackendError> {
        // `to_regclass` gives NULL where a cast would raise an error and end the transaction.
        const NUMBERS: &str = "select c.oid::text, c.reltype::text, s.reltype::text \
                               from pg_catalog.pg_class c, pg_catalog.pg_class s \
                               where c.oid = to_regclass($1) and s.oid = $2::oid";
        let question = Question::prepared(NUMBERS)
            .with(format!("pg_temp.{}", quote(copy)))
            .with(stored.to_string());
        let answer = backend.ask(question).await?;
        let number = |column| answer.value(column).and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(Self { copy: number(0), stored, copy_row: number(1), stored_row: number(2) })
    }
}
