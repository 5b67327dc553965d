//! The engine that is played on, and the one that was asked for.

use crate::core::scenario::{EngineKind, Scenario};
use crate::run::EngineLine;

/// Where the run is, and where it is going.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    here: Option<EngineLine>,
    /// The engine that was asked for last. Whatever comes of it, that is the one on which the run
    /// sets up next.
    asked: Option<EngineKind>,
}

impl Engine {
    /// The one that is played on, once it is known.
    pub fn line(&self) -> Option<&EngineLine> {
        self.here.as_ref()
    }

    /// The same as somebody else sees it, who has asked for nothing.
    pub(super) fn for_others(&self) -> Self {
        Self { here: self.here.clone(), asked: None }
    }

    /// The run has set up here.
    pub(super) fn arrive(&mut self, here: EngineLine) {
        self.here = Some(here);
    }

    /// The run is being asked to go there.
    pub(super) fn ask_for(&mut self, kind: EngineKind) {
        self.asked = Some(kind);
    }

    /// The one that is played on, or will be once the last one that was asked for is set up.
    pub fn ahead(&self) -> Option<EngineKind> {
        self.asked.or(self.here.as_ref().map(|engine| engine.kind))
    }

    /// Why there is no other to go to, where the server that is played on says so.
    pub fn alone(&self) -> Option<&'static str> {
        self.here.as_ref()?.alone
    }

    /// The one that it can be compared with; `until_known` is what it will be played on.
    pub fn to_join(&self, until_known: EngineKind) -> Option<EngineKind> {
        self.other_than(self.ahead().unwrap_or(until_known))
    }

    /// The one to go to for a scenario that does not apply on this one: the other of the two, if
    /// it does there.
    pub(super) fn other_for(&self, scenario: &Scenario) -> Option<EngineKind> {
        let here = self.ahead()?;
        let there = self.other_than(here)?;
        (!scenario.is_for(here) && scenario.is_for(there)).then_some(there)
    }

    /// The other of the two that stand on a PostgreSQL.
    fn other_than(&self, kind: EngineKind) -> Option<EngineKind> {
        match kind {
            _ if self.alone().is_some() => None,
            EngineKind::Postgres => Some(EngineKind::Optimistic),
            EngineKind::Optimistic => Some(EngineKind::Postgres),
            _ => None,
        }
    }
}
