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
    /// The texts of prepared statements and of portals that the server has, by name.
    prepared: HashMap<Box<[u8]>, Arc<str>>,
    portals: HashMap<Box<[u8]>, Arc<str>>,
    /// What the server has not answered yet.
    sent: VecDeque<Sent>,
    /// The error since the last `ReadyForQuery`.
    refused: Option<String>,
    /// Whether the server reads on to the next Sync without doing anything, as it does after an
    /// error in the extended protocol (PostgreSQL documentation, 54.2.3).
    is_skipping: bool,
    /// Whether the server reads the data of a COPY, and no Sync meanwhile counts (the same,
    /// 54.2.6).
    is_copying: bool,
}

/// What is answered by a word of the server's.
enum Sent {
    /// A Query message, by `ReadyForQuery`.
    Query(Arc<str>),
    Parse {
        name: Box<[u8]>,
        sql: Arc<str>,
    },
    Bind {
        portal: Box<[u8]>,
        sql: Arc<str>,
    },
    Describe,
    Close {
        kind: u8,
        name: Box<[u8]>,
    },
    /// An Execute, by its `CommandComplete`.
    Execute(Arc<str>),
    /// The end of a COPY's data, which has no answer of its own.
    CopyEnd,
    /// What only `ReadyForQuery` is still to answer: a function call, or a Query that was refused.
    Call,
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
            is_skipping: false,
            is_copying: false,
        }
    }

    /// What the client calls itself.
    pub(super) fn application(&self) -> &Arc<str> {
        &self.application
    }

    /// Notes a message of the client's; the statement that it runs, if it runs one.
    pub(super) fn note_said(&mut self, frame: &FromClient) -> Option<Arc<str>> {
        let mut fields = frame.fields();
        let (sent, runs) = match frame.tag {
            ClientTag::Query => {
                let sql: Arc<str> = octets::keep(fields.string()?).into();
                (Sent::Query(Arc::clone(&sql)), Some(sql))
            }
            ClientTag::Parse => {
                let (name, sql) = (fields.string()?, fields.string()?);
                (Sent::Parse { name: name.into(), sql: octets::keep(sql).into() }, None)
            }
            ClientTag::Bind => {
                let (portal, name) = (fields.string()?, fields.string()?);
                // A name that no Parse has given may be a PREPARE's, whose text is not read here,
                // or nobody's, which the server refuses.
                let sql = self.text_of_statement(name).unwrap_or_default();
                (Sent::Bind { portal: portal.into(), sql }, None)
            }
            ClientTag::Describe => (Sent::Describe, None),
            ClientTag::Close => {
                let (kind, name) = (fields.byte()?, fields.string()?);
                (Sent::Close { kind, name: name.into() }, None)
            }
            ClientTag::Execute => {
                // A cursor that was declared in a statement is no portal that was seen.
                let sql = self.text_of_portal(fields.string()?).unwrap_or_default();
                (Sent::Execute(Arc::clone(&sql)), Some(sql))
            }
            ClientTag::Sync if self.is_copying => return None,
            ClientTag::Sync => (Sent::Sync, None),
            ClientTag::FunctionCall => (Sent::Call, None),
            ClientTag::CopyDone | ClientTag::CopyFail if self.is_copying => {
                self.is_copying = false;
                return None;
            }
            ClientTag::CopyDone | ClientTag::CopyFail => (Sent::CopyEnd, None),
            _ => return None,
        };
        self.sent.push_back(sent);
        runs
    }

    /// What a name will stand for when the server comes to it.
    fn text_of_statement(&self, wanted: &[u8]) -> Option<Arc<str>> {
        let on_its_way = self.sent.iter().rev().find_map(|sent| match sent {
            Sent::Parse { name, sql } if **name == *wanted => Some(sql),
            _ => None,
        });
        on_its_way.or_else(|| self.prepared.get(wanted)).cloned()
    }

    fn text_of_portal(&self, wanted: &[u8]) -> Option<Arc<str>> {
        let on_its_way = self.sent.iter().rev().find_map(|sent| match sent {
            Sent::Bind { portal, sql } if **portal == *wanted => Some(sql),
            _ => None,
        });
        on_its_way.or_else(|| self.portals.get(wanted)).cloned()
    }

    /// Notes a message of the server's; the statements that it ends.
    pub(super) fn note_answered(&mut self, frame: &FromServer) -> Vec<Ended> {
        match frame.tag {
            ServerTag::Parameter => self.note_parameter(frame),
            ServerTag::Error => return self.note_error(frame).into_iter().collect(),
            ServerTag::CommandComplete | ServerTag::EmptyQuery | ServerTag::PortalSuspended => {
                return self.end_execute().into_iter().collect();
            }
            // Each of these is the last word on its message. ParameterDescription is not:
            // RowDescription or NoData follows it.
            ServerTag::ParseComplete
            | ServerTag::BindComplete
            | ServerTag::CloseComplete
            | ServerTag::RowDescription
            | ServerTag::NoData => self.end_step(),
            ServerTag::CopyIn => self.begin_copy(),
            ServerTag::Ready => {
                // With the transaction its portals have gone.
                if frame.fields().byte() == Some(b'I') {
                    self.portals.clear();
                }
                return self.end_message();
            }
            _ => {}
        }
        Vec::new()
    }

    /// Notes that the server says nothing more; the statements of which nobody knows.
    pub(super) fn note_end(&mut self) -> Vec<Arc<str>> {
        let statement = |sent| match sent {
            Sent::Query(sql) | Sent::Execute(sql) => Some(sql),
            _ => None,
        };
        self.sent.drain(..).filter_map(statement).collect()
    }

    /// What runs is over with its error. Of a Query the server says nothing more but that it is
    /// ready; in the extended protocol it reads over everything up to the next Sync.
    fn note_error(&mut self, frame: &FromServer) -> Option<Ended> {
        let code = error_field(frame, b'C').unwrap_or_default();
        self.refused.get_or_insert_with(|| code.clone());
        self.is_copying = false;
        let running = self.sent.pop_front()?;
        let (sql, rest) = match running {
            Sent::Query(sql) => (Some(sql), Some(Sent::Call)),
            Sent::Call => (None, Some(Sent::Call)),
            Sent::Execute(sql) => {
                self.is_skipping = true;
                (Some(sql), None)
            }
            other => {
                self.is_skipping = true;
                // Kept, since it may be the Sync itself, at whose COMMIT a deferred constraint
                // failed: its ReadyForQuery is still to come.
                (None, Some(other))
            }
        };
        if let Some(rest) = rest {
            self.sent.push_front(rest);
        }
        sql.map(|sql| (sql, StatementOutcome::Refused(code)))
    }

    /// A Parse, Bind, Describe or Close is answered. A Query describes its rows too, and is not
    /// over with that.
    fn end_step(&mut self) {
        match self.sent.pop_front() {
            Some(Sent::Parse { name, sql }) => {
                self.prepared.insert(name, sql);
            }
            Some(Sent::Bind { portal, sql }) => {
                self.portals.insert(portal, sql);
            }
            Some(Sent::Close { kind: b'S', name }) => {
                self.prepared.remove(&name);
            }
            Some(Sent::Close { name, .. }) => {
                self.portals.remove(&name);
            }
            Some(Sent::Describe) | None => {}
            Some(other) => self.sent.push_front(other),
        }
    }

    /// From here to the end of its data the server reads over every Sync, those that were sent
    /// already among them.
    fn begin_copy(&mut self) {
        self.is_copying = true;
        while let Some(Sent::Sync | Sent::CopyEnd) = self.sent.get(1) {
            let is_end = matches!(self.sent.remove(1), Some(Sent::CopyEnd));
            if is_end {
                self.is_copying = false;
                return;
            }
        }
    }

    /// An Execute is over; a Query may have more statements.
    fn end_execute(&mut self) -> Option<Ended> {
        self.is_copying = false;
        match self.sent.pop_front()? {
            Sent::Execute(sql) => Some((sql, StatementOutcome::Done)),
            other => {
                self.sent.push_front(other);
                None
            }
        }
    }

    /// Everything up to the next message that this answers is over; after an error in the extended
    /// protocol that is a Sync, and everything before it was skipped.
    fn end_message(&mut self) -> Vec<Ended> {
        let refused = self.refused.take();
        let outcome = || refused.clone().map_or(StatementOutcome::Done, StatementOutcome::Refused);
        let is_skipping = std::mem::take(&mut self.is_skipping);
        let mut ended = Vec::new();
        while let Some(sent) = self.sent.pop_front() {
            let is_end = match sent {
                Sent::Execute(sql) => {
                    ended.push((sql, outcome()));
                    false
                }
                Sent::Query(sql) => {
                    ended.push((sql, outcome()));
                    !is_skipping
                }
                Sent::Call => !is_skipping,
                Sent::Sync => true,
                _ => false,
            };
            if is_end {
                break;
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
        assert!(answered(&mut talk, b'1').is_empty() && answered(&mut talk, b'2').is_empty());
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
        answered(&mut talk, b'1');
        answered(&mut talk, b'2');
        assert_eq!(answered(&mut talk, b'E'), ["first: Refused(\"42P01\")"]);
        assert_eq!(answered(&mut talk, b'Z'), ["second: Refused(\"42P01\")"]);
        assert_eq!(answered(&mut talk, b'Z'), ["third: Done"]);
    }

    #[test]
    fn of_what_was_not_answered_nobody_knows() {
        let mut talk = Talk::of("");
        said(&mut talk, b'Q', &["commit"]);
        said(&mut talk, b'S', &[]);
        assert_eq!(talk.note_end().iter().map(|sql| &**sql).collect::<Vec<_>>(), ["commit"]);
    }

    /// Parse, Bind and Execute under one name, without the Sync.
    fn submit(talk: &mut Talk, name: &str, sql: &str) {
        said(talk, b'P', &[name, sql]);
        said(talk, b'B', &[name, name]);
        said(talk, b'E', &[name]);
    }

    #[test]
    fn a_sync_within_a_copy_counts_for_nothing() {
        for comes_first in [true, false] {
            let mut talk = Talk::of("");
            submit(&mut talk, "c", "copy t from stdin");
            said(&mut talk, b'S', &[]);
            answered(&mut talk, b'1');
            answered(&mut talk, b'2');
            if comes_first {
                answered(&mut talk, b'G');
            }
            said(&mut talk, b'd', &["1"]);
            said(&mut talk, b'c', &[]);
            said(&mut talk, b'S', &[]);
            if !comes_first {
                answered(&mut talk, b'G');
            }
            assert_eq!(answered(&mut talk, b'C'), ["copy t from stdin: Done"]);
            assert!(answered(&mut talk, b'Z').is_empty());
            said(&mut talk, b'Q', &["next"]);
            assert_eq!(answered(&mut talk, b'Z'), ["next: Done"], "{comes_first}");
        }
    }

    #[test]
    fn a_query_before_the_sync_is_skipped_after_an_error_too() {
        let mut talk = Talk::of("");
        submit(&mut talk, "a", "first");
        said(&mut talk, b'Q', &["skipped"]);
        said(&mut talk, b'S', &[]);
        said(&mut talk, b'Q', &["third"]);
        answered(&mut talk, b'E');
        let refused = ["first: Refused(\"42P01\")", "skipped: Refused(\"42P01\")"];
        assert_eq!(answered(&mut talk, b'Z'), refused);
        assert_eq!(answered(&mut talk, b'Z'), ["third: Done"]);
    }

    #[test]
    fn a_name_stands_for_what_the_server_took_it_for() {
        let mut talk = Talk::of("");
        said(&mut talk, b'P', &["s", "select 1"]);
        answered(&mut talk, b'1');
        said(&mut talk, b'P', &["s", "delete from t"]);
        said(&mut talk, b'S', &[]);
        answered(&mut talk, b'E');
        answered(&mut talk, b'Z');
        said(&mut talk, b'B', &["", "s"]);
        assert_eq!(said(&mut talk, b'E', &[""]).as_deref(), Some("select 1"));
    }

    #[test]
    fn what_is_closed_or_over_is_forgotten() {
        let mut talk = Talk::of("");
        submit(&mut talk, "s", "select 1");
        said(&mut talk, b'C', &["Ss"]);
        said(&mut talk, b'S', &[]);
        for tag in *b"12C3Z" {
            talk.note_answered(&FromServer::with(tag, b"I"));
        }
        assert!(talk.prepared.is_empty() && talk.portals.is_empty() && talk.sent.is_empty());
    }
}
