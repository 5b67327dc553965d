//! Asks the server forty times a second who waits, and notices when it does not
//! answer.
//!
//! ```text
//!            ┌── an answer ──▶ waits ──┐
//!  look ─────┤                         ├──▶ look again
//!            └── none ──▶ away ──▶ connect, again and again ──▶ back ──┘
//! ```
//!
//! A look takes no lock that a worker could meet, and as long as its plan is kept it costs the
//! server about as much as one request. The workers notice a server that is away too, but each by
//! itself, and they tell nothing before their request is settled.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::attempt_error::{AttemptError, ErrorClass};
use super::connector::{Connector, Preparing};
use super::pause::Patience;
use super::pipelined_connection::PipelinedConnection;
use super::waits::{Sample, Waits};
use crate::core::event::Row;
use crate::core::sql::rush as sql;

/// From one look to the next.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// The same where a look shows no more than that the server answers, and from one attempt to
/// connect to the next.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// How long a server that is busy may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// Asked where the engine does not show who waits.
const ARE_YOU_THERE: &str = "select 1";

/// Whether the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Here,
    /// It did, and does not any more.
    Away,
}

/// What the sampler tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum LockWaitSample {
    Waits(Waits),
    Presence(Presence),
}

/// The one who looks.
pub(super) struct LockWaitSampler {
    connector: Connector,
    line: PipelinedConnection,
    /// Who waits, in full; `None` where the engine does not show it.
    waiting: Option<String>,
    /// The question as it is put on this connection.
    question: String,
    sample: Sample,
}

impl LockWaitSampler {
    /// Finds out whether the engine shows who waits.
    pub(super) async fn start(
        connector: &Connector,
        application: &str,
    ) -> Result<Self, AttemptError> {
        let mut line = connector.open().await?;
        let waiting = sql::WAITING.replace("APPLICATION", application);
        let question = prepared(&mut line, &waiting).await;
        let (waiting, question) = match line.run(&question).await {
            Ok(_) => (Some(waiting), question),
            Err(AttemptError::Lost(class)) => return Err(AttemptError::Lost(class)),
            Err(_) => (None, ARE_YOU_THERE.to_owned()),
        };
        Ok(Self { connector: connector.clone(), line, waiting, question, sample: Sample::new() })
    }

    /// Whether it is lock waits that it looks for.
    pub(super) fn shows_waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// Looks until nobody listens.
    pub(super) async fn watch(mut self, told: mpsc::Sender<LockWaitSample>) {
        tokio::select! {
            () = told.closed() => {}
            () = self.look_on(&told) => {}
        }
    }

    async fn look_on(&mut self, told: &mpsc::Sender<LockWaitSample>) {
        let mut beat = beat(if self.shows_waits() { LOOK_EVERY } else { ASK_EVERY });
        self.sample.skip();
        loop {
            beat.tick().await;
            match within(self.line.run(&self.question)).await {
                Ok(waiting) => self.tell_waits(waiting, told).await,
                Err(trouble) => self.come_back(trouble, told).await,
            }
        }
    }

    async fn tell_waits(&mut self, waiting: Vec<Row>, told: &mpsc::Sender<LockWaitSample>) {
        if self.shows_waits() {
            tell(told, LockWaitSample::Waits(self.sample.see(waiting))).await;
        }
    }

    /// A connection that somebody has ended says nothing about the server; one that cannot be made
    /// does, and so does silence.
    async fn come_back(&mut self, lost: AttemptError, told: &mpsc::Sender<LockWaitSample>) {
        let mut beat = beat(ASK_EVERY);
        let mut is_away = *lost.class() == ErrorClass::no_answer();
        if is_away {
            tell(told, LockWaitSample::Presence(Presence::Away)).await;
        }
        while let Err(trouble) = self.connect().await {
            if !is_away && is_silent(&trouble) {
                is_away = true;
                tell(told, LockWaitSample::Presence(Presence::Away)).await;
            }
            beat.tick().await;
        }
        self.sample.skip();
        if is_away {
            tell(told, LockWaitSample::Presence(Presence::Here)).await;
        }
    }

    async fn connect(&mut self) -> Result<(), AttemptError> {
        self.line = within(self.connector.open()).await?;
        if let Some(waiting) = &self.waiting {
            self.question = within(async { Ok(prepared(&mut self.line, waiting).await) }).await?;
        }
        within(self.line.run(&self.question)).await.map(drop)
    }
}

async fn tell(told: &mpsc::Sender<LockWaitSample>, sight: LockWaitSample) {
    // Whoever watches ends when nobody listens any more.
    let _ = told.send(sight).await;
}

fn beat(every: Duration) -> Interval {
    let mut beat = tokio::time::interval_at(Instant::now() + every, every);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}

async fn within<T>(work: impl Future<Output = Result<T, AttemptError>>) -> Result<T, AttemptError> {
    let silence = || Err(AttemptError::Lost(ErrorClass::no_answer()));
    Patience::new().wait(ANSWER_WITHIN, work).await.unwrap_or_else(silence)
}

/// A server that refuses a connection, because it is full for example, has answered. One that is
/// starting or shutting down serves nobody, and a pooler that has lost its server tells of a
/// connection exception.
fn is_silent(trouble: &AttemptError) -> bool {
    let class = trouble.class();
    let silence =
        [ErrorClass::unreachable(), ErrorClass::connection_lost(), ErrorClass::no_answer()];
    let code = class.as_str();
    silence.contains(class) || code.starts_with("08") || code.starts_with("57P")
}

/// The question with its plan kept, where that is possible. Planning it costs the server ten times
/// what answering does: forty times a second, that would be a few per cent of what is measured.
async fn prepared(line: &mut PipelinedConnection, question: &str) -> String {
    if line.preparing() == Preparing::Unnamed {
        return question.to_owned();
    }
    match line.run(&format!("prepare looking as\n{question}")).await {
        Ok(_) => "execute looking".to_owned(),
        Err(_) => question.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_server_is_not_away_and_one_that_starts_is() {
        let lost = |code| AttemptError::Lost(ErrorClass::sqlstate(code));
        assert!(!is_silent(&lost("53300")));
        assert!(is_silent(&lost("57P03")));
        assert!(is_silent(&AttemptError::Lost(ErrorClass::unreachable())));
    }
}
