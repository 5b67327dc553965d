//! The simple protocol: one Query message, statement by statement.
//!
//! Statements of one message without a block around them are one transaction, as in PostgreSQL. The
//! tag of the last one is held back until its COMMIT has succeeded: a statement on its own gets the
//! conflict itself.

mod syntax;

use std::io;

use bytes::BufMut;

use crate::core::syntax::split;
use crate::gateway::backend::BackendError;
use crate::gateway::protocol::encoding::text;
use crate::gateway::protocol::{Block, Session, State};
use crate::gateway::refusal::{put_tag, put_warning};
use crate::gateway::statement::{Access, Kind, Statement, is_async};
use crate::gateway::transaction::commit::Ended;
use crate::gateway::transaction::locks::ALL_ROWS;
use crate::gateway::transaction::prepare_statement::Admitted;
use crate::gateway::transaction::tables::Turned;
use crate::pg::frame::{ClientTag, FromClient, FromServer, ServerTag, put, put_text};
use syntax::Part;

/// What a statement left to be said, once its transaction is known to stand.
#[derive(Debug, Default)]
pub(crate) enum Held {
    /// Nothing.
    #[default]
    Nothing,
    /// The server's own `CommandComplete` or `EmptyQueryResponse`.
    Frame(FromServer),
    /// A tag of the gateway's.
    Tag(&'static str),
}

/// How the server answered a statement.
#[derive(Debug, Default)]
struct Reply {
    held: Held,
    refused: Option<FromServer>,
}

impl Session {
    /// Runs a Query message.
    pub(crate) async fn take_query(&mut self, frame: &FromClient) -> io::Result<()> {
        if self.skips {
            return Ok(());
        }
        match self.run_query(frame).await {
            Ok(()) => {}
            Err(BackendError::Lost(error)) => return Err(error),
            Err(trouble) => self.fail(trouble).await?,
        }
        self.drop_portals_outside_blocks();
        self.pass_aside();
        self.ready();
        Ok(())
    }

    async fn run_query(&mut self, frame: &FromClient) -> Result<(), BackendError> {
        // What came before it without a Sync belongs to the same implicit transaction.
        if let Err(trouble) = self.show_all().await {
            self.drop_waiting();
            return Err(trouble);
        }
        let sql = text(&mut frame.fields())?;
        // A Query message takes the unnamed statement and portal away.
        self.prepared.remove("");
        self.portals.remove("");
        self.run_text(&sql).await
    }

    async fn run_text(&mut self, sql: &str) -> Result<(), BackendError> {
        let strings = self.server.parameters().strings();
        let parts = split(sql, strings).into_iter().filter(|part| !part.is_empty);
        let parts = parts.map(|part| Part {
            statement: Statement::read(part.body(), strings),
            before: sql[..part.range.start].chars().count(),
            is_terminated: part.is_terminated,
        });
        let parts: Vec<_> = parts.collect();
        if parts.is_empty() {
            put(&mut self.client.out, b'I', |_| {});
        }
        self.check_syntax(&parts).await?;
        let mut held = Held::Nothing;
        for part in &parts {
            self.release(std::mem::take(&mut held));
            held = self.run(&part.statement, part.before).await?;
        }
        self.settle().await?;
        self.release(held);
        Ok(())
    }

    /// Ends an implicit transaction at the end of its message. One that is not open any more has
    /// not been committed, whatever its statements have answered.
    pub(crate) async fn settle(&mut self) -> Result<(), BackendError> {
        match &self.state {
            State::Aborted(Block::Implicit) => Ok(self.check_state()?),
            State::Open(open) if !open.is_block() => match self.commit().await? {
                Ended::Committed => Ok(()),
                Ended::Refused(trouble) => Err(trouble),
            },
            State::Open(_) | State::Aborted(Block::Explicit) | State::Failed | State::Idle => {
                Ok(())
            }
        }
    }

    /// Says what was held back.
    pub(crate) fn release(&mut self, held: Held) {
        match held {
            Held::Nothing => {}
            Held::Frame(frame) => self.pass(&frame),
            Held::Tag(tag) => put_tag(&mut self.client.out, tag),
        }
    }

    /// Runs one statement, which stands `before` characters into its message.
    async fn run(&mut self, statement: &Statement, before: usize) -> Result<Held, BackendError> {
        if let Some(held) = self.run_transaction_statement(statement).await? {
            return Ok(held);
        }
        let admitted = self.admit(statement).await?;
        let executed = self.executed(statement);
        self.check_numbers(&executed, &admitted.tables).await?;
        let marks = self.before_locking(&executed, &admitted.tables, ALL_ROWS).await?;
        self.note_part();
        self.explains = executed.command() == "EXPLAIN";
        put(&mut self.server.line.out, b'Q', |out| put_text(out, &admitted.turned.sql));
        let ahead = self.ask_ahead(statement);
        self.server.line.flush_hearing().await?;
        let reply = self.relay().await?;
        let heard = self.hear_ahead(ahead).await;
        let held = self.accept(reply, &admitted.turned, before).await?;
        heard?;
        self.after_locking(&executed, &admitted.tables, marks).await?;
        self.after_statement(statement, &admitted, held).await
    }

    /// Passes a statement's answer on, up to `ReadyForQuery`; its last word is kept.
    async fn relay(&mut self) -> Result<Reply, BackendError> {
        let mut reply = Reply::default();
        loop {
            let frame = self.next_reply().await?;
            match frame.tag {
                ServerTag::Ready => break,
                ServerTag::CommandComplete | ServerTag::EmptyQuery => {
                    reply.held = Held::Frame(frame);
                }
                ServerTag::Error => reply.refused = Some(frame),
                ServerTag::CopyIn => {
                    self.client.pass(&frame);
                    self.copy_in().await?;
                }
                _ => self.hand_over(&frame).await?,
            }
        }
        Ok(reply)
    }

    /// What a reply means: a statement that was given up for another client's sake is no error of
    /// its own.
    async fn accept(
        &mut self,
        reply: Reply,
        turned: &Turned,
        before: usize,
    ) -> Result<Held, BackendError> {
        self.end_given_up().await?;
        match reply.refused {
            None => Ok(reply.held),
            Some(frame) => Err(BackendError::Server(moved(&frame, turned, before))),
        }
    }

    /// Hands the client's COPY data to the server until one of them ends it, or another client
    /// needs the way.
    pub(crate) async fn copy_in(&mut self) -> Result<(), BackendError> {
        let doom = std::sync::Arc::clone(&self.place.doom);
        while !self.gave_up {
            let frame = tokio::select! {
                biased;
                () = doom.wait() => break,
                frame = self.client.exchange() => frame?,
            };
            let Some(frame) = frame else {
                return Err(BackendError::Lost(io::ErrorKind::UnexpectedEof.into()));
            };
            match frame.tag {
                ClientTag::Flush | ClientTag::Sync => {}
                ClientTag::CopyData => {
                    self.server.line.pass(&frame);
                    if self.server.line.is_full() {
                        self.server.line.flush_hearing().await?;
                    }
                }
                _ => {
                    self.server.line.pass(&frame);
                    return Ok(self.server.line.flush_hearing().await?);
                }
            }
        }
        self.gave_up = true;
        put(&mut self.server.line.out, b'f', |out| put_text(out, "given up"));
        Ok(self.server.line.flush_hearing().await?)
    }

    /// BEGIN, COMMIT and ROLLBACK are the gateway's own.
    pub(crate) async fn run_transaction_statement(
        &mut self,
        statement: &Statement,
    ) -> Result<Option<Held>, BackendError> {
        if statement.refusal.is_some() {
            return Ok(None);
        }
        match statement.kind {
            Kind::Begin(access) => {
                self.run_begin(access).await?;
                Ok(Some(Held::Tag(statement.begin_tag())))
            }
            Kind::Commit => self.run_commit().await.map(Some),
            Kind::Rollback => self.run_rollback().await.map(Some),
            _ => Ok(None),
        }
    }

    async fn run_begin(&mut self, access: Access) -> Result<(), BackendError> {
        self.check_state()?;
        match &mut self.state {
            State::Open(open) if open.is_block() => {
                put_warning(
                    &mut self.client.out,
                    "25001",
                    "there is already a transaction in progress",
                );
            }
            State::Open(open) => {
                open.block = Block::Explicit;
                open.access = access.or(open.access);
            }
            _ => self.begin(Block::Explicit, access).await?,
        }
        Ok(())
    }

    async fn run_commit(&mut self) -> Result<Held, BackendError> {
        match &self.state {
            State::Idle => self.warn_of_no_transaction(),
            State::Failed => {
                self.state = State::Idle;
                return Ok(Held::Tag("ROLLBACK"));
            }
            State::Aborted(_) => self.check_state()?,
            State::Open(open) => {
                if !open.is_block() {
                    self.warn_of_no_transaction();
                }
                if let Ended::Refused(trouble) = self.commit().await? {
                    return Err(trouble);
                }
            }
        }
        Ok(Held::Tag("COMMIT"))
    }

    async fn run_rollback(&mut self) -> Result<Held, BackendError> {
        if matches!(&self.state, State::Idle) {
            self.warn_of_no_transaction();
        }
        self.trying_since = None;
        self.roll_back().await?;
        self.state = State::Idle;
        Ok(Held::Tag("ROLLBACK"))
    }

    fn warn_of_no_transaction(&mut self) {
        put_warning(&mut self.client.out, "25P01", "there is no transaction in progress");
    }

    /// What follows from a statement that has run.
    pub(crate) async fn after_statement(
        &mut self,
        statement: &Statement,
        admitted: &Admitted,
        held: Held,
    ) -> Result<Held, BackendError> {
        self.check_encoding().await?;
        self.check_unknown(statement, admitted)?;
        if matches!(statement.kind, Kind::Ddl(_)) {
            self.ddl_has_run().await?;
            if is_async(&statement.words) {
                self.put_job();
            }
        } else {
            self.bind_ddl(statement);
        }
        let tag = self.substitute(statement).map(|substitute| Held::Tag(substitute.tag));
        self.note_names(statement, &admitted.turned);
        if statement.may_move_names() {
            self.names_may_have_moved(statement).await?;
        }
        if statement.may_write() && !admitted.tables.is_empty() {
            self.check_rows(rows_of(statement, &held)).await?;
            self.tell_private().await?;
        } else if statement.locks.is_some() {
            self.tell_private().await?;
        }
        Ok(tag.unwrap_or(held))
    }

    /// SET may change what names mean, and DISCARD takes the copies away.
    async fn names_may_have_moved(&mut self, statement: &Statement) -> Result<(), BackendError> {
        self.tables.forget_names();
        if let State::Open(open) = &mut self.state
            && statement.may_move_path()
        {
            open.path.move_on();
        }
        if statement.is_a("discard") && matches!(self.state, State::Idle) {
            self.tables.forget(&mut self.server).await?;
        }
        Ok(())
    }

    /// CREATE INDEX ASYNC answers with the job that builds the index; here it is built already.
    fn put_job(&mut self) {
        self.put_row("job_id", &format!("{:026x}", rand::random::<u64>()));
    }

    /// A result of one text.
    fn put_row(&mut self, column: &str, text: &str) {
        const TEXT: i32 = 25;
        put(&mut self.client.out, b'T', |out| {
            out.put_u16(1);
            put_text(out, column);
            out.put_i32(0);
            out.put_i16(0);
            out.put_i32(TEXT);
            out.put_i16(-1);
            out.put_i32(-1);
            out.put_u16(0);
        });
        put(&mut self.client.out, b'D', |out| {
            out.put_u16(1);
            out.put_i32(i32::try_from(text.len()).unwrap_or(0));
            out.put_slice(text.as_bytes());
        });
    }
}

/// How many rows a statement says it has written; nothing where its tag does not tell all of them.
fn rows_of(statement: &Statement, held: &Held) -> Option<u64> {
    let Held::Frame(frame) = held else { return None };
    let tag = frame.fields().text()?;
    let verbs = statement.words.iter().filter(|word| {
        ["insert", "update", "delete", "merge", "copy", "execute"].iter().any(|verb| word.is(verb))
    });
    // Several verbs: a WITH clause that writes, or ON CONFLICT DO UPDATE.
    if verbs.count() == 1 { tag.rsplit(' ').next()?.parse().ok() } else { None }
}

/// An error whose position is one in the client's own text.
pub(crate) fn moved(frame: &FromServer, turned: &Turned, before: usize) -> FromServer {
    let Some(position) = crate::gateway::backend::error_field(frame, b'P') else {
        return frame.clone();
    };
    let Ok(position) = position.parse::<usize>() else { return frame.clone() };
    let place = (turned.place(position) + before).to_string();
    frame.with_error_field(b'P', &place)
}
