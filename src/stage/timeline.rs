//! The timeline: who did what when, a lane a session. A fold over events, like everything on the
//! screen.
//!
//! ```text
//!            1          2          3          4          5          moments: something was sent
//!  Bob       ▐BEGIN▌────▐SELECT 1▌──────────────────────▐◆COMMIT▌   bars: statements
//!  Mallory                          ▐UPDATE▒▒▒▒▒▒▒▒▒▒▒▒▒▒UPDATE 0▌   hatched: it waits
//! ```
//!
//! Steps come by hand, seconds apart, and their statements take milliseconds: drawn to scale there
//! would be nothing to see. So the timeline counts in moments, one for each statement that was
//! sent, and each moment knows when it was.
//!
//! It remembers the last [`KEPT`] moments, whatever has happened before.

use std::collections::VecDeque;
use std::time::Duration;

use crate::core::event::{Event, Kind, ServerMessage, SessionName, TransactionStatus, Wait};

mod cursor;
#[cfg(test)]
mod tests;

pub use cursor::Cursor;

/// How many moments are remembered: more than anybody steps by hand.
pub const KEPT: usize = 4096;
/// How much of a statement is remembered, in characters.
const SQL_KEPT: usize = 240;

/// Everything that has happened, by moment and by lane.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    moments: VecDeque<Moment>,
    /// How many moments there were before the first that is remembered.
    forgotten: usize,
    lanes: Vec<Lane>,
}

/// Something was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When, from the start of the run.
    pub at: Duration,
    pub session: SessionName,
    /// The step of the schedule that it plays, or none when it was typed.
    pub step: Option<usize>,
    /// The beginning of what was sent, on one line.
    pub sql: String,
}

/// What one session did.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Whose lane it is.
    pub session: SessionName,
    bars: VecDeque<Bar>,
}

/// A statement (or several, sent as one), from the moment in which it was sent to the one in which
/// it was answered. Moments are counted from 0, those that are forgotten too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Where it was sent.
    pub from: usize,
    /// Where it was answered; `None` while it is not.
    pub until: Option<usize>,
    /// The first word of what was sent.
    pub verb: String,
    /// What it waited for last, if it ever waited.
    pub wait: Option<Wait>,
    /// What came of it.
    pub end: End,
    /// How the session stands after it.
    pub after: TransactionStatus,
    /// From sending to the answer.
    pub elapsed: Option<Duration>,
    /// The moment in which the connection ended after it.
    pub gone: Option<usize>,
}

impl Bar {
    /// The moment in which the server rolled a transaction back because its session had gone.
    pub fn abandoned(&self) -> Option<usize> {
        self.gone.filter(|_| self.after != TransactionStatus::Idle)
    }
}

/// What came of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    #[default]
    Open,
    /// It was done, with this command tag.
    Done(String),
    /// It committed a transaction.
    Committed,
    /// It rolled a transaction back, as asked or because the transaction had failed.
    RolledBack,
    Failed {
        code: String,
        /// The primary message.
        message: String,
    },
    /// The connection was lost or closed under it.
    Lost,
}

impl Timeline {
    /// A timeline of these sessions on which nothing has happened.
    pub fn new(sessions: &[SessionName]) -> Self {
        let mut timeline = Self::default();
        for name in sessions {
            timeline.join(name);
        }
        timeline
    }

    /// Gives one more session a lane.
    pub fn join(&mut self, session: &SessionName) {
        if self.lane(session).is_none() {
            self.lanes.push(Lane { session: session.clone(), bars: VecDeque::new() });
        }
    }

    /// The lanes, in the order in which the sessions joined.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// How many moments there were, those that are forgotten too.
    pub fn len(&self) -> usize {
        self.forgotten + self.moments.len()
    }

    /// Whether nothing has happened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first moment that is remembered.
    pub fn first(&self) -> usize {
        self.forgotten
    }

    /// A moment, if it is remembered.
    pub fn moment(&self, at: usize) -> Option<&Moment> {
        self.moments.get(at.checked_sub(self.forgotten)?)
    }

    /// The statement that was sent at a moment.
    pub fn sent_at(&self, at: usize) -> Option<&Bar> {
        self.lane(&self.moment(at)?.session)?.bars_in(at, at).next().filter(|bar| bar.from == at)
    }

    /// Folds an event. What the runner does is no part of the play.
    pub fn apply(&mut self, event: &Event) {
        let Some(session) = &event.session else { return };
        if *session == SessionName::pause() && !self.has_lane(session) {
            return;
        }
        if let Kind::Sent { sql, step, .. } = &event.kind {
            let line = event.kind.line().filter(|line| !line.is_empty());
            self.sent(event.at, session, *step, line.unwrap_or(sql));
        } else {
            let now = self.len().saturating_sub(1);
            if let Some(bar) = self.running(session) {
                bar.apply(&event.kind, now);
            }
        }
    }

    fn has_lane(&self, session: &SessionName) -> bool {
        self.lanes.iter().any(|lane| &lane.session == session)
    }

    fn sent(&mut self, at: Duration, session: &SessionName, step: Option<usize>, sql: &str) {
        self.join(session);
        let now = self.len();
        let sql: String = sql.chars().take(SQL_KEPT).collect();
        let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        let bar = Bar::new(now, &sql);
        if let Some(lane) = self.lanes.iter_mut().find(|lane| &lane.session == session) {
            lane.bars.push_back(bar);
        }
        self.moments.push_back(Moment { at, session: session.clone(), step, sql });
        self.forget();
    }

    fn forget(&mut self) {
        if self.moments.len() > KEPT {
            self.moments.pop_front();
            self.forgotten += 1;
        }
        let first = self.forgotten;
        for lane in &mut self.lanes {
            // The last bar stays: how a session stands is told by what it did last.
            while lane.bars.len() > 1 && lane.bars[0].until.is_some_and(|until| until < first) {
                lane.bars.pop_front();
            }
        }
    }

    fn lane(&self, session: &SessionName) -> Option<&Lane> {
        self.lanes.iter().find(|lane| &lane.session == session)
    }

    /// What a session is doing, or has done last: a connection can break after its last answer.
    fn running(&mut self, session: &SessionName) -> Option<&mut Bar> {
        self.lanes.iter_mut().find(|lane| &lane.session == session)?.bars.back_mut()
    }
}

impl Lane {
    /// The bars that can be seen between two moments, both inclusive, and the one before them.
    pub fn bars_in(&self, first: usize, last: usize) -> impl Iterator<Item = &Bar> {
        let begin = self.bars.partition_point(|bar| bar.until.is_some_and(|until| until < first));
        self.bars.range(begin..).take_while(move |bar| bar.from <= last)
    }

    /// How the session stood when a moment began.
    pub fn status_before(&self, at: usize) -> TransactionStatus {
        let next = self.bars.partition_point(|bar| bar.from < at);
        let last = next.checked_sub(1).map(|last| &self.bars[last]);
        let stands = last.filter(|bar| bar.gone.is_none_or(|gone| gone >= at));
        stands.map_or(TransactionStatus::Idle, |bar| bar.after)
    }
}

impl Bar {
    fn new(from: usize, sql: &str) -> Self {
        let after = TransactionStatus::Idle;
        let (sign, sql) = sql.strip_prefix('\\').map_or(("", sql), |rest| ("\\", rest));
        let verb = sql.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let verb = if sign.is_empty() { verb.to_ascii_uppercase() } else { format!("\\{verb}") };
        Self {
            from,
            until: None,
            verb,
            wait: None,
            end: End::Open,
            after,
            elapsed: None,
            gone: None,
        }
    }

    fn apply(&mut self, kind: &Kind, now: usize) {
        match kind {
            Kind::Done { tag, .. } => self.end = End::of_tag(tag),
            Kind::Failed(ServerMessage { code, message, .. }) => {
                self.end = End::Failed { code: code.clone(), message: message.clone() };
            }
            Kind::Waiting(wait) => self.wait = Some(wait.clone()),
            Kind::Ready { status, elapsed, .. } => {
                self.until.get_or_insert(now);
                self.after = *status;
                self.elapsed = Some(*elapsed);
            }
            Kind::Lost { .. } | Kind::Closed => {
                if self.until.is_none() {
                    self.end = End::Lost;
                    self.until = Some(now);
                }
                self.gone = Some(now);
            }
            _ => {}
        }
    }
}

impl End {
    /// COMMIT of a failed transaction is answered by ROLLBACK.
    fn of_tag(tag: &str) -> Self {
        match tag {
            "COMMIT" => Self::Committed,
            "ROLLBACK" => Self::RolledBack,
            _ => Self::Done(tag.to_owned()),
        }
    }
}
