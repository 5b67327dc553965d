//! Whoever takes part in a run, as the run sees it: a port with the own
//! [`Session`](crate::run::session::Session) as its first implementation.
//!
//! ```text
//!  submit   send this SQL                                     ──▶ Sent … Ready
//!  cancel   end what is in flight                             ──▶ Failed, Ready
//!  release  the run's hold on it ends: it goes its own way    ──▶ Closed
//!           events ◀── everything that happens to it, in order, through its channel
//! ```
//!
//! Nothing is answered by a return value but what is awaited while tidying up; all else comes as an
//! event, so that whoever reads the events has seen everything.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::core::event::{Pid, SubmissionId, TransactionStatus, Typed};

/// SQL to send as one Query message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Submission {
    /// Its number within the run.
    pub(crate) id: SubmissionId,
    /// Exactly these bytes.
    pub(crate) sql: Arc<str>,
    /// The step of the schedule that it plays, if it plays one.
    pub(crate) step: Option<usize>,
    /// What was typed instead, and what becomes of the answer.
    pub(crate) typed: Option<Box<Typed>>,
}

/// What became of a session that was to fall silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// Nothing that it has sent goes on; its transaction stands like this.
    Kept(TransactionStatus),
    /// It has no connection on which anything could go on.
    Absent,
    /// The statement in flight did not end though it was cancelled again and again; this backend
    /// still works on it.
    Broken(Pid),
}

/// Somebody who takes part.
pub(crate) trait Participant: Send {
    /// Sends SQL as soon as everything submitted before is answered.
    fn submit(&self, submission: Submission);

    /// Cancels what is in flight.
    fn cancel(&self);

    /// Ends the run's hold on it: what is in flight does not outlive that. Done once the server
    /// knows.
    fn release(self: Box<Self>) -> BoxFuture<'static, ()>;

    /// Connects anew after a loss.
    fn reconnect(&self);

    /// Connects anew after a loss, then sends SQL. If it cannot connect, it tells that the SQL was
    /// sent and is lost.
    fn revive(&self, submission: Submission);

    /// Tells that SQL was sent and is lost, because the connection was before.
    fn tell_loss(&self, submission: Submission);

    /// Tells what the server has to say to it while it is idle (notifications, the end that
    /// somebody has made of it), then is done.
    fn hear(&self) -> BoxFuture<'static, ()>;

    /// Takes back what was not sent yet and cancels what is in flight until that has ended, which
    /// nobody is told. Only then is it certain that another session's end lets nothing of this one
    /// through. Somebody must take the events meanwhile.
    fn silence(&self) -> BoxFuture<'static, Silence>;
}
