//! What a guest's transaction has done so far, as far as breakpoints ask for it. It is bounded by
//! the tables and names of the program, not by how many statements it sends.

use std::collections::HashMap;

use super::statement::{NamedStatement, Part, Statement};
use super::tables::Tables;
use crate::core::event::TransactionStatus;
use crate::core::syntax::{Verb, verb};

/// How many named statements of a session are remembered. Who makes more, and takes none away,
/// has all of them forgotten.
const MOST_NAMES: usize = 4096;

/// What is known of a guest when a statement of it arrives.
#[derive(Clone, Debug, Default)]
pub struct GuestHistory {
    /// Who it is, as it is shown.
    pub actor: String,
    /// What the server would say before the statement that has arrived.
    pub status: TransactionStatus,
    tables: Tables,
    has_doubts: bool,
    names: HashMap<Named, (Verb, Tables)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Named {
    Prepared(String),
    Cursor(String),
}

impl GuestHistory {
    pub fn of(actor: &str) -> Self {
        Self { actor: actor.to_owned(), ..Self::default() }
    }

    /// A statement goes to the server.
    pub fn let_go(&mut self, statement: &Statement) {
        for part in &statement.parts {
            self.note(part);
        }
    }

    /// The server is ready for what comes next: outside of a block the transaction is over.
    pub fn ready(&mut self, status: TransactionStatus) {
        self.status = status;
        if status == TransactionStatus::Idle {
            self.begin_anew();
        }
    }

    pub(super) fn note(&mut self, part: &Part) {
        match (&part.name, part.verb) {
            (_, Verb::Commit | Verb::Rollback | Verb::PrepareTransaction) => self.begin_anew(),
            (Some(NamedStatement::Prepares(name)), _) => {
                self.remember(Named::Prepared(name.clone()), part);
            }
            (Some(NamedStatement::Declares(name)), _) => {
                self.remember(Named::Cursor(name.clone()), part);
                self.tables.add(&part.tables);
            }
            _ => {
                let tables = self.tables_of(part);
                self.tables.add(&tables);
                self.has_doubts |= !part.doubts.is_empty();
            }
        }
    }

    /// The tables that a part touches when it runs: those of the statement that an EXECUTE names,
    /// and none of what is only prepared.
    pub fn tables_of(&self, part: &Part) -> Tables {
        if matches!(part.name, Some(NamedStatement::Prepares(_))) {
            return Tables::default();
        }
        let mut tables = part.tables.clone();
        if let Some((_, known)) = self.named(part) {
            tables.add(known);
        }
        tables
    }

    /// What it does when it runs.
    pub fn verb_of(&self, part: &Part) -> Verb {
        self.named(part).map_or(part.verb, |(verb, _)| *verb)
    }

    fn named(&self, part: &Part) -> Option<&(Verb, Tables)> {
        self.names.get(&match part.name.as_ref()? {
            NamedStatement::Executes(name) => Named::Prepared(name.clone()),
            NamedStatement::Fetches(name) => Named::Cursor(name.clone()),
            NamedStatement::Declares(_) | NamedStatement::Prepares(_) => return None,
        })
    }

    /// The tables of the transaction in flight.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Whether it has done something of which its text does not tell what that touches.
    pub fn has_doubts(&self) -> bool {
        self.has_doubts
    }

    fn begin_anew(&mut self) {
        self.tables = Tables::default();
        self.has_doubts = false;
    }

    fn remember(&mut self, name: Named, part: &Part) {
        if self.names.len() >= MOST_NAMES {
            self.names.clear();
        }
        self.names.insert(name, (prepared_verb(part), part.tables.clone()));
    }
}

/// What a prepared statement does: the keyword behind PREPARE … AS says it.
fn prepared_verb(part: &Part) -> Verb {
    let body = part.words.iter().position(|word| word.is("as"));
    body.map_or(part.verb, |at| verb(&part.words[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::Strings;

    fn names(tables: &Tables) -> Vec<String> {
        tables.all().map(ToString::to_string).collect()
    }

    fn sends(history: &mut GuestHistory, sql: &str) {
        history.let_go(&Statement::read(sql, Strings::Conforming));
    }

    #[test]
    fn a_transaction_has_touched_what_its_statements_did() {
        let mut history = GuestHistory::of("alice");
        for sql in ["begin", "select * from seats", "update shows set a = 1"] {
            sends(&mut history, sql);
            history.ready(TransactionStatus::InTransaction);
        }
        assert_eq!(names(history.tables()), ["shows", "seats"]);
        sends(&mut history, "commit and chain");
        assert!(history.tables().is_empty());
        sends(&mut history, "select * from seats");
        history.ready(TransactionStatus::Idle);
        assert!(history.tables().is_empty());
    }

    #[test]
    fn what_has_a_name_is_known_when_it_runs() {
        let mut history = GuestHistory::default();
        sends(&mut history, "prepare p as update seats set a = 1");
        assert!(history.tables().is_empty());
        sends(&mut history, "execute p");
        assert_eq!(names(history.tables()), ["seats"]);
        history.ready(TransactionStatus::Idle);
        sends(&mut history, "declare c cursor for select * from shows");
        history.ready(TransactionStatus::Idle);
        sends(&mut history, "fetch 1 from c");
        assert_eq!(names(history.tables()), ["shows"]);
    }

    #[test]
    fn who_prepares_without_end_is_forgotten_and_not_kept() {
        let mut history = GuestHistory::default();
        for nth in 0..3 * MOST_NAMES {
            sends(&mut history, &format!("prepare p{nth} as select * from seats"));
        }
        assert!(history.names.len() <= MOST_NAMES);
    }
}
