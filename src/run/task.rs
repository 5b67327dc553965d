//! The task of a run: feeds the [`Machine`] with what happens, and does what it wants done.
//!
//! ```text
//!  commands ─┐                                     ┌─▶ reports
//!  answers ──┤            ┌─────────┐              ├─▶ Participants: own sessions, their events
//!  news ─────┼─ select! ─▶│ Machine │─▶ carry out ─┼─▶ Questions to the observer
//!  events ───┤            └─────────┘              └─▶ jobs: engine, schema
//!  due ──────┘
//! ```
//!
//! Nothing is decided here. What takes long is a job or a task of its own, whose answer is one more
//! input; only a driver that does not take its reports holds everything up.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt as _;
use tokio::sync::mpsc;

use crate::core::error_chain::with_causes;
use crate::observer::Observer;
use crate::run::engines::Engines;
use crate::run::guests::{Entrance, GuestNews, WaitsTold};
use crate::run::machine::Machine;
use crate::run::machine::input::Input;
use crate::run::machine::output::{Booking, Newcomer, Output, Role};
use crate::run::parting::Parting;
use crate::run::people;
use crate::run::{Command, Production, Report, Untidy};

mod engine_port;
mod ensemble;
mod questions;
mod turn;

use engine_port::EnginePort;
use ensemble::Ensemble;
use turn::Turn;

/// The run's ends of what its driver holds.
pub(crate) struct Driver {
    /// Commands come out here, in order.
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
    /// Reports go in here.
    pub(crate) reports: mpsc::Sender<Report>,
    /// What cannot be tidied up at the end.
    pub(crate) untidy: mpsc::UnboundedSender<Untidy>,
}

/// A machine with its ports.
pub(crate) struct Task {
    machine: Machine,
    begin: Instant,
    /// Until the driver has left.
    commands: Option<mpsc::UnboundedReceiver<Command>>,
    reports: mpsc::Sender<Report>,
    untidy: mpsc::UnboundedSender<Untidy>,
    engine: EnginePort,
    ensemble: Ensemble,
    /// What the debugger tells of its clients, if there is one.
    guests: Option<mpsc::Receiver<GuestNews>>,
    /// What the debugger is told of them.
    waits_told: WaitsTold,
    /// Of what is due, among what comes in.
    due_turn: Turn,
    /// Where the people in the room may book.
    admitted: Option<Booking>,
}

impl Task {
    /// A run of this production, which begins now.
    pub(crate) fn new(
        engines: Engines,
        production: Production,
        driver: Driver,
        parting: Parting,
    ) -> Self {
        let Driver { commands, reports, untidy } = driver;
        let begin = Instant::now();
        let guests = engines.entrance.as_ref().and_then(Entrance::take_news);
        let machine = Machine::new(Arc::new(production));
        let (engine, ensemble) = (EnginePort::new(engines, parting), Ensemble::new(begin));
        Self {
            machine,
            begin,
            commands: Some(commands),
            reports,
            untidy,
            engine,
            ensemble,
            guests,
            waits_told: WaitsTold::default(),
            due_turn: Turn::default(),
            admitted: None,
        }
    }

    /// Plays until nobody gives commands any more, then tidies up. A defect of ours must not leave
    /// a play in the middle of something either: whatever ends the playing, everybody is
    /// sent home in good order.
    pub(crate) async fn run(mut self) {
        let played = AssertUnwindSafe(self.play()).catch_unwind().await;
        if let Err(panic) = played {
            // No command may reach a machine that has just failed; it is only led to its end.
            self.commands = None;
            self.feed(Input::Left).await;
            self.go_on().await;
            std::panic::resume_unwind(panic);
        }
    }

    async fn play(&mut self) {
        self.feed(Input::Begin).await;
        self.go_on().await;
    }

    async fn go_on(&mut self) {
        while !self.machine.is_ended() {
            let input = self.next().await;
            self.feed(input).await;
        }
    }

    async fn feed(&mut self, input: Input) {
        if let Input::Command(Command::ReadCatalog) = input {
            return self.read_catalog();
        }
        for output in self.machine.step(self.begin.elapsed(), input) {
            self.carry_out(output).await;
        }
    }

    /// Waits for what happens next.
    async fn next(&mut self) -> Input {
        let is_due = self.machine.due().is_some_and(|due| due <= self.begin.elapsed());
        if self.due_turn.has_come(is_due) {
            return Input::Due;
        }
        let alarm = alarm(self.begin, &self.machine);
        // What comes before anybody can take part is heard afterwards.
        let is_playing = self.machine.is_playing();
        let Self { commands, engine, ensemble, guests, .. } = self;
        let input = tokio::select! {
            biased;
            // Whoever leaves, or wants another scenario, does not wait for what sessions have to
            // say.
            input = next_command(commands) => input,
            // The gateway tells before it answers, so what it tells comes before the answer here,
            // too.
            input = engine.next() => input,
            // Behind what the gateway tells, again: it tells of a conflict before the refusal.
            input = next_guest(guests), if is_playing => input,
            input = ensemble.next() => input,
            () = alarm => Input::Due,
        };
        // Behind the select, which would drop the question half asked. While all is taken down
        // nobody is told an error, so none waits for its names.
        let observer = self.observer().filter(|_| self.machine.is_playing()).cloned();
        questions::with_names(input, observer).await
    }

    /// Nothing in the run depends on it, so it happens beside the run, and the driver is told in
    /// any case.
    fn read_catalog(&self) {
        let (observer, reports) = (self.observer().cloned(), self.reports.clone());
        tokio::spawn(async move {
            let catalog = match observer {
                Some(observer) => questions::catalog(&observer).await,
                None => None,
            };
            // A driver that has left needs no names.
            let _ = reports.send(Report::Catalog(catalog)).await;
        });
    }

    /// Lets the programs in that are debugged, if any are: what the setup makes is there for them.
    async fn let_in(&mut self) {
        let Some(entrance) = self.engine.entrance().cloned() else { return };
        if let Some(engine) = self.engine.open_mut()
            && let Err(error) = engine.let_in(&entrance).await
        {
            drop(self.reports.send(Report::Broken(with_causes(&error))).await);
        }
    }

    /// Lets somebody of the room book, if it is somebody of the room.
    async fn admit(&mut self, newcomer: &mut Newcomer) {
        let Role::Person(booking) = &newcomer.role else { return };
        let Some(pool) = self.engine.open().map(|engine| engine.pool.clone()) else { return };
        if self.admitted.as_ref() != Some(booking) {
            people::admit(&pool, booking).await;
            self.admitted = Some(booking.clone());
        }
        newcomer.prelude.extend(people::prelude());
    }

    fn observer(&self) -> Option<&Arc<Observer>> {
        self.engine.open().map(|engine| &engine.observer)
    }

    async fn carry_out(&mut self, output: Output) {
        match output {
            // A driver that has left hears nothing more; the end of its commands ends the run.
            Output::Report(report) => {
                if let (Report::Event(event), Some(entrance)) = (&report, self.engine.entrance()) {
                    self.waits_told.hear(event, entrance);
                }
                let is_fresh = matches!(report, Report::Fresh(_));
                drop(self.reports.send(report).await);
                if is_fresh {
                    self.let_in().await;
                }
            }
            // Whoever does not listen any more need not know.
            Output::Untidy(untidy) => drop(self.untidy.send(untidy)),
            Output::Engine(request) => self.engine.ask(request),
            Output::Watch(watch) => {
                // Whoever took part in the last setup has nothing to say in this one.
                self.ensemble = Ensemble::new(self.begin);
                if let Some(observer) = self.observer() {
                    observer.watch(watch);
                }
            }
            Output::WatchAlso(watch) => {
                if let Some(observer) = self.observer() {
                    observer.watch(watch);
                }
            }
            Output::Join(mut newcomer) => {
                self.admit(&mut newcomer).await;
                if let Some(engine) = self.engine.open() {
                    self.ensemble.join(newcomer, engine, self.engine.etcd());
                }
            }
            Output::Ask(session, demand) => self.ensemble.ask(session, demand),
            Output::Observe(question) => {
                if let Some(observer) = self.engine.open().map(|engine| &engine.observer) {
                    self.ensemble.observe(question, Arc::clone(observer));
                }
            }
        }
    }
}

/// What the driver wants next; once it has left, nothing ever.
async fn next_command(commands: &mut Option<mpsc::UnboundedReceiver<Command>>) -> Input {
    let Some(incoming) = commands else { return pending().await };
    match incoming.recv().await {
        Some(command) => Input::Command(command),
        None => {
            *commands = None;
            Input::Left
        }
    }
}

/// What the debugger tells next; without one, nothing ever.
async fn next_guest(guests: &mut Option<mpsc::Receiver<GuestNews>>) -> Input {
    if let Some(guests) = guests
        && let Some(news) = guests.recv().await
    {
        return Input::Guest(news);
    }
    pending().await
}

/// Wakes the machine when it is due.
fn alarm(begin: Instant, machine: &Machine) -> impl Future<Output = ()> + use<> {
    let due = machine.due().map(|due| tokio::time::Instant::from_std(begin + due));
    async move {
        match due {
            Some(due) => tokio::time::sleep_until(due).await,
            None => pending().await,
        }
    }
}
