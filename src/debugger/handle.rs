//! The debugger as others hold it: the gateway calls it, keys and sockets give it orders.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, RwLock, mpsc, oneshot, watch};

use super::breakpoints::Rules;
use super::gate::{Gate, GateError, Met, Opening};
use super::guests::{
    Answer, Arrival, Guests, HeldId, Order, OrderError, Output, Overview, PlanState, Progress,
    State,
};
use super::literals::with_parameters;
use super::plan::{Misfit, Plan};
use super::refusals::{Rule, Tally};
use super::tables::TableName;
use crate::core::error_chain::with_causes;
use crate::core::event::{Pid, SessionName, SubmissionId, Wait};
use crate::gateway::{
    Client, ClientId, Form, HeldStatement, HeldVerdict, StatementContext, StatementHooks,
    StatementOutcome, Told, Verdict,
};
use crate::run::guests::{Debugs, GuestNews};

/// How much may be on its way to the run before clients have to wait for it.
const BACKLOG: usize = 4096;

/// The least time from one look at everything to the next.
const GLANCE: Duration = Duration::from_millis(50);

/// The debugger. The gateway calls it for every statement of its clients.
#[derive(Debug)]
pub struct Debugger {
    inner: Mutex<Inner>,
    backlog: Arc<Backlog>,
    gate: RwLock<Option<Gate>>,
    has_gate: AtomicBool,
    /// Counts everything that has changed.
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    guests: Guests,
    /// Who waits for what becomes of what is held.
    waiting: HashMap<HeldId, oneshot::Sender<Verdict>>,
    news: mpsc::UnboundedSender<GuestNews>,
}

/// How much is on its way to the run.
#[derive(Debug, Default)]
struct Backlog {
    length: AtomicUsize,
    has_room: Notify,
}

impl Debugger {
    /// With these rules; and what it tells a run.
    pub fn start(rules: Rules) -> (Arc<Self>, mpsc::Receiver<GuestNews>) {
        let (news, told) = mpsc::unbounded_channel();
        let (out, run) = mpsc::channel(64);
        let backlog = Arc::new(Backlog::default());
        tokio::spawn(pass_on(told, out, Arc::clone(&backlog)));
        let inner = Inner { guests: Guests::new(rules), waiting: HashMap::new(), news };
        let (changed, gate) = (watch::Sender::new(0), RwLock::default());
        let has_gate = AtomicBool::new(false);
        let debugger = Self { inner: Mutex::new(inner), backlog, gate, has_gate, changed };
        (Arc::new(debugger), run)
    }

    /// Does what is wanted, or says why not.
    pub fn obey(self: &Arc<Self>, order: Order) -> Result<(), OrderError> {
        if order != Order::LetGoTogether {
            return self.change(|guests| guests.obey(order, Instant::now()));
        }
        if !self.has_gate() {
            return Err(OrderError::NoGate);
        }
        let debugger = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = debugger.let_go_together(None, Opening::AtOnce).await {
                let words = format!("nobody was let go together: {}", with_causes(&error));
                debugger.change(|guests| guests.tell_all_held(&words));
            }
        });
        Ok(())
    }

    /// Statements can be made to meet there from now on.
    pub async fn use_gate(&self, gate: Gate) {
        self.inner().guests.note_gates(gate.tables().to_vec());
        *self.gate.write().await = Some(gate);
        self.has_gate.store(true, Ordering::Relaxed);
    }

    /// Whether statements can be made to meet.
    pub fn has_gate(&self) -> bool {
        self.has_gate.load(Ordering::Relaxed)
    }

    /// The gate, to be taken away, once nobody is let through it any more.
    pub async fn take_gate(&self) -> Option<Gate> {
        self.has_gate.store(false, Ordering::Relaxed);
        self.gate.write().await.take()
    }

    /// Lets all go that is held, or these alone, and has them meet inside.
    pub async fn let_go_together(
        &self,
        only: Option<&[SessionName]>,
        opening: Opening,
    ) -> Result<Met, GateError> {
        // Kept as long as somebody is let through it: only then can it be taken away.
        let gate = self.gate.read().await;
        let Some(gate) = &*gate else { return Ok(Met::default()) };
        let held = self.state().transactions.into_iter().filter(|it| it.held.is_some());
        let is_meant =
            |name: &str| only.is_none_or(|only| only.iter().any(|it| it.as_str() == name));
        let mut held: Vec<_> = held.filter(|it| is_meant(&it.name)).collect();
        let place = |name: &str| only?.iter().position(|it| it.as_str() == name);
        held.sort_by_key(|it| place(&it.name));
        let pids: Vec<Pid> = held.iter().map(|it| Pid(it.pid)).collect();
        let ids: Vec<_> = held.iter().filter_map(|it| Some(it.held.as_ref()?.id)).collect();
        let closed = gate.close(&pids).await?;
        self.change(|guests| guests.let_go_at_once(&ids, Instant::now()));
        let has_ended = |pid| self.has_ended(pid);
        let met = closed.open_when_met(opening, has_ended, self.changed.subscribe()).await?;
        let names: Vec<&str> = (held.iter())
            .filter(|it| met.inside.contains(&Pid(it.pid)))
            .map(|it| it.name.as_str())
            .collect();
        self.change(|guests| guests.tell_met(&names));
        Ok(met)
    }

    /// Whether nothing that this backend's client has sent is on its way any more.
    fn has_ended(&self, pid: Pid) -> bool {
        let state = self.state();
        state.transactions.iter().all(|it| it.pid != pid.0 || it.running.is_none())
    }

    /// From now on who comes by one of these ports is its actor.
    pub fn name_ports(&self, ports: BTreeMap<SocketAddr, String>) {
        self.inner().guests.name_ports(ports);
    }

    /// From now on these are answered in the server's place.
    pub fn refuse(&self, rules: Vec<Rule>) {
        self.inner().guests.refuse(rules);
    }

    /// What was answered in the server's place so far, and what came of it, if there are rules.
    pub fn refused(&self) -> Option<Tally> {
        self.inner().guests.refused()
    }

    /// From now on this plan says what is held; `None` ends that.
    /// These actors come in their turn with whatever they send.
    pub fn play(&self, plan: Option<(Plan, BTreeSet<String>)>) {
        self.change(|guests| match plan {
            Some((plan, actors)) => guests.play(plan, actors),
            None => guests.stop_playing(Instant::now()),
        });
    }

    /// Tables that are watched with others: their partitions, and the views on them.
    pub fn watch_relatives(&self, relatives: Vec<TableName>) {
        self.inner().guests.watch_relatives(relatives);
    }

    /// Whether somebody of this name has sent something since the plan began.
    pub fn has_heard_of(&self, actor: &str) -> bool {
        self.inner().guests.has_heard_of(actor)
    }

    /// What was let go by hand so far.
    pub fn recorded(&self) -> Plan {
        self.inner().guests.recorded()
    }

    /// Takes from the plan what is due, where these wait in the database and nobody else moves.
    /// Where the programs were waited for in vain, `is_late` lets it go on without them.
    pub fn plan_state(&self, waiting: &BTreeSet<SessionName>, is_late: bool) -> PlanState {
        self.inner().guests.plan_state(waiting, is_late)
    }

    /// What the plan has this one answered in the server's place, if it does; once.
    pub fn planned_answer(&self, place: &SessionName) -> Option<Answer> {
        self.inner().guests.planned_answer(place)
    }

    /// Whether somebody whom the plan has let go is in the middle of a transaction.
    pub fn is_amid_transaction(&self) -> bool {
        self.inner().guests.is_amid_transaction()
    }

    /// What the plan still wants of this actor, whose program has ended.
    pub fn wanted_of(&self, actor: &str) -> Option<Misfit> {
        self.inner().guests.wanted_of(actor)
    }

    /// What the plan waits for.
    pub fn awaited(&self) -> Option<Misfit> {
        self.inner().guests.awaited()
    }

    /// How much has happened that is no noise.
    pub fn progress(&self) -> Progress {
        self.inner().guests.progress()
    }

    /// Counts everything that has changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Programs can connect, at these addresses.
    pub fn tell_open(&self, addresses: Vec<SocketAddr>) {
        self.change(|guests| guests.opened(addresses));
    }

    /// Everything as it stands.
    pub fn state(&self) -> State {
        self.inner().guests.state(Instant::now())
    }

    /// Everything at a glance.
    pub fn overview(&self) -> Overview {
        self.inner().guests.overview()
    }

    /// Tells everything at a glance, now and each time that it has changed, until nobody listens.
    /// Nothing happens while nothing changes.
    #[expect(clippy::disallowed_methods, reason = "a flood of changes is told in pieces")]
    pub async fn tell_overviews(self: Arc<Self>, tell: impl Fn(Overview) -> bool) {
        let mut changed = self.changed.subscribe();
        let mut told = None;
        loop {
            changed.borrow_and_update();
            let overview = self.overview();
            if told.as_ref() != Some(&overview) {
                told = Some(overview.clone());
                if !tell(overview) {
                    return;
                }
            }
            tokio::time::sleep(GLANCE).await;
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits until this is so.
    pub async fn wait_for(&self, mut is_so: impl FnMut(&State) -> bool) -> State {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let state = self.state();
            if is_so(&state) || changed.changed().await.is_err() {
                return state;
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Guests) -> T) -> T {
        let mut inner = self.inner();
        let changed = change(&mut inner.guests);
        self.carry_out(&mut inner);
        self.tell_changed();
        changed
    }

    /// Does what the guests want done, in their order.
    fn carry_out(&self, inner: &mut Inner) {
        for output in inner.guests.take_outputs() {
            match output {
                Output::LetGo(held, verdict) => {
                    if let Some(waiting) = inner.waiting.remove(&held) {
                        // Whoever has gone meanwhile says so himself.
                        let _ = waiting.send(verdict);
                    }
                }
                Output::News(news) => {
                    self.backlog.length.fetch_add(1, Ordering::Relaxed);
                    // A run that is over is told nothing.
                    let _ = inner.news.send(news);
                }
            }
        }
    }

    fn tell_changed(&self) {
        self.changed.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// Takes in a statement; what to wait for, if it is held.
    fn arrived(
        &self,
        statement: &StatementContext<'_>,
    ) -> Option<(HeldId, oneshot::Receiver<Verdict>)> {
        let shown = with_parameters(statement.sql, statement.parameters, statement.strings);
        let arrival = Arrival {
            client: statement.client.id,
            sql: Arc::from(statement.sql),
            shown: Arc::from(shown),
            is_query: matches!(statement.form, Form::Query),
            status: statement.status,
            strings: statement.strings,
            application: Arc::from(statement.application),
        };
        let mut inner = self.inner();
        let held = inner.guests.arrived(&arrival, Instant::now());
        let held = held.map(|held| {
            let (verdict, waiting) = oneshot::channel();
            inner.waiting.insert(held, verdict);
            (held, waiting)
        });
        self.carry_out(&mut inner);
        self.tell_changed();
        held
    }
}

/// Own sessions of the console come by a socket of this program, and are nobody's guests.
fn is_own(client: &Client) -> bool {
    client.came_by.is_none()
}

impl StatementHooks for Debugger {
    fn holds(&self) -> bool {
        true
    }

    fn wants_answers(&self) -> bool {
        true
    }

    fn joined(&self, client: &Arc<Client>) {
        if !is_own(client) {
            self.change(|guests| guests.joined(client));
        }
    }

    fn before_statement<'a>(&'a self, statement: StatementContext<'a>) -> HeldVerdict<'a> {
        if is_own(statement.client) {
            return Box::pin(std::future::ready(Verdict::Pass));
        }
        Box::pin(async move {
            self.backlog.wait().await;
            let Some((held, waiting)) = self.arrived(&statement) else { return Verdict::Pass };
            let guard = Waiting { debugger: self, held };
            // Whoever is let go at once was held all the same: others may have committed meanwhile,
            // so that its Bind must go again, as it does for what was not over when first polled.
            tokio::task::yield_now().await;
            let verdict = waiting.await;
            std::mem::forget(guard);
            // Without a debugger nothing is held.
            verdict.unwrap_or(Verdict::Pass)
        })
    }

    fn told(&self, client: &Arc<Client>, told: Told) {
        if !is_own(client) {
            // Of rows there may be very many, and nobody waits for one.
            let is_row = matches!(told, Told::Row(_));
            let mut inner = self.inner();
            inner.guests.told(client.id, told, Instant::now());
            self.carry_out(&mut inner);
            if !is_row {
                self.tell_changed();
            }
        }
    }

    fn after_statement<'a>(
        &'a self,
        statement: StatementContext<'a>,
        outcome: StatementOutcome,
    ) -> HeldStatement<'a> {
        self.inner().guests.note_outcome(statement.client.id, outcome);
        // A client whose answers are not told as fast as it asks for them is slowed.
        Box::pin(self.backlog.wait())
    }

    fn server_left(&self, client: ClientId) {
        self.inner().guests.server_left(client);
    }

    fn left(&self, client: ClientId) {
        self.change(|guests| guests.left(client, Instant::now()));
    }
}

impl Debugs for Debugger {
    fn note_wait(&self, guest: &SessionName, submission: SubmissionId, wait: Option<&Wait>) {
        self.change(|guests| guests.note_wait(guest, submission, wait, Instant::now()));
    }
}

/// Somebody waits for what becomes of what is held. Dropped, it has been cancelled, or its client
/// has hung up.
struct Waiting<'a> {
    debugger: &'a Debugger,
    held: HeldId,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut inner = self.debugger.inner();
        inner.waiting.remove(&self.held);
        inner.guests.dropped(self.held);
        self.debugger.carry_out(&mut inner);
        self.debugger.tell_changed();
    }
}

impl Backlog {
    /// Until there is room again.
    async fn wait(&self) {
        loop {
            let room = self.has_room.notified();
            if self.length.load(Ordering::Relaxed) < BACKLOG {
                return;
            }
            room.await;
        }
    }
}

/// Hands on what is told, as fast as the run takes it.
async fn pass_on(
    mut told: mpsc::UnboundedReceiver<GuestNews>,
    run: mpsc::Sender<GuestNews>,
    backlog: Arc<Backlog>,
) {
    while let Some(news) = told.recv().await {
        // A run that is over takes nothing more, and nobody is to wait for it.
        let _ = run.send(news).await;
        backlog.length.fetch_sub(1, Ordering::Relaxed);
        backlog.has_room.notify_waiters();
    }
}
