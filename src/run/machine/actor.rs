//! What the run knows of one session: a fold over the session's events and the observer's verdicts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::effects::Effects;
use super::output::Demand;
use super::watch::Watch;
use crate::core::event::{
    Conflict, Event, Kind, Pid, SessionName, SubmissionId, TransactionStatus, Wait,
};
use crate::core::psql::Settings;
use crate::core::syntax::{Piece, Strings, read};
use crate::run::participant::{Silence, Submission};

/// A session that takes part.
#[derive(Debug)]
pub(crate) struct Actor {
    name: SessionName,
    /// Whether it is a client of the debugger, which nobody here sends anything into.
    is_guest: bool,
    /// Whether anything can still be asked of it.
    is_here: bool,
    pub(crate) state: SessionState,
    /// What was set in it that is nothing to the server.
    pub(crate) settings: Settings,
}

impl Actor {
    /// The actor of a session that connects.
    pub(crate) fn new(name: SessionName) -> Self {
        let (state, settings) = (SessionState::default(), Settings::default());
        Self { name, is_guest: false, is_here: true, state, settings }
    }

    /// The actor of a guest's transactions.
    pub(crate) fn guest(name: SessionName) -> Self {
        // Nothing can be asked of it from here.
        Self { is_guest: true, is_here: false, ..Self::new(name) }
    }

    /// Whether it is a client of the debugger.
    pub(crate) fn is_guest(&self) -> bool {
        self.is_guest
    }

    /// Its program has sent something.
    pub(crate) fn note_sent(&mut self, submission: SubmissionId, at: Duration) {
        self.state.in_flight = Some((submission, at));
        self.state.sent_at = Some(at);
    }

    pub(crate) fn name(&self) -> &SessionName {
        &self.name
    }

    /// Sends SQL; the session is busy from this moment on.
    pub(crate) fn submit(&mut self, submission: Submission, fx: &mut Effects) {
        if self.is_here {
            self.begin(&submission, fx);
            self.state.sent_at = Some(fx.now());
            fx.ask(&self.name, Demand::Submit(submission));
        }
    }

    /// A submission is in flight from this moment on.
    fn begin(&mut self, submission: &Submission, fx: &Effects) {
        self.state.in_flight = Some((submission.id, fx.now()));
        self.state.step = submission.step;
        self.state.watch = Watch::of(submission);
    }

    /// Does what no server is asked for: what it tells, from beginning to end.
    pub(crate) fn answer_itself(&mut self, submission: Submission, fx: &Effects) -> Vec<Event> {
        if !self.is_here {
            return Vec::new();
        }
        self.begin(&submission, fx);
        let Submission { id, sql, step, typed } = submission;
        let (status, elapsed) = (self.state.status, Duration::ZERO);
        let sent = Kind::Sent { submission: id, sql, step, typed };
        let ready = Kind::Ready { submission: id, status, elapsed };
        [sent, ready].map(|kind| fx.event(Some(self.name.clone()), kind)).into()
    }

    /// What is to be sent now that the statement before it is answered.
    pub(crate) fn next_line(&mut self) -> Option<Line> {
        if self.state.in_flight.is_some() { None } else { self.state.rest.pop_front() }
    }

    /// Cancels what is in flight. What was to follow it is not sent, as psql drops the rest of a
    /// line at Ctrl-C.
    pub(crate) fn cancel(&mut self, fx: &mut Effects) {
        self.state.rest.clear();
        if let (Some(_), Some(watch)) = (self.state.in_flight, &mut self.state.watch) {
            watch.is_stopped = true;
        }
        self.ask(Demand::Cancel, fx);
    }

    /// Asks something of it, if it is still here; whether it is.
    pub(crate) fn ask(&self, demand: Demand, fx: &mut Effects) -> bool {
        if self.is_here {
            fx.ask(&self.name, demand);
        }
        self.is_here
    }

    /// Sends SQL into a session that has lost its connection, as psql does: one that has lost it
    /// while nobody looked is told so, and what was sent is lost with it; the next goes out on a
    /// new connection.
    pub(crate) fn revive(&mut self, submission: Submission, fx: &mut Effects) {
        if !self.is_here {
            return;
        }
        let is_news = std::mem::take(&mut self.state.owes_its_loss);
        self.state.absence = None;
        self.begin(&submission, fx);
        if is_news {
            self.state.is_being_revived = true;
            fx.ask(&self.name, Demand::TellLoss(submission));
            fx.ask(&self.name, Demand::Reconnect);
        } else {
            fx.ask(&self.name, Demand::Revive(submission));
        }
    }

    /// Whether it has lost its connection.
    pub(crate) fn is_lost(&self) -> bool {
        self.state.absence == Some(Absence::Lost) && self.is_here
    }

    /// Connects anew where a statement was lost with the connection and others are to follow it:
    /// psql, too, goes on with the next.
    pub(crate) fn reconnect_for_the_rest(&mut self, fx: &mut Effects) {
        if !self.state.rest.is_empty() {
            self.reconnect(fx);
        }
    }

    /// Connects anew, if the connection was lost.
    pub(crate) fn reconnect(&mut self, fx: &mut Effects) {
        if self.is_lost() {
            self.state.absence = None;
            fx.ask(&self.name, Demand::Reconnect);
        }
    }

    /// Takes part again, connecting, if it was closed and has said so; whether it was.
    pub(crate) fn reopen(&mut self) -> bool {
        let is_closed = self.state.absence == Some(Absence::Closed) && self.state.pid.is_none();
        if self.is_here || self.is_guest || !is_closed {
            return false;
        }
        let lost_pid = self.state.lost_pid;
        self.state = SessionState { lost_pid, ..SessionState::default() };
        self.is_here = true;
        true
    }

    /// Lets the session go; whether it was here. Nothing can be asked of it until it is opened
    /// again.
    pub(crate) fn dismiss(&mut self, fx: &mut Effects) -> bool {
        self.state.absence.get_or_insert(Absence::Closed);
        let was_here = self.ask(Demand::Release, fx);
        self.is_here = false;
        was_here
    }

    /// The event that ends the wait that was told, if one was.
    pub(crate) fn resume(&mut self, at: Duration, fx: &Effects) -> Option<Event> {
        self.state.blocked = None;
        let wait = self.state.reported.take()?;
        let kind = Kind::Resumed { waited: fx.since(wait.since) };
        self.state.ended_wait = Some(wait);
        Some(Event { at, session: Some(self.name().clone()), kind })
    }
}

/// What is to be sent, or done as psql does it, and the step that it plays, if it plays one.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) text: Arc<str>,
    pub(crate) step: Option<usize>,
    /// Whether it goes to the server as it is, and psql has no hand in it.
    pub(crate) is_verbatim: bool,
}

impl Line {
    /// This SQL in one message, as it is.
    pub(crate) fn verbatim(sql: &str, step: Option<usize>) -> Self {
        Self { text: Arc::from(sql), step, is_verbatim: true }
    }

    fn of(text: &str, step: Option<usize>) -> Self {
        Self { text: Arc::from(text), step, is_verbatim: false }
    }

    /// The statements and commands of this text one by one, as psql reads what is typed.
    pub(crate) fn each(text: &str, step: Option<usize>, strings: Strings) -> VecDeque<Self> {
        let read = read(text, strings);
        let rest = Some(read.rest.trim()).filter(|_| read.unfinished.is_some());
        let mut lines: VecDeque<Self> =
            read.pieces.iter().map(|piece| Self::of(&piece.text(), step)).collect();
        lines.extend(rest.map(|rest| Self::of(rest, step)));
        // A step that is a mere comment is sent as well (the server answers with
        // EmptyQueryResponse): with nothing sent nothing would move, and no quiet would end the
        // step.
        if lines.is_empty() { VecDeque::from([Self::of(text, step)]) } else { lines }
    }

    /// What was typed at once: its statements in one message, unless a command is among them.
    pub(crate) fn typed(text: &str, strings: Strings) -> VecDeque<Self> {
        let is_command = |piece: &Piece| matches!(piece, Piece::Command(_));
        if read(text, strings).pieces.iter().any(is_command) {
            return Self::each(text, None, strings);
        }
        VecDeque::from([Self::of(text, None)])
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
    pub(crate) in_flight: Option<(SubmissionId, Duration)>,
    /// The step that it plays, if it plays one.
    pub(crate) step: Option<usize>,
    /// How it reads the strings of a statement.
    pub(crate) strings: Strings,
    /// What is sent, in this order, once what is in flight is answered.
    pub(crate) rest: VecDeque<Line>,
    /// Who is in its way, and since when we know that somebody is.
    pub(crate) blocked: Option<(Vec<Pid>, Duration)>,
    /// When something was sent last.
    pub(crate) sent_at: Option<Duration>,
    /// The wait that the driver was told.
    pub(crate) reported: Option<ReportedWait>,
    /// The wait that was over before what came of it is known.
    pub(crate) ended_wait: Option<ReportedWait>,
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
    /// The query that it sends again and again.
    pub(crate) watch: Option<Watch>,
}

/// A wait as the driver was told it.
#[derive(Clone, Debug)]
pub(crate) struct ReportedWait {
    pub(crate) wait: Wait,
    pub(crate) blockers: Vec<Pid>,
    pub(crate) since: Duration,
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
                // A step that revives its session is in flight before there is a connection to send
                // it on; all else belonged to the last backend.
                let (in_flight, rest) = (self.in_flight.take(), std::mem::take(&mut self.rest));
                *self =
                    Self { pid: Some(*pid), in_flight, rest, step: self.step, ..Self::default() };
            }
            Kind::Lost { .. } if self.is_being_revived => {
                // This loss is told for its statement's sake, with a reconnect right behind it: the
                // session is not absent, it is connecting.
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
            Kind::Failed(_) => self.watch = None,
            Kind::Ready { submission, status, .. } => {
                self.status = *status;
                // Only its own answer ends it. The runner is given its teardown even while an
                // earlier statement of it goes on, whose answer may come first.
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
        // Whoever is still said to wait is not ready, and would get no rollback.
        self.reported = None;
        self.watch = None;
        self.rest.clear();
        match silence {
            Silence::Kept(status) => self.status = status,
            // A backend that takes no cancel takes no rollback either: to send one would only wait
            // for it again.
            Silence::Absent | Silence::Broken(_) => *self = self.without_backend(Absence::Lost),
        }
    }

    fn without_backend(&self, absence: Absence) -> Self {
        // An attempt to reconnect that fails is a loss, too, and must not make us forget the
        // backend of the first.
        let lost_pid = self.pid.or(self.lost_pid);
        Self { absence: Some(absence), lost_pid, ..Self::default() }
    }

    /// Whether it is in the middle of a step and nobody stands in its way, so that what is typed
    /// meanwhile can follow.
    pub(crate) fn plays_a_step(&self) -> bool {
        self.is_busy() && self.step.is_some() && self.reported.is_none()
    }

    /// Takes in who is in its way now.
    pub(crate) fn see_blocked(&mut self, by: &[Pid], now: Duration) {
        // A wait that goes from one blocker to the next is one wait: a row that two have locked is
        // waited for twice, one locker after the other.
        let since = self.blocked.take().map_or(now, |(_, since)| since);
        self.blocked = (!by.is_empty()).then(|| (by.to_vec(), since));
    }

    /// Why nothing can be sent right now, in the console's words.
    pub(crate) fn why_not_ready(&self, name: &SessionName) -> Option<String> {
        match (self.absence, &self.reported, &self.in_flight) {
            (Some(Absence::Closed), ..) => {
                Some(format!("{name} is closed; Enter in its pane reopens it"))
            }
            (Some(Absence::Lost), ..) => Some(format!("{name} has lost its connection")),
            _ if self.pid.is_none() => Some(format!("{name} is still connecting")),
            // A guessed wait may name nobody.
            (None, Some(known), _) if !known.wait.blockers.is_empty() => {
                Some(format!("{name} still waits for {}", and_list(&known.wait.blockers)))
            }
            (None, _, Some(_)) => Some(format!("{name} is still busy with the previous statement")),
            (None, _, None) => {
                self.watch.as_ref().map(|_| format!("{name} is repeating its query (\\watch)"))
            }
        }
    }
}

/// Whether an event shows that its session is moving, and is not merely told something.
pub(crate) fn shows_progress(kind: &Kind) -> bool {
    // A backend may talk while it waits: with `log_lock_waits` it sends a notice from the middle of
    // the wait (PostgreSQL sources, `ProcSleep`). `Sent` says nothing of the server yet.
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
        let mut state = SessionState::default();
        state.apply(&Kind::Connected { pid: Pid(7) });
        state
    }

    #[test]
    fn a_session_is_idle_until_it_is_sent_something_and_again_after_its_answer() {
        let mut state = connected();
        assert!(state.is_idle_as(Pid(7)) && !state.is_idle_as(Pid(8)));
        state.in_flight = Some((SubmissionId(1), Duration::ZERO));
        assert!(state.is_busy());
        let status = TransactionStatus::InTransaction;
        state.apply(&Kind::Ready { submission: SubmissionId(1), status, elapsed: Duration::ZERO });
        assert!(state.is_idle_as(Pid(7)));
        assert_eq!(state.status, status);
    }

    #[test]
    fn a_lost_backend_is_remembered_until_there_is_another() {
        let mut state = connected();
        let lost = Kind::Lost { reason: String::new(), in_transaction: false };
        state.apply(&lost);
        state.apply(&lost);
        assert_eq!(state.lost_pid, Some(Pid(7)));
        state.apply(&Kind::Connected { pid: Pid(8) });
        assert_eq!((state.pid, state.lost_pid), (Some(Pid(8)), None));
    }

    #[test]
    fn a_lost_session_is_settled_and_neither_busy_nor_idle() {
        let mut state = connected();
        state.in_flight = Some((SubmissionId(1), Duration::ZERO));
        state.apply(&Kind::Lost { reason: String::new(), in_transaction: false });
        assert!(state.is_settled() && !state.is_busy() && !state.is_idle_as(Pid(7)));
        assert_eq!(
            state.why_not_ready(&mallory()).as_deref(),
            Some("Mallory has lost its connection")
        );
    }

    #[test]
    fn a_waiting_session_says_for_whom() {
        let mut state = connected();
        state.in_flight = Some((SubmissionId(1), Duration::ZERO));
        let blockers = vec![Blocker::Session(SessionName::new("Bob"))];
        let target = WaitTarget::Transaction;
        let wait = Wait { blockers, target, certainty: Certainty::Observed };
        state.reported = Some(ReportedWait { wait, blockers: vec![Pid(8)], since: Duration::ZERO });
        let why = state.why_not_ready(&mallory());
        assert_eq!(why.as_deref(), Some("Mallory still waits for Bob"));
    }

    #[test]
    fn lists_read_as_people_write_them() {
        assert_eq!(and_list(&["Bob"]), "Bob");
        assert_eq!(and_list(&["Bob", "Carol", "Dave"]), "Bob, Carol and Dave");
    }
}
