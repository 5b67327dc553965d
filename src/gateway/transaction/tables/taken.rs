//! Rows that go or change with those that they refer to, where no copy has the foreign key.

use super::part::with_keys;
use super::{Following, InUse, Tables};
use crate::gateway::backend::{Answer, Question};
use crate::gateway::transaction::journal::Key;
use crate::gateway::transaction::pair::Pair;
use crate::gateway::transaction::pair::references::Brought;
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

    /// Asks which stored rows of this table are gone that were not when this was asked before.
    /// Nothing stored refers to those any more.
    pub(crate) fn lost_question(&self, table: u32) -> Option<Question> {
        let (copy, used) = self.used_copy(table)?;
        let pair = Pair::new(&copy.shape, &copy.name);
        if used.is_complete {
            return Some(Question::prepared(pair.gone_of_all()));
        }
        let known = used.brought.iter().filter(|key| !used.followed.contains(*key));
        let known: Vec<Key> = known.cloned().collect();
        Some(with_keys(Question::prepared(pair.gone_of_brought()), &pair, &known))
    }

    /// What was answered to that.
    pub(crate) fn lost(&mut self, table: u32, answer: Answer) -> Vec<Key> {
        let Some(used) = self.state(table) else { return Vec::new() };
        let keys = answer.rows.into_iter().filter_map(|row| row.into_iter().collect());
        let lost: Vec<Key> = keys.filter(|key| !used.followed.contains(key)).collect();
        used.followed.extend(lost.iter().cloned());
        lost
    }

    /// What brings the rows that refer to those that are lost, and what takes them along.
    pub(crate) fn taking(&self, following: &Following, lost: &[Key]) -> Option<[Question; 2]> {
        let Following { referred, table, key, action } = following;
        let (copy, used) = self.used_copy(*referred)?;
        let pair = Pair::new(&copy.shape, &copy.name);
        let (side, its_own) = self.side(*table, pair.key_types().len() + 1, false)?;
        let bring = Question::prepared(pair.bring_referrers(key, &side));
        let bring = side.with(with_keys(bring, &pair, lost), its_own);
        let (_, using) = self.used_copy(*table)?;
        let brought = if used.is_complete { Brought::All } else { Brought::Keys(2) };
        let take = Question::prepared(pair.take_along(key, action, brought, &side.pair));
        let take = take.with(using.fills_array());
        let take = if used.is_complete { take } else { with_keys(take, &pair, &used.brought) };
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
