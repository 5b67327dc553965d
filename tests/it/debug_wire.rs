//! Statements of unchanged programs, held one by one: what the wire dictates (the debugger's rules
//! 1 to 8), with hooks that a test lets go by hand.

mod bytes;
mod cuts;
mod drivers;
mod gone;
mod patience;
mod refusals;
mod telling;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use overbooked::core::event::TransactionStatus;
use overbooked::gateway::{
    Client, ClientId, Form, HeldStatement, HeldVerdict, Mode, Options, Parameter, StatementContext,
    StatementHooks, StatementOutcome, Told, Verdict,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::gateway::Served;
use crate::raw::Raw;

pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// What is in a statement that is held.
pub(crate) const HELD: &str = "/* held */";

pub(crate) const MODES: [Mode; 2] = [Mode::Optimistic, Mode::PassThrough];

/// What the hooks were called with.
#[derive(Debug)]
pub(crate) enum Call {
    Joined(Arc<Client>),
    Before(Asked),
    /// A statement's future was dropped while it was held.
    Dropped(String),
    Told(Told),
    After(String, StatementOutcome),
    Left(ClientId),
}

/// A statement that somebody wants to run.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) status: TransactionStatus,
    /// Of which name, where it came by Execute.
    pub(crate) prepared: Option<String>,
    /// Where it is held.
    reply: Option<oneshot::Sender<Verdict>>,
}

impl Asked {
    pub(crate) fn let_go(self, verdict: Verdict) {
        // One of a test that does not look may have been given up meanwhile.
        self.reply.expect("it is held").send(verdict).ok();
    }

    pub(crate) fn refuse(self, code: &str) {
        self.let_go(Verdict::Refuse { code: code.to_owned(), message: "not now".to_owned() });
    }
}

/// Tells of every call, and holds some statements until the test lets them go.
#[derive(Debug)]
pub(crate) struct Scripted {
    calls: mpsc::UnboundedSender<Call>,
    holds: fn(&str) -> bool,
    wants_answers: bool,
}

/// Says when it goes before its time.
struct Watched<'a> {
    hooks: &'a Scripted,
    sql: Option<String>,
}

impl Watched<'_> {
    fn is_over(&mut self) {
        self.sql = None;
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if let Some(sql) = self.sql.take() {
            self.hooks.call(Call::Dropped(sql));
        }
    }
}

impl Scripted {
    fn call(&self, call: Call) {
        // A test that is over does not listen any more.
        self.calls.send(call).ok();
    }
}

impl StatementHooks for Scripted {
    fn holds(&self) -> bool {
        true
    }

    fn wants_answers(&self) -> bool {
        self.wants_answers
    }

    fn joined(&self, client: &Arc<Client>) {
        self.call(Call::Joined(Arc::clone(client)));
    }

    fn before_statement<'a>(&'a self, statement: StatementContext<'a>) -> HeldVerdict<'a> {
        let (reply, verdict) = oneshot::channel();
        let is_held = (self.holds)(statement.sql);
        let prepared = match statement.form {
            Form::Query => None,
            Form::Execute { prepared } => Some(prepared.to_owned()),
        };
        self.call(Call::Before(Asked {
            sql: statement.sql.to_owned(),
            parameters: statement.parameters.to_owned(),
            status: statement.status,
            prepared,
            reply: is_held.then_some(reply),
        }));
        if !is_held {
            return Box::pin(std::future::ready(Verdict::Pass));
        }
        let mut watched = Watched { hooks: self, sql: Some(statement.sql.to_owned()) };
        Box::pin(async move {
            tokio::task::yield_now().await;
            // Who forgets it holds it for ever.
            let Ok(verdict) = verdict.await else { return std::future::pending().await };
            watched.is_over();
            verdict
        })
    }

    fn told(&self, _client: &Arc<Client>, what: Told) {
        self.call(Call::Told(what));
    }

    fn after_statement<'a>(
        &'a self,
        statement: StatementContext<'a>,
        outcome: StatementOutcome,
    ) -> HeldStatement<'a> {
        self.call(Call::After(statement.sql.to_owned(), outcome));
        Box::pin(std::future::ready(()))
    }

    fn left(&self, client: ClientId) {
        self.call(Call::Left(client));
    }
}

/// A gateway whose statements the test lets go.
pub(crate) struct Wire {
    pub(crate) served: Arc<Served>,
    calls: mpsc::UnboundedReceiver<Call>,
    /// What was passed over while something else was waited for.
    pub(crate) passed: VecDeque<Call>,
}

impl Wire {
    /// Holds what says so.
    pub(crate) async fn start(mode: Mode) -> Self {
        Self::with(mode, |sql| sql.contains(HELD), false, |_| {}).await
    }

    pub(crate) async fn with(
        mode: Mode,
        holds: fn(&str) -> bool,
        wants_answers: bool,
        set: impl FnOnce(&mut Options),
    ) -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        let hooks = Arc::new(Scripted { calls: sender, holds, wants_answers });
        let served = Served::with(|options| {
            options.mode = mode;
            options.hooks = Some(hooks);
            set(options);
        })
        .await;
        let setup = "create table t (id int primary key, note text)";
        served.outsider().await.batch_execute(setup).await.unwrap();
        Self { served: Arc::new(served), calls, passed: VecDeque::new() }
    }

    /// Lets every statement go as soon as it is held, but for those of this text, for as long as
    /// this is waited for; how many those were is counted.
    pub(crate) async fn let_go(&mut self, but_for: &str, count: &AtomicUsize) {
        let mut kept = Vec::new();
        while let Some(call) = self.calls.recv().await {
            match call {
                Call::Before(asked) if asked.sql.contains(but_for) => kept.push(asked),
                Call::Before(asked) => {
                    count.fetch_add(1, Ordering::Relaxed);
                    asked.let_go(Verdict::Pass);
                }
                _ => {}
            }
        }
    }

    /// The next call for which there is an answer to this; the others are put aside.
    pub(crate) async fn next<T>(
        &mut self,
        mut wanted: impl FnMut(&mut Option<Call>) -> Option<T>,
    ) -> T {
        let next = async {
            loop {
                let mut call = self.calls.recv().await;
                assert!(call.is_some(), "the gateway is there");
                if let Some(found) = wanted(&mut call) {
                    return found;
                }
                self.passed.extend(call);
            }
        };
        timeout(DEADLINE, next).await.expect("the hooks are called")
    }

    /// The next statement that is held.
    pub(crate) async fn held(&mut self) -> Asked {
        self.next(|call| match call.take() {
            Some(Call::Before(asked)) if asked.reply.is_some() => Some(asked),
            other => {
                *call = other;
                None
            }
        })
        .await
    }

    /// What came of the next statement of this text.
    pub(crate) async fn outcome(&mut self, text: &str) -> StatementOutcome {
        self.next(|call| match call {
            Some(Call::After(sql, outcome)) if sql == text => Some(outcome.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn is_dropped(&mut self, text: &str) {
        self.next(|call| match call {
            Some(Call::Dropped(sql)) if sql == text => Some(()),
            _ => None,
        })
        .await;
    }

    pub(crate) async fn has_left(&mut self) -> ClientId {
        self.next(|call| match call {
            Some(Call::Left(client)) => Some(*client),
            _ => None,
        })
        .await
    }

    /// The texts of the statements that were asked about so far, held or not.
    pub(crate) fn asked(&mut self) -> Vec<String> {
        self.passed.extend(std::iter::from_fn(|| self.calls.try_recv().ok()));
        let asked = self.passed.iter().filter_map(|call| match call {
            Call::Before(asked) => Some(asked.sql.clone()),
            _ => None,
        });
        asked.collect()
    }

    /// A client that speaks message by message.
    pub(crate) async fn raw(&self) -> Raw {
        let database = format!("database\0{}\0", self.served.database());
        Raw::connect_with(self.served.folder.path(), &database).await.0
    }

    /// What is in the table, seen from outside.
    pub(crate) async fn rows(&self) -> Vec<i32> {
        let outsider = self.served.outsider().await;
        let rows = outsider.query("select id from t order by id", &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}
