//! Plays a scenario on a private PostgreSQL and prints what happened, as a transcript.
//!
//! ```sh
//! cargo run --example play_a_scenario -- last-ticket
//! ```

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use overbooked::cluster::ClusterOptions;
use overbooked::core::scenario::library;
use overbooked::reports::transcript::{Options, transcript};
use overbooked::run::Production;
use overbooked::run::engines::Engines;
use overbooked::run::headless::{Patience, play};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> color_eyre::Result<()> {
    let name = std::env::args().nth(1);
    let scenario = Arc::new(library::open(name.as_deref().unwrap_or(library::DEFAULT))?);
    let production = Production {
        schedule: Arc::new(scenario.schedules.first()),
        engine: scenario.first_engine(),
        scenario,
        isolation: None,
    };
    let engines = Engines::embedded(ClusterOptions::default());
    let patience = Patience::with_steps(Duration::from_secs(30));
    let played = play(&engines, production, patience, &CancellationToken::new()).await;
    // Whatever came of it, the private server goes.
    engines.stop().await?;
    let played = played?;
    let sessions: Vec<_> = played.scenario.sessions.iter().map(|it| it.name.clone()).collect();
    let text = transcript(&played.events, &sessions, Options::default());
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
