//! Rows that go or change with those that they refer to, where no copy has the foreign key.

use super::{Following, InUse, Tables};
use crate::gateway::backend::{Answer, Question};
use crate::gateway::transaction::pair::Pair;
use crate::gateway::transaction::shape::{Action, Constraint};

impl Tables {
    /// The foreign keys that refer to this table, in the order in which they act.
    pub(crate) fn following(&self, referred: u32) -> Vec<Following> {
        let following = |(table, key): (u32, &Constraint)| Following {
            referred,
            table,
            key: key.clone(),
            action: key.on_delete(),
        };
        let mut all: Vec<Following> = self.referring(referred).map(following).collect();
        all.sort_by_key(|following| following.key.oid);
        all
    }

    /// What brings the rows that refer to what is gone, and what takes them along.
    pub(crate) fn taking(&self, following: &Following) -> Option<[Question; 2]> {
        let Following { referred, table, key, action } = following;
        let (copy, used) = self.used_copy(*referred)?;
        let pair = Pair::new(&copy.shape, &copy.name);
        let (brought, behind) = used.brought_from(1, &pair);
        let (side, its_own) = self.side(*table, behind, false)?;
        let bring = Question::prepared(pair.bring_referrers(key, brought, &side));
        let bring = side.with(used.with_brought(bring, &pair), its_own);
        let (_, using) = self.used_copy(*table)?;
        let (brought, _) = used.brought_from(2, &pair);
        let take = Question::prepared(pair.take_along(key, action, brought, &side.pair));
        let take = used.with_brought(take.with(using.fills_array()), &pair);
        Some([bring, take])
    }

    /// What was answered to that: how many rows were taken along.
    pub(crate) fn taken(&mut self, following: &Following, answers: Vec<Answer>) -> u64 {
        let mut answers = answers.into_iter();
        let brought = answers.next().unwrap_or_default();
        self.brought(following.table, brought.rows, None);
        let taken = answers.next().unwrap_or_default();
        let taken = taken.value(0).and_then(|count| count.parse().ok()).unwrap_or_default();
        if taken > 0 {
            self.note_taken(following);
        }
        taken
    }

    /// Whether rows may get another key of a unique index by it.
    pub(crate) fn gets_keys(&self, following: &Following) -> bool {
        match &following.action {
            Action::SetNull(columns) => {
                let shape = self.shapes.get(&following.table);
                shape.is_some_and(|shape| shape.changes_keys(columns))
            }
            _ => false,
        }
    }

    fn note_taken(&mut self, following: &Following) {
        let (table, goes) = (&following.table, following.goes());
        let is_rekeyed = self.gets_keys(following);
        if let Some(InUse { written, may_vanish, may_be_new, unnoted_deletes, .. }) =
            self.state(*table)
        {
            *written = true;
            *may_vanish |= goes;
            *unnoted_deletes |= goes;
            *may_be_new |= is_rekeyed;
        }
    }
}
