//! Which statements are on their way in a conversation that is passed through: what a client has
//! prepared and bound, what it has sent, and what the server has answered so far.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::core::event::octets;
use crate::gateway::backend::error_field;
use crate::gateway::hooks::StatementOutcome;
use crate::pg::frame::{ClientTag, FromClient, FromServer, ServerTag};
use crate::pg::message::{Message as _, ParameterStatus};

/// What both sides have said, as far as statements go.
pub(super) struct Talk {
    application: Arc<str>,
    /// The texts of prepared statements and of portals, by name.
    prepared: HashMap<Box<[u8]>, Arc<str>>,
    portals: HashMap<Box<[u8]>, Arc<str>>,
    /// What the server has not answered yet.
    sent: VecDeque<Sent>,
    /// The error since the last `ReadyForQuery`.
    refused: Option<String>,
}

/// What is answered by a word of the server's.
enum Sent {
    /// A Query message, by `ReadyForQuery`.
    Query(Arc<str>),
    /// An Execute, by its `CommandComplete`, or after an error by `ReadyForQuery`.
    Execute(Arc<str>),
    /// What is answered by `ReadyForQuery` and is no statement.
    Sync,
}

/// A statement that is over, and what came of it.
pub(super) type Ended = (Arc<str>, StatementOutcome);

impl Talk {
    /// Of a client that calls itself so.
    pub(super) fn of(application: &str) -> Self {
        Self {
            application: application.into(),
            prepared: HashMap::new(),
            portals: HashMap::new(),
            sent: VecDeque::new(),
            refused: None,
        }
    }

    /// What the client calls itself.
    pub(super) fn application(&self) -> &Arc<str> {
        &self.application
    }

    /// Notes a message of the client's; the statement that it runs, if it runs one.
    pub(super) fn note_said(&mut self, frame: &FromClient) -> Option<Arc<str>> {
        let mut fields = frame.fields();
        match frame.tag {
            ClientTag::Query => {
                let sql: Arc<str> = octets::keep(fields.string()?).into();
                self.sent.push_back(Sent::Query(Arc::clone(&sql)));
                return Some(sql);
            }
            ClientTag::Parse => {
                let (name, sql) = (fields.string()?, fields.string()?);
                self.prepared.insert(name.into(), octets::keep(sql).into());
            }
            ClientTag::Bind => {
                let (portal, name) = (fields.string()?, fields.string()?);
                let sql = self.prepared.get(name).cloned();
                // Without a statement the server refuses it, and has no portal.
                self.portals.extend(sql.map(|sql| (portal.into(), sql)));
            }
            ClientTag::Execute => {
                // A cursor that was declared in a statement is no portal that was seen.
                let sql = self.portals.get(fields.string()?).cloned().unwrap_or_default();
                self.sent.push_back(Sent::Execute(Arc::clone(&sql)));
                return Some(sql);
            }
            ClientTag::Sync | ClientTag::FunctionCall => self.sent.push_back(Sent::Sync),
            _ => {}
        }
        None
    }

    /// Notes a message of the server's; the statements that it ends.
    pub(super) fn note_answered(&mut self, frame: &FromServer) -> Vec<Ended> {
        match frame.tag {
            ServerTag::Parameter => self.note_parameter(frame),
            ServerTag::Error => {
                self.refused.get_or_insert(error_field(frame, b'C').unwrap_or_default());
            }
            ServerTag::CommandComplete | ServerTag::EmptyQuery | ServerTag::PortalSuspended => {
                return self.end_execute().into_iter().collect();
            }
            ServerTag::Ready => return self.end_message(),
            _ => {}
        }
        Vec::new()
    }

    /// Notes that the server says nothing more; the statements of which nobody knows.
    pub(super) fn note_end(&mut self) -> Vec<Arc<str>> {
        let statement = |sent| match sent {
            Sent::Query(sql) | Sent::Execute(sql) => Some(sql),
            Sent::Sync => None,
        };
        self.sent.drain(..).filter_map(statement).collect()
    }

    /// An Execute is over; a Query may have more statements.
    fn end_execute(&mut self) -> Option<Ended> {
        match self.sent.pop_front()? {
            Sent::Execute(sql) => Some((sql, StatementOutcome::Done)),
            other => {
                self.sent.push_front(other);
                None
            }
        }
    }

    /// Everything up to the next message that this answers is over; after an error what is left
    /// was skipped.
    fn end_message(&mut self) -> Vec<Ended> {
        let refused = self.refused.take();
        let outcome = || refused.clone().map_or(StatementOutcome::Done, StatementOutcome::Refused);
        let mut ended = Vec::new();
        while let Some(sent) = self.sent.pop_front() {
            match sent {
                Sent::Execute(sql) => ended.push((sql, outcome())),
                Sent::Query(sql) => {
                    ended.push((sql, outcome()));
                    break;
                }
                Sent::Sync => break,
            }
        }
        ended
    }

    fn note_parameter(&mut self, frame: &FromServer) {
        if let Ok(ParameterStatus { name: b"application_name", value }) =
            ParameterStatus::read(frame)
            && let Ok(value) = str::from_utf8(value)
        {
            self.application = value.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(talk: &mut Talk, tag: u8, texts: &[&str]) -> Option<String> {
        let body: String = texts.iter().flat_map(|text| [text, "\0"]).collect();
        talk.note_said(&FromClient::with(tag, body.as_bytes())).map(|sql| sql.to_string())
    }

    fn answered(talk: &mut Talk, tag: u8) -> Vec<String> {
        let ended = talk.note_answered(&FromServer::with(tag, b"C42P01\0\0"));
        ended.iter().map(|(sql, outcome)| format!("{sql}: {outcome:?}")).collect()
    }

    #[test]
    fn a_query_is_over_when_the_server_is_ready() {
        let mut talk = Talk::of("");
        assert_eq!(said(&mut talk, b'Q', &["select 1; select 2"]).unwrap(), "select 1; select 2");
        assert!(answered(&mut talk, b'C').is_empty() && answered(&mut talk, b'C').is_empty());
        assert_eq!(answered(&mut talk, b'Z'), ["select 1; select 2: Done"]);
    }

    #[test]
    fn an_execute_is_the_statement_of_its_portal_and_over_when_it_is_complete() {
        let mut talk = Talk::of("");
        assert_eq!(said(&mut talk, b'P', &["s", "select 1"]), None);
        assert_eq!(said(&mut talk, b'B', &["p", "s"]), None);
        assert_eq!(said(&mut talk, b'E', &["p"]).as_deref(), Some("select 1"));
        assert_eq!(said(&mut talk, b'S', &[]), None);
        assert_eq!(answered(&mut talk, b'C'), ["select 1: Done"]);
        assert!(answered(&mut talk, b'Z').is_empty());
        assert!(talk.note_end().is_empty());
    }

    #[test]
    fn after_an_error_everything_up_to_the_sync_was_refused() {
        let mut talk = Talk::of("");
        for (name, sql) in [("a", "first"), ("b", "second")] {
            said(&mut talk, b'P', &[name, sql]);
            said(&mut talk, b'B', &[name, name]);
            said(&mut talk, b'E', &[name]);
        }
        said(&mut talk, b'S', &[]);
        said(&mut talk, b'Q', &["third"]);
        assert!(answered(&mut talk, b'E').is_empty());
        let refused = ["first: Refused(\"42P01\")", "second: Refused(\"42P01\")"];
        assert_eq!(answered(&mut talk, b'Z'), refused);
        assert_eq!(answered(&mut talk, b'Z'), ["third: Done"]);
    }

    #[test]
    fn of_what_was_not_answered_nobody_knows() {
        let mut talk = Talk::of("");
        said(&mut talk, b'Q', &["commit"]);
        said(&mut talk, b'S', &[]);
        assert_eq!(talk.note_end().iter().map(|sql| &**sql).collect::<Vec<_>>(), ["commit"]);
    }
}
