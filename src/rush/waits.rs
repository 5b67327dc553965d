//! Lock waits, by looking at who waits, forty times a second.
//!
//! PostgreSQL keeps no count of lock waits, so this is a sample, and two things are told of it. The time waited is a fair estimate however short the
//! waits are: if on average three sessions are seen to wait, three seconds are waited in every second. The number of waits is a lower bound:
//! those that begin and end between two looks are not seen. A look takes no lock that a worker could meet, and as long as its plan is kept it costs the
//! server about as much as one request.

use std::collections::HashSet;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::door::{Door, Preparing};
use super::line::{Line, TextRow};
use super::trouble::Trouble;
use crate::sql::rush as sql;

/// From one look to the next.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// What was seen of lock waits so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Waits {
    /// Sessions that wait at this moment.
    pub now: u64,
    /// Different waits that were seen; there may have been more.
    pub seen: u64,
    /// Time that sessions have waited, all of them together.
    pub waited: Duration,
}

/// The one who looks.
pub(super) struct Lookout {
    line: Line,
    question: String,
    before: HashSet<TextRow>,
    looked: Instant,
    waits: Waits,
}

impl Lookout {
    /// None where the engine does not show who waits.
    pub(super) async fn start(door: &Door, application: &str) -> Result<Option<Self>, Trouble> {
        let mut line = door.open().await?;
        let question = sql::WAITING.replace("APPLICATION", application);
        let question = prepared(&mut line, question).await;
        match line.run(&question).await {
            Ok(_) => Ok(Some(Self::new(line, question))),
            Err(Trouble::Lost(class)) => Err(Trouble::Lost(class)),
            Err(_) => Ok(None),
        }
    }

    fn new(line: Line, question: String) -> Self {
        let (before, looked) = (HashSet::new(), Instant::now());
        Self { line, question, before, looked, waits: Waits::default() }
    }

    /// Looks until its connection is lost or nobody listens. What was seen by then stands; a server that was restarted is looked at no more.
    pub(super) async fn watch(mut self, told: mpsc::Sender<Waits>) {
        let mut pulse = tokio::time::interval(LOOK_EVERY);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.looked = Instant::now();
        loop {
            pulse.tick().await;
            let Ok(waiting) = self.line.run(&self.question).await else { return };
            self.see(waiting);
            if told.send(self.waits).await.is_err() {
                return;
            }
        }
    }

    fn see(&mut self, waiting: Vec<TextRow>) {
        let since = self.looked.elapsed();
        self.looked = Instant::now();
        let waiting: HashSet<TextRow> = waiting.into_iter().collect();
        self.waits.now = waiting.len() as u64;
        self.waits.seen += waiting.difference(&self.before).count() as u64;
        self.waits.waited += since * u32::try_from(waiting.len()).unwrap_or(u32::MAX);
        self.before = waiting;
    }
}

/// The question with its plan kept, where that is possible. Planning it costs the server ten times what answering does: forty times a second, that
/// would be a few per cent of what is measured.
async fn prepared(line: &mut Line, question: String) -> String {
    if line.preparing() == Preparing::Unnamed {
        return question;
    }
    match line.run(&format!("prepare looking as\n{question}")).await {
        Ok(_) => "execute looking".to_owned(),
        Err(_) => question,
    }
}
