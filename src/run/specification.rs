//! Plays isolationtester's specifications and tells what isolationtester would print.
//!
//! A specification has one connection a session, kept for all its permutations, and a control
//! connection that sets up, tears down and is asked who waits. The rules are those of PostgreSQL
//! 15's `isolationtester.c`, because other people's expected output depends on each of them; what
//! is different is how a wait is found out: it is known as soon as it cannot end by itself any more
//! (`waits`), not after 10 ms, unless something is about that may end it earlier (`pace`).
//!
//! ```text
//!  file ──▶ Scenario ──▶ cast (connections) ──▶ permutation ──▶ Telling ──▶ isolation_output
//!                             client, sight          launch ⇄ look
//! ```
//!
//! Several files can be played side by side, each in a lane of its own ([`lanes`]).

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::core::scenario::Scenario;
use crate::pg::{ConnectError, Target, WireError};
use crate::reports::isolation_output::{Complaint, Telling};

mod client;
mod connections;
pub mod database;
pub mod lanes;
mod news;
mod pace;
mod permutation;
mod prelude;
mod teardown;
pub(crate) mod timer;
pub(crate) mod waits;
mod watched_step;

use connections::Connections;
pub(crate) use connections::settings;
use news::TellingSender;
use permutation::Permutation;

/// How long a step may take before it is cancelled; after twice that the run is given up.
/// isolationtester's default.
pub const STEP_LIMIT: Duration = Duration::from_mins(5);

/// Why a specification was not played to its end. What isolationtester says about it has been told.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// A connection could not be had.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A connection broke that nothing can be done without.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Somebody has stopped it.
    #[error("the specification was stopped")]
    Stopped,
    /// The run was given up, as isolationtester gives up.
    #[error("the specification was not played to its end")]
    GivenUp,
}

/// Plays every permutation of a specification against this database, unless somebody stops it: then
/// its teardowns are played and nobody is left behind.
pub async fn play(
    spec: &Scenario,
    target: &Target,
    limit: Duration,
    sink: UnboundedSender<Telling>,
    stop: &CancellationToken,
) -> Result<(), SpecError> {
    let news = TellingSender::new(sink);
    warn_of_unused_steps(spec, &news);
    news.tell(Telling::Parsed { sessions: spec.sessions.len() });
    let connecting = Connections::connect(spec, target, news, limit);
    let mut cast = stop.run_until_cancelled(connecting).await.unwrap_or(Err(SpecError::Stopped))?;
    match stop.run_until_cancelled(perform(&mut cast, spec)).await {
        Some(performed) => performed?,
        None => {
            teardown::fall(cast, spec).await;
            return Err(SpecError::Stopped);
        }
    }
    cast.close().await;
    Ok(())
}

async fn perform(cast: &mut Connections, spec: &Scenario) -> Result<(), SpecError> {
    for schedule in spec.schedules.iter() {
        Permutation::new(cast, spec, &schedule).play().await?;
    }
    cast.hear_teardown().await;
    Ok(())
}

/// isolationtester names them in the order of their names.
fn warn_of_unused_steps(spec: &Scenario, news: &TellingSender) {
    let Some(played) = spec.schedules.played() else { return };
    let unused = spec.steps.iter().enumerate().filter(|(step, _)| !played.contains(step));
    let mut names: Vec<&String> = unused.map(|(_, step)| &step.name).collect();
    names.sort();
    for name in names {
        news.complain(Complaint::UnusedStep(name.clone()));
    }
}
