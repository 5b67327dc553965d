//! How a statement is held, and what ends that: a verdict, a request to cancel it, or that either
//! side is gone.

use std::io;

use futures::FutureExt as _;

use super::{Fate, Observer, Reading, Writing};
use crate::gateway::hooks::{HeldVerdict, Verdict};
use crate::gateway::refusal::Refusal;
use crate::gateway::talk::{Launched, Own};
use crate::pg::frame::{ClientTag, FromClient, ServerTag, Stream};
use crate::pg::message::frontend::{put_close, put_flush};

/// What ends the holding of a statement.
enum End {
    Verdict(Verdict),
    Cancelled,
    /// The client or the server is gone.
    Gone,
}

impl Observer {
    /// What becomes of a message, once nobody holds it any more.
    pub(super) async fn judge<C: Stream, S: Stream>(
        &self,
        frame: &FromClient,
        from_client: &mut Reading<ClientTag, C>,
        to_server: &mut Writing<ServerTag, S>,
    ) -> io::Result<Fate> {
        if !matches!(frame.tag, ClientTag::Query | ClientTag::Execute) {
            return Ok(Fate::Goes);
        }
        self.settle(to_server).await?;
        // What the server reads over is no statement that anybody could hold.
        let Some(launched) = self.talk().launch(frame) else { return Ok(Fate::Goes) };
        let end = self.ask(&launched, from_client, to_server).await?;
        // Where a message of the gateway's own has failed meanwhile, the client was told of that.
        let is_read_over = self.talk().is_read_over();
        let (fate, refusal) = match end {
            End::Gone | End::Verdict(Verdict::Cut) => return Ok(Fate::Ends),
            End::Verdict(Verdict::CutAfter) => (Fate::EndsAfter, None),
            End::Verdict(Verdict::Pass) => (Fate::Goes, None),
            End::Cancelled => (Fate::Goes, Some(Refusal::cancelled())),
            End::Verdict(Verdict::Refuse { code, message }) => {
                (Fate::Goes, Some(Refusal::of_verdict(code, message)))
            }
        };
        match refusal {
            _ if is_read_over => self.talk().note_read_over(launched),
            Some(refusal) => return Ok(Fate::Fails(launched, refusal)),
            None => {}
        }
        Ok(fate)
    }

    /// What came before a statement is not held with it; where statements may be held, it is
    /// answered first.
    async fn settle<S: Stream>(&self, to_server: &mut Writing<ServerTag, S>) -> io::Result<()> {
        let waits = self.joined.may_be_held() && !self.talk().is_answered();
        if waits {
            put_flush(&mut to_server.out);
        }
        to_server.flush().await?;
        if waits {
            self.until(|talk| talk.is_answered() || talk.is_over()).await;
        }
        Ok(())
    }

    /// Asks what becomes of a statement, for as long as that takes.
    async fn ask<C: Stream, S: Stream>(
        &self,
        launched: &Launched,
        from_client: &mut Reading<ClientTag, C>,
        to_server: &mut Writing<ServerTag, S>,
    ) -> io::Result<End> {
        let (parameters, said) = (launched.parameters(), self.said());
        let context = self.context(launched, &parameters, &said);
        // Before anybody knows of it who could cancel it.
        let held = self.hold.begin();
        let mut verdict = self.joined.hooks().before_statement(context);
        let (end, is_late, timeout) = match (&mut verdict).now_or_never() {
            Some(verdict) => (End::Verdict(verdict), false, None),
            None => {
                let timeout = self.suspend_timeouts(launched, to_server).await?;
                (self.wait(verdict, from_client).await, true, timeout)
            }
        };
        // Whoever cancelled it was told that this was done.
        let end = if held.end() { End::Cancelled } else { end };
        let goes = matches!(end, End::Verdict(Verdict::Pass | Verdict::CutAfter));
        if goes && !self.talk().is_read_over() {
            self.resume_timeouts(launched, timeout, to_server);
            if is_late {
                self.bind_again(launched, to_server);
            }
        }
        Ok(end)
    }

    /// Binds the statement anew where that went ahead of it. A query reads what was committed by
    /// its Bind (`PortalStart` takes its snapshot), and what it is to read is what there is now.
    fn bind_again<S: Stream>(&self, launched: &Launched, to_server: &mut Writing<ServerTag, S>) {
        let mut talk = self.talk();
        let Some(bind) = talk.bind_of(launched) else { return };
        // The one without a name makes way by itself.
        if let Some(portal) = bind.fields().string().filter(|name| !name.is_empty()) {
            put_close(&mut to_server.out, b'P', portal);
            talk.note_own(Own::Step);
        }
        to_server.pass(&bind);
        talk.note_own(Own::Step);
    }

    async fn wait<C: Stream>(
        &self,
        mut verdict: HeldVerdict<'_>,
        from_client: &mut Reading<ClientTag, C>,
    ) -> End {
        tokio::select! {
            biased;
            () = self.until(super::Talk::is_over) => End::Gone,
            () = self.hold.cancelled() => End::Cancelled,
            verdict = &mut verdict => End::Verdict(verdict),
            () = self.joined.gone(from_client) => End::Gone,
        }
    }
}
