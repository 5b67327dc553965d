//! How large rows, values and keys may be: the service's limits, which are smaller than
//! PostgreSQL's.

use super::Transaction;
use super::pair::{Pair, array};
use super::row_changes::{Change, TableChanges};
use crate::gateway::backend::{BackendError, Question, Questions};
use crate::gateway::options::Sizes;
use crate::gateway::refusal::Refusal;

/// A smaller row needs no look, since nothing in it can be too large, compressed or not: what
/// PostgreSQL compresses is of rows of 2 KiB at least, and stays larger than a hundredth of that,
/// which comes to the 24 bytes that every row begins with.
const SMALL: u64 = 40;

/// What each column of a key beyond the first takes of the room that a key has (Aurora DSQL's guide
/// for agents, Limits and error codes, October 2026).
const COST_OF_A_KEY_COLUMN: u64 = 7;

impl Transaction {
    /// Whether anything can be too large.
    pub(crate) fn judges_sizes(&self) -> bool {
        self.shared.limits.sizes.is_some()
    }

    /// Refuses what is too large already, before the COMMIT that would refuse it.
    pub(crate) async fn check_sizes_so_far(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        let changes = self.changes(backend).await?;
        self.check_sizes(backend, &changes).await
    }

    /// Refuses rows that are too large, or in which something is.
    pub(super) async fn check_sizes(
        &self,
        backend: &mut impl Questions,
        changes: &[TableChanges],
    ) -> Result<(), BackendError> {
        let Some(sizes) = self.shared.limits.sizes else { return Ok(()) };
        for table in changes {
            if table.changes.iter().any(|change| change.size > sizes.row) {
                return Err(Refusal::limit("maximum row size exceeded").into());
            }
            let large = table.changes.iter().filter(|change| change.size > SMALL);
            let places: Vec<&str> = large.filter_map(place).collect();
            if !places.is_empty() {
                let question = Question::prepared(Pair::new(&table.shape, &table.copy).sizes());
                let answer = backend.ask(question.with(array(places))).await?;
                table.check(answer.rows.first().map(Vec::as_slice).unwrap_or_default(), sizes)?;
            }
        }
        Ok(())
    }
}

fn place(change: &Change) -> Option<&str> {
    change.place.as_deref().filter(|_| change.is_written())
}

impl TableChanges {
    /// Of the largest value of each column, and the largest key.
    fn check(&self, sized: &[Option<String>], sizes: Sizes) -> Result<(), Refusal> {
        let number = |text: &Option<String>| text.as_deref()?.parse::<u64>().ok();
        let Some((key, values)) = sized.split_last() else { return Ok(()) };
        let further = self.shape.key().map_or(0, |key| key.len().saturating_sub(1));
        let room = sizes.key.saturating_sub(COST_OF_A_KEY_COLUMN * further as u64);
        if number(key).is_some_and(|size| size > room) {
            return Err(Refusal::limit("key size too large"));
        }
        let mut sized = self.shape.columns.iter().zip(values);
        let large = sized.find(|(_, size)| number(size).is_some_and(|size| size > sizes.value));
        large.map_or(Ok(()), |(column, _)| {
            Err(Refusal::limit(format!(
                "datatype limit greater than {} bytes not supported for {}",
                sizes.value, column.type_name
            )))
        })
    }
}
