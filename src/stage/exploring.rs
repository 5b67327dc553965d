//! Every order of the script that is on the stage, as they are explored: what is known so far, and
//! playing one of them here.

use std::sync::Arc;
use std::time::Duration;

use super::keys::{Action, Code, Key};
use super::layers::{ClassList, Layer};
use super::{Effect, EngineCount, Stage};
use crate::core::scenario::{
    EngineKind, Expectation, Expected, Isolation, Launch, Picked, Scenario, Schedule, Schedules,
    Step,
};
use crate::explorer::explore::{News, Progress, Shown};
use crate::explorer::program::Program;

/// What is to be explored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explore {
    /// Which exploration of this console it is: what is told of an earlier one counts no more.
    pub number: u64,
    pub scenario: Arc<Scenario>,
    pub engine: EngineKind,
    pub isolation: Isolation,
}

/// What is told of an exploration.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    News(News),
    /// Nothing more comes.
    Over {
        is_complete: bool,
        took: Duration,
    },
    /// It cannot be explored, in a sentence.
    Failed(String),
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    Over {
        is_complete: bool,
        took: Duration,
    },
    /// Its user has stopped it.
    Stopped,
    Failed(String),
}

/// An exploration, and what is known so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Exploring {
    pub wanted: Explore,
    pub program: Program,
    /// In the order in which they are told.
    pub classes: Vec<Shown>,
    /// Which of the explorer's classes stands there.
    numbers: Vec<usize>,
    pub progress: Progress,
    pub state: State,
    /// The witness that was opened last.
    opened: Option<Arc<Scenario>>,
}

impl Exploring {
    fn new(wanted: Explore) -> Self {
        let program = Program::of(&wanted.scenario);
        let (classes, progress) = (Vec::new(), Progress::default());
        let (numbers, state) = (Vec::new(), State::Running);
        Self { wanted, program, classes, numbers, progress, state, opened: None }
    }

    /// Whether it is about what is on the stage: the scenario itself, or an order of it.
    fn is_of(&self, scenario: &Arc<Scenario>) -> bool {
        self.wanted.scenario.is_of_the_same_file(scenario) || self.opened.as_ref() == Some(scenario)
    }

    fn hear(&mut self, told: Told) {
        match told {
            Told::News(news) => self.hear_news(news),
            Told::Over { is_complete, took } => self.state = State::Over { is_complete, took },
            Told::Failed(why) => self.state = State::Failed(why),
        }
    }

    /// Of single orders only documents tell.
    fn hear_news(&mut self, news: News) {
        if let News::Classes(classes) = news {
            let mut all: Vec<_> = classes.into_iter().enumerate().collect();
            all.sort_by_key(|(_, class)| class.rank());
            (self.numbers, self.classes) = all.into_iter().unzip();
        } else if let News::Progress(progress) = news {
            self.progress = progress;
        }
    }

    /// The steps of a class's witness, in their order.
    pub fn witness(&self, class: usize) -> Vec<&Step> {
        let Some(class) = self.classes.get(class) else { return Vec::new() };
        let steps = self.launches(&class.witness);
        steps.into_iter().filter_map(|step| self.wanted.scenario.steps.get(step)).collect()
    }

    fn launches(&self, turns: &[usize]) -> Vec<usize> {
        let mut next = vec![0; self.program.sessions.len()];
        let step = |session: &usize| {
            let step = self.program.sessions.get(*session)?.get(next[*session]).copied();
            next[*session] += 1;
            step
        };
        turns.iter().filter_map(step).collect()
    }

    /// A class's witness as a scenario of its own: the same steps in that order. What the file says
    /// of its own order is left out.
    fn scenario(&self, class: usize) -> Option<Scenario> {
        let shown = self.classes.get(class)?;
        let launches = self.launches(&shown.witness);
        let schedule = Schedule {
            launches: launches
                .iter()
                .map(|step| Launch { step: *step, markers: Vec::new() })
                .collect(),
        };
        let mut scenario = (*self.wanted.scenario).clone();
        scenario.title = format!("{}: {}", scenario.title, shown.name);
        scenario.path = None;
        scenario.afterwards = Vec::new();
        for step in &mut scenario.steps {
            step.expectations.retain(gives_names);
        }
        if let Some(finally) = &mut scenario.finally {
            finally.expectations.clear();
        }
        let played = launches.into_iter().collect();
        scenario.schedules = Schedules::Picked(Picked { number: 1, schedule, played });
        Some(scenario)
    }
}

/// Whether a line is one that later steps need: it gives what was read a name.
fn gives_names(expectation: &Expectation) -> bool {
    matches!(expectation.expected, Expected::Capture(_))
}

impl Stage {
    /// What is known of the orders of what is played, if that was asked for.
    pub fn exploring(&self) -> Option<&Exploring> {
        self.exploring.as_ref()
    }

    /// Takes in what an exploration tells.
    pub fn explorer_tells(&mut self, number: u64, told: Told) {
        if let Some(exploring) = &mut self.exploring
            && exploring.wanted.number == number
            && exploring.state != State::Stopped
        {
            let before = exploring.numbers.clone();
            exploring.hear(told);
            self.layers.follow_class(&before, &exploring.numbers);
        }
    }

    /// Shows the orders of what is played, and begins to explore them unless that was done.
    pub(super) fn explore(&mut self) -> Vec<Effect> {
        if self.engines == EngineCount::Both {
            let key = self.key(Action::Compare);
            self.say(format!(
                "both engines are on screen; {key} continues with one, to explore it"
            ));
            return Vec::new();
        }
        let Some((scenario, line)) = self.course.script().zip(self.course.engine().line()) else {
            self.say_there_is_no_script();
            return Vec::new();
        };
        let (scenario, engine) = (Arc::clone(scenario.scenario()), line.kind);
        let isolation = line.isolation;
        self.layers.push(Layer::Classes(ClassList::default()));
        if let Some(known) = &self.exploring
            && known.is_of(&scenario)
            && (known.wanted.engine, known.wanted.isolation) == (engine, isolation)
            && matches!(known.state, State::Running | State::Over { .. })
        {
            return Vec::new();
        }
        // Of an order of a scenario all orders are those of the scenario.
        let scenario = match &self.exploring {
            Some(known) if known.is_of(&scenario) => Arc::clone(&known.wanted.scenario),
            _ => scenario,
        };
        let number = self.exploring.as_ref().map_or(0, |known| known.wanted.number) + 1;
        let wanted = Explore { number, scenario, engine, isolation };
        self.exploring = Some(Exploring::new(wanted.clone()));
        vec![Effect::Explore(Box::new(wanted))]
    }

    /// A key on the list of classes.
    pub(super) fn press_classes(
        &mut self,
        mut list: ClassList,
        key: Key,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<Effect> {
        let count = self.exploring.as_ref().map_or(0, |exploring| exploring.classes.len());
        match (key.code(), action) {
            (Code::Enter, _) => return self.open_witness(list),
            (Code::Char('f'), _) => return self.open_own_order(list),
            (Code::Esc, _) | (_, Some(Action::Explore)) => return self.stop_exploring(),
            _ if key.is_cancel() => return self.stop_exploring(),
            (
                _,
                Some(action @ (Action::Quit | Action::Help | Action::Suspend | Action::Redraw)),
            ) => {
                self.layers.push(Layer::Classes(list));
                return self.update(action, now);
            }
            (code, _) => list.go(code, count),
        }
        self.layers.push(Layer::Classes(list));
        Vec::new()
    }

    fn open_witness(&mut self, list: ClassList) -> Vec<Effect> {
        let witness = self.exploring.as_ref().and_then(|it| it.scenario(list.chosen()));
        let Some(witness) = witness.map(Arc::new) else {
            self.layers.push(Layer::Classes(list));
            return Vec::new();
        };
        if let Some(exploring) = &mut self.exploring {
            exploring.opened = Some(Arc::clone(&witness));
        }
        self.open(witness)
    }

    /// Back to the order in which the file plays.
    fn open_own_order(&mut self, list: ClassList) -> Vec<Effect> {
        match self.exploring.as_ref().map(|it| Arc::clone(&it.wanted.scenario)) {
            Some(own) if self.course.scenario() != Some(&own) => self.open(own),
            _ => {
                self.say("this is the file\u{2019}s own order");
                self.layers.push(Layer::Classes(list));
                Vec::new()
            }
        }
    }

    fn stop_exploring(&mut self) -> Vec<Effect> {
        let running = self.exploring.as_mut().filter(|it| it.state == State::Running);
        running.map_or_else(Vec::new, |exploring| {
            exploring.state = State::Stopped;
            vec![Effect::StopExploring]
        })
    }
}

#[cfg(test)]
mod tests;
