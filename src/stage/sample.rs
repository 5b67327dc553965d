//! A stage for tests: its settings, and a scenario that has just been set up on it.

use std::sync::Arc;
use std::time::Duration;

use super::Setting;
use super::keys::KeyMap;
use super::own_files::OwnFiles;
use super::setting::Opening;
use crate::core::scenario::{EngineKind, Isolation, Scenario};
use crate::run::{EngineLine, Fresh};

/// Nothing but what is usual.
pub(crate) fn setting() -> Setting {
    Setting {
        keys: KeyMap::default(),
        library: Vec::new(),
        own: OwnFiles::default(),
        pace: Duration::from_secs(3),
        debugging: None,
        opening: Opening::Stage,
    }
}

/// The scenario on the embedded PostgreSQL, with the sessions that it names.
pub(crate) fn fresh(scenario: Scenario) -> Fresh {
    let scenario = Arc::new(scenario);
    let engine = EngineLine {
        kind: EngineKind::Postgres,
        product: "PostgreSQL 15.20".to_owned(),
        place: "embedded".to_owned(),
        isolation: Isolation::ReadCommitted,
        alone: None,
    };
    Fresh {
        schedule: Arc::new(scenario.schedules.first()),
        engine,
        sessions: scenario.sessions.iter().map(|player| player.name.clone()).collect(),
        scenario,
    }
}
