//! What can lie over the screen: the topmost gets the keys first.

use std::sync::Arc;

use super::app::Effect;
use super::editor::Editor;
use super::scrollback::Direction;
use crate::core::scenario::Scenario;
use crate::tui::view::timeline::Cursor;

/// Something that lies over the screen.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there are never more than a few, and no copies")]
pub enum Layer {
    /// "A transaction is open. Leave?"
    Quit,
    /// Something else that is asked first.
    Question(Question),
    /// Every key; scrolled down by so many rows.
    Help {
        /// By how many.
        down: u16,
    },
    /// The scenario's story.
    Story,
    /// Who waits for whom, and who did what when.
    Graph(Cursor),
    /// Which scenario to play.
    Picker(Picker),
    /// Text to be found in the focused pane.
    FindText(FindText),
    /// An earlier statement to be found by a part of it.
    FindStatement(FindStatement),
    /// The next step's SQL, to be changed.
    EditStep(Editor),
}

/// A question before something that cannot be undone.
#[derive(Clone, Debug)]
pub struct Question {
    /// What is asked.
    pub title: &'static str,
    /// What would come of it, in sentences.
    pub words: Vec<String>,
    /// What `y` does, in a word.
    pub yes: &'static str,
    /// What `n` does.
    pub no: &'static str,
    /// What is done after `y`.
    pub effects: Vec<Effect>,
}

/// The list of scenarios.
#[derive(Clone, Debug)]
pub struct Picker {
    /// All of them.
    pub library: Vec<Arc<Scenario>>,
    /// What was typed to narrow the list.
    pub filter: String,
    /// The chosen line of what is left.
    pub chosen: usize,
}

impl Picker {
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
    pub fn go(&mut self, direction: Direction, by: usize) {
        let last = self.matching().len().saturating_sub(1);
        self.chosen = match direction {
            Direction::Up => self.chosen.saturating_sub(by),
            Direction::Down => (self.chosen + by).min(last),
        };
    }
}

/// A search in a pane.
#[derive(Clone, Debug, Default)]
pub struct FindText {
    /// What is looked for.
    pub needle: String,
    /// The line on which it was found last.
    pub at: Option<u64>,
}

/// A search among earlier statements, as Ctrl-R does it in psql.
#[derive(Clone, Debug, Default)]
pub struct FindStatement {
    /// What is looked for.
    pub needle: String,
    /// How many older matches to pass over.
    pub skip: usize,
}

impl FindStatement {
    /// The statement found.
    pub fn found<'a>(&self, earlier: &'a [String]) -> Option<&'a str> {
        let needle = self.needle.to_lowercase();
        let mut matching =
            earlier.iter().rev().filter(|statement| statement.to_lowercase().contains(&needle));
        matching.nth(self.skip).map(String::as_str)
    }
}
