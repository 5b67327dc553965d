//! What the run knows of one session: a fold over the session's events and the observer's verdicts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::core::event::{
    Conflict, Event, Kind, Pid, SessionName, SubmissionId, TransactionStatus, Wait,
};
use crate::core::syntax::{self, Strings};
use crate::run::session::{Session, Silence};

/// A session on the stage.
pub(crate) struct Actor {
    name: SessionName,
    session: Option<Session>,
    pub(crate) standing: SessionState,
}

impl Actor {
    /// The actor of a session that connects.
    pub(crate) fn new(session: Session) -> Self {
        let name = session.name().clone();
        Self { name, session: Some(session), standing: SessionState::default() }
    }

    pub(crate) fn name(&self) -> &SessionName {
        &self.name
    }

    /// Sends SQL; the session is busy from this moment on.
    pub(crate) fn submit(&mut self, submission: SubmissionId, line: Line) {
        if let Some(session) = &self.session {
            self.standing.in_flight = Some((submission, Instant::now()));
            self.standing.sent_at = Some(Instant::now());
            self.standing.step = line.step;
            session.submit(submission, line.sql, line.step);
        }
    }

    /// What is to be sent now that the statement before it is answered.
    pub(crate) fn next_line(&mut self) -> Option<Line> {
        if self.standing.in_flight.is_some() { None } else { self.standing.rest.pop_front() }
    }

    /// Cancels what is in flight. What was to follow it is not sent, as psql drops the rest of a
    /// line at Ctrl-C.
    pub(crate) fn cancel(&mut self) {
        self.standing.rest.clear();
        if let Some(session) = &self.session {
            session.cancel();
        }
    }

    /// Hears what the server has to say while nothing is in flight.
    pub(crate) fn hear(&self) -> Option<impl Future<Output = ()> + use<>> {
        self.session.as_ref().map(Session::hear)
    }

    /// Sends nothing more, cancels what is in flight, and says once that is answered how it stands.
    pub(crate) fn silence(&self) -> Option<impl Future<Output = Silence> + use<>> {
        self.session.as_ref().map(Session::silence)
    }

    /// Sends SQL into a session that has lost its connection, as psql does: one that has lost it
    /// while nobody looked is told so, and what was sent is lost with it; the next goes out on a
    /// new connection.
    pub(crate) fn revive(&mut self, submission: SubmissionId, line: Line) {
        let Some(session) = &self.session else { return };
        let is_news = std::mem::take(&mut self.standing.owes_its_loss);
        self.standing.absence = None;
        self.standing.in_flight = Some((submission, Instant::now()));
        self.standing.step = line.step;
        if is_news {
            self.standing.is_being_revived = true;
            session.tell_loss(submission, line.sql, line.step);
            session.reconnect();
        } else {
            session.reconnect();
            session.submit(submission, line.sql, line.step);
        }
    }

    /// Whether it has lost its connection.
    pub(crate) fn is_lost(&self) -> bool {
        self.standing.absence == Some(Absence::Lost) && self.session.is_some()
    }

    /// Connects anew where a statement was lost with the connection and others are to follow it:
    /// psql, too, goes on with the next.
    pub(crate) fn reconnect_for_the_rest(&mut self) {
        if !self.standing.rest.is_empty() {
            self.reconnect();
        }
    }

    /// Connects anew, if the connection was lost.
    pub(crate) fn reconnect(&mut self) {
        if let (Some(session), Some(Absence::Lost)) = (&self.session, self.standing.absence) {
            self.standing.absence = None;
            session.reconnect();
        }
    }

    /// Takes the session out, to be closed. Nothing can be sent into it from now on.
    pub(crate) fn dismiss(&mut self) -> Option<Session> {
        self.standing.absence.get_or_insert(Absence::Closed);
        self.session.take()
    }

    /// The event that ends the wait that was told, if one was.
    pub(crate) fn resume(&mut self, at: Duration) -> Option<Event> {
        self.standing.blocked = None;
        let told = self.standing.told.take()?;
        let kind = Kind::Resumed { waited: told.since.elapsed() };
        self.standing.ended_wait = Some(told);
        Some(Event { at, session: Some(self.name().clone()), kind })
    }
}

/// A submission to be: SQL, and the step that it plays, if it plays one.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) sql: Arc<str>,
    pub(crate) step: Option<usize>,
}

impl Line {
    /// This SQL in one message.
    pub(crate) fn whole(sql: &str, step: Option<usize>) -> Self {
        Self { sql: Arc::from(sql), step }
    }

    /// The statements of this SQL, one message each, as psql sends what is typed.
    pub(crate) fn each(sql: &str, step: Option<usize>, strings: Strings) -> VecDeque<Self> {
        let statements = syntax::split(sql, strings);
        if statements.is_empty() {
            return VecDeque::from([Self::whole(sql, step)]);
        }
        statements.iter().map(|statement| Self::whole(statement.text, step)).collect()
    }
}

/// Where a session stands, by our own knowledge of the protocol and the observer's of its locks.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionState {
    /// Its backend, while connected.
    pub(crate) pid: Option<Pid>,
    /// The backend that it lost. It may live on for a moment, and is not to be taken for a
    /// stranger's.
    pub(crate) lost_pid: Option<Pid>,
    /// The transaction status as of its last answer.
    pub(crate) status: TransactionStatus,
    /// The submission that is not yet answered whole, and when it was sent.
    pub(crate) in_flight: Option<(SubmissionId, Instant)>,
    /// The step that it plays, if it plays one.
    pub(crate) step: Option<usize>,
    /// How it reads the strings of a statement.
    pub(crate) strings: Strings,
    /// What is sent, in this order, once what is in flight is answered.
    pub(crate) rest: VecDeque<Line>,
    /// Who is in its way, and since when we know that somebody is.
    pub(crate) blocked: Option<(Vec<Pid>, Instant)>,
    /// When something was sent last.
    pub(crate) sent_at: Option<Instant>,
    /// The wait that the driver was told.
    pub(crate) told: Option<ToldWait>,
    /// The wait that was over before what came of it is known.
    pub(crate) ended_wait: Option<ToldWait>,
    /// Why the COMMIT that is being refused is refused, to be told after the refusal.
    pub(crate) conflict: Option<Conflict>,
    /// Why it has no backend, once that is known.
    pub(crate) absence: Option<Absence>,
    /// Whether it has lost its connection while nothing was in flight, so that no statement was
    /// told.
    pub(crate) owes_its_loss: bool,
    /// Whether it is told of a loss, to be connected anew at once.
    pub(crate) is_being_revived: bool,
    /// Whether it has begun with a statement that is to go on running while others act.
    pub(crate) is_under_way: bool,
}

/// A wait as the driver was told it.
#[derive(Clone, Debug)]
pub(crate) struct ToldWait {
    pub(crate) wait: Wait,
    pub(crate) blockers: Vec<Pid>,
    pub(crate) since: Instant,
}

/// Why a session has no backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// The connection broke, or could not be made.
    Lost,
    /// Its user closed it.
    Closed,
}

impl SessionState {
    /// Whether something that was sent is not yet answered.
    pub(crate) fn is_busy(&self) -> bool {
        self.pid.is_some() && self.in_flight.is_some()
    }

    /// Whether this idle backend is its own.
    pub(crate) fn is_idle_as(&self, pid: Pid) -> bool {
        self.pid == Some(pid) && self.in_flight.is_none()
    }

    /// Whether it has connected, or is known not to.
    pub(crate) fn is_settled(&self) -> bool {
        self.pid.is_some() || self.absence.is_some()
    }

    /// Takes an event of this session in.
    pub(crate) fn apply(&mut self, kind: &Kind) {
        self.strings = kind.strings().unwrap_or(self.strings);
        match kind {
            Kind::Connected { pid } => {
                let (in_flight, rest) = (self.in_flight.take(), std::mem::take(&mut self.rest));
                *self =
                    Self { pid: Some(*pid), in_flight, rest, step: self.step, ..Self::default() };
            }
            Kind::Lost { .. } if self.is_being_revived => {
                let rest = std::mem::take(&mut self.rest);
                *self = Self { absence: None, rest, ..self.without_backend(Absence::Lost) };
            }
            Kind::Lost { .. } => {
                let owes_its_loss = self.pid.is_some() && self.in_flight.is_none();
                // Where there was no connection to lose, nothing can be sent.
                let rest = self.pid.map(|_| std::mem::take(&mut self.rest)).unwrap_or_default();
                *self = Self { rest, owes_its_loss, ..self.without_backend(Absence::Lost) };
            }
            Kind::Closed => *self = self.without_backend(Absence::Closed),
            Kind::Ready { submission, status, .. } => {
                self.status = *status;
                self.in_flight.take_if(|(sent, _)| *sent == *submission);
                self.is_under_way = false;
            }
            _ => {}
        }
    }

    /// Takes in that nothing is in flight any more, since it was cancelled or has gone with its
    /// backend.
    pub(crate) fn fall_silent(&mut self, silence: Silence) {
        self.in_flight = None;
        self.told = None;
        self.rest.clear();
        match silence {
            Silence::Kept(status) => self.status = status,
            Silence::Absent | Silence::Broken(_) => *self = self.without_backend(Absence::Lost),
        }
    }

    fn without_backend(&self, absence: Absence) -> Self {
        let lost_pid = self.pid.or(self.lost_pid);
        Self { absence: Some(absence), lost_pid, ..Self::default() }
    }

    /// Whether it is in the middle of a step and nobody stands in its way, so that what is typed
    /// meanwhile can follow.
    pub(crate) fn plays_a_step(&self) -> bool {
        self.is_busy() && self.step.is_some() && self.told.is_none()
    }

    /// Takes in who is in its way now.
    pub(crate) fn see_blocked(&mut self, by: &[Pid]) {
        let since = self.blocked.take().map_or_else(Instant::now, |(_, since)| since);
        self.blocked = (!by.is_empty()).then(|| (by.to_vec(), since));
    }

    /// Why nothing can be sent right now, in the console's words.
    pub(crate) fn why_not_ready(&self, name: &SessionName) -> Option<String> {
        match (self.absence, &self.told, &self.in_flight) {
            (Some(Absence::Closed), ..) => {
                Some(format!("{name} has left; F8 starts again with everybody"))
            }
            (Some(Absence::Lost), ..) => Some(format!("{name} has lost the connection")),
            _ if self.pid.is_none() => Some(format!("{name} is still connecting")),
            (None, Some(told), _) if !told.wait.blockers.is_empty() => {
                Some(format!("{name} still waits for {}", and_list(&told.wait.blockers)))
            }
            (None, _, Some(_)) => Some(format!("{name} is still busy with the statement before")),
            (None, _, None) => None,
        }
    }
}

/// Whether an event shows that its session is moving, and is not merely told something.
pub(crate) fn shows_progress(kind: &Kind) -> bool {
    !matches!(
        kind,
        Kind::Sent { .. }
            | Kind::Notice(_)
            | Kind::Notification { .. }
            | Kind::Parameter { .. }
            | Kind::Note(_)
    )
}

/// `Bob`, `Bob and Carol`, `Bob, Carol and Dave`.
pub(crate) fn and_list<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    match items.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::{Blocker, Certainty, WaitTarget};

    fn mallory() -> SessionName {
        SessionName::new("Mallory")
    }

    fn connected() -> SessionState {
        let mut standing = SessionState::default();
        standing.apply(&Kind::Connected { pid: Pid(7) });
        standing
    }

    #[test]
    fn a_session_is_idle_until_it_is_sent_something_and_again_after_its_answer() {
        let mut standing = connected();
        assert!(standing.is_idle_as(Pid(7)) && !standing.is_idle_as(Pid(8)));
        standing.in_flight = Some((SubmissionId(1), Instant::now()));
        assert!(standing.is_busy());
        let status = TransactionStatus::InTransaction;
        standing.apply(&Kind::Ready {
            submission: SubmissionId(1),
            status,
            elapsed: Duration::ZERO,
        });
        assert!(standing.is_idle_as(Pid(7)));
        assert_eq!(standing.status, status);
    }

    #[test]
    fn a_lost_backend_is_remembered_until_there_is_another() {
        let mut standing = connected();
        let lost = Kind::Lost { reason: String::new(), in_transaction: false };
        standing.apply(&lost);
        standing.apply(&lost);
        assert_eq!(standing.lost_pid, Some(Pid(7)));
        standing.apply(&Kind::Connected { pid: Pid(8) });
        assert_eq!((standing.pid, standing.lost_pid), (Some(Pid(8)), None));
    }

    #[test]
    fn a_lost_session_is_settled_and_neither_busy_nor_idle() {
        let mut standing = connected();
        standing.in_flight = Some((SubmissionId(1), Instant::now()));
        standing.apply(&Kind::Lost { reason: String::new(), in_transaction: false });
        assert!(standing.is_settled() && !standing.is_busy() && !standing.is_idle_as(Pid(7)));
        assert_eq!(
            standing.why_not_ready(&mallory()).as_deref(),
            Some("Mallory has lost the connection")
        );
    }

    #[test]
    fn a_waiting_session_says_for_whom() {
        let mut standing = connected();
        standing.in_flight = Some((SubmissionId(1), Instant::now()));
        let blockers = vec![Blocker::Session(SessionName::new("Bob"))];
        let target = WaitTarget::Transaction;
        let wait = Wait { blockers, target, certainty: Certainty::Observed };
        standing.told = Some(ToldWait { wait, blockers: vec![Pid(8)], since: Instant::now() });
        let why = standing.why_not_ready(&mallory());
        assert_eq!(why.as_deref(), Some("Mallory still waits for Bob"));
    }

    #[test]
    fn lists_read_as_people_write_them() {
        assert_eq!(and_list(&["Bob"]), "Bob");
        assert_eq!(and_list(&["Bob", "Carol", "Dave"]), "Bob, Carol and Dave");
    }
}
