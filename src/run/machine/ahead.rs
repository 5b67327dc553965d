//! What is still to come on a stage without anybody's doing: what the file expects, pauses, and
//! what is to be told of them.

use std::collections::VecDeque;

use crate::core::event::Event;
use crate::core::scenario::EngineKind;
use crate::core::scenario::check::Check;
use crate::run::Production;
use crate::run::machine::hold::Hold;
use crate::run::machine::pause::Pause;

pub(crate) struct Ahead {
    /// What the file says, and what of it has come.
    pub(crate) check: Check,
    pub(crate) hold: Hold,
    /// The pause that is being made.
    pub(crate) pause: Option<Pause>,
    /// What is told of nobody's doing, in its turn.
    pub(crate) own_events: VecDeque<Event>,
}

impl Ahead {
    /// Of a production of which nothing has been played, on this engine.
    pub(crate) fn of(production: &Production, on: EngineKind) -> Box<Self> {
        let level = production.isolation(on);
        let check = Check::new(&production.scenario, &production.schedule, on, level);
        let (hold, own_events) = (Hold::default(), VecDeque::new());
        Box::new(Self { check, hold, pause: None, own_events })
    }
}
