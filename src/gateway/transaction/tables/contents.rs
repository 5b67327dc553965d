//! The contents of private copies: brought up to date at their first use in a transaction, kept at
//! COMMIT, taken back by a rollback.

use std::collections::HashSet;

use super::{Copy, InUse, Made, Renewal, Tables, Used, low};
use crate::gateway::backend::{Answer, BackendError, Question, Questions};
use crate::gateway::refusal::Refusal;
use crate::gateway::transaction::journal::{Key, Seen};
use crate::gateway::transaction::pair::{Pair, array};

/// How many rows are taken anew with every retry rather than once before it.
const FEW: usize = 20;

impl Tables {
    /// The tables whose copies are not yet filled in this transaction.
    pub(crate) fn unfilled(&self, tables: &[u32]) -> Vec<u32> {
        let empty = |table: &&u32| {
            let copy = self.copies.get(table);
            copy.is_some_and(|copy| copy.in_use.is_none() && copy.part.is_none())
        };
        tables.iter().filter(empty).copied().collect()
    }

    /// What the contents of a table's copy are, once it has any.
    pub(crate) fn seen(&self, table: u32) -> Option<&Seen> {
        self.copies.get(&table)?.seen.as_ref()
    }

    /// Brings copies up to date in one round trip. With each table come the keys of the rows that
    /// its copy lacks, where those are known.
    pub(crate) async fn fill(
        &mut self,
        backend: &mut impl Questions,
        lacking: Vec<(u32, Option<HashSet<Key>>)>,
    ) -> Result<(), BackendError> {
        let (mut questions, mut fillings, mut are_tied) = (Vec::new(), Vec::new(), false);
        for (table, lacks) in lacking {
            self.note_lacking(table, lacks.as_ref());
            let Some(copy) = self.copies.get(&table) else { continue };
            if copy.is_littered {
                questions.push(Question::prepared(Pair::new(&copy.shape, &copy.name).clear()));
            }
            let if_rolled_back = copy.renewal(lacks.as_ref());
            let asked = copy.filling(lacks);
            let answer = (!asked.is_empty()).then_some(questions.len());
            are_tied |= answer.is_some() && copy.shape.is_tied();
            questions.extend(asked);
            fillings.push(Filling { table, answer, if_rolled_back });
        }
        let answers = if are_tied {
            ask_untied(backend, questions).await?
        } else {
            backend.ask_all(questions).await.map_err(BackendError::of_changed_schema)?
        };
        for filling in fillings {
            let answer = filling.answer.and_then(|place| answers.get(place));
            self.filled(&filling, answer)?;
        }
        Ok(())
    }

    /// Notes which rows of a table that is copied whole the others have written.
    fn note_lacking(&mut self, table: u32, lacks: Option<&HashSet<Key>>) {
        let may_be = self.large_from.is_some() && self.may_be_copied_in_part(table);
        let Some(lacks) = lacks.filter(|_| may_be) else { return };
        self.has_outgrown |= self.crowds.note(table, lacks);
    }

    /// Notes that a copy is in use, from what its filling was answered, if anything had to be
    /// asked.
    fn filled(&mut self, filling: &Filling, answer: Option<&Answer>) -> Result<(), Refusal> {
        // TRUNCATE, and ALTER TABLE where it rewrites a table, do not heed snapshots (PostgreSQL
        // documentation, 13.6): the copy would be empty, or hold later rows.
        if answer.is_some_and(|filled| filled.value(1) != filled.value(2)) {
            return Err(Refusal::schema_changed());
        }
        self.note_size(filling.table, answer.and_then(|filled| filled.value(3)));
        let Some(copy) = self.copies.get_mut(&filling.table) else { return Ok(()) };
        let command = answer.and_then(|filled| filled.value(0)?.parse().ok());
        copy.in_use = Some(InUse {
            // With nothing refreshed, whatever this transaction writes to the copy is the client's.
            fills: command.filter(|command| *command >= 0).into_iter().collect(),
            is_complete: true,
            file: answer.and_then(|filled| filled.value(1).map(str::to_owned)),
            if_rolled_back: filling.if_rolled_back,
            ..InUse::part()
        });
        Ok(())
    }

    /// The copies that the open transaction uses, in the order of their tables.
    pub(crate) fn used(&mut self) -> Vec<Used<'_>> {
        let used = self.copies.values_mut().filter_map(|copy| {
            Some(Used {
                shape: &copy.shape,
                copy: &copy.name,
                file: copy.file.as_deref(),
                state: copy.in_use.as_mut()?,
            })
        });
        let mut used: Vec<_> = used.collect();
        used.sort_by_key(|used| used.shape.oid);
        used
    }

    /// The tables that the open transaction may have changed.
    pub(crate) fn with_changes(&mut self) -> HashSet<u32> {
        let used = self.used().into_iter().filter(|used| used.state.may_have_changes());
        used.map(|used| used.shape.oid).collect()
    }

    /// The copy of this table, if the open transaction uses it.
    pub(crate) fn state(&mut self, table: u32) -> Option<&mut InUse> {
        self.copies.get_mut(&table)?.in_use.as_mut()
    }

    /// Whether any table is in use.
    pub(crate) fn is_used(&self) -> bool {
        self.copies.values().any(|copy| copy.in_use.is_some())
    }

    /// The transaction has committed, so many rows written in it: its contents stay.
    pub(crate) fn commit(&mut self, seen: &Seen, rows: u64) {
        self.forget_passing_names();
        // Copies that were tied stay so, and those that hold a part must not be.
        self.has_outgrown |= !std::mem::take(&mut self.bound).is_empty();
        for copy in self.copies.values_mut() {
            copy.made = Made::Kept;
            let Some(used) = copy.in_use.take() else { continue };
            if copy.part.is_some() {
                copy.commit_part(&used, rows);
            } else {
                copy.file = used.file.or(copy.file.take());
                copy.seen = Some(seen.clone());
                copy.is_littered = false;
            }
        }
        self.views.values_mut().for_each(|view| view.made = Made::Kept);
    }

    /// The transaction has lost to another and is likely tried again. Between its snapshot and its
    /// COMMIT it should not take longer then than the winner's next one, whose copies are up to
    /// date by its own writing.
    pub(crate) fn prepare_retry(&mut self) {
        let used = self.copies.values_mut().filter_map(|copy| copy.in_use.as_mut());
        used.for_each(|used| used.if_rolled_back = Renewal::Before);
    }

    /// The transaction was rolled back, so many rows written in it: the copies are what they were,
    /// and those made in it are gone.
    pub(crate) fn roll_back(&mut self, rows: u64) {
        self.forget_passing_names();
        self.bound.clear();
        let gone = |made: Made| made == Made::Now;
        let copies =
            self.copies.iter().filter(|(_, copy)| gone(copy.made)).map(|(table, _)| *table);
        let views = self.views.iter().filter(|(_, view)| gone(view.made)).map(|(view, _)| *view);
        self.wanted = copies.chain(views).collect();
        let undone = self.copies.iter().filter(|(_, copy)| copy.is_to_renew());
        self.undone = undone.map(|(table, _)| *table).collect();
        self.copies.retain(|_, copy| !gone(copy.made));
        self.views.retain(|_, view| !gone(view.made));
        for copy in self.copies.values_mut() {
            let Some(used) = copy.in_use.take() else { continue };
            copy.roll_back_part(&used, rows);
            copy.is_littered |= copy.seen.is_none() && copy.is_kept_current();
        }
    }
}

/// A copy that is brought up to date.
struct Filling {
    table: u32,
    /// Which answer tells how that went.
    answer: Option<usize>,
    if_rolled_back: Renewal,
}

impl Copy {
    /// What a rollback leaves to do after these rows were taken anew.
    fn renewal(&self, lacks: Option<&HashSet<Key>>) -> Renewal {
        match lacks {
            Some(keys) if self.seen.is_some() && keys.len() <= FEW => Renewal::AtUse,
            _ => Renewal::Before,
        }
    }

    /// Whether it is brought up to date before the next transaction begins, if this one is rolled
    /// back.
    fn is_to_renew(&self) -> bool {
        self.is_kept_current()
            && self.in_use.as_ref().is_some_and(|used| used.if_rolled_back == Renewal::Before)
    }

    /// Whether the next transaction has any use of what is brought up to date before it begins.
    pub(super) fn is_kept_current(&self) -> bool {
        self.part.is_none() && self.shape.key().is_some() && !self.shape.is_tied()
    }

    /// What brings it up to date: the rows that it lacks, or what has changed since by the table
    /// itself, or everything. Where foreign keys tie tables the table itself is asked, since a
    /// cascade writes rows that no transaction names.
    fn filling(&self, lacks: Option<HashSet<Key>>) -> Vec<Question> {
        let pair = Pair::new(&self.shape, &self.name);
        let lacks = lacks.filter(|_| !self.shape.is_tied());
        match (&self.seen, pair.refresh_rows(), lacks) {
            (Some(_), Some(_), Some(keys)) if keys.is_empty() => Vec::new(),
            (Some(_), Some(rows), Some(keys)) => {
                let rows = self.shape.asking(Question::prepared(rows));
                vec![in_columns(rows, &keys, pair.key_types().len())]
            }
            (Some(seen), Some(_), None) => {
                let refresh = pair.refresh().map(Question::prepared);
                refresh.map(|all| all.with(low(seen.snapshot.oldest))).into_iter().collect()
            }
            _ => {
                let fill = std::iter::once(pair.fill());
                fill.chain(pair.map_filling()).map(Question::prepared).collect()
            }
        }
    }
}

/// A question about the rows of these keys: an array for each column of the key.
fn in_columns(question: Question, keys: &HashSet<Key>, columns: usize) -> Question {
    let column = |at: usize| array(keys.iter().map(|key| key[at].as_str()));
    (0..columns).map(column).fold(question, Question::with)
}

/// Fills while foreign keys sleep: what is copied satisfies them already, and a cascade must not
/// run ahead of it.
async fn ask_untied(
    backend: &mut impl Questions,
    questions: Vec<Question>,
) -> Result<Vec<Answer>, BackendError> {
    let role = |role: &str| {
        Question::prepared(format!("select set_config('session_replication_role', '{role}', true)"))
    };
    // LOCAL: after an error the rollback brings the foreign keys back.
    let mut all = vec![role("replica")];
    all.extend(questions);
    all.push(role("origin"));
    match backend.ask_all(all).await {
        Ok(mut answers) => {
            answers.remove(0);
            Ok(answers)
        }
        Err(trouble) if trouble.code().as_deref() == Some("42501") => {
            let message = "tables with foreign keys are not supported unless the gateway works as \
                a superuser";
            Err(Refusal::unsupported(message).into())
        }
        Err(trouble) => Err(trouble.of_changed_schema()),
    }
}
