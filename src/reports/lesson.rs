//! One line in plain words under the errors that teach.

use crate::core::event::ServerMessage;

/// What an error teaches. One code has several causes, which only the message tells apart.
pub fn of(message: &ServerMessage) -> Option<&'static str> {
    let text = message.message.as_str();
    match message.code.as_str() {
        "40001" => Some(serialization_failure(text)),
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

/// Why a transaction cannot go on beside the others. A message in another language, or of another
/// product, teaches only what is always true.
fn serialization_failure(message: &str) -> &'static str {
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
        (
            "due to concurrent update",
            "Somebody else has changed this row, and committed, since this transaction took its \
             snapshot. It may not change or lock \
             what it cannot see. Roll back and begin again.",
        ),
        (
            "due to concurrent delete",
            "Somebody else has deleted this row, and committed, since this transaction took its \
             snapshot. It may not change or lock \
             what it cannot see. Roll back and begin again.",
        ),
        (
            "due to read/write dependencies",
            "The database cannot be sure that this would look as if transactions had run one after \
             the other. Roll back and begin again.",
        ),
        (
            "conflict with recovery",
            "This server replays the changes of another, and they could not wait for this \
             statement. Retry.",
        ),
    ];
    let cause = causes.into_iter().find(|(words, _)| message.contains(words));
    cause.map_or(
        "This transaction cannot proceed alongside the others. Roll back and retry.",
        |it| it.1,
    )
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
            "An earlier error has spoilt this transaction. Nothing is accepted now but its end, or \
             a return to a savepoint; even COMMIT will roll back."
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
        teaches("could not serialize access due to concurrent update", "changed this row");
        teaches("could not serialize access due to concurrent delete", "deleted this row");
        let dependencies =
            "could not serialize access due to read/write dependencies among transactions";
        teaches(dependencies, "one after the other");
        let moved =
            "tuple to be locked was already moved to another partition due to concurrent update";
        teaches(moved, "another partition");
        teaches("canceling statement due to conflict with recovery", "replays");
        let foreign = "kann Zugriff nicht serialisieren wegen gleichzeitiger Aktualisierung";
        teaches(foreign, "alongside the others");
    }

    #[test]
    fn only_serializable_is_said_to_be_about_one_after_the_other() {
        for cause in ["update", "delete"] {
            let lesson =
                said("40001", &format!("could not serialize access due to concurrent {cause}"));
            assert!(!lesson.unwrap().contains("one after the other"));
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
