//! Rows that go or change with those that they refer to, where no copy has the foreign key.

use std::collections::HashSet;

use super::part::with_keys;
use super::{Following, InUse, Lost, Tables};
use crate::gateway::backend::{Answer, Question};
use crate::gateway::transaction::journal::Key;
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
    pub(crate) fn note_lost(&mut self, table: u32, answer: Answer) -> Lost {
        let Some(used) = self.state(table) else { return Lost::default() };
        let before: Vec<Key> = used.followed.iter().cloned().collect();
        let gone = answer.rows.into_iter().filter_map(|row| row.into_iter().collect());
        let gone: HashSet<Key> = gone.filter(|key| !used.followed.contains(key)).collect();
        let now = if used.is_complete {
            gone.iter().cloned().collect()
        } else {
            // About in the order in which the rows were found.
            used.brought.iter().filter(|key| gone.contains(*key)).cloned().collect()
        };
        used.followed.extend(gone);
        Lost { before, now }
    }

    /// What brings the rows that refer to those that are lost now, no more than this many, and what
    /// takes them along. Rows of the transaction's own may refer to those that were lost before and
    /// came again.
    pub(crate) fn taking(
        &self,
        following: &Following,
        before: &[Key],
        lost: &[Key],
        most: usize,
    ) -> Option<[Question; 2]> {
        let Following { referred, table, key, action } = following;
        let (copy, _) = self.used_copy(*referred)?;
        let pair = Pair::new(&copy.shape, &copy.name);
        let (side, its_own) = self.side(*table, pair.key_types().len() + 1, false)?;
        let bring = Question::prepared(pair.bring_referrers(key, &side, most));
        let bring = side.with(with_keys(bring, &pair, lost), its_own);
        let (_, using) = self.used_copy(*table)?;
        let take = Question::prepared(pair.take_along(key, action, &side.pair));
        let take = with_keys(take.with(using.fills_array()), &pair, &[before, lost].concat());
        Some([bring, take])
    }

    /// What was answered to that: how many rows were taken along.
    pub(crate) fn note_taken(&mut self, following: &Following, answers: Vec<Answer>) -> u64 {
        let mut answers = answers.into_iter();
        let brought = answers.next().unwrap_or_default();
        self.brought(following.table, brought.rows, None);
        let taken = answers.next().unwrap_or_default();
        let taken = taken.value(0).and_then(|count| count.parse().ok()).unwrap_or_default();
        if taken > 0 {
            self.note_written(following);
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

    fn note_written(&mut self, following: &Following) {
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
