//! Things of which one can be chosen, with what each does.

use crate::stage::Effect;
use crate::stage::keys::{Action, Code, Key};

/// A list, one of which is marked.
#[derive(Clone, Debug, PartialEq)]
pub struct Choices {
    pub title: String,
    all: Vec<Choice>,
    marked: usize,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub name: String,
    /// What it does, in words.
    pub words: String,
    pub effects: Vec<Effect>,
}

/// What comes of a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Chosen {
    /// It goes on.
    On,
    /// Nothing is chosen.
    Nothing,
    /// This is done.
    Does(Vec<Effect>),
}

impl Choices {
    /// With this one marked.
    pub fn new(title: String, choices: Vec<Choice>, marked: usize) -> Self {
        Self { title, all: choices, marked }
    }

    /// Each, and whether it is marked.
    pub fn iter(&self) -> impl Iterator<Item = (&Choice, bool)> {
        self.all.iter().enumerate().map(|(place, choice)| (choice, place == self.marked))
    }

    pub(super) fn press(&mut self, key: Key, action: Option<Action>) -> Chosen {
        let last = self.all.len().saturating_sub(1);
        match (action, key.code()) {
            (Some(Action::Enter), _) => {
                let chosen = self.all.get(self.marked);
                return chosen.map_or(Chosen::Nothing, |it| Chosen::Does(it.effects.clone()));
            }
            (Some(Action::Interrupt), _) | (_, Code::Esc) => return Chosen::Nothing,
            (Some(Action::Earlier), _) | (_, Code::Up) => {
                self.marked = self.marked.saturating_sub(1);
            }
            (Some(Action::Later), _) | (_, Code::Down) => self.marked = (self.marked + 1).min(last),
            (_, Code::Char(letter)) => {
                // By its number, as a menu has it.
                let place = letter.to_digit(10).and_then(|digit| (digit as usize).checked_sub(1));
                if let Some(chosen) = place.and_then(|place| self.all.get(place)) {
                    return Chosen::Does(chosen.effects.clone());
                }
            }
            _ => {}
        }
        Chosen::On
    }
}
