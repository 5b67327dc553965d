//! How a statement is held, and what ends that: a verdict, a request to cancel it, or that either
//! side is gone.

use std::io;

use futures::FutureExt as _;

use super::{Cut, Protocol};
use crate::gateway::backend::{BackendError, Question, Questions as _};
use crate::gateway::hooks::{
    HeldStatement, HeldVerdict, StatementContext, StatementHooks, Verdict,
};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{Kind, Statement};
use crate::pg::frame::{FromServer, ServerTag};

/// What happens while a statement is held.
enum Happens {
    Verdict(Verdict),
    Cancelled,
    /// Another client needs the way of its transaction.
    InTheWay,
    /// The server says something unasked.
    Said(FromServer),
    ClientGone,
}

impl Protocol {
    /// Waits for what becomes of a statement. Whoever needs the way of its transaction waits for
    /// nobody.
    pub(super) async fn hold_back<'a>(
        &mut self,
        hooks: &'a dyn StatementHooks,
        statement: StatementContext<'a>,
    ) -> io::Result<Verdict> {
        // Before anybody knows of it who could cancel it.
        let noted = self.canceller.hold();
        let held = noted.begin();
        let mut verdict = hooks.before_statement(statement);
        let (verdict, timeout) = match (&mut verdict).now_or_never() {
            Some(verdict) => (verdict, None),
            None => {
                let timeout = self.suspend_timeouts().await?;
                (self.wait(verdict).await?, timeout)
            }
        };
        // Whoever cancelled it was told that this was done.
        if held.end() {
            return Ok(cancelled());
        }
        if matches!(verdict, Verdict::Pass | Verdict::CutAfter) {
            self.resume_timeouts(timeout).await?;
        }
        Ok(verdict)
    }

    async fn wait(&mut self, mut held: HeldVerdict<'_>) -> io::Result<Verdict> {
        loop {
            match self.happens(&mut held).await? {
                Happens::Verdict(verdict) => return Ok(verdict),
                Happens::Cancelled => return Ok(cancelled()),
                Happens::InTheWay => {
                    self.make_way().await?;
                    self.rest().await?;
                }
                Happens::Said(frame) => {
                    self.client.pass(&frame);
                    self.client.flush().await?;
                    // An error that nobody has asked for is the last that the server says.
                    if frame.tag == ServerTag::Error {
                        return Err(self.cut_off());
                    }
                }
                Happens::ClientGone => return Err(self.cut_off()),
            }
        }
    }

    async fn happens(&mut self, held: &mut HeldVerdict<'_>) -> io::Result<Happens> {
        let signal = self.transaction.signal();
        let noted = self.canceller.hold();
        let (client, joined) = (&mut self.client, &self.joined);
        let gone = async {
            match joined {
                Some(joined) => joined.gone(client).await,
                None => std::future::pending().await,
            }
        };
        Ok(tokio::select! {
            biased;
            () = noted.cancelled() => Happens::Cancelled,
            verdict = held => Happens::Verdict(verdict),
            () = signal.wait() => Happens::InTheWay,
            frame = self.backend.next_unasked() => Happens::Said(frame?),
            () = gone => Happens::ClientGone,
        })
    }

    /// Waits as long as the end of a statement is held.
    pub(super) async fn hold(&mut self, mut held: HeldStatement<'_>) -> io::Result<()> {
        let signal = self.transaction.signal();
        loop {
            tokio::select! {
                biased;
                () = &mut held => return Ok(()),
                () = signal.wait() => self.make_way().await?,
            }
        }
    }

    /// A server measures idleness from each `ReadyForQuery` to the next message, whichever that is:
    /// a Flush changes nothing and has no answer.
    async fn rest(&mut self) -> io::Result<()> {
        self.backend.put_flush();
        self.backend.flush().await
    }

    /// Keeps the server from losing its patience. What was set for the transaction is returned.
    async fn suspend_timeouts(&mut self) -> io::Result<Option<String>> {
        let mut timeout = None;
        if self.transaction.is_open() && self.backend.parameters().major_version() >= 17 {
            timeout = self.show_timeout().await?.filter(|timeout| timeout != "0");
            if timeout.is_some() {
                self.set_timeout("0").await?;
            }
        }
        self.rest().await?;
        Ok(timeout)
    }

    /// Gives back what was set, where the transaction is still open.
    async fn resume_timeouts(&mut self, timeout: Option<String>) -> io::Result<()> {
        match timeout.filter(|_| self.transaction.is_open()) {
            Some(timeout) => self.set_timeout(&timeout).await,
            None => Ok(()),
        }
    }

    async fn show_timeout(&mut self) -> io::Result<Option<String>> {
        let shown = self.backend.ask(Question::once("show transaction_timeout")).await;
        unless_lost(shown).map(|shown| shown?.value(0).map(str::to_owned))
    }

    async fn set_timeout(&mut self, timeout: &str) -> io::Result<()> {
        let sql = format!("set local transaction_timeout = '{timeout}'");
        unless_lost(self.backend.ask(Question::once(sql)).await).map(drop)
    }

    /// What a refused end of a transaction leaves behind: as in PostgreSQL, no block.
    pub(super) async fn end_refused(&mut self, statement: &Statement) -> io::Result<()> {
        if matches!(statement.kind, Kind::Commit | Kind::Rollback) {
            self.transaction.roll_back_block(&mut self.backend).await?;
            self.names.drop_portals();
        }
        Ok(())
    }

    /// The connection ends now, without another word.
    pub(super) fn cut_off(&mut self) -> io::Error {
        self.cut = Cut::Now;
        io::Error::new(io::ErrorKind::ConnectionAborted, "the client's connection is cut")
    }

    /// The connection ends when the statement that runs has taken effect, without another word.
    pub(super) fn cut_after(&mut self) {
        self.cut = Cut::After;
        if let Some(heard) = &self.heard {
            heard.mute();
        }
    }

    /// Whether the connection is to be cut. A statement without a block takes effect at the end of
    /// its message.
    pub(super) fn is_cut_due(&self) -> bool {
        let is_settled = self.transaction.is_idle() || !self.transaction.is_outside_block();
        match self.cut {
            Cut::Never => false,
            Cut::Now => true,
            Cut::After => is_settled,
        }
    }
}

fn cancelled() -> Verdict {
    let refusal = Refusal::cancelled();
    Verdict::Refuse { code: refusal.code().to_owned(), message: refusal.message().to_owned() }
}

/// What a server that knows no such setting answers is no trouble of the client's.
fn unless_lost<T>(asked: Result<T, BackendError>) -> io::Result<Option<T>> {
    match asked {
        Ok(answer) => Ok(Some(answer)),
        Err(BackendError::Lost(error)) => Err(error),
        Err(_) => Ok(None),
    }
}
