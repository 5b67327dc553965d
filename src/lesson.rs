//! One line in plain words under the errors that teach.

use crate::event::ServerMessage;

/// What an error teaches. Its message tells the optimistic engine's two refusals from PostgreSQL's own 40001.
pub fn of(message: &ServerMessage) -> Option<&'static str> {
    let refusal = ["OC000", "OC001"].into_iter().find(|code| message.message.contains(code));
    lesson(refusal.filter(|_| message.code == "40001").unwrap_or(&message.code))
}

/// What an SQLSTATE teaches, or one of the optimistic engine's own codes.
pub fn lesson(code: &str) -> Option<&'static str> {
    Some(match code {
        "OC000" => {
            "Somebody else committed a change to the same row first. All of this transaction is undone: begin again."
        }
        "OC001" => {
            "Somebody changed the tables' definitions meanwhile. Begin the transaction again and it will go through."
        }
        "40001" => {
            "This cannot be made to look as if transactions had run one after the other. Roll back and begin again."
        }
        "40P01" => {
            "Each waited for the other, so neither could ever go on. The database chose this one to give up, so that the \
             other can."
        }
        "55P03" => {
            "Somebody else holds the lock, and this statement was told not to wait (any longer) for it."
        }
        "23505" => {
            "A row with this key is there already. With a unique key the database itself keeps two people from \
             having the same thing."
        }
        "25P02" => {
            "An earlier error has spoilt this transaction. Nothing but its end is accepted now, and even COMMIT will roll back."
        }
        "0A000" => {
            "This engine does not do that, and says so rather than do something else. Nothing has happened; a transaction that it was part of has failed."
        }
        "57014" => {
            "The statement was cancelled. If it was part of a transaction, that has failed and can only be rolled back."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_teach_have_a_lesson_and_others_have_none() {
        for code in
            ["40001", "OC000", "OC001", "40P01", "55P03", "23505", "25P02", "0A000", "57014"]
        {
            assert!(lesson(code).is_some(), "{code}");
        }
        assert_eq!(lesson("42601"), None);
    }

    #[test]
    fn the_refusals_of_the_optimistic_engine_have_lessons_of_their_own() {
        let said = |message: &str| {
            let (code, message) = ("40001".to_owned(), message.to_owned());
            of(&ServerMessage { code, message, ..ServerMessage::default() })
        };
        assert_eq!(said("please retry: (OC000)"), lesson("OC000"));
        assert_eq!(said("please retry: (OC001)"), lesson("OC001"));
        assert_eq!(said("could not serialize access"), lesson("40001"));
    }
}
