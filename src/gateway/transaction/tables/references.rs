//! What is asked behind a statement about foreign keys that no copy has.
//!
//! Rows that refer to something claim it, as PostgreSQL's own check locks it FOR KEY SHARE. Rows to
//! which none may refer claim nothing by that: they are gone, which claims more.

use super::part::{NO_COMMAND, with_keys};
use super::ties::names;
use super::{AskedReference, Broken, Copy, Following, InUse, ReferenceCheck, Tables};
use crate::gateway::backend::{Answer, Question};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::Statement;
use crate::gateway::transaction::journal::Key;
use crate::gateway::transaction::ledger::RowId;
use crate::gateway::transaction::pair::Pair;
use crate::gateway::transaction::pair::references::{Brought, Side, Stored};
use crate::gateway::transaction::shape::Constraint;

impl Tables {
    /// The tables to which rows may refer that a statement brings to this large table or changes
    /// in it, where nobody else sees to that.
    pub(super) fn refers(&self, table: u32, statement: &Statement) -> Vec<u32> {
        let Some(shape) = self.shapes.get(&table).filter(|_| statement.writes) else {
            return Vec::new();
        };
        if !self.large.contains(&table) || self.is_bound(table) {
            return Vec::new();
        }
        let inserts = statement.may_insert();
        let keys = shape.foreign_keys();
        let may_refer =
            keys.filter(|key| inserts || shape.may_set(names(&key.columns), &statement.sets));
        may_refer.map(|key| key.refers_to).collect()
    }

    /// The tables whose copies a check uses, whether or not there are rows in them.
    pub(super) fn used_by(&self, check: ReferenceCheck) -> Vec<u32> {
        match check {
            // What is referred to is claimed.
            ReferenceCheck::Referring(table) => {
                let shape = self.shapes.get(&table);
                let keys = shape.iter().flat_map(|shape| shape.foreign_keys());
                keys.map(|key| key.refers_to).collect()
            }
            ReferenceCheck::Referred(_) => Vec::new(),
            ReferenceCheck::TakesAlong(table) => self.taken_along(table).unwrap_or_default(),
        }
    }

    /// The questions of a check.
    pub(crate) fn reference_questions(
        &self,
        check: ReferenceCheck,
    ) -> Vec<(AskedReference, Question)> {
        match check {
            ReferenceCheck::Referring(table) => {
                let asked = self.used_copy(table).map_or(NO_COMMAND, |(_, used)| used.referring);
                let keys = self.shapes.get(&table).map(|shape| shape.foreign_keys());
                let keys = keys.into_iter().flatten();
                keys.filter_map(|key| self.ask_references(check, table, key, asked)).collect()
            }
            ReferenceCheck::Referred(table) => {
                let all = self.following(table);
                all.iter().flat_map(|following| self.refused(following, None)).collect()
            }
            // They are carried out when the statement has run.
            ReferenceCheck::TakesAlong(_) => Vec::new(),
        }
    }

    /// Whether rows refer to others that are gone: to those of these keys, or to any.
    pub(crate) fn refused(
        &self,
        following: &Following,
        gone: Option<&[Key]>,
    ) -> impl Iterator<Item = (AskedReference, Question)> {
        let Following { referred, table, key, .. } = following;
        let check = ReferenceCheck::Referred(*referred);
        let stored = self.ask_referrers(check, *table, key, gone);
        // What has come in this transaction may have been referred to by its own rows.
        let is_changed = self.is_changed(*table);
        let own = is_changed.then(|| self.ask_references(check, *table, key, NO_COMMAND)).flatten();
        stored.into_iter().chain(own)
    }

    pub(super) fn used_copy(&self, table: u32) -> Option<(&Copy, &InUse)> {
        let copy = self.copies.get(&table)?;
        Some((copy, copy.in_use.as_ref()?))
    }

    /// To what rows refer that were written behind a command.
    fn ask_references(
        &self,
        check: ReferenceCheck,
        table: u32,
        key: &Constraint,
        behind: i64,
    ) -> Option<(AskedReference, Question)> {
        const FIRST: usize = 3;
        let (copy, used) = self.used_copy(table)?;
        let (_, referred) = self.used_copy(key.refers_to)?;
        let are_keys_kept = !referred.may_vanish && !referred.may_be_new;
        let (side, brought) = self.side(key.refers_to, FIRST, are_keys_kept)?;
        let sql = Pair::new(&copy.shape, &copy.name).references(key, &side);
        let question = Question::prepared(sql).with(used.fills_array()).with(behind.to_string());
        let question = side.with(question, brought);
        Some((AskedReference::new(check, &copy.shape, key), question))
    }

    fn ask_referrers(
        &self,
        check: ReferenceCheck,
        table: u32,
        key: &Constraint,
        gone: Option<&[Key]>,
    ) -> Option<(AskedReference, Question)> {
        let (copy, used) = self.used_copy(key.refers_to)?;
        let pair = Pair::new(&copy.shape, &copy.name);
        let keys = gone.or_else(|| (!used.is_complete).then_some(&used.brought[..]));
        let brought = if keys.is_some() { Brought::Keys(1) } else { Brought::All };
        let behind = if keys.is_some() { pair.key_types().len() + 1 } else { 1 };
        let (side, its_own) = self.side(table, behind, false)?;
        let question = Question::prepared(pair.referrers(key, brought, &side));
        let question = keys.into_iter().fold(question, |it, keys| with_keys(it, &pair, keys));
        let question = side.with(question, its_own);
        Some((AskedReference::new(check, self.shapes.get(&table)?, key), question))
    }

    /// Where the rows of a table are, and the keys of those that count as brought: from this
    /// parameter on.
    pub(super) fn side(
        &self,
        table: u32,
        from: usize,
        are_keys_kept: bool,
    ) -> Option<(Side<'_>, &[Key])> {
        let Some((copy, used)) = self.used_copy(table) else {
            let shape = self.shapes.get(&table)?;
            let pair = Pair::new(shape, &shape.name);
            return Some((Side { pair, stored: Stored::All, is_copied: false }, &[]));
        };
        let (stored, brought) = if used.is_complete {
            (Stored::Nothing, &[][..])
        } else if are_keys_kept || used.brought.is_empty() {
            (Stored::All, &[][..])
        } else {
            (Stored::NotBrought(from), &used.brought[..])
        };
        let pair = Pair::new(&copy.shape, &copy.name);
        Some((Side { pair, stored, is_copied: true }, brought))
    }

    /// What was answered: rows that are referred to are claimed. Answers what does not hold.
    pub(crate) fn note_reference(
        &mut self,
        asked: &AskedReference,
        answer: Answer,
    ) -> Option<Broken> {
        let (mut found, mut broken, mut last) = (Vec::new(), Vec::new(), NO_COMMAND);
        for row in answer.rows {
            let mut values = row.into_iter();
            let command = values.next().flatten().and_then(|command| command.parse().ok());
            last = last.max(command.unwrap_or(NO_COMMAND));
            let place = values.next().flatten().as_deref().and_then(place);
            if let Some(values) = values.next().flatten() {
                broken.push(Broken { place, refusal: self.violation(asked, &values) });
            } else if let Some(stored) = values.collect::<Option<Key>>() {
                found.push(RowId { table: asked.key.refers_to, key: stored });
            }
        }
        if let ReferenceCheck::Referring(table) = asked.check {
            if let Some(used) = self.state(asked.key.refers_to) {
                used.shared.extend(found);
            }
            if let Some(used) = self.state(table) {
                used.referring = used.referring.max(last);
            }
        }
        Broken::first(broken)
    }

    fn violation(&self, asked: &AskedReference, values: &str) -> Refusal {
        let AskedReference { shape, key, check } = asked;
        let referred = self.shapes.get(&key.refers_to).map(|shape| shape.name.as_str());
        let (table, constraint, referred) = (&shape.name, &key.name, referred.unwrap_or_default());
        let (message, detail) = match check {
            ReferenceCheck::Referring(_) => (
                format!(
                    "insert or update on table \"{table}\" violates foreign key constraint \
                     \"{constraint}\""
                ),
                format!(
                    "Key ({})=({values}) is not present in table \"{referred}\".",
                    key.columns.join(", ")
                ),
            ),
            ReferenceCheck::Referred(_) | ReferenceCheck::TakesAlong(_) => (
                format!(
                    "update or delete on table \"{referred}\" violates foreign key constraint \
                     \"{constraint}\" on table \"{table}\""
                ),
                format!(
                    "Key ({})=({values}) is still referenced from table \"{table}\".",
                    key.referred.join(", ")
                ),
            ),
        };
        Refusal::broken_reference(message)
            .with('D', detail)
            .with('s', &*shape.schema)
            .with('t', &**table)
            .with('n', &**constraint)
    }
}

/// A place as PostgreSQL writes it: `(0,12)`.
fn place(text: &str) -> Option<(u64, u64)> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    let (page, item) = inner.split_once(',')?;
    Some((page.parse().ok()?, item.parse().ok()?))
}

impl Side<'_> {
    /// A question with the keys of the rows that were brought, where it asks by them.
    pub(super) fn with(&self, question: Question, brought: &[Key]) -> Question {
        match self.stored {
            Stored::NotBrought(_) => with_keys(question, &self.pair, brought),
            Stored::All | Stored::Nothing => question,
        }
    }
}
