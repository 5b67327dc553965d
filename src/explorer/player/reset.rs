//! From the end of an order to the beginning of the next.

use std::time::{Duration, Instant};

use futures::future::try_join_all;

use super::control::Control;
use super::prepare::prelude_of_runner;
use super::{PlayerError, Session, SessionPlayer};
use crate::core::event::{Pid, Row, TransactionStatus};

/// How long a cancelled session is listened to before it is cancelled again.
const CANCEL_AGAIN: Duration = Duration::from_millis(100);
/// How long a statement may take to be cancelled.
const CANCEL_LIMIT: Duration = Duration::from_secs(10);

impl SessionPlayer {
    /// Ends what is under way and rolls every session back.
    pub(super) async fn quieten(&mut self) -> Result<(), PlayerError> {
        self.sessions.iter_mut().for_each(Session::drop_rest);
        let begun = Instant::now();
        while let Some(session) = self.last_waiter().await? {
            let session = &mut self.sessions[session];
            session.cancel().await?;
            while session.is_busy() {
                let heard = tokio::time::timeout(CANCEL_AGAIN, session.hear()).await;
                if heard.is_err() {
                    break;
                }
            }
            if begun.elapsed() > CANCEL_LIMIT {
                return Err(PlayerError::Uncancelled { session: session.name.clone() });
            }
        }
        let open = self.sessions.iter_mut().filter(|it| it.status != TransactionStatus::Idle);
        let rollback = ["rollback".to_owned()];
        let rolled_back = open.map(|session| {
            let rollback = &rollback;
            async move {
                // A connection that breaks here is made anew by the reset.
                if session.perform(rollback).await.is_err() {
                    session.give_up();
                }
            }
        });
        futures::future::join_all(rolled_back).await;
        Ok(())
    }

    /// A busy session that no other busy one waits for: were one cancelled that others wait for,
    /// they would go on.
    async fn last_waiter(&mut self) -> Result<Option<usize>, PlayerError> {
        for session in self.sessions.iter_mut().filter(|session| session.is_busy()) {
            session.gather_all().await;
        }
        let busy = |it: &&(usize, &Session)| it.1.is_busy();
        let busy: Vec<(usize, Pid)> = self
            .sessions
            .iter()
            .enumerate()
            .filter(|it| busy(&it))
            .map(|(at, session)| (at, session.pid))
            .collect();
        let Some(&(first, _)) = busy.first() else { return Ok(None) };
        if busy.len() == 1 {
            return Ok(Some(first));
        }
        let look = self.look().await?;
        let is_last =
            |&&(_, pid): &&(usize, Pid)| !busy.iter().any(|&(_, by)| look.is_waited_for(pid, by));
        Ok(Some(busy.iter().find(is_last).map_or(first, |&(at, _)| at)))
    }

    /// Puts tables, sequences and sessions back to the beginning.
    pub(super) async fn reset(
        &mut self,
        changed: &[usize],
        sequences: &[Row],
    ) -> Result<(), PlayerError> {
        if self.makes_tables {
            renew(&mut self.sessions, &self.prelude).await?;
            self.set_up().await?;
        } else {
            let tables = self.tables.put_back(&self.control, changed, sequences);
            let sessions = self.sessions.iter_mut().zip(&self.are_plain);
            let spoiled = sessions.filter(|(session, is_plain)| !**is_plain || session.is_lost());
            let preludes = spoiled.map(|(session, _)| session.renew(&self.prelude));
            let (tables, preludes) = tokio::join!(tables, try_join_all(preludes));
            tables?;
            preludes?;
        }
        self.set_up_sessions().await
    }

    /// Puts all tables and sequences back, and the sessions.
    pub(super) async fn reset_all(&mut self) -> Result<(), PlayerError> {
        let sequences = self.tables.sequence_states(&self.control).await?;
        let all = self.tables.every();
        self.reset(&all, &sequences).await
    }

    /// After an order that was left in its middle: nobody knows where any connection stands, so
    /// the sessions are ended and connected anew.
    pub(super) async fn recover(&mut self) -> Result<(), PlayerError> {
        let keeps_rows = !self.control.is_closed();
        if !keeps_rows {
            self.control = self.place.control().await?;
        }
        // What was sent before is carried out before this.
        self.control.run("rollback").await?;
        let pids = self.sessions.iter().chain([&self.runner]).map(|session| session.pid);
        end_backends(&self.control, pids.collect()).await?;
        self.sessions.iter_mut().for_each(Session::give_up);
        self.runner = self.place.runner().await?;
        perform(&mut self.runner, &prelude_of_runner(&self.prelude)).await?;
        if keeps_rows {
            return self.reset_all().await;
        }
        renew(&mut self.sessions, &self.prelude).await?;
        self.set_up().await?;
        self.set_up_sessions().await
    }

    /// What each session does before its first step.
    pub(super) async fn set_up_sessions(&mut self) -> Result<(), PlayerError> {
        for (session, player) in self.sessions.iter_mut().zip(&self.scenario.sessions) {
            let Some(setup) = &player.setup else { continue };
            session.forget_deadline();
            if let Err(message) = session.perform(std::slice::from_ref(&setup.sql)).await? {
                let place = self.scenario.place_of(setup, message.position);
                let message = format!("ERROR {}: {}", message.code, message.message);
                return Err(PlayerError::Setup { place, message });
            }
        }
        Ok(())
    }
}

/// Makes sessions as new: connected, and with nothing that the last order has left in them.
pub(super) async fn renew(sessions: &mut [Session], prelude: &[String]) -> Result<(), PlayerError> {
    try_join_all(sessions.iter_mut().map(|session| session.renew(prelude))).await.map(|_| ())
}

impl Session {
    /// As new: connected, and with nothing left of what was before.
    async fn renew(&mut self, prelude: &[String]) -> Result<(), PlayerError> {
        let discard = "discard all".to_owned();
        let statements: Vec<String> =
            std::iter::once(discard).chain(prelude.iter().cloned()).collect();
        self.forget_deadline();
        if !self.is_lost() {
            match self.perform(&statements).await {
                Ok(Ok(())) => return Ok(()),
                // Somebody has ended it meanwhile, or it cannot be made as new.
                Ok(Err(_)) | Err(_) => self.give_up(),
            }
        }
        self.connect().await?;
        perform(self, prelude).await
    }
}

/// Has a session carry out what it begins with.
pub(super) async fn perform(
    session: &mut Session,
    statements: &[String],
) -> Result<(), PlayerError> {
    session.perform(statements).await?.map_err(|message| PlayerError::Prelude {
        session: session.name.clone(),
        message: format!("ERROR {}: {}", message.code, message.message),
    })
}

/// Ends these backends and waits until they are gone.
async fn end_backends(control: &Control, pids: Vec<Pid>) -> Result<(), PlayerError> {
    let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
    let pids = pids.join(",");
    let end = format!(
        "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity \
         where pid in ({pids})"
    );
    let left = format!(
        "select pg_catalog.count(*) from pg_catalog.pg_stat_activity where pid in ({pids})"
    );
    let begun = Instant::now();
    control.run(&end).await?;
    while control.cell(&left).await?.as_deref() != Some("0") {
        if begun.elapsed() > CANCEL_LIMIT {
            let session = "an order that was given up".to_owned();
            return Err(PlayerError::Uncancelled { session });
        }
        let pause = std::future::pending::<()>();
        let _over = tokio::time::timeout(Duration::from_millis(5), pause).await;
    }
    Ok(())
}
