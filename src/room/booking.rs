//! One press of a seat, from the look to the commit: a transaction of a person's own.
//!
//! ```text
//!  begin ──▶ look ──▶ (think) ──▶ update ──▶ commit ──▶ booked
//!              │                    │ UPDATE 0   │ 40001, OC000
//!              └ taken ─▶ rollback ◀┘            └──▶ refused
//! ```
//!
//! What is sent depends on the strategy, and only what the server answers says what came of it.

use std::time::Duration;

use crate::core::event::{Kind, ServerMessage, TransactionStatus};
use crate::core::scenario::EngineKind;
use crate::core::syntax::{literal, quote_if_needed as quote};
use crate::room::view::shown;
use crate::stage::room::Strategy;
use crate::stage::words;

/// A seat, as its table knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) key: String,
    pub(super) table: String,
    /// The columns that say which it is, and their values.
    pub(super) place: Vec<(String, String)>,
    /// The column with the holder.
    pub(super) holder: String,
    /// The column that counts its changes, where there is one.
    pub(super) version: Option<String>,
}

/// A press that is under way.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    who: String,
    pub(super) seat: Seat,
    strategy: Strategy,
    engine: EngineKind,
    think: Duration,
    phase: Phase,
    answer: Answer,
    /// For whom and for what it waits.
    pub(super) waits: Option<String>,
    /// The version that was seen.
    seen: Option<String>,
    /// When its first statement was sent: what it sees is no older.
    began: Option<Duration>,
    /// A moment at which the seat was free, by what it has seen.
    pub(super) free_at: Option<Duration>,
}

/// What was sent last.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Ready,
    Begin,
    Look,
    Think,
    Update,
    Commit,
    /// Nothing is to come of it any more but this.
    Rollback(Outcome),
}

/// What has come back to what was sent last.
#[derive(Clone, Debug, Default)]
struct Answer {
    row: Option<Vec<Option<String>>>,
    tag: String,
    failure: Option<ServerMessage>,
}

/// What came of a press.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The commit was acknowledged.
    Booked,
    /// It had a holder already.
    Taken(String),
    /// The UPDATE found it changed.
    TooLate,
    /// The server refused, with this code.
    Refused { code: String, words: String },
    /// It never came to an answer.
    Broken(String),
    /// The commit was acknowledged, and the seat was free again later.
    GivenBack,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Send(String),
    Think(Duration),
    Over(Outcome),
}

impl Attempt {
    /// A press of this seat by this person; or why it cannot be one.
    pub(super) fn new(
        who: &str,
        seat: Seat,
        strategy: Strategy,
        engine: EngineKind,
        think: Duration,
    ) -> Result<Self, &'static str> {
        if strategy == Strategy::Version
            && engine == EngineKind::Optimistic
            && seat.version.is_none()
        {
            return Err("a version needs a column \u{201c}version\u{201d} on this engine");
        }
        let (phase, answer) = (Phase::Ready, Answer::default());
        let (who, waits, seen, began, free_at) = (who.to_owned(), None, None, None, None);
        Ok(Self { who, seat, strategy, engine, think, phase, answer, waits, seen, began, free_at })
    }

    /// The first statement.
    pub(super) fn begin(&mut self) -> String {
        self.phase = Phase::Begin;
        let level = match (self.engine, self.strategy) {
            (EngineKind::Optimistic, _) => "",
            (_, Strategy::Serializable) => " isolation level serializable",
            (_, Strategy::Optimistic) => " isolation level repeatable read",
            _ => " isolation level read committed",
        };
        format!("begin{level};")
    }

    /// Whether it thinks.
    pub(super) fn is_thinking(&self) -> bool {
        self.phase == Phase::Think
    }

    /// What it is doing, in a word or two.
    pub(super) fn doing(&self) -> String {
        let key = &self.seat.key;
        match (&self.waits, &self.phase) {
            (Some(whom), _) => format!("waits for {whom}"),
            (None, Phase::Ready | Phase::Begin | Phase::Look) => format!("looks at {key}"),
            (None, Phase::Think) => format!("thinks about {key}"),
            (None, Phase::Update) => format!("takes {key}"),
            (None, Phase::Commit) => format!("commits {key}"),
            (None, Phase::Rollback(_)) => format!("lets go of {key}"),
        }
    }

    /// Takes in an event of its session; what is to be done next, where that is known now.
    pub(super) fn hear(&mut self, kind: &Kind, at: Duration) -> Option<Next> {
        match kind {
            Kind::Sent { .. } if self.phase == Phase::Begin => self.began = Some(at),
            Kind::Waiting(wait) => self.waits = Some(shown(&words::whom_and_what(wait))),
            Kind::Resumed { .. } => self.waits = None,
            Kind::Rows(rows) => self.answer.row = rows.first().cloned(),
            Kind::Done { tag, .. } => self.answer.tag.clone_from(tag),
            Kind::Failed(message) => self.answer.failure = Some(message.clone()),
            Kind::Ready { status, .. } => {
                self.waits = None;
                self.note_free(at);
                return Some(self.answered(*status));
            }
            Kind::Lost { reason, .. } => return Some(Next::Over(Outcome::Broken(shown(reason)))),
            Kind::Closed => {
                return Some(Next::Over(Outcome::Broken("the session was closed".to_owned())));
            }
            _ => {}
        }
        None
    }

    /// The thinking is over.
    pub(super) fn thought(&mut self) -> String {
        self.phase = Phase::Update;
        self.update()
    }

    /// What an answer that came at this moment says about when the seat was free. A row that is
    /// read without a lock may be as old as the transaction; one that is locked, or that the UPDATE
    /// has found unchanged, is the newest.
    fn note_free(&mut self, at: Duration) {
        let Answer { row, tag, failure } = &self.answer;
        if failure.is_some() {
            return;
        }
        let blocks = self.engine != EngineKind::Optimistic;
        match self.phase {
            Phase::Look if row.as_ref().is_some_and(|row| row.first() == Some(&None)) => {
                let is_newest = blocks && self.strategy == Strategy::ForUpdate;
                self.free_at = if is_newest { Some(at) } else { self.began };
            }
            Phase::Update if blocks && tag != "UPDATE 0" => {
                if matches!(self.strategy, Strategy::ConditionalUpdate | Strategy::Version) {
                    self.free_at = Some(at);
                }
            }
            _ => {}
        }
    }

    fn answered(&mut self, status: TransactionStatus) -> Next {
        let Answer { row, tag, failure } = std::mem::take(&mut self.answer);
        if let Phase::Rollback(outcome) = &self.phase {
            return Next::Over(outcome.clone());
        }
        if let Some(failure) = failure {
            let words = shown(&failure.message);
            let refused = Outcome::Refused { code: shown(&failure.code), words };
            return self.give_up(refused, status);
        }
        match self.phase {
            Phase::Begin => {
                self.phase = Phase::Look;
                Next::Send(self.look())
            }
            Phase::Look => self.looked(row, status),
            Phase::Update if tag == "UPDATE 0" => self.give_up(Outcome::TooLate, status),
            Phase::Update => {
                self.phase = Phase::Commit;
                Next::Send("commit;".to_owned())
            }
            Phase::Commit if tag == "COMMIT" => Next::Over(Outcome::Booked),
            Phase::Ready | Phase::Think | Phase::Commit | Phase::Rollback(_) => {
                let words = "the server answered something else than was asked".to_owned();
                self.give_up(Outcome::Broken(words), status)
            }
        }
    }

    fn looked(&mut self, row: Option<Vec<Option<String>>>, status: TransactionStatus) -> Next {
        let mut row = row.into_iter().flatten();
        let holder = row.next();
        self.seen = row.next().flatten();
        match holder {
            None => self.give_up(Outcome::TooLate, status),
            Some(Some(holder)) => self.give_up(Outcome::Taken(shown(&holder)), status),
            Some(None) if self.think.is_zero() => Next::Send(self.thought()),
            Some(None) => {
                self.phase = Phase::Think;
                Next::Think(self.think)
            }
        }
    }

    fn give_up(&mut self, outcome: Outcome, status: TransactionStatus) -> Next {
        if status == TransactionStatus::Idle {
            return Next::Over(outcome);
        }
        self.phase = Phase::Rollback(outcome);
        Next::Send("rollback;".to_owned())
    }

    fn look(&self) -> String {
        let Seat { table, holder, .. } = &self.seat;
        let version = match (self.strategy, &self.seat.version) {
            (Strategy::Version, Some(column)) => format!(", {}", quote(column)),
            // What PostgreSQL itself writes down with every change.
            (Strategy::Version, None) => ", xmin".to_owned(),
            _ => String::new(),
        };
        let lock = if self.strategy == Strategy::ForUpdate { " for update" } else { "" };
        let (table, holder, place) = (quote(table), quote(holder), self.place());
        format!("select {holder}{version} from {table} where {place}{lock};")
    }

    fn update(&self) -> String {
        let Seat { table, holder, version, .. } = &self.seat;
        let counted = match (self.strategy, version) {
            (Strategy::Version, Some(it)) => format!(", {0} = {0} + 1", quote(it)),
            _ => String::new(),
        };
        let seen = literal(self.seen.as_deref().unwrap_or_default());
        let condition = match (self.strategy, version) {
            (Strategy::ConditionalUpdate, _) => format!(" and {} is null", quote(holder)),
            (Strategy::Version, Some(column)) => format!(" and {} = {seen}", quote(column)),
            (Strategy::Version, None) => format!(" and xmin = {seen}"),
            _ => String::new(),
        };
        let (table, holder, who) = (quote(table), quote(holder), literal(&self.who));
        let place = self.place();
        format!("update {table} set {holder} = {who}{counted} where {place}{condition};")
    }

    /// `(seat_row, seat_number) = ('A', '4')`
    fn place(&self) -> String {
        let columns: Vec<_> = self.seat.place.iter().map(|(column, _)| quote(column)).collect();
        let values: Vec<_> = self.seat.place.iter().map(|(_, value)| literal(value)).collect();
        format!("({}) = ({})", columns.join(", "), values.join(", "))
    }
}

impl Outcome {
    /// What came of it, to whom it concerns.
    pub(super) fn words(&self, key: &str) -> String {
        match self {
            Self::Booked => format!("you have {key}"),
            Self::Taken(holder) => format!("{key} was taken already: {holder} has it"),
            Self::TooLate => format!("UPDATE 0: too late for {key}"),
            Self::Refused { code, words } if code == "40001" => {
                format!("{code} for {key}: {words}. Start again?")
            }
            Self::Refused { code, words } => format!("{code} for {key}: {words}"),
            Self::Broken(why) => format!("{key}: {why}"),
            Self::GivenBack => format!("{key} was yours; it has been given back"),
        }
    }

    /// Whether the person has not got the seat.
    pub(super) fn is_refusal(&self) -> bool {
        !matches!(self, Self::Booked | Self::GivenBack)
    }

    /// A word for what it is.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Taken(_) | Self::TooLate => "late",
            Self::Refused { .. } => "refused",
            Self::Broken(_) => "broken",
            Self::GivenBack => "given-back",
        }
    }
}

#[cfg(test)]
mod tests;
