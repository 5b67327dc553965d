//! One line in plain words under the answers that teach: errors, and command tags that say less
//! than they seem to.

use std::sync::Arc;

use crate::core::event::{Certainty, Kind, ServerMessage, Wait, WaitTarget};
use crate::core::syntax::{self, Strings, Verb};

/// What must be known of a session to say what its next answer teaches. A fold over its events.
#[derive(Clone, Debug, Default)]
pub struct Lessons {
    sql: Arc<str>,
    /// How many statements of it are answered.
    answered: usize,
    /// What the statement that is to be answered has waited for.
    wait: Option<Wait>,
    strings: Strings,
}

impl Lessons {
    /// Folds what happens in the session; gives what its answer teaches, if it is one that does.
    pub fn apply(&mut self, kind: &Kind) -> Option<&'static str> {
        self.strings = kind.strings().unwrap_or(self.strings);
        match kind {
            Kind::Sent { sql, .. } => {
                *self = Self { sql: Arc::clone(sql), strings: self.strings, ..Self::default() };
            }
            Kind::Waiting(wait) => self.wait = Some(wait.clone()),
            Kind::Done { tag, .. } => {
                let lesson = self.of_tag(tag);
                self.answered += 1;
                self.wait = None;
                return lesson;
            }
            Kind::Failed(message) => return of(message),
            _ => {}
        }
        None
    }

    fn of_tag(&self, tag: &str) -> Option<&'static str> {
        match tag {
            "ROLLBACK" => self.is_to_be_committed().then_some(
                "An earlier error aborted this transaction, so it was rolled back instead. \
                 Nothing was saved.",
            ),
            "UPDATE 0" | "DELETE 0" | "MERGE 0" | "SELECT 0" => {
                self.wait.as_ref().is_some_and(is_for_a_row).then_some(
                    "The row was changed or deleted during the wait; it no longer matches the \
                     WHERE clause.",
                )
            }
            _ => None,
        }
    }

    /// Whether the statement that is answered asked for its transaction's changes to be kept.
    fn is_to_be_committed(&self) -> bool {
        let statements = syntax::split(&self.sql, self.strings);
        let statement = statements.get(self.answered).map_or("", |statement| statement.text);
        let verb = syntax::verb(&syntax::words(statement, self.strings));
        matches!(verb, Verb::Commit | Verb::PrepareTransaction)
    }
}

/// Whether a wait was for whoever had changed or locked a row: at READ COMMITTED the condition is
/// then looked at again, in the row's new version.
fn is_for_a_row(wait: &Wait) -> bool {
    wait.certainty == Certainty::Observed
        && matches!(wait.target, WaitTarget::Row { .. } | WaitTarget::Transaction)
}

/// What an error teaches. One code has several causes, which its fields tell apart.
fn of(message: &ServerMessage) -> Option<&'static str> {
    match message.code.as_str() {
        "40001" => Some(serialization_failure(message)),
        "23505" if is_of_an_index_build(message) => Some(
            "Two rows already have the same key, so the database cannot guarantee that it is \
             unique.",
        ),
        code => lesson(code),
    }
}

/// Whether the server was sorting the keys of an index to be (`tuplesort.c`), which its routine
/// says in any language.
fn is_of_an_index_build(message: &ServerMessage) -> bool {
    let is_from_there = |(letter, text): &(char, String)| {
        *letter == 'R' && text.starts_with("comparetup_index_btree")
    };
    message.message.starts_with("could not create unique index")
        || message.more.iter().any(is_from_there)
}

/// Why a transaction cannot go on beside the others. A product that is not PostgreSQL may say it in
/// words of its own, and is told only what is always true.
fn serialization_failure(message: &ServerMessage) -> &'static str {
    let causes = [
        (
            "OC000",
            "Another session changed the same row and committed first. This transaction is undone; \
             retry it from the start.",
        ),
        (
            "OC001",
            "Another session changed the tables' definitions meanwhile. Retry the transaction and \
             it will go through.",
        ),
        (
            "another partition",
            "Another session moved the row to another partition, where this statement does not \
             follow it. Retry.",
        ),
        ("due to concurrent update", CHANGED),
        ("due to concurrent delete", DELETED),
        ("due to read/write dependencies", NO_ORDER),
        (
            "conflict with recovery",
            "This server replays the changes of another, and they could not wait for this \
             statement. Retry.",
        ),
    ];
    let text = message.message.as_str();
    let cause = causes.into_iter().find(|(words, _)| text.contains(words)).map(|cause| cause.1);
    let field = |letter| message.more.iter().find(|(name, _)| *name == letter);
    let file = field('F').map_or("", |(_, file)| file.as_str());
    cause
        .or_else(|| of_source_file(file))
        .unwrap_or("This transaction cannot proceed alongside the others. Roll back and retry.")
}

const CHANGED: &str = "This row changed after your snapshot. Roll back and retry.";
const DELETED: &str = "This row was deleted after your snapshot. Roll back and retry.";
const NO_ORDER: &str = "No serial order explains both transactions. Roll back and retry.";

/// What a file of PostgreSQL's sources says of the cause, in whatever language the message is:
/// `predicate.c` finds dangerous structures, the executor finds rows that are newer than the
/// snapshot.
fn of_source_file(file: &str) -> Option<&'static str> {
    match file {
        "predicate.c" => Some(NO_ORDER),
        "nodeModifyTable.c" | "nodeLockRows.c" | "trigger.c" | "ri_triggers.c" => Some(CHANGED),
        _ => None,
    }
}

/// What an SQLSTATE teaches.
fn lesson(code: &str) -> Option<&'static str> {
    Some(match code {
        "40P01" => {
            "The sessions waited for each other in a circle, so none could ever proceed. The \
             database chose this one to give up so that the others can."
        }
        "55P03" => {
            "Another session holds the lock or is ahead in its queue, and this statement was told \
             not to wait (any longer)."
        }
        "23505" => {
            "A row with this key already exists. With a unique key, the database itself keeps two \
             people from getting the same thing."
        }
        "25P02" => {
            "An earlier error aborted this transaction. Only ROLLBACK helps; even COMMIT rolls \
             back."
        }
        "0A000" => {
            "This engine does not support that, and says so rather than do something else. Nothing \
             has happened; if it was part of a transaction, that has failed."
        }
        "57014" => {
            "The statement was cancelled. If it was part of a transaction, that has failed and can \
             only be rolled back (to a savepoint, if there is one)."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::{Blocker, SessionName, SubmissionId};

    fn said(code: &str, message: &str) -> Option<&'static str> {
        let (code, message) = (code.to_owned(), message.to_owned());
        of(&ServerMessage { code, message, ..ServerMessage::default() })
    }

    #[test]
    fn errors_that_teach_have_a_lesson_and_others_have_none() {
        for code in ["40001", "40P01", "55P03", "23505", "25P02", "0A000", "57014"] {
            assert!(said(code, "").is_some(), "{code}");
        }
        assert_eq!(said("42601", ""), None);
    }

    #[test]
    fn a_serialization_failure_teaches_its_own_cause() {
        let teaches = |message: &str, words: &str| {
            let lesson = said("40001", message).unwrap();
            assert!(lesson.contains(words), "{message}: {lesson}");
        };
        teaches(
            "change conflicts with another transaction, please retry: (OC000)",
            "same row and committed first",
        );
        teaches(
            "schema has been updated by another transaction, please retry: (OC001)",
            "definitions",
        );
        teaches(
            "could not serialize access due to concurrent update",
            "changed after your snapshot",
        );
        teaches(
            "could not serialize access due to concurrent delete",
            "deleted after your snapshot",
        );
        let dependencies =
            "could not serialize access due to read/write dependencies among transactions";
        teaches(dependencies, "No serial order");
        let moved =
            "tuple to be locked was already moved to another partition due to concurrent update";
        teaches(moved, "another partition");
        teaches("canceling statement due to conflict with recovery", "replays");
        let foreign = "kann Zugriff nicht serialisieren wegen gleichzeitiger Aktualisierung";
        teaches(foreign, "alongside the others");
    }

    #[test]
    fn a_cause_is_known_in_any_language() {
        let from = |file: &str| {
            of(&ServerMessage {
                code: "40001".to_owned(),
                message: "kann Zugriff nicht serialisieren".to_owned(),
                more: vec![('F', file.to_owned())],
                ..ServerMessage::default()
            })
        };
        assert_eq!(from("predicate.c"), Some(NO_ORDER));
        assert_eq!(from("nodeModifyTable.c"), Some(CHANGED));
    }

    fn taught(kinds: &[Kind]) -> Vec<&'static str> {
        let mut lessons = Lessons::default();
        kinds.iter().filter_map(|kind| lessons.apply(kind)).collect()
    }

    fn sent(sql: &str) -> Kind {
        Kind::Sent { submission: SubmissionId(1), sql: sql.into(), step: None, typed: None }
    }

    fn done(tag: &str) -> Kind {
        Kind::Done { tag: tag.to_owned(), rows: 0 }
    }

    fn waits_for(target: WaitTarget) -> Kind {
        let blockers = vec![Blocker::Session(SessionName::new("Bob"))];
        Kind::Waiting(Wait { blockers, target, certainty: Certainty::Observed })
    }

    #[test]
    fn no_row_after_a_wait_for_one_is_explained() {
        let row = || WaitTarget::Row {
            table: "seats".to_owned(),
            key: Some("A-4".to_owned()),
            wants: None,
        };
        let update = || sent("update seats set booked_by = 'Mallory' where booked_by is null;");
        let waited = [update(), waits_for(row()), done("UPDATE 0")];
        assert!(taught(&waited)[0].contains("no longer matches the WHERE"));
        assert!(taught(&[update(), waits_for(row()), done("UPDATE 1")]).is_empty());
        assert!(taught(&[update(), done("UPDATE 0")]).is_empty(), "it has not waited");
        let table =
            WaitTarget::Table { table: "seats".to_owned(), mode: "RowExclusiveLock".to_owned() };
        assert!(taught(&[update(), waits_for(table), done("UPDATE 0")]).is_empty());
        let both =
            [sent("update a; update b;"), waits_for(row()), done("UPDATE 1"), done("UPDATE 0")];
        assert!(taught(&both).is_empty(), "the other statement has waited");
    }

    #[test]
    fn a_commit_that_is_answered_by_rollback_is_explained() {
        for sql in ["commit;", "END", "/* so */ Commit and chain;", "prepare transaction 'x'"] {
            assert!(
                taught(&[sent(sql), done("ROLLBACK")])[0].contains("rolled back instead"),
                "{sql}"
            );
        }
        for sql in ["rollback;", "abort"] {
            assert!(taught(&[sent(sql), done("ROLLBACK")]).is_empty(), "{sql}");
        }
        let second = [sent("select 1; commit;"), done("SELECT 1"), done("ROLLBACK")];
        assert_eq!(taught(&second).len(), 1);
        let asked = [sent("commit; rollback;"), done("COMMIT"), done("ROLLBACK")];
        assert!(taught(&asked).is_empty());
    }

    #[test]
    fn only_serializable_is_said_to_be_about_one_after_the_other() {
        for cause in ["update", "delete"] {
            let lesson =
                said("40001", &format!("could not serialize access due to concurrent {cause}"));
            assert!(!lesson.unwrap().contains("serial order"));
        }
    }

    #[test]
    fn a_unique_index_that_cannot_be_made_is_not_told_as_a_row_too_many() {
        let index = said("23505", "could not create unique index \"t_a_key\"");
        assert_ne!(
            index,
            said("23505", "duplicate key value violates unique constraint \"t_a_key\"")
        );
    }
}
