//! The extended protocol: Parse, Bind, Describe, Execute, Close, Sync, Flush.
//!
//! Messages wait until one needs an answer; what the copies need is then asked first, and the waiting messages go out
//! unchanged (a Parse whose names had to be turned excepted), followed by a Sync of the gateway's own. Inside the transaction that
//! the gateway always holds open, a Sync ends nothing: portals live on, as the client expects of its own next Sync.
//!
//! A statement must bind to the copy and not to the stored table, so the copies' structure is there before its Parse.

use std::io;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};

use super::admit::Admitted;
use super::refusal::Refusal;
use super::server::Trouble;
use super::session::{Session, State};
use super::simple::{Held, moved};
use super::statement::{Kind, Statement};
use super::survey::Ahead;
use super::tables::{Named, Turned};
use super::words::{statements, words};
use crate::wire::frame::{ClientTag, FromClient, ServerTag, put, put_text};

/// A statement that the client has prepared.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) statement: Statement,
}

/// A prepared statement with its parameters.
#[derive(Clone, Debug)]
pub(super) struct Portal {
    prepared: Arc<Prepared>,
}

/// A message on its way to the server.
pub(super) struct Waiting {
    bytes: BytesMut,
    /// The statement that it prepares.
    prepares: Option<Preparing>,
    /// The portal that it binds.
    binds: Option<(String, Portal)>,
}

/// A statement that is being prepared, and its name.
type Preparing = (String, Arc<Prepared>);

impl Prepared {
    /// Statements that the gateway runs by itself never reach the server.
    fn is_ours(&self) -> bool {
        let kind = &self.statement.kind;
        matches!(kind, Kind::Begin(_) | Kind::Commit | Kind::Rollback | Kind::Empty)
    }
}

/// What a Describe or a Close is about.
enum About {
    Statement(String),
    Portal(String),
}

fn about(frame: &FromClient) -> Result<About, Refusal> {
    let mut fields = frame.fields();
    match (fields.byte(), fields.text()) {
        (Some(b'S'), Some(name)) => Ok(About::Statement(name)),
        (Some(b'P'), Some(name)) => Ok(About::Portal(name)),
        _ => Err(Refusal::protocol("malformed message")),
    }
}

fn malformed() -> Trouble {
    Refusal::protocol("malformed message").into()
}

impl Session {
    /// Takes a message of the extended protocol.
    pub(super) async fn take_extended(&mut self, frame: FromClient) -> io::Result<()> {
        if self.skips {
            return Ok(());
        }
        self.release_held();
        let taken = match frame.tag {
            ClientTag::Parse => self.take_parse(&frame).await,
            ClientTag::Bind => self.take_bind(&frame).await,
            ClientTag::Describe => self.take_describe(&frame).await,
            ClientTag::Execute => self.take_execute(&frame).await,
            _ => self.take_close(&frame).await,
        };
        self.note(taken).await
    }

    /// After an error everything up to the client's Sync is skipped.
    async fn note(&mut self, taken: Result<(), Trouble>) -> io::Result<()> {
        let Err(trouble) = taken else { return Ok(()) };
        self.waiting.clear();
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
        self.pass_aside();
        self.ready();
        Ok(())
    }

    async fn sync(&mut self) -> Result<(), Trouble> {
        self.dispatch(None).await?;
        self.settle().await?;
        self.release_held();
        Ok(())
    }

    /// The client's Flush: it wants to see what there is.
    pub(super) async fn take_flush(&mut self) -> io::Result<()> {
        if !self.skips {
            let sent = self.dispatch(None).await;
            self.note(sent).await?;
            self.release_held();
        }
        let doom = Arc::clone(&self.place.doom);
        tokio::select! {
            biased;
            // The next turn makes way first, and what is left goes to the client after that.
            () = doom.wait() => Ok(()),
            flushed = self.client.flush() => flushed,
        }
    }

    pub(super) fn release_held(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.release(held);
    }

    async fn take_parse(&mut self, frame: &FromClient) -> Result<(), Trouble> {
        let mut fields = frame.fields();
        let (Some(name), Some(sql)) = (fields.text(), fields.text()) else {
            return Err(malformed());
        };
        let spans = statements(&sql);
        if spans.len() > 1 {
            return Err(Refusal::several_statements().into());
        }
        let statement =
            Statement::read(spans.first().map_or("", |span| sql[span.clone()].trim_end()));
        let prepared = Arc::new(Prepared { statement });
        if prepared.is_ours() {
            return self.parse_ours(name, prepared).await;
        }
        let turned = self.turn_parse(&prepared.statement).await?;
        let mut bytes = BytesMut::new();
        put(&mut bytes, b'P', |out| {
            put_text(out, &name);
            put_text(out, &turned.sql);
            out.put_slice(fields.rest());
        });
        self.turned = Some(turned);
        self.waiting.push(Waiting {
            bytes,
            prepares: Some((name.clone(), Arc::clone(&prepared))),
            binds: None,
        });
        self.prepared.insert(name, prepared);
        Ok(())
    }

    async fn parse_ours(&mut self, name: String, prepared: Arc<Prepared>) -> Result<(), Trouble> {
        if let Some(refusal) = &prepared.statement.refusal {
            self.check_state()?;
            return Err(refusal.clone().into());
        }
        self.dispatch(None).await?;
        self.prepared.insert(name, prepared);
        put(&mut self.client.out, b'1', |_| {});
        Ok(())
    }

    /// What is sent for a Parse, once all copies that it names are there.
    async fn turn_parse(&mut self, statement: &Statement) -> Result<Turned, Trouble> {
        self.check_state()?;
        if let Some(refusal) = &statement.refusal {
            return Err(refusal.clone().into());
        }
        self.prepare_names(statement).await?;
        if let Kind::Ddl(_) = statement.kind {
            let plain = super::admit::plain_ddl(statement);
            return Ok(self.tables.turn(&plain, &Named::default()));
        }
        let named = self.tables.resolve(&mut self.server, &statement.names).await?;
        Ok(self.tables.turn(statement, &named))
    }

    /// Opens the transaction and makes the copies that a statement names.
    async fn prepare_names(&mut self, statement: &Statement) -> Result<(), Trouble> {
        self.check_state()?;
        if statement.is_outside_transactions() {
            return Ok(());
        }
        self.ensure_begun().await?;
        if !matches!(statement.kind, Kind::Ddl(_)) {
            super::admit::show_copies(self).await?;
            let named = self.look(statement).await?;
            self.refuse_beside_ddl(&named)?;
            self.follow_path(&named).await?;
            self.ensure_copies(&named.all()).await?;
        }
        Ok(())
    }

    async fn take_bind(&mut self, frame: &FromClient) -> Result<(), Trouble> {
        let mut fields = frame.fields();
        let (Some(portal), Some(name)) = (fields.text(), fields.text()) else {
            return Err(malformed());
        };
        let prepared = self.known(&name)?;
        if prepared.is_ours() {
            self.dispatch(None).await?;
            put(&mut self.client.out, b'2', |_| {});
        } else {
            self.prepare_names(&prepared.statement).await?;
            self.fill_for(&prepared.statement).await?;
            let binds = Some((portal.clone(), Portal { prepared: Arc::clone(&prepared) }));
            let bytes = BytesMut::from(frame.bytes());
            self.waiting.push(Waiting { bytes, prepares: None, binds });
        }
        // Only now: copies that are made anew begin a transaction anew, and with it all portals are gone.
        self.portals.insert(portal, Portal { prepared });
        Ok(())
    }

    fn wait_with(&mut self, frame: &FromClient) {
        self.waiting.push(Waiting {
            bytes: BytesMut::from(frame.bytes()),
            prepares: None,
            binds: None,
        });
    }

    /// At a transaction's end the server's portals are gone; those whose Bind has not been sent yet are still to come.
    pub(super) fn forget_portals(&mut self) {
        self.portals = self.waiting.iter().filter_map(|waiting| waiting.binds.clone()).collect();
    }

    fn known(&self, name: &str) -> Result<Arc<Prepared>, Refusal> {
        self.prepared.get(name).cloned().ok_or_else(|| Refusal::no_statement(name))
    }

    async fn take_describe(&mut self, frame: &FromClient) -> Result<(), Trouble> {
        let (prepared, of_statement) = match about(frame)? {
            About::Statement(name) => (self.known(&name)?, true),
            About::Portal(name) => (self.portal(&name)?.prepared, false),
        };
        if !prepared.is_ours() {
            self.prepare_names(&prepared.statement).await?;
            self.wait_with(frame);
            return Ok(());
        }
        self.dispatch(None).await?;
        if of_statement {
            put(&mut self.client.out, b't', |out| out.put_u16(0));
        }
        put(&mut self.client.out, b'n', |_| {});
        Ok(())
    }

    fn portal(&self, name: &str) -> Result<Portal, Refusal> {
        if let Some(portal) = self.portals.get(name) {
            return Ok(portal.clone());
        }
        // DECLARE makes portals as well, and PostgreSQL knows them.
        match self.state {
            State::Open(_) => {
                Ok(Portal { prepared: Arc::new(Prepared { statement: Statement::read("fetch") }) })
            }
            _ => Err(Refusal::no_portal(name)),
        }
    }

    async fn take_close(&mut self, frame: &FromClient) -> Result<(), Trouble> {
        let ours = match about(frame)? {
            About::Statement(name) => {
                self.prepared.remove(&name).is_some_and(|found| found.is_ours())
            }
            About::Portal(name) => {
                self.portals.remove(&name).is_some_and(|found| found.prepared.is_ours())
            }
        };
        if ours {
            self.dispatch(None).await?;
            put(&mut self.client.out, b'3', |_| {});
        } else {
            self.wait_with(frame);
        }
        Ok(())
    }

    async fn take_execute(&mut self, frame: &FromClient) -> Result<(), Trouble> {
        let mut fields = frame.fields();
        let (Some(name), Some(limit)) = (fields.text(), fields.long()) else {
            return Err(malformed());
        };
        let statement = self.portal(&name)?.prepared.statement.clone();
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
    ) -> Result<(), Trouble> {
        let admitted: Admitted = self.admit(statement).await?;
        let executed = self.executed(statement);
        let marks = self.before_locking(&executed, &admitted.tables, limit).await?;
        self.wait_with(frame);
        let preparing = self.put_waiting();
        let ahead = self.ask_ahead(statement);
        self.server.line.flush_hearing().await?;
        self.replies(preparing, Some(&admitted.turned), ahead).await?;
        self.after_locking(&executed, &admitted.tables, marks).await?;
        let held = std::mem::take(&mut self.held);
        self.after_statement(statement, &admitted, &held).await?;
        self.held = held;
        Ok(())
    }

    /// Sends what waits and passes the answers on, the last `CommandComplete` excepted.
    async fn dispatch(&mut self, turned: Option<&Turned>) -> Result<(), Trouble> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let preparing = self.put_waiting();
        self.server.line.flush_hearing().await?;
        self.replies(preparing, turned, Ahead::NOTHING).await
    }

    /// Queues what waits; what it prepares is returned.
    fn put_waiting(&mut self) -> Vec<Preparing> {
        if let State::Open(open) = &mut self.state {
            open.dispatched = true;
        }
        let mut preparing = Vec::new();
        for waiting in self.waiting.drain(..) {
            self.server.line.out.put_slice(&waiting.bytes);
            preparing.extend(waiting.prepares);
        }
        put(&mut self.server.line.out, b'S', |_| {});
        preparing
    }

    async fn replies(
        &mut self,
        preparing: Vec<Preparing>,
        turned: Option<&Turned>,
        ahead: Ahead,
    ) -> Result<(), Trouble> {
        let parsed = self.turned.take();
        let turned = turned.or(parsed.as_ref());
        let mut refused = None;
        let mut prepared = 0;
        loop {
            let frame = self.next_reply().await?;
            match frame.tag {
                ServerTag::Ready => break,
                ServerTag::Error => refused = Some(frame),
                ServerTag::CommandComplete => self.held = Held::Frame(frame),
                ServerTag::CopyIn => {
                    self.client.pass(&frame);
                    self.copy_in().await?;
                    // The server has taken our Sync for a part of the copy.
                    put(&mut self.server.line.out, b'S', |_| {});
                    self.server.line.flush_hearing().await?;
                }
                tag => {
                    prepared += usize::from(tag == ServerTag::ParseComplete);
                    self.hand_over(&frame).await?;
                }
            }
        }
        let heard = self.hear_ahead(ahead).await;
        if refused.is_some() {
            for (name, _) in preparing.into_iter().skip(prepared) {
                self.prepared.remove(&name);
            }
        }
        self.end_given_up().await?;
        let Some(frame) = refused else { return heard };
        Err(Trouble::Server(
            turned.map_or_else(|| frame.clone(), |turned| moved(&frame, turned, 0)),
        ))
    }
}

impl Statement {
    /// Whether PostgreSQL runs it outside of transaction blocks only.
    fn is_outside_transactions(&self) -> bool {
        self.kind == Kind::Session
            && words(&self.sql).first().is_some_and(|word| word.is("discard"))
    }
}
