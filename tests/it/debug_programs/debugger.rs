//! What the tests of programs ask of a debugger: to watch, or to hold what they name until they let
//! it go.

use std::collections::HashMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex};

use overbooked::gateway::{
    Client, ClientId, Form, Gateway, HeldStatement, HeldVerdict, Mode, Options, StatementContext,
    StatementHooks, StatementOutcome, Verdict,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::DEADLINE;
use super::server::Shop;

/// Which statements are held.
type Holds = fn(&str) -> bool;

/// A statement that is held until it is let go, or this is dropped.
pub(crate) struct Held {
    /// What the client calls itself.
    pub(crate) actor: String,
    pub(crate) sql: String,
    let_go: oneshot::Sender<()>,
    over: oneshot::Receiver<()>,
}

impl Held {
    /// Lets it run, and tells when it is over. Whoever has gone meanwhile does not hear it.
    pub(crate) fn let_go(self) -> oneshot::Receiver<()> {
        let _ = self.let_go.send(());
        self.over
    }

    /// Waits until it was cancelled, or its client has left.
    pub(crate) async fn given_up(mut self) {
        timeout(DEADLINE, self.let_go.closed()).await.expect(&self.sql);
    }
}

/// What was seen of the programs.
#[derive(Default)]
pub(crate) struct Seen {
    /// What was sent.
    pub(crate) sent: Vec<String>,
    /// Of that, what came by the name of a prepared statement.
    pub(crate) named: Vec<String>,
    /// What has run.
    pub(crate) done: Vec<String>,
}

struct Hooks {
    holds: Holds,
    held: mpsc::UnboundedSender<Held>,
    seen: Mutex<Seen>,
    /// Who wants to know of the end of each client's statement.
    running: Mutex<HashMap<ClientId, oneshot::Sender<()>>>,
    /// How many clients there are.
    connected: watch::Sender<usize>,
}

impl Debug for Hooks {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("hooks of a test")
    }
}

impl Hooks {
    fn note(&self, statement: &StatementContext<'_>) {
        let mut seen = self.seen.lock().unwrap();
        seen.sent.push(statement.sql.to_owned());
        if matches!(statement.form, Form::Execute { prepared } if !prepared.is_empty()) {
            seen.named.push(statement.sql.to_owned());
        }
    }
}

impl StatementHooks for Hooks {
    fn holds(&self) -> bool {
        true
    }

    fn joined(&self, _client: &Arc<Client>) {
        self.connected.send_modify(|count| *count += 1);
    }

    fn before_statement<'a>(&'a self, statement: StatementContext<'a>) -> HeldVerdict<'a> {
        self.note(&statement);
        if !(self.holds)(statement.sql) {
            return Box::pin(std::future::ready(Verdict::Pass));
        }
        let (let_go, release) = oneshot::channel();
        let (ended, over) = oneshot::channel();
        self.running.lock().unwrap().insert(statement.client.id, ended);
        let (actor, sql) = (statement.application.to_owned(), statement.sql.to_owned());
        let held = Held { actor, sql, let_go, over };
        Box::pin(async move {
            // A test that waits for nothing any more holds nothing either.
            let _ = self.held.send(held);
            let _ = release.await;
            Verdict::Pass
        })
    }

    fn after_statement<'a>(
        &'a self,
        statement: StatementContext<'a>,
        outcome: StatementOutcome,
    ) -> HeldStatement<'a> {
        if let Some(ended) = self.running.lock().unwrap().remove(&statement.client.id) {
            // Nobody needs to want to know.
            let _ = ended.send(());
        }
        if outcome == StatementOutcome::Done {
            self.seen.lock().unwrap().done.push(statement.sql.to_owned());
        }
        Box::pin(std::future::ready(()))
    }

    fn left(&self, _client: ClientId) {
        self.connected.send_modify(|count| *count -= 1);
    }
}

/// One in front of a database, on a TCP port of its own.
pub(crate) struct Debugger {
    gateway: Gateway,
    hooks: Arc<Hooks>,
    held: mpsc::UnboundedReceiver<Held>,
}

impl Debugger {
    /// Held is what this says of the SQL.
    pub(crate) async fn holding(shop: &Shop, holds: Holds) -> Self {
        let (sender, held) = mpsc::unbounded_channel();
        let (seen, running) = (Mutex::default(), Mutex::default());
        let connected = watch::Sender::new(0);
        let hooks = Arc::new(Hooks { holds, held: sender, seen, running, connected });
        let mut options = Options::new(shop.target());
        options.mode = Mode::PassThrough;
        options.listen = vec!["127.0.0.1:0".parse().unwrap()];
        options.hooks = Some(Arc::clone(&hooks) as Arc<dyn StatementHooks>);
        Self { gateway: Gateway::start(options).await.unwrap(), hooks, held }
    }

    pub(crate) fn port(&self) -> u16 {
        self.gateway.address().unwrap().port()
    }

    /// Waits for a statement to be held.
    pub(crate) async fn next(&mut self) -> Held {
        timeout(DEADLINE, self.held.recv()).await.expect("a statement is held").unwrap()
    }

    /// Lets go whatever arrives, in its order, and counts it; for as long as it is awaited.
    pub(crate) async fn let_all_go(&mut self, count: &mut usize) -> std::convert::Infallible {
        loop {
            if let Some(held) = self.held.recv().await {
                held.let_go();
                *count += 1;
            }
        }
    }

    /// Waits until each client that has come was told to have left.
    pub(crate) async fn is_left_alone(&self) {
        let mut connected = self.hooks.connected.subscribe();
        let left = connected.wait_for(|count| *count == 0);
        timeout(DEADLINE, left).await.expect("everybody leaves").unwrap();
    }

    /// What was seen by now.
    pub(crate) fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.hooks.seen.lock().unwrap())
    }
}
