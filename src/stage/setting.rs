//! How the stage is set before anything happens.

use std::sync::Arc;
use std::time::Duration;

use super::debugging::Debugging;
use super::keys::KeyMap;
use super::own_files::OwnFiles;
use crate::core::scenario::Scenario;

/// How the stage starts.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Which keys do what.
    pub keys: KeyMap,
    /// The scenarios that can be picked.
    pub library: Vec<Arc<Scenario>>,
    /// Files of one's own, which are in the list too.
    pub own: OwnFiles,
    /// How long a step stays before auto-play sends the next one.
    pub pace: Duration,
    /// Whether it is the debugger's, and what there is to know then.
    pub debugging: Option<Debugging>,
    /// Whether a scenario begins with its story over the screen.
    pub opening: Opening,
}

/// How a scenario begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Opening {
    /// With its story over the screen.
    Story,
    Stage,
}

/// How many engines are on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineCount {
    One,
    /// Both: the one where people wait above, the one where COMMIT refuses below.
    Both,
}
