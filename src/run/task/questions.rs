//! The machine's questions, as the observer is asked them.

use std::sync::Arc;

use crate::core::event::{Pid, SessionName};
use crate::observer::{Observer, Pulse};
use crate::run::machine::input::{Input, Observation};
use crate::run::machine::output::{Depth, Question};

/// Asks, and brings the answer.
pub(super) async fn ask(question: Question, observer: Arc<Observer>) -> Input {
    match question {
        Question::Blocked { busy, connected, to_run, epoch } => {
            let answer = observer.blocked(&busy).await.map_err(|error| error.to_string());
            let blockers = answer.iter().flatten().flat_map(|(_, by)| by.iter().copied());
            let strangers = strangers(&observer, blockers.collect(), &connected).await;
            let under_way = match to_run[..] {
                [] => Vec::new(),
                _ => observer.under_way(&to_run).await.unwrap_or_default(),
            };
            Input::Observation(Observation::Blocked { epoch, answer, strangers, under_way })
        }
        Question::Waits { roster, blocked, strangers, epoch } => {
            let answer = observer.waits(&roster).await.map_err(|error| error.to_string());
            Input::Observation(Observation::Waits { epoch, blocked, strangers, answer })
        }
        Question::WatchedTables { roster, depth, last } => {
            Input::Observation(look(&observer, &roster, depth, last).await)
        }
        Question::Missing => Input::Missing(missing(&observer).await),
    }
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
        Some(pulse) if !pulse.is_open() && last.as_ref() == Some(&pulse) => {
            Observation::Nothing(pulse)
        }
        pulse => {
            let tables = observer.house(roster).await.map_err(|error| error.to_string());
            Observation::WatchedTables(tables, pulse)
        }
    }
}

/// Which of the blockers that take no part are idle in a transaction.
async fn strangers(observer: &Observer, mut blockers: Vec<Pid>, connected: &[Pid]) -> Vec<Pid> {
    blockers.retain(|pid| *pid != Pid::PREPARED && !connected.contains(pid));
    if blockers.is_empty() {
        return blockers;
    }
    observer.idle_in_transaction(&blockers).await.unwrap_or_default()
}

/// The watched tables that are not there. What cannot be learned is not said to be missing.
async fn missing(observer: &Observer) -> Vec<String> {
    observer.missing().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "whether what is watched is there");
        Vec::new()
    })
}
