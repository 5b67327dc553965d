//! The extended protocol: Parse, Bind, Describe, Execute, Close, Sync, Flush.
//!
//! Messages wait until one needs an answer; what the copies need is then asked first, and the
//! waiting messages go out unchanged (a Parse whose names had to be turned excepted), followed by a
//! Sync of the gateway's own. Inside the transaction that the gateway always holds open, a Sync
//! ends nothing: portals live on, as the client expects of its own next Sync.
//!
//! A statement must bind to the copy and not to the stored table, so the copies' structure is there
//! before its Parse. A Bind takes the snapshot that its portal reads by, so the copies' contents
//! are there before its Bind. To bring them may rename copies, so that a Parse of another statement
//! goes out first; what it has prepared is prepared anew before its own Bind.
//!
//! An implicit transaction ends at Sync. What was executed in it is called complete once its COMMIT
//! has succeeded, the last statement's word at least: the words of those before it went out when
//! the next message came, and mean that they were executed, as they do in PostgreSQL.

use std::io;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::Protocol;
use super::encoding::text;
use super::held::Held;
use super::names::Prepared;
use super::queue::{Does, Parsing, Queued};
use super::run::Submission;
use crate::core::syntax::split;
use crate::gateway::backend::{BackendError, BoundValues};
use crate::gateway::refusal::{Aftermath, Refusal};
use crate::gateway::statement::{Kind, Statement};
use crate::gateway::transaction::tables::Parameters;
use crate::pg::frame::{ClientTag, FromClient, put};
use crate::pg::message::frontend::put_parse;

/// What a Describe or a Close is about.
enum About {
    Statement(String),
    Portal(String),
}

fn about(frame: &FromClient) -> Result<About, Refusal> {
    let mut fields = frame.fields();
    match (fields.byte(), text(&mut fields)?) {
        (Some(b'S'), name) => Ok(About::Statement(name)),
        (Some(b'P'), name) => Ok(About::Portal(name)),
        _ => Err(Refusal::protocol("malformed message")),
    }
}

impl Protocol {
    /// Takes a message of the extended protocol.
    pub(super) async fn take_extended(&mut self, frame: FromClient) -> io::Result<()> {
        if self.skips {
            return Ok(());
        }
        let taken = self.take_message(&frame).await;
        self.note(taken).await
    }

    async fn take_message(&mut self, frame: &FromClient) -> Result<(), BackendError> {
        self.release_held()?;
        match frame.tag {
            ClientTag::Parse => self.take_parse(frame).await,
            ClientTag::Bind => self.take_bind(frame).await,
            ClientTag::Describe => self.take_describe(frame).await,
            ClientTag::Execute => self.take_execute(frame).await,
            _ => self.take_close(frame).await,
        }
    }

    /// After an error everything up to the client's Sync is skipped.
    pub(super) async fn note(&mut self, taken: Result<(), BackendError>) -> io::Result<()> {
        let Err(mut trouble) = taken else { return Ok(()) };
        // What came before the message that the gateway refuses has answers of its own.
        if let BackendError::Refused(refusal) = &trouble
            && refusal.aftermath() == Aftermath::Failed
            && let Err(earlier) = self.dispatch().await
        {
            trouble = earlier;
        }
        self.drop_queue();
        self.held = Held::Nothing;
        self.skips = true;
        self.fail(trouble).await
    }

    /// The client's Sync: an implicit transaction ends here.
    pub(super) async fn take_sync(&mut self) -> io::Result<()> {
        if !self.skips {
            let settled = self.sync().await;
            self.note(settled).await?;
        }
        self.skips = false;
        self.end_message();
        Ok(())
    }

    async fn sync(&mut self) -> Result<(), BackendError> {
        self.dispatch().await?;
        self.settle().await?;
        Ok(self.release_held()?)
    }

    /// The client's Flush: it wants to see what there is.
    pub(super) async fn take_flush(&mut self) -> io::Result<()> {
        if !self.skips {
            let shown = self.show_all().await;
            self.note(shown).await?;
        }
        self.show_answers().await
    }

    /// Whatever has been asked for so far is answered.
    pub(super) async fn show_all(&mut self) -> Result<(), BackendError> {
        self.dispatch().await?;
        Ok(self.release_held()?)
    }

    /// Says what was held back of an Execute, unless its transaction has been ended from outside
    /// meanwhile.
    pub(super) fn release_held(&mut self) -> Result<(), Refusal> {
        let held = std::mem::take(&mut self.held);
        self.transaction.check_aborted_implicit()?;
        self.release(held);
        Ok(())
    }

    async fn take_parse(&mut self, frame: &FromClient) -> Result<(), BackendError> {
        let mut fields = frame.fields();
        let (name, sql) = (text(&mut fields)?, text(&mut fields)?);
        let strings = self.backend.parameters().strings();
        // Empty statements do not count, as in PostgreSQL's grammar: `select 1;;` is one.
        let mut statements = split(&sql, strings).into_iter().filter(|part| !part.is_empty);
        let part = statements.next();
        if statements.next().is_some() {
            return Err(Refusal::several_statements().into());
        }
        let text = part.map_or("", |part| part.body());
        let statement = Arc::new(self.read(text, strings));
        let types = Bytes::copy_from_slice(fields.rest());
        if statement.is_ours() {
            return self.parse_ours(name, statement, types).await;
        }
        self.transaction.check_statement(&statement)?;
        self.prepare_names(&statement).await?;
        let rewritten = self.rewritten(&statement).await?;
        self.names.check_free(&name)?;
        let mut bytes = BytesMut::new();
        put_parse(&mut bytes, &name, &rewritten.sql, &types);
        let prepared = Prepared::parsed(Arc::clone(&statement), types, Some(rewritten.clone()));
        let undo = self.names.note_prepared(name, prepared);
        let does = Does::Prepares(undo, Parsing { statement, rewritten });
        self.queue.push(Queued { bytes, does });
        Ok(())
    }

    async fn parse_ours(
        &mut self,
        name: String,
        statement: Arc<Statement>,
        types: Bytes,
    ) -> Result<(), BackendError> {
        // Otherwise the state of the transaction is not asked for: PostgreSQL, too, parses COMMIT
        // and ROLLBACK in one that has failed (`exec_parse_message`).
        if statement.refusal.is_some() {
            self.transaction.check_statement(&statement)?;
        }
        self.names.check_free(&name)?;
        // A client matches answers with messages by their order: those to what is queued come
        // before the gateway's own.
        self.dispatch().await?;
        self.names.note_prepared(name, Prepared::parsed(statement, types, None));
        put(&mut self.client.out, b'1', |_| {});
        Ok(())
    }

    async fn take_bind(&mut self, frame: &FromClient) -> Result<(), BackendError> {
        let mut fields = frame.fields();
        let (portal, name) = (text(&mut fields)?, text(&mut fields)?);
        let statement = self.names.known(&name)?;
        self.check_unless_ending(&statement)?;
        self.names.check_free_portal(&portal)?;
        self.note_bound_sizes(fields);
        if statement.is_ours() {
            self.dispatch().await?;
            put(&mut self.client.out, b'2', |_| {});
        } else {
            let bound = self.names.read_values(&name, fields);
            self.admit_bind(&name, &statement, &bound).await?;
            self.enqueue(frame, Does::Nothing);
        }
        let given = self.joined.as_ref().map(|_| self.names.read_given(name, &mut fields));
        let given = given.unwrap_or_default();
        self.names.note_bound(portal, statement, given, self.transaction.has_ddl());
        Ok(())
    }

    /// A transaction that has failed or was ended takes nothing but its end.
    fn check_unless_ending(&mut self, statement: &Statement) -> Result<(), Refusal> {
        match statement.kind {
            Kind::Commit | Kind::Rollback => Ok(()),
            _ => self.transaction.check(),
        }
    }

    /// Before a Bind: the statement means today's copies, and they are filled.
    async fn admit_bind(
        &mut self,
        name: &str,
        statement: &Statement,
        bound: &BoundValues,
    ) -> Result<(), BackendError> {
        match statement.kind {
            // DDL is admitted by its Execute: to admit it ends other clients' transactions, and a
            // portal may be bound and never executed.
            Kind::Ddl(_) | Kind::Session => self.prepare_names(statement).await?,
            _ => {
                let executed = self.names.executed(statement);
                self.admit(statement, &executed, Parameters::Bound(bound)).await?;
            }
        }
        self.renew(name).await
    }

    async fn take_describe(&mut self, frame: &FromClient) -> Result<(), BackendError> {
        let about = about(frame)?;
        let of_statement = matches!(about, About::Statement(_));
        let statement = match &about {
            About::Statement(name) => self.names.known(name)?,
            About::Portal(name) => self.known_portal(name)?,
        };
        self.check_unless_ending(&statement)?;
        if !statement.is_ours() {
            if let About::Statement(name) = &about {
                self.prepare_names(&statement).await?;
                self.renew(name).await?;
            }
            self.enqueue(frame, Does::Nothing);
            return Ok(());
        }
        self.dispatch().await?;
        if of_statement {
            put(&mut self.client.out, b't', |out| out.put_u16(0));
        }
        put(&mut self.client.out, b'n', |_| {});
        Ok(())
    }

    /// The statement of the portal of this name. Where the transaction has been ended from outside,
    /// or its DDL undone, portals are gone and that is what is told.
    pub(super) fn known_portal(&mut self, name: &str) -> Result<Arc<Statement>, Refusal> {
        let bound = self.names.bound(name);
        if bound.is_err() {
            self.transaction.check()?;
            if self.transaction.has_stepped_back() {
                return Err(Refusal::schema_changed());
            }
        }
        bound
    }

    async fn take_close(&mut self, frame: &FromClient) -> Result<(), BackendError> {
        let (ours, does) = match about(frame)? {
            // No name is checked: to close what is not there is no error (PostgreSQL documentation,
            // 54.2.3).
            About::Statement(name) => {
                let undo = self.names.close_statement(&name);
                (undo.was_ours(), Does::Closes(undo))
            }
            About::Portal(name) => {
                let statement = self.names.close_portal(&name);
                (statement.is_some_and(|statement| statement.is_ours()), Does::ClosesPortal)
            }
        };
        if ours {
            self.dispatch().await?;
            put(&mut self.client.out, b'3', |_| {});
        } else {
            self.enqueue(frame, does);
        }
        Ok(())
    }

    async fn take_execute(&mut self, frame: &FromClient) -> Result<(), BackendError> {
        let mut fields = frame.fields();
        let name = text(&mut fields)?;
        let limit = fields.long().ok_or_else(|| Refusal::protocol("malformed message"))?;
        let statement = self.known_portal(&name)?;
        if statement.is_ours() {
            self.dispatch().await?;
        }
        if matches!(statement.kind, Kind::Empty) {
            put(&mut self.client.out, b'I', |_| {});
            return Ok(());
        }
        let submission = Submission::Execute { frame, portal: &name, limit };
        let held = self.run(&statement, submission).await?;
        if statement.is_ours() {
            // The word of a COMMIT need not be held back: it has been judged already.
            self.release(held);
        } else {
            self.held = held;
        }
        Ok(())
    }
}
