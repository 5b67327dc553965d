//! What a transaction needs of the PostgreSQL behind it: answers to its questions. One connection
//! gives them; in tests a script does.

use std::collections::VecDeque;
use std::io;

use super::error::BackendError;
use super::question::{Answer, Question};

/// Whoever answers a transaction's questions.
///
/// The futures are `Send` by declaration: a client's task moves between threads, and the compiler
/// could not tell from a caller that knows the trait alone.
pub(crate) trait Questions: Send {
    /// Asks several in one round trip: all are answered, or none after the first that failed.
    fn ask_all(
        &mut self,
        questions: Vec<Question>,
    ) -> impl Future<Output = Result<Vec<Answer>, BackendError>> + Send;

    /// Queues questions behind whatever else is to be sent; [`answers`](Self::answers) takes the
    /// answers when it is their turn.
    fn queue(&mut self, questions: &[Question]) -> Asked;

    /// Sends what is queued.
    fn send(&mut self) -> impl Future<Output = io::Result<()>> + Send;

    /// Takes the answers to what was queued, as far as there are any. Only the connection's end is
    /// an error.
    fn heard(&mut self, asked: Asked) -> impl Future<Output = io::Result<Heard>> + Send;

    /// Takes the answers to what was queued, all of them.
    fn answers(
        &mut self,
        asked: Asked,
    ) -> impl Future<Output = Result<Vec<Answer>, BackendError>> + Send {
        async move {
            let Heard { answers, refused } = self.heard(asked).await?;
            refused.map_or(Ok(answers), Err)
        }
    }

    /// Queues questions whose answers are wanted later: they travel with what is queued next, in
    /// front of it.
    fn defer(&mut self, questions: Vec<Question>);

    /// The answers to what was deferred last; sent, if it was not yet.
    fn deferred(&mut self) -> impl Future<Output = Result<Vec<Answer>, BackendError>> + Send;

    /// Has a statement parsed as one on the stored tables; it is not run.
    fn try_on_stored(&mut self, sql: &str)
    -> impl Future<Output = Result<(), BackendError>> + Send;

    /// Closes the client's unnamed portal, which would keep what it has read from being altered:
    /// the client is about to bind another.
    fn close_unnamed_portal(&mut self) {}

    /// Asks one question.
    fn ask(
        &mut self,
        question: Question,
    ) -> impl Future<Output = Result<Answer, BackendError>> + Send {
        async move { Ok(self.ask_all(vec![question]).await?.pop().unwrap_or_default()) }
    }

    /// Rolls the open transaction back. A cancellation that comes late may hit this instead of what
    /// it was meant for.
    fn roll_back(&mut self) -> impl Future<Output = io::Result<()>> + Send {
        async move {
            loop {
                match self.ask(Question::prepared("rollback")).await {
                    Ok(_) => return Ok(()),
                    Err(error) if error.is_cancelled() => {}
                    Err(BackendError::Lost(error)) => return Err(error),
                    Err(error) => {
                        return Err(io::Error::other(format!("it does not roll back: {error:?}")));
                    }
                }
            }
        }
    }
}

/// What was answered to several questions.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Up to the first that failed.
    pub(crate) answers: Vec<Answer>,
    /// How that one failed.
    pub(crate) refused: Option<BackendError>,
}

/// Questions on their way.
#[derive(Debug)]
pub(crate) struct Asked {
    /// How many of them were deferred.
    pub(super) deferred: usize,
    /// How many there are behind those.
    pub(super) count: usize,
    /// Which of them nobody has asked for: they change the settings.
    pub(super) ours: Vec<usize>,
    /// The statements whose Parse goes with them.
    pub(super) parsed: VecDeque<Option<String>>,
}
