//! The machine's questions, as the observer is asked them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::core::catalog::Catalog;
use crate::core::event::{Event, Kind, Pid, SessionName};
use crate::core::table_copy::TableCopy;
use crate::observer::{Observer, Pulse};
use crate::run::machine::input::{Input, Observation};
use crate::run::machine::output::{Depth, Question};
use crate::run::machine::quiet::Blocked;
use crate::run::session::etcd::Claims;

/// `deadlock_detected`
const DEADLOCK: &str = "40P01";
/// How long the play waits for what it can do without: a server that has gone silent must not hold
/// up whoever steps or leaves.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks, and brings the answer.
pub(super) async fn ask(question: Question, observer: Arc<Observer>, claims: Claims) -> Input {
    match question {
        Question::Blocked { busy, connected, to_run, epoch } => {
            let answer = blocked(&observer, &claims, busy).await;
            let blockers = answer.iter().flatten().flat_map(|(_, by)| by.iter().copied());
            let strangers = strangers(&observer, blockers.collect(), &connected).await;
            let under_way = match to_run[..] {
                [] => Vec::new(),
                _ => observer.under_way(&to_run).await.unwrap_or_default(),
            };
            Input::Observation(Observation::Blocked { epoch, answer, strangers, under_way })
        }
        Question::Waits { roster, blocked, strangers, epoch } => {
            let answer = observer.waits(&of_database(&roster)).await;
            let answer = answer.map_err(|error| error.to_string());
            let answer = answer.map(|waits| [waits, claims.waits(&roster)].concat());
            Input::Observation(Observation::Waits { epoch, blocked, strangers, answer })
        }
        Question::WatchedTables { roster, depth, last } => {
            let roster = of_database(&roster);
            Input::Observation(look(&observer, &roster, depth, last).await)
        }
        Question::Missing => Input::Missing(missing(&observer).await),
        Question::TableCopies => Input::TableCopies(copies(&observer).await),
    }
}

/// Who is in whose way, as the database and etcd know it.
async fn blocked(
    observer: &Observer,
    claims: &Claims,
    busy: Vec<Pid>,
) -> Result<Vec<Blocked>, String> {
    let (backends, beside): (Vec<Pid>, Vec<Pid>) =
        busy.into_iter().partition(|pid| pid.is_of_database());
    // Where nobody's backend is busy the database need not be asked.
    let mut answer = match backends[..] {
        [] => Vec::new(),
        _ => observer.blocked(&backends).await.map_err(|error| error.to_string())?,
    };
    answer.extend(claims.blocked(&beside));
    Ok(answer)
}

/// Those whom the database knows.
fn of_database(roster: &[(SessionName, Pid)]) -> Vec<(SessionName, Pid)> {
    roster.iter().filter(|(_, pid)| pid.is_of_database()).cloned().collect()
}

/// A pulse that has nothing to be compared with costs a look, since anything may have happened. It
/// is felt before that look, so that what happens during the look changes the next one; then all is
/// still.
async fn look(
    observer: &Observer,
    roster: &[(SessionName, Pid)],
    depth: Depth,
    last: Option<Pulse>,
) -> Observation {
    let pulse = match depth {
        Depth::WatchedTables => None,
        Depth::IfPulseChanged => observer.pulse().await.ok(),
    };
    match pulse {
        Some(pulse)
            if !pulse.is_open() && last.as_ref() == Some(&pulse) && !observer.is_scan_due() =>
        {
            Observation::Nothing(pulse)
        }
        pulse => {
            let tables = observer.watched_tables(roster).await.map_err(|error| error.to_string());
            Observation::WatchedTables(tables, pulse)
        }
    }
}

/// Which of the blockers that take no part are idle in a transaction.
async fn strangers(observer: &Observer, mut blockers: Vec<Pid>, connected: &[Pid]) -> Vec<Pid> {
    blockers.retain(|pid| pid.0 > 0 && !connected.contains(pid));
    if blockers.is_empty() {
        return blockers;
    }
    // Whoever cannot be looked at is taken to be at work: it is better to miss a quiet than to tell
    // a false one.
    observer.idle_in_transaction(&blockers).await.unwrap_or_default()
}

/// The watched tables that are not there. What cannot be learned is not said to be missing.
async fn missing(observer: &Observer) -> Vec<String> {
    let missing = timeout(PATIENCE, observer.missing()).await.unwrap_or_else(|late| {
        tracing::warn!(%late, "whether what is watched is there");
        Ok(Vec::new())
    });
    missing.unwrap_or_else(|error| {
        tracing::warn!(%error, "whether what is watched is there");
        Vec::new()
    })
}

/// What can be named. Whoever types goes on without it.
pub(super) async fn catalog(observer: &Observer) -> Option<Arc<Catalog>> {
    match timeout(PATIENCE, observer.names()).await {
        Ok(Ok(catalog)) => Some(Arc::new(catalog)),
        Ok(Err(error)) => {
            tracing::warn!(%error, "what can be named");
            None
        }
        Err(late) => {
            tracing::warn!(%late, "what can be named");
            None
        }
    }
}

/// What makes tables like the watched ones. What cannot be learned in time, a file will not have.
async fn copies(observer: &Observer) -> Vec<TableCopy> {
    match timeout(PATIENCE, observer.copies()).await {
        Ok(Ok(copies)) => copies,
        Ok(Err(error)) => {
            tracing::warn!(%error, "how what is watched is made");
            Vec::new()
        }
        Err(late) => {
            tracing::warn!(%late, "how what is watched is made");
            Vec::new()
        }
    }
}

/// A deadlock's DETAIL has tables and other objects by number; only the database knows their names.
/// One that does not say them in time leaves the numbers.
pub(super) async fn with_names(mut input: Input, observer: Option<Arc<Observer>>) -> Input {
    if let Some(observer) = observer
        && let Input::Event(Event { kind: Kind::Failed(message), .. }) = &mut input
        && message.code == DEADLOCK
        && let Some(detail) = &mut message.detail
        && let Ok(named) = timeout(PATIENCE, observer.with_names(detail)).await
    {
        *detail = named;
    }
    input
}
