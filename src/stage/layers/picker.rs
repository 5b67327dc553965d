//! The list of scenarios.

use std::sync::Arc;

use super::find::edit;
use crate::core::scenario::Scenario;
use crate::stage::keys::{Code, Key};
use crate::stage::panes::scrollback::Direction;

/// How many lines the page keys go.
const PAGE: usize = 10;

/// The list of scenarios.
#[derive(Clone, Debug)]
pub struct Picker {
    library: Vec<Arc<Scenario>>,
    filter: String,
    chosen: usize,
}

/// What a key has picked.
#[derive(Clone, Debug)]
pub(super) enum Picked {
    Nothing,
    Scenario(Arc<Scenario>),
    /// Nothing, and nothing will be.
    Closed,
}

impl Picker {
    /// A list in which the one that is played is chosen.
    pub(crate) fn of(library: Vec<Arc<Scenario>>, playing: Option<&str>) -> Self {
        let is_playing = |scenario: &Arc<Scenario>| Some(scenario.name.as_str()) == playing;
        let chosen = library.iter().position(is_playing).unwrap_or(0);
        Self { library, filter: String::new(), chosen }
    }

    /// All of them.
    pub fn library(&self) -> &[Arc<Scenario>] {
        &self.library
    }

    /// What was typed to narrow the list.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// The chosen line of what is left.
    pub fn chosen(&self) -> usize {
        self.chosen
    }

    /// The scenarios whose name or title holds what was typed.
    pub fn matching(&self) -> Vec<&Arc<Scenario>> {
        let filter = self.filter.to_lowercase();
        let holds = |text: &str| text.to_lowercase().contains(&filter);
        self.library
            .iter()
            .filter(|scenario| holds(&scenario.title) || holds(&scenario.name))
            .collect()
    }

    /// The chosen one.
    pub fn choice(&self) -> Option<&Arc<Scenario>> {
        self.matching().get(self.chosen).copied()
    }

    /// Goes up or down the list.
    pub(crate) fn go(&mut self, direction: Direction, by: usize) {
        let last = self.matching().len().saturating_sub(1);
        self.chosen = match direction {
            Direction::Up => self.chosen.saturating_sub(by),
            Direction::Down => (self.chosen + by).min(last),
        };
    }

    /// Reacts to a key.
    pub(super) fn press(&mut self, key: Key) -> Picked {
        match key.code() {
            Code::Esc | Code::F(_) => return Picked::Closed,
            Code::Enter => return self.choice().cloned().map_or(Picked::Nothing, Picked::Scenario),
            Code::Up => self.go(Direction::Up, 1),
            Code::Down => self.go(Direction::Down, 1),
            Code::PageUp => self.go(Direction::Up, PAGE),
            Code::PageDown => self.go(Direction::Down, PAGE),
            _ if key.is_cancel() => return Picked::Closed,
            _ => {
                edit(&mut self.filter, key);
                self.chosen = 0;
            }
        }
        Picked::Nothing
    }
}
