//! Messages on their way to the server.
//!
//! What a message does to names is noted when it is queued, since the messages behind it may use
//! them; where an error keeps it from being carried out, that is taken back.

use std::sync::Arc;

use bytes::BytesMut;

use super::names::{Names, Undo};
use crate::gateway::statement::Statement;
use crate::gateway::transaction::tables::Rewritten;
use crate::pg::frame::ServerTag;

/// A message on its way to the server.
pub(super) struct Queued {
    pub(super) bytes: BytesMut,
    pub(super) does: Does,
}

impl Queued {
    /// Whether it is a Parse of another statement than this one, about tables: the server must find
    /// their copies as they were when the text was turned.
    pub(super) fn prepares_beside(&self, statement: &Statement) -> bool {
        let Does::Prepares(_, parsing) = &self.does else { return false };
        parsing.rewritten.names_relations() && parsing.statement.sql != statement.sql
    }
}

/// What a message does to the names of statements.
pub(super) enum Does {
    Nothing,
    Prepares(Undo, Parsing),
    /// A Close of a statement.
    Closes(Undo),
    /// A Close of a portal, which an error takes away as well.
    ClosesPortal,
}

/// A Parse: of which statement, and how its text was turned.
pub(super) struct Parsing {
    pub(super) statement: Arc<Statement>,
    pub(super) rewritten: Rewritten,
}

/// How far the server got with what was sent to it.
#[derive(Default)]
pub(super) struct Progress {
    parsed: usize,
    closed: usize,
}

impl Progress {
    /// It has said this.
    pub(super) fn note(&mut self, tag: ServerTag) {
        self.parsed += usize::from(tag == ServerTag::ParseComplete);
        self.closed += usize::from(tag == ServerTag::CloseComplete);
    }

    /// Takes back what was noted of messages that the server did not carry out. Returns how the
    /// first Parse among them was turned.
    pub(super) fn take_back(&self, sent: Vec<Does>, names: &mut Names) -> Option<Parsing> {
        // The server answers in order and carries out nothing behind the first failure, so the
        // number of answers tells which messages were carried out.
        let (mut parsed, mut closed) = (self.parsed, self.closed);
        let mut undone = Vec::new();
        let mut parsing = None;
        for does in sent {
            let (undo, done) = match does {
                Does::Nothing => continue,
                Does::ClosesPortal => {
                    // Its CloseComplete does not tell whether a portal or a statement was closed.
                    closed = closed.saturating_sub(1);
                    continue;
                }
                Does::Closes(undo) => (undo, &mut closed),
                Does::Prepares(undo, text) => {
                    if parsed == 0 {
                        parsing.get_or_insert(text);
                    }
                    (undo, &mut parsed)
                }
            };
            match done.checked_sub(1) {
                Some(left) => *done = left,
                None => undone.push(undo),
            }
        }
        names.undo(undone);
        parsing
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::core::syntax::Strings;
    use crate::gateway::protocol::names::Prepared;

    fn prepares(names: &mut Names, name: &str, sql: &str) -> Does {
        let statement = Arc::new(Statement::read(sql, Strings::Conforming));
        let rewritten = Rewritten::whole(sql.to_owned());
        let parsing = Parsing { statement: Arc::clone(&statement), rewritten: rewritten.clone() };
        let prepared = Prepared::parsed(statement, Bytes::new(), Some(rewritten));
        Does::Prepares(names.note_prepared(name.to_owned(), prepared), parsing)
    }

    fn sql(names: &Names, name: &str) -> Option<String> {
        names.known(name).ok().map(|statement| statement.sql.clone())
    }

    #[test]
    fn what_was_not_parsed_is_not_prepared() {
        let mut names = Names::default();
        let sent = ["one", "two", "three"].map(|name| prepares(&mut names, name, "select 1"));
        let mut progress = Progress::default();
        progress.note(ServerTag::ParseComplete);
        progress.take_back(sent.into(), &mut names);
        assert!(names.known("one").is_ok());
        assert!(names.known("two").is_err() && names.known("three").is_err());
    }

    #[test]
    fn what_was_not_closed_is_there_still() {
        let mut names = Names::default();
        prepares(&mut names, "one", "select 1");
        let closes = Does::Closes(names.close_statement("one"));
        let anew = prepares(&mut names, "one", "select 2");
        Progress::default().take_back(vec![closes, anew], &mut names);
        assert_eq!(sql(&names, "one").as_deref(), Some("select 1"));
    }

    #[test]
    fn an_error_is_one_of_the_first_text_that_was_not_parsed() {
        let mut names = Names::default();
        let sent = vec![Does::ClosesPortal, prepares(&mut names, "one", "selct 1")];
        let parsing = Progress::default().take_back(sent, &mut names);
        assert_eq!(parsing.map(|parsing| parsing.rewritten.sql).as_deref(), Some("selct 1"));
    }

    #[test]
    fn the_statement_without_a_name_is_gone_whatever_came_of_the_new_one() {
        let mut names = Names::default();
        prepares(&mut names, "", "select 1");
        let anew = prepares(&mut names, "", "selct 2");
        Progress::default().take_back(vec![anew], &mut names);
        assert_eq!(sql(&names, ""), None);
    }
}
