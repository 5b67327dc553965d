//! Refuses a gateway's statements on demand, and tells of it in lines.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::history::GuestHistory;
use super::identity::{Identity, Names};
use super::literals::with_parameters;
use super::refusals::{Outcome, Refusals, Rule, Tally};
use super::statement::Statement;
use crate::core::event::TransactionStatus;
use crate::gateway::{Client, ClientId, HeldVerdict, StatementContext, StatementHooks, Verdict};

/// How many lines may wait for their reader. Who reads too slowly misses some, and no count.
const MOST_LINES: usize = 1024;

/// Rules for the clients of a gateway.
#[derive(Debug)]
pub struct Refuser {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Nothing once it has told everything.
    lines: Option<mpsc::Sender<String>>,
    refusals: Refusals,
    names: Names,
    guests: HashMap<ClientId, Guest>,
}

#[derive(Debug)]
struct Guest {
    identity: Identity,
    history: GuestHistory,
}

impl Refuser {
    /// With these rules; and the lines in which it tells what it does.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> (Arc<Self>, mpsc::Receiver<String>) {
        let (lines, told) = mpsc::channel(MOST_LINES);
        let (names, guests) = (Names::default(), HashMap::new());
        let inner = Inner { lines: Some(lines), refusals: Refusals::new(rules), names, guests };
        (Arc::new(Self { inner: Mutex::new(inner) }), told)
    }

    /// Nothing comes any more: what has come of it, all together, and of each rule if there are
    /// several.
    pub fn finish(&self) -> String {
        let mut inner = self.inner();
        inner.lines = None;
        let rules: Vec<_> = inner.refusals.tallies().collect();
        let mut report = format!("{}\n", inner.refusals.total());
        if rules.len() > 1 {
            let line = |(rule, tally): &(&Rule, Tally)| format!("  {rule}: {tally}\n");
            report.extend(rules.iter().map(line));
        }
        report
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, context: &StatementContext<'_>) -> Verdict {
        let shown = with_parameters(context.sql, context.parameters, context.strings);
        let statement = Statement::with_parameters(context.sql, &shown, context.strings);
        let mut inner = self.inner();
        let Inner { lines, refusals, names, guests } = &mut *inner;
        let Some(guest) = guests.get_mut(&context.client.id) else { return Verdict::Pass };
        guest.hear(context, &shown, names);
        let outcome = refusals.arrives(context.client.id, &guest.history, &statement);
        if let Some(lines) = lines {
            tell(lines, &guest.history.actor, &statement, &outcome);
        }
        if let Some((_, verdict)) = outcome.refused {
            return verdict;
        }
        guest.history.let_go(&statement);
        Verdict::Pass
    }
}

fn tell(lines: &mpsc::Sender<String>, actor: &str, statement: &Statement, outcome: &Outcome) {
    let told = format!("{actor} {}", statement.summary());
    let retried = outcome.is_retry.then(|| format!("retried: {told}"));
    let refused = outcome.refused.as_ref().map(|(rule, _)| format!("refused: {told} ({rule})"));
    for line in retried.into_iter().chain(refused) {
        let _ = lines.try_send(line);
    }
}

impl Guest {
    fn hear(&mut self, context: &StatementContext<'_>, shown: &str, names: &mut Names) {
        if context.status == TransactionStatus::Idle {
            self.identity.ready(context.status);
            self.history.ready(context.status);
        }
        self.identity.calls_itself(context.application);
        self.identity.hear(shown, context.strings, context.status);
        self.history.status = context.status;
        self.history.actor = self.identity.actor(names).name;
    }
}

impl StatementHooks for Refuser {
    /// It holds none. But of statements that come at once, what a rule says of one depends on what
    /// has become of those before it.
    fn holds(&self) -> bool {
        !self.inner().refusals.is_empty()
    }

    fn joined(&self, client: &Arc<Client>) {
        let identity = Identity::new(None, client);
        let guest = Guest { identity, history: GuestHistory::default() };
        self.inner().guests.insert(client.id, guest);
    }

    fn before_statement<'a>(&'a self, statement: StatementContext<'a>) -> HeldVerdict<'a> {
        Box::pin(std::future::ready(self.judge(&statement)))
    }

    fn left(&self, client: ClientId) {
        let mut inner = self.inner();
        inner.guests.remove(&client);
        inner.refusals.left(client);
    }
}
