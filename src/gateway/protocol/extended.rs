//! The extended protocol: Parse, Bind, Describe, Execute, Close, Sync, Flush.
//!
//! Messages wait until one needs an answer; what the copies need is then asked first, and the
//! waiting messages go out unchanged (a Parse whose names had to be turned excepted), followed by a
//! Sync of the gateway's own. Inside the transaction that the gateway always holds open, a Sync
//! ends nothing: portals live on, as the client expects of its own next Sync.
//!
//! A statement must bind to the copy and not to the stored table, so the copies' structure is there
//! before its Parse. A Bind takes the snapshot that its portal reads by, so the copies' contents
//! are there before its Bind.
//!
//! An implicit transaction ends at Sync. What was executed in it is called complete once its COMMIT
//! has succeeded, the last statement's word at least: the words of those before it went out when
//! the next message came, and mean that they were executed, as they do in PostgreSQL.

use std::io;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use crate::core::syntax::split;
use crate::gateway::backend::{BackendError, put_parse};
use crate::gateway::protocol::encoding::text;
use crate::gateway::protocol::names::{By, Portal, Prepared};
use crate::gateway::protocol::simple::Held;
use crate::gateway::protocol::waiting::{Does, Undo, Waiting};
use crate::gateway::protocol::{Block, Session, State};
use crate::gateway::refusal::{Aftermath, Refusal};
use crate::gateway::statement::{Kind, Statement};
use crate::gateway::transaction::prepare_statement::{Admitted, plain_ddl};
use crate::gateway::transaction::tables::{Named, Turned};
use crate::pg::frame::{ClientTag, FromClient, put};

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

impl Session {
    /// Takes a message of the extended protocol.
    pub(crate) async fn take_extended(&mut self, frame: FromClient) -> io::Result<()> {
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
    async fn note(&mut self, taken: Result<(), BackendError>) -> io::Result<()> {
        let Err(mut trouble) = taken else { return Ok(()) };
        // What came before the message that the gateway refuses has answers of its own.
        if let BackendError::Refused(refusal) = &trouble
            && refusal.aftermath() == Aftermath::Failed
            && let Err(earlier) = self.dispatch(None).await
        {
            trouble = earlier;
        }
        self.drop_waiting();
        self.held = Held::Nothing;
        self.skips = true;
        self.fail(trouble).await
    }

    /// The client's Sync: an implicit transaction ends here.
    pub(crate) async fn take_sync(&mut self) -> io::Result<()> {
        if !self.skips {
            let settled = self.sync().await;
            self.note(settled).await?;
        }
        self.skips = false;
        self.drop_portals_outside_blocks();
        self.pass_aside();
        self.ready();
        Ok(())
    }

    async fn sync(&mut self) -> Result<(), BackendError> {
        self.dispatch(None).await?;
        self.settle().await?;
        Ok(self.release_held()?)
    }

    /// The client's Flush: it wants to see what there is.
    pub(crate) async fn take_flush(&mut self) -> io::Result<()> {
        if !self.skips {
            let shown = self.show_all().await;
            self.note(shown).await?;
        }
        let doom = Arc::clone(&self.place.doom);
        tokio::select! {
            biased;
            // The next turn makes way first, and what is left goes to the client after that.
            () = doom.wait() => Ok(()),
            flushed = self.client.flush() => flushed,
        }
    }

    /// Whatever has been asked for so far is answered.
    pub(crate) async fn show_all(&mut self) -> Result<(), BackendError> {
        self.dispatch(None).await?;
        Ok(self.release_held()?)
    }

    /// Says what was held back of an Execute, unless its transaction has been ended from outside
    /// meanwhile.
    pub(crate) fn release_held(&mut self) -> Result<(), Refusal> {
        if let State::Aborted(Block::Implicit) = self.state {
            self.check_state()?;
        }
        let held = std::mem::take(&mut self.held);
        self.release(held);
        Ok(())
    }

    async fn take_parse(&mut self, frame: &FromClient) -> Result<(), BackendError> {
        let mut fields = frame.fields();
        let (name, sql) = (text(&mut fields)?, text(&mut fields)?);
        let strings = self.server.parameters().strings();
        let mut statements = split(&sql, strings).into_iter().filter(|part| !part.is_empty);
        let part = statements.next();
        if statements.next().is_some() {
            return Err(Refusal::several_statements().into());
        }
        let text = part.map_or("", |part| part.body());
        let statement = Arc::new(Statement::read(text, strings));
        let types = Bytes::copy_from_slice(fields.rest());
        if statement.is_ours() {
            return self.parse_ours(name, statement, types).await;
        }
        let turned = self.turn_parse(&statement).await?;
        self.check_free(&name)?;
        let mut bytes = BytesMut::new();
        put_parse(&mut bytes, &name, &turned.sql, &types);
        let sent = Some(turned.clone());
        let undo = self.note_prepared(name, Prepared { statement, by: By::Parse(types), sent });
        self.waiting.push(Waiting { bytes, does: Does::Prepares(undo, turned) });
        Ok(())
    }

    async fn parse_ours(
        &mut self,
        name: String,
        statement: Arc<Statement>,
        types: Bytes,
    ) -> Result<(), BackendError> {
        if let Some(refusal) = &statement.refusal {
            self.check_state()?;
            return Err(refusal.clone().into());
        }
        self.check_free(&name)?;
        self.dispatch(None).await?;
        self.note_prepared(name, Prepared { statement, by: By::Parse(types), sent: None });
        put(&mut self.client.out, b'1', |_| {});
        Ok(())
    }

    /// What is sent for a Parse, once all copies that it names are there.
    async fn turn_parse(&mut self, statement: &Statement) -> Result<Turned, BackendError> {
        self.check_state()?;
        if let Some(refusal) = &statement.refusal {
            return Err(refusal.clone().into());
        }
        self.prepare_names(statement).await?;
        if let Kind::Ddl(_) = statement.kind {
            return Ok(self.tables.turn(&plain_ddl(statement), &Named::default()));
        }
        let named = self.tables.resolve(&mut self.server, &statement.names).await?;
        Ok(self.turned(statement, &named))
    }

    /// Opens the transaction and makes the copies that a statement names.
    async fn prepare_names(&mut self, statement: &Statement) -> Result<(), BackendError> {
        self.check_state()?;
        if statement.is_outside_transactions() {
            return Ok(());
        }
        self.ensure_begun().await?;
        if !matches!(statement.kind, Kind::Ddl(_)) {
            crate::gateway::transaction::prepare_statement::show_copies(self).await?;
            let named = self.look(statement).await?;
            self.refuse_beside_ddl(&named)?;
            self.follow_path(&named).await?;
            self.ensure_copies(statement, &named).await?;
        }
        Ok(())
    }

    async fn take_bind(&mut self, frame: &FromClient) -> Result<(), BackendError> {
        let mut fields = frame.fields();
        let (portal, name) = (text(&mut fields)?, text(&mut fields)?);
        let statement = self.known(&name)?;
        self.check_unless_ending(&statement)?;
        if !portal.is_empty() && self.portals.contains_key(&portal) {
            return Err(Refusal::portal_exists(&portal).into());
        }
        if statement.is_ours() {
            self.dispatch(None).await?;
            put(&mut self.client.out, b'2', |_| {});
        } else {
            self.admit_bind(&name, &statement).await?;
            self.wait_with(frame, Does::Nothing);
        }
        self.note_bound(portal, statement);
        Ok(())
    }

    /// A transaction that has failed or was ended takes nothing but its end.
    fn check_unless_ending(&mut self, statement: &Statement) -> Result<(), Refusal> {
        match statement.kind {
            Kind::Commit | Kind::Rollback => Ok(()),
            _ => self.check_state(),
        }
    }

    /// Before a Bind: the statement means today's copies, and they are filled.
    async fn admit_bind(&mut self, name: &str, statement: &Statement) -> Result<(), BackendError> {
        match statement.kind {
            Kind::Ddl(_) | Kind::Session => self.prepare_names(statement).await?,
            _ => drop(self.admit(statement).await?),
        }
        self.renew(name).await
    }

    fn wait_with(&mut self, frame: &FromClient, does: Does) {
        self.waiting.push(Waiting { bytes: BytesMut::from(frame.bytes()), does });
    }

    async fn take_describe(&mut self, frame: &FromClient) -> Result<(), BackendError> {
        let about = about(frame)?;
        let of_statement = matches!(about, About::Statement(_));
        let statement = match &about {
            About::Statement(name) => self.known(name)?,
            About::Portal(name) => self.known_portal(name)?.statement,
        };
        self.check_unless_ending(&statement)?;
        if !statement.is_ours() {
            if let About::Statement(name) = &about {
                self.prepare_names(&statement).await?;
                self.renew(name).await?;
            }
            self.wait_with(frame, Does::Nothing);
            return Ok(());
        }
        self.dispatch(None).await?;
        if of_statement {
            put(&mut self.client.out, b't', |out| out.put_u16(0));
        }
        put(&mut self.client.out, b'n', |_| {});
        Ok(())
    }

    /// The portal of this name. Where the transaction has been ended from outside, or its DDL
    /// undone, portals are gone and that is what is told.
    fn known_portal(&mut self, name: &str) -> Result<Portal, Refusal> {
        let portal = self.portal(name);
        if portal.is_err() {
            self.check_state()?;
            if self.has_stepped_back() {
                return Err(Refusal::schema_changed());
            }
        }
        portal
    }

    async fn take_close(&mut self, frame: &FromClient) -> Result<(), BackendError> {
        let (ours, does) = match about(frame)? {
            About::Statement(name) => {
                let before = self.prepared.remove(&name);
                let ours = before.as_ref().is_some_and(|found| found.statement.is_ours());
                (ours, Does::Closes(Undo { name, before }))
            }
            About::Portal(name) => {
                let before = self.portals.remove(&name);
                (before.is_some_and(|found| found.statement.is_ours()), Does::ClosesPortal)
            }
        };
        if ours {
            self.dispatch(None).await?;
            put(&mut self.client.out, b'3', |_| {});
        } else {
            self.wait_with(frame, does);
        }
        Ok(())
    }

    async fn take_execute(&mut self, frame: &FromClient) -> Result<(), BackendError> {
        let mut fields = frame.fields();
        let name = text(&mut fields)?;
        let limit = fields.long().ok_or_else(|| Refusal::protocol("malformed message"))?;
        let statement = self.known_portal(&name)?.statement;
        if matches!(statement.kind, Kind::Empty) {
            self.dispatch(None).await?;
            put(&mut self.client.out, b'I', |_| {});
            return Ok(());
        }
        if matches!(statement.kind, Kind::Begin(_) | Kind::Commit | Kind::Rollback) {
            self.dispatch(None).await?;
            if let Some(held) = self.run_transaction_statement(&statement).await? {
                self.release(held);
            }
            return Ok(());
        }
        self.execute(frame, &statement, limit).await
    }

    async fn execute(
        &mut self,
        frame: &FromClient,
        statement: &Statement,
        limit: i32,
    ) -> Result<(), BackendError> {
        let admitted: Admitted = self.admit(statement).await?;
        let executed = self.executed(statement);
        self.check_numbers(&executed, &admitted.tables).await?;
        let marks = self.before_locking(&executed, &admitted.tables, limit).await?;
        self.wait_with(frame, Does::Nothing);
        self.explains = executed.command() == "EXPLAIN";
        let sent = self.put_waiting();
        let ahead = self.ask_ahead(statement);
        self.server.line.flush_hearing().await?;
        self.replies(sent, Some(&admitted.turned), ahead).await?;
        self.after_locking(&executed, &admitted.tables, marks).await?;
        let held = std::mem::take(&mut self.held);
        let held = self.after_statement(statement, &admitted, held).await?;
        self.held = held;
        Ok(())
    }
}

impl Statement {
    /// Whether PostgreSQL runs it outside of transaction blocks only.
    fn is_outside_transactions(&self) -> bool {
        self.kind == Kind::Session && self.is_a("discard")
    }
}
