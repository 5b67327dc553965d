//! A fresh setup: the engine, the run's schema, the scenario's setup, then everybody connects.
//!
//! ```text
//!  Engine ──▶ Schema ──▶ Setup: statement by statement ──▶ tables missing? ──▶ playing
//!     │          │          │
//!     │          └──────────┴── overtaken, or the driver has left ──▶ taken down again
//!     └── waited for, unless the driver has left: the next setup needs one, too
//! ```
//!
//! A run without a scenario has no schema of its own: it goes from the engine to the setup at once.

use std::sync::Arc;
use std::time::Duration;

use super::answer::AwaitedAnswer;
use super::effects::Effects;
use super::failure::Failure;
use super::input::{EngineFacts, EngineOpened, Input};
use super::live_run::LiveRun;
use super::output::{EngineRequest, Output, Question};
use super::teardown::{TIDY_UP, Then};
use super::{Machine, Phase};
use crate::core::scenario::Scenario;

/// How far a setup has come.
#[derive(Debug)]
pub(crate) enum Opening {
    /// The engine is being opened.
    Engine,
    /// The run's schema is being made.
    Schema {
        /// On which engine.
        engine: EngineFacts,
        /// Where nobody wants it any more, how long it is waited for: half made, it would be
        /// nobody's to drop.
        unwanted_until: Option<Duration>,
    },
    /// A schema that nobody wants is being dropped.
    Unwanted {
        /// How long that is waited for.
        until: Duration,
    },
    /// The scenario's setup is being played: so many statements are answered, and this one is not.
    Setup {
        /// How many are answered.
        done: usize,
        /// Nothing is awaited while the observer is asked which tables are missing.
        awaited: Option<AwaitedAnswer>,
    },
}

impl Opening {
    /// When it goes on without an answer.
    pub(crate) fn due(&self) -> Option<Duration> {
        match self {
            Self::Schema { unwanted_until, .. } => *unwanted_until,
            Self::Unwanted { until } => Some(*until),
            Self::Engine | Self::Setup { .. } => None,
        }
    }
}

impl Machine {
    /// Begins with a fresh setup.
    pub(super) fn open(&mut self, fx: &mut Effects) {
        self.play.begin_anew();
        self.phase = Phase::Opening(Opening::Engine);
        fx.engine(EngineRequest::Open(self.play.production().engine));
    }

    /// Takes in what happened next while it is being set up.
    pub(super) fn open_further(&mut self, input: Input, fx: &mut Effects) {
        let Phase::Opening(opening) = &mut self.phase else { return };
        match (opening, input) {
            (Opening::Engine, Input::EngineOpened(Ok(opened))) => self.on_engine(opened, fx),
            (Opening::Engine, Input::EngineOpened(Err(reason)))
            | (Opening::Schema { unwanted_until: None, .. }, Input::SchemaMade(Err(reason))) => {
                self.phase = Phase::Resting;
                self.play.break_off(reason, fx);
            }
            (Opening::Schema { engine, unwanted_until: None }, Input::SchemaMade(Ok(schema))) => {
                let engine = engine.clone();
                self.begin_setup(engine, Some(schema), fx);
            }
            (Opening::Schema { .. }, Input::SchemaMade(Ok(_))) => {
                fx.engine(EngineRequest::DropSchema);
                self.phase = Phase::Opening(Opening::Unwanted { until: fx.now() + TIDY_UP });
            }
            (Opening::Schema { .. }, Input::SchemaMade(Err(_)))
            | (Opening::Unwanted { .. }, Input::SchemaDropped(_)) => self.phase = Phase::Resting,
            (late, Input::Due) if late.due().is_some_and(|due| due <= fx.now()) => {
                fx.engine(EngineRequest::GiveUp);
                self.phase = Phase::Resting;
            }
            (Opening::Setup { done, awaited }, Input::Event(event)) => {
                let Some(live) = &mut self.live else { return };
                // Also for the state of the runner's transaction: one that a failed setup leaves
                // open is rolled back when all is taken down.
                live.overhear(&event);
                match awaited.as_mut().and_then(|awaited| awaited.hear(&event)) {
                    None => {}
                    Some(Ok(())) => {
                        let done = *done + 1;
                        self.set_up_from(done, fx);
                    }
                    Some(Err(failure)) => {
                        let reason = told(&live.production().scenario, *done, &failure);
                        self.close(Then::Break(reason), fx);
                    }
                }
            }
            (Opening::Setup { awaited: None, .. }, Input::TableCopies(copies)) => {
                self.play.note_copies(copies);
                fx.put(Output::Observe(Question::Missing));
            }
            (Opening::Setup { awaited: None, .. }, Input::Missing(missing)) => {
                self.on_set_up(missing, fx);
            }
            _ => {}
        }
    }

    fn on_engine(&mut self, opened: EngineOpened, fx: &mut Effects) {
        let EngineOpened { facts, swept } = opened;
        self.play.begin_ledger(facts.is_kept, swept);
        if self.orders.has_another_setup() {
            self.orders.drop_the_pointless();
            self.phase = Phase::Resting;
            return;
        }
        if self.play.production().scenario.search_path.has_a_schema_of_the_run() {
            fx.engine(EngineRequest::MakeSchema);
            self.phase = Phase::Opening(Opening::Schema { engine: facts, unwanted_until: None });
        } else {
            self.begin_setup(facts, None, fx);
        }
    }

    fn begin_setup(&mut self, engine: EngineFacts, schema: Option<String>, fx: &mut Effects) {
        let production = Arc::clone(self.play.production());
        self.live = Some(Box::new(LiveRun::new(production, engine, schema, fx)));
        self.set_up_from(0, fx);
    }

    /// Plays the setup's statement at this place; after the last one, asks what is missing.
    fn set_up_from(&mut self, done: usize, fx: &mut Effects) {
        let Some(live) = &mut self.live else { return };
        let awaited = self.play.setup().get(done).and_then(|statement| {
            let runner = live.runner().clone();
            live.order(&runner, &statement.sql, fx)
        });
        // The runner is refused nothing, so nothing to be awaited means that nothing is left to be
        // sent.
        if awaited.is_none() {
            // A run's own tables are made by its setup; of others a file must know how.
            let is_own = live.has_a_schema();
            let question = if is_own { Question::Missing } else { Question::TableCopies };
            fx.put(Output::Observe(question));
        }
        self.phase = Phase::Opening(Opening::Setup { done, awaited });
    }

    fn on_set_up(&mut self, missing: Vec<String>, fx: &mut Effects) {
        let Some(live) = &mut self.live else { return };
        live.note_missing(missing);
        self.play.note_set_up();
        let scenario = Arc::clone(&live.production().scenario);
        for player in &scenario.sessions {
            live.add(&player.name, fx);
        }
        if scenario.sessions.is_empty() {
            // Nobody connects, so nothing else would have the tables looked at.
            live.look_soon(fx);
        }
        self.phase = Phase::Playing;
        self.play.report_fresh(live, fx);
    }

    /// Gives up what is being set up, if nobody wants it any more; whether that is done with.
    pub(super) fn overtake(&mut self, fx: &mut Effects) -> bool {
        let has_left = self.orders.is_abandoned();
        let is_overtaken = has_left || self.orders.has_another_setup();
        let Phase::Opening(opening) = &mut self.phase else { return false };
        match opening {
            Opening::Engine if has_left => {
                fx.engine(EngineRequest::GiveUp);
                self.phase = Phase::Resting;
                return true;
            }
            Opening::Schema { unwanted_until, .. } if is_overtaken && unwanted_until.is_none() => {
                *unwanted_until = Some(fx.now() + TIDY_UP);
                self.orders.drop_the_pointless();
            }
            Opening::Setup { .. } if is_overtaken => {
                self.orders.drop_the_pointless();
                self.close(Then::Forget, fx);
            }
            _ => {}
        }
        false
    }
}

/// Where in which file the setup failed, and what the server said of it, as psql shows it.
fn told(scenario: &Scenario, nth: usize, failure: &Failure) -> String {
    let statement = &scenario.setup[nth];
    let place = scenario.place_of(statement, failure.position());
    let said = failure.told(&statement.sql);
    let sql = match failure {
        Failure::Refused(_) => format!("\nSTATEMENT:  {}", statement_lines(&statement.sql)),
        // The statement is not to blame.
        Failure::Lost(_) => String::new(),
    };
    format!("the scenario's setup failed at {place}\n{said}{sql}")
}

/// How many lines of a statement that failed are told.
const TOLD: usize = 12;

/// The statement as the file has it; of a long one its beginning.
fn statement_lines(sql: &str) -> String {
    let lines: Vec<&str> = sql.trim_end().lines().collect();
    let beyond = lines.len().saturating_sub(TOLD);
    let told = lines[..lines.len() - beyond].join("\n");
    if beyond == 0 { told } else { format!("{told}\n... {beyond} more lines") }
}
