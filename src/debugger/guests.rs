//! Who is connected to the debugger, which transactions are in flight, and what is held: a fold
//! without a clock, a socket or a task of its own.
//!
//! ```text
//!   hooks ── joined, arrived, told, dropped, left ─▶ ┌────────┐ ──▶ LetGo: what is held goes on
//!   keys, control socket, plans ── orders ─────────▶ │ Guests │ ──▶ News: events of a run
//!                                                    └────────┘
//! ```
//!
//! A *place* is where an actor's transactions are told, one after the other, by whichever
//! connection of a pool they come: on the screen, a pane. Two at once have two places.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::breakpoints::Rules;
use super::history::GuestHistory;
use super::identity::{Identity, Names};
use super::refusals::{Refusals, Rule, Tally};
use super::statement::Statement;
use super::tables::TableName;
use crate::core::event::{
    Fate, HUNG_UP, Kind, SERVER_GONE, SessionName, SubmissionId, TransactionStatus, Wait,
};
use crate::gateway::{Client, ClientId, StatementOutcome, Verdict};
use crate::run::guests::GuestNews;

mod answers;
mod arrival;
mod in_turn;
mod orders;
mod overview;
mod places;
mod planned;
mod recorded;
mod state;
#[cfg(test)]
mod tests;

pub use arrival::Arrival;
use in_turn::Queue;
pub use orders::{Answer, Order, OrderError};
pub use overview::{Overview, PassedStatement};
use places::Places;
pub use planned::PlanState;
use planned::Playing;
use recorded::Recorded;
#[cfg(test)]
pub(crate) use state::samples;
pub use state::{EndedState, HeldState, State, TransactionState, WaitState};

/// The number of something that is held; none is given twice, and who came later has a higher one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeldId(u64);

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// This is held no longer.
    LetGo(HeldId, Verdict),
    /// Tell the run.
    News(GuestNews),
}

/// All guests.
#[derive(Debug)]
pub struct Guests {
    rules: Rules,
    /// Whose port which is.
    ports: BTreeMap<SocketAddr, String>,
    clients: BTreeMap<ClientId, Guest>,
    /// Where programs can connect; nowhere yet while it is empty.
    listening: Vec<SocketAddr>,
    places: Places,
    held: BTreeMap<HeldId, Held>,
    /// How long each actor's program has waited for an answer before it hung up.
    patience: BTreeMap<String, Duration>,
    /// How many have got a number for a name.
    names: Names,
    /// The tables that are shown because they were touched.
    shown: BTreeSet<String>,
    /// What is answered in the server's place.
    refusals: Refusals,
    /// The plan that says what is held, while one is played.
    plan: Option<Playing>,
    /// What was let go by hand.
    recorded: Recorded,
    /// What is let go one after the other.
    queue: Queue,
    /// The tables in which statements can meet.
    gates: Vec<TableName>,
    /// Who has sent something since the plan began.
    heard_of: BTreeSet<String>,
    /// How many were held so far.
    holds: u64,
    /// How many were sent so far.
    submissions: u64,
    /// How many were answered so far that were no noise.
    answers: u64,
    /// How many passed by themselves.
    noise: u64,
    /// The last of them.
    passed: VecDeque<PassedStatement>,
    outputs: Vec<Output>,
}

/// How much has happened that is no noise: equal where nothing has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many statements were held or sent.
    pub statements: u64,
    /// How many were answered.
    pub answers: u64,
}

/// A connection.
#[derive(Debug)]
struct Guest {
    client: Arc<Client>,
    identity: Identity,
    /// What its transaction in flight has done so far.
    history: GuestHistory,
    /// Where its transaction in flight is told.
    place: Option<SessionName>,
    /// What is on its way to the server or being answered, oldest first.
    in_flight: VecDeque<InFlight>,
    status: TransactionStatus,
    /// What has passed by itself since it was last told, outside of any transaction.
    passed: VecDeque<Arc<str>>,
    /// What was held and is gone, until it is known why: cancelled, or the client has hung up.
    /// And whether the server had ended the connection before.
    dropped: Option<(Held, bool)>,
    /// Whether the server has ended the connection.
    is_ended: bool,
    /// Whether something was answered in the server's place since that was last ready.
    was_refused: bool,
    /// The statement behind which its connection is cut.
    cut_after: Option<CutAfter>,
}

/// The last statement of a connection that is cut behind it.
#[derive(Debug)]
struct CutAfter {
    /// Whether its transaction is committed with it, if it runs.
    commits: bool,
    /// What the server has said, of which the program does not hear.
    outcome: Option<StatementOutcome>,
}

/// A statement that was let go, or was never held.
#[derive(Debug)]
struct InFlight {
    sql: Arc<str>,
    /// A Query message, which is over with `ReadyForQuery`; an Execute is over with its own answer.
    is_query: bool,
    progress: Course,
    rows: u64,
    /// For whom it waits, as far as the run has seen.
    wait: Option<Wait>,
}

impl InFlight {
    fn new(sql: &Arc<str>, is_query: bool) -> Self {
        Self { sql: Arc::clone(sql), is_query, progress: Course::Behind, rows: 0, wait: None }
    }
}

/// How far the answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// What was sent before it is still being answered.
    Behind,
    /// It is being answered, and told in its place, since that moment.
    Told(SubmissionId, Instant),
    /// It has been answered; whether more follows in its transaction is not known yet.
    Answered(SubmissionId, Instant),
    /// Nobody is told.
    Silent,
}

/// A statement that is held.
#[derive(Clone, Debug)]
struct Held {
    client: ClientId,
    place: SessionName,
    sql: Arc<str>,
    /// Whose, without the number that tells it from another of that name.
    actor: String,
    statement: Statement,
    shape: Arc<str>,
    /// The tables that it names.
    tables: Arc<[String]>,
    /// What people call it.
    summary: String,
    why: String,
    since: Instant,
    is_query: bool,
}

impl CutAfter {
    fn is_refused(&self) -> bool {
        matches!(self.outcome, Some(StatementOutcome::Refused(_)))
    }

    fn words(&self) -> String {
        match &self.outcome {
            Some(StatementOutcome::Done) => {
                "the server has committed; its program does not know".to_owned()
            }
            Some(StatementOutcome::Refused(code)) => {
                format!("the server has refused it with {code}; its program does not know")
            }
            Some(StatementOutcome::Lost) | None => {
                "whether the server has committed is not known".to_owned()
            }
        }
    }
}

/// Of how many actors it is remembered how long their programs wait.
const MOST_REMEMBERED: usize = 256;

impl Guests {
    /// Nobody yet.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            ports: BTreeMap::new(),
            clients: BTreeMap::new(),
            listening: Vec::new(),
            places: Places::default(),
            held: BTreeMap::new(),
            patience: BTreeMap::new(),
            names: Names::default(),
            shown: BTreeSet::new(),
            refusals: Refusals::new([]),
            plan: None,
            recorded: Recorded::default(),
            queue: Queue::default(),
            gates: Vec::new(),
            heard_of: BTreeSet::new(),
            holds: 0,
            submissions: SubmissionId::FIRST_OF_GUESTS,
            answers: 0,
            noise: 0,
            passed: VecDeque::new(),
            outputs: Vec::new(),
        }
    }

    /// From now on who comes by one of these ports is its actor.
    pub fn name_ports(&mut self, ports: BTreeMap<SocketAddr, String>) {
        self.ports = ports;
    }

    /// From now on these are answered in the server's place.
    pub fn refuse(&mut self, rules: Vec<Rule>) {
        self.refusals = Refusals::new(rules);
    }

    /// What was answered in the server's place so far, and what came of it, if there are rules.
    pub fn refused(&self) -> Option<Tally> {
        (!self.refusals.is_empty()).then(|| self.refusals.total())
    }

    /// How much has happened that is no noise.
    pub fn progress(&self) -> Progress {
        Progress { statements: self.submissions + self.holds, answers: self.answers }
    }

    /// What is to be done now.
    pub fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// A client has connected.
    pub fn joined(&mut self, client: &Arc<Client>) {
        let port = client.came_by.and_then(|address| self.ports.get(&address));
        let guest = Guest {
            identity: Identity::new(port.map(String::as_str), client),
            client: Arc::clone(client),
            history: GuestHistory::default(),
            place: None,
            in_flight: VecDeque::new(),
            status: TransactionStatus::Idle,
            passed: VecDeque::new(),
            dropped: None,
            is_ended: false,
            was_refused: false,
            cut_after: None,
        };
        self.clients.insert(client.id, guest);
    }

    /// The server has ended a client's connection: by itself, where something of it is held, and
    /// perhaps because the client has said goodbye otherwise.
    pub fn server_left(&mut self, client: ClientId) {
        let is_held = self.held.values().any(|held| held.client == client);
        if is_held && let Some(guest) = self.clients.get_mut(&client) {
            guest.is_ended = true;
        }
    }

    /// Tables that are watched with others: their partitions, and the views on them.
    pub fn watch_relatives(&mut self, relatives: Vec<TableName>) {
        self.rules.relatives = relatives;
    }

    /// Whether somebody of this name has sent something since the plan began.
    pub fn has_heard_of(&self, actor: &str) -> bool {
        self.heard_of.contains(actor)
    }

    /// A client's connection has ended.
    pub fn left(&mut self, client: ClientId, now: Instant) {
        self.settle_dropped(client, Dropped::Abandoned, now);
        self.plan_left(client);
        self.refusals.left(client);
        let Some(guest) = self.clients.remove(&client) else { return };
        self.places.leave(guest.client.pid);
        if let Some(place) = guest.place {
            let mut in_transaction = guest.status != TransactionStatus::Idle;
            if let Some(cut_after) = guest.cut_after.filter(|it| it.commits) {
                in_transaction &= cut_after.is_refused();
                self.tell(&place, Kind::Note(cut_after.words()));
            }
            let reason = if guest.is_ended { SERVER_GONE } else { HUNG_UP }.to_owned();
            self.tell(&place, Kind::Lost { reason, in_transaction });
            self.places.free(&place);
        }
        self.go_on_in_turn(now);
    }

    /// What the server says of a statement, also where the client does not hear of it.
    pub fn note_outcome(&mut self, client: ClientId, outcome: StatementOutcome) {
        let cut_after = self.clients.get_mut(&client).and_then(|it| it.cut_after.as_mut());
        if let Some(cut_after) = cut_after {
            cut_after.outcome = Some(outcome);
        }
    }

    /// Programs can connect, at these addresses.
    pub fn opened(&mut self, addresses: Vec<SocketAddr>) {
        self.listening = addresses;
    }

    /// The run has seen that this submission waits for somebody, or no longer does.
    pub fn note_wait(
        &mut self,
        place: &SessionName,
        submission: SubmissionId,
        wait: Option<&Wait>,
        now: Instant,
    ) {
        let mut guests = self.clients.values_mut();
        let Some(guest) = guests.find(|guest| guest.place.as_ref() == Some(place)) else { return };
        for it in &mut guest.in_flight {
            // What has been answered meanwhile waits no more.
            if matches!(it.progress, Course::Told(told, _) if told == submission) {
                it.wait = wait.cloned();
            }
        }
        self.go_on_in_turn(now);
    }

    /// What was held is waited for no longer: its client has cancelled it or hung up, and it will
    /// never be sent.
    pub fn dropped(&mut self, held: HeldId) {
        let Some(held) = self.held.remove(&held) else { return };
        self.plan_dropped(held.client);
        if let Some(guest) = self.clients.get_mut(&held.client) {
            guest.dropped = Some((held, guest.is_ended));
        }
    }

    /// Tells what has become of what was dropped, now that it is known.
    fn settle_dropped(&mut self, client: ClientId, why: Dropped, now: Instant) {
        let Some(guest) = self.clients.get_mut(&client) else { return };
        let Some((held, by_server)) = guest.dropped.take() else { return };
        let since = now.saturating_duration_since(held.since);
        let fate = match why {
            // Whoever was sent away had no choice.
            Dropped::Abandoned if by_server => Fate::ServerGone,
            Dropped::Abandoned => Fate::Abandoned,
            Dropped::Cancelled => Fate::Cancelled,
        };
        if fate != Fate::ServerGone {
            self.patience.insert(guest.history.actor.clone(), since);
        }
        if self.patience.len() > MOST_REMEMBERED {
            self.patience.pop_first();
        }
        self.tell(&held.place, Kind::LetGo { held: since, fate });
    }

    fn tell(&mut self, place: &SessionName, kind: Kind) {
        // Whose transaction has no pane is told of by the control socket alone.
        if !self.places.is_shown(place) {
            return;
        }
        self.outputs.push(Output::News(GuestNews::Happened(place.clone(), kind)));
    }

    fn next_submission(&mut self) -> SubmissionId {
        self.submissions += 1;
        SubmissionId(self.submissions)
    }
}

/// Why something that was held is waited for no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dropped {
    Cancelled,
    Abandoned,
}
