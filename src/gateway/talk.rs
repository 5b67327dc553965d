//! Which statements are on their way between a client and a server: what the client has prepared
//! and bound, what it has sent, and what the server has answered so far.

mod answers;
mod own;
mod prepared;
mod telling;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::hooks::StatementOutcome;
use super::refusal::Refusal;
use crate::core::event::{TransactionStatus, octets};
use crate::core::syntax::Strings;
use crate::pg::frame::{ClientTag, Fields, FromClient, FromServer};
use crate::pg::message::{Message as _, ParameterStatus};
use prepared::parsed;
pub(crate) use prepared::{Launched, Portal, Prepared};

/// What both sides have said, as far as statements go.
pub(crate) struct Talk {
    application: Arc<str>,
    strings: Strings,
    /// The server's version, its first number.
    server_version: u32,
    status: TransactionStatus,
    /// The prepared statements and the portals that the server has, by name.
    prepared: HashMap<Box<[u8]>, Arc<Prepared>>,
    portals: HashMap<Box<[u8]>, Arc<Portal>>,
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
    /// The types of the columns of the rows that come, and which of them come in binary.
    columns: Option<Vec<(u32, bool)>>,
    /// The first value of the last row that answered a message of the gateway's own.
    own_value: Option<String>,
    telling: Telling,
}

/// Whether the server's last word is known to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// It is.
    Done,
    /// Somebody is being told it.
    Going,
    /// It is, and was the very last.
    Over,
}

/// What is answered by a word of the server's.
enum Sent {
    /// A Query message, by `ReadyForQuery`.
    Query(Arc<Launched>),
    Parse {
        name: Box<[u8]>,
        prepared: Arc<Prepared>,
    },
    Bind {
        name: Box<[u8]>,
        portal: Arc<Portal>,
    },
    Describe(Described),
    Close {
        kind: u8,
        name: Box<[u8]>,
    },
    /// An Execute, by its `CommandComplete`.
    Execute(Arc<Launched>),
    /// The end of a COPY's data, which has no answer of its own.
    CopyEnd,
    /// What only `ReadyForQuery` is still to answer: a function call, or a Query that was refused.
    Call,
    Sync,
    /// A message of the gateway's own, of whose answer the client is told nothing.
    Own(Own),
}

/// A message of the gateway's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// A Query.
    Query,
    /// A Parse, Bind, Execute or Close.
    Step,
    /// The Execute of a ROLLBACK.
    Rollback,
}

/// What a Describe is about.
enum Described {
    Statement(Arc<Prepared>),
    Portal(Arc<Portal>),
    /// What nobody here has seen.
    Unknown,
}

/// A statement that is over, and what came of it.
pub(crate) type Ended = (Arc<Launched>, StatementOutcome);

impl Talk {
    /// Of a client that calls itself so.
    pub(crate) fn of(application: &str) -> Self {
        Self {
            application: application.into(),
            strings: Strings::default(),
            server_version: 0,
            status: TransactionStatus::Idle,
            prepared: HashMap::new(),
            portals: HashMap::new(),
            sent: VecDeque::new(),
            refused: None,
            is_skipping: false,
            is_copying: false,
            columns: None,
            own_value: None,
            telling: Telling::Done,
        }
    }

    /// What the client calls itself.
    pub(crate) fn application(&self) -> &Arc<str> {
        &self.application
    }

    /// How its session reads strings.
    pub(crate) fn strings(&self) -> Strings {
        self.strings
    }

    /// The first number of the server's version; 0 where it has told none.
    pub(crate) fn server_version(&self) -> u32 {
        self.server_version
    }

    /// Where the transaction stands when everything is answered that was sent.
    pub(crate) fn status(&self) -> TransactionStatus {
        self.status
    }

    /// The statement that a message of the client's runs, if it runs one and the server comes to
    /// it.
    pub(crate) fn launch(&self, frame: &FromClient) -> Option<Launched> {
        let mut fields = frame.fields();
        // Within the data of a COPY it is an error, whatever it says.
        if self.is_read_over() || self.is_copying {
            return None;
        }
        match frame.tag {
            ClientTag::Query => Self::read_query(&mut fields),
            ClientTag::Execute => Some(self.launched(fields.string()?)),
            _ => None,
        }
    }

    fn read_query(fields: &mut Fields<'_>) -> Option<Launched> {
        let sql = octets::keep(fields.string()?).into();
        Some(Launched { sql, portal: None, refusal: None })
    }

    /// Whether the server reads over what is said now.
    pub(crate) fn is_read_over(&self) -> bool {
        self.is_skipping && !self.sent.iter().any(|sent| matches!(sent, Sent::Sync))
    }

    /// Whether nothing is on its way that the server answers without another word of the client's.
    pub(crate) fn is_answered(&self) -> bool {
        self.telling != Telling::Going
            && (self.is_read_over() || self.is_copying || self.sent.is_empty())
    }

    /// Notes how far the telling of the server's last word is.
    pub(crate) fn note_telling(&mut self, telling: Telling) {
        self.telling = telling;
    }

    /// Whether the server says nothing more.
    pub(crate) fn is_over(&self) -> bool {
        self.telling == Telling::Over
    }

    /// Notes that a message of the client's goes to the server.
    pub(crate) fn note_said(&mut self, frame: &FromClient) {
        let is_heard = frame.tag == ClientTag::Sync || !self.is_read_over();
        if let Some(sent) = self.read_said(frame).filter(|_| is_heard) {
            self.sent.push_back(sent);
        }
    }

    /// Notes that something else went to the server in a statement's place, which fails, and what
    /// the client is told of it.
    pub(crate) fn note_refused(&mut self, launched: Launched, refusal: Refusal) {
        let launched = Arc::new(Launched { refusal: Some(refusal), ..launched });
        self.sent.push_back(match launched.portal {
            None => Sent::Query(launched),
            Some(_) => Sent::Execute(launched),
        });
    }

    fn read_said(&mut self, frame: &FromClient) -> Option<Sent> {
        let mut fields = frame.fields();
        let sent = match frame.tag {
            ClientTag::Query => Sent::Query(Arc::new(Self::read_query(&mut fields)?)),
            ClientTag::Execute => {
                let launched = self.launched(fields.string()?);
                launched.portal.iter().for_each(|portal| portal.begin());
                Sent::Execute(Arc::new(launched))
            }
            ClientTag::Parse => {
                let (name, prepared) = parsed(&mut fields)?;
                Sent::Parse { name, prepared: Arc::new(prepared) }
            }
            ClientTag::Bind => self.read_bind(frame)?,
            ClientTag::Describe => Sent::Describe(self.described(&mut fields)?),
            ClientTag::Close => {
                let (kind, name) = (fields.byte()?, fields.string()?);
                Sent::Close { kind, name: name.into() }
            }
            ClientTag::Sync if self.is_copying => return None,
            ClientTag::Sync => Sent::Sync,
            ClientTag::FunctionCall => Sent::Call,
            ClientTag::CopyDone | ClientTag::CopyFail if self.is_copying => {
                self.is_copying = false;
                return None;
            }
            // Of a COPY that has failed, perhaps: the server reads over it.
            ClientTag::CopyDone | ClientTag::CopyFail if self.sent.is_empty() => return None,
            ClientTag::CopyDone | ClientTag::CopyFail => Sent::CopyEnd,
            _ => return None,
        };
        Some(sent)
    }

    fn read_bind(&self, frame: &FromClient) -> Option<Sent> {
        let mut fields = frame.fields();
        let (name, prepared) = (fields.string()?, fields.string()?);
        // A name that no Parse has given may be a PREPARE's, whose text is not read here, or
        // nobody's, which the server refuses.
        let prepared = self.statement(prepared).unwrap_or_default();
        let portal = Portal::bound_by(frame, prepared, &mut fields);
        Some(Sent::Bind { name: name.into(), portal: Arc::new(portal) })
    }

    /// The Bind of a statement that was not executed yet, where what it binds is still there.
    pub(crate) fn bind_of(&self, launched: &Launched) -> Option<FromClient> {
        let portal = launched.portal.as_ref()?;
        let bind = portal.bind()?;
        let mut fields = bind.fields();
        let (_, prepared) = (fields.string()?, fields.string()?);
        let is_there = Arc::ptr_eq(&self.statement(prepared)?, &portal.prepared);
        is_there.then(|| bind.clone())
    }

    fn launched(&self, portal: &[u8]) -> Launched {
        // A cursor that was declared in a statement is no portal that was seen.
        let portal = self.portal(portal).unwrap_or_default();
        let sql = Arc::clone(&portal.prepared.sql);
        Launched { sql, portal: Some(portal), refusal: None }
    }

    fn described(&self, fields: &mut Fields<'_>) -> Option<Described> {
        let (kind, name) = (fields.byte()?, fields.string()?);
        let described = match kind {
            b'S' => self.statement(name).map(Described::Statement),
            _ => self.portal(name).map(Described::Portal),
        };
        Some(described.unwrap_or(Described::Unknown))
    }

    /// The type of a parameter of a prepared statement, where anybody has told it.
    pub(crate) fn type_of(&self, prepared: &str, parameter: usize) -> Option<u32> {
        let prepared = self.statement(prepared.as_bytes())?;
        Some(prepared.type_of(parameter)).filter(|type_oid| *type_oid != 0)
    }

    /// What a name will stand for when the server comes to it.
    fn statement(&self, wanted: &[u8]) -> Option<Arc<Prepared>> {
        let on_its_way = self.sent.iter().rev().find_map(|sent| match sent {
            Sent::Parse { name, prepared } if **name == *wanted => Some(prepared),
            _ => None,
        });
        on_its_way.or_else(|| self.prepared.get(wanted)).cloned()
    }

    fn portal(&self, wanted: &[u8]) -> Option<Arc<Portal>> {
        let on_its_way = self.sent.iter().rev().find_map(|sent| match sent {
            Sent::Bind { name, portal } if **name == *wanted => Some(portal),
            _ => None,
        });
        on_its_way.or_else(|| self.portals.get(wanted)).cloned()
    }

    /// Notes a setting that the server reports.
    pub(crate) fn note_parameter(&mut self, frame: &FromServer) {
        let Ok(ParameterStatus { name, value }) = ParameterStatus::read(frame) else { return };
        let Ok(value) = str::from_utf8(value) else { return };
        if name == b"application_name" {
            self.application = value.into();
        } else if name == Strings::SETTING.as_bytes() {
            self.strings = Strings::of(value);
        } else if name == b"server_version" {
            let digits = value.split(|c: char| !c.is_ascii_digit()).next();
            self.server_version = digits.and_then(|digits| digits.parse().ok()).unwrap_or(0);
        }
    }
}
