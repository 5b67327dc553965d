//! What the keys of the debugger do, and what is said as long as nobody has come.

use super::layers::{Choice, Choices, Layer};
use super::panes::Pane;
use super::{Effect, Stage};
use crate::core::event::SessionName;
use crate::debugger::breakpoints::HoldMode;
use crate::debugger::guests::{Answer, Order};
use crate::run::Command;

/// What there is to know beside the debugger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Debugging {
    /// How to connect: a line each.
    pub addresses: Vec<String>,
    /// Whether statements can be made to meet inside a table.
    pub has_gate: bool,
}

impl Stage {
    /// What there is to know beside the debugger, if this is one.
    pub fn debugging(&self) -> Option<&Debugging> {
        self.setting.debugging.as_ref()
    }

    /// Programs can connect, at these addresses.
    pub fn opened_to_programs(&mut self, addresses: Vec<String>) {
        if let Some(debugging) = &mut self.setting.debugging {
            debugging.addresses = addresses;
        }
    }

    /// Turns to the statement that has just been held, unless the keys are needed where they are.
    pub(super) fn turn_to_held(&mut self, name: &SessionName) {
        let is_free = |pane: &Pane| pane.held.is_none() && pane.editor.is_empty();
        if self.panes.focused().is_none_or(is_free) {
            self.panes.focus_on_session(name);
        }
    }

    /// Whose statements are held.
    fn held(&self) -> Vec<SessionName> {
        let held = self.panes.iter().filter(|pane| pane.held.is_some());
        held.map(|pane| pane.name.clone()).collect()
    }

    /// The focused guest whose statement is held; says so where there is none.
    fn focused_held(&mut self) -> Option<SessionName> {
        let focused = self.panes.focused().filter(|pane| pane.held.is_some());
        if let Some(pane) = focused {
            return Some(pane.name.clone());
        }
        let words = match &self.held()[..] {
            [] => "nothing is held".to_owned(),
            names => {
                let names: Vec<&str> = names.iter().map(SessionName::as_str).collect();
                format!("nothing is held here; held: {}", names.join(", "))
            }
        };
        self.say(words);
        None
    }

    /// Lets the focused guest's statement go, and turns to the next that is held.
    pub(super) fn let_go(&mut self) -> Vec<Effect> {
        let Some(name) = self.focused_held() else { return Vec::new() };
        vec![Effect::Debug(Order::LetGo(name))]
    }

    pub(super) fn let_all_go(&mut self) -> Vec<Effect> {
        if self.held().is_empty() {
            self.say("nothing is held");
            return Vec::new();
        }
        vec![Effect::Debug(Order::LetAllGo)]
    }

    pub(super) fn run_on(&mut self) -> Vec<Effect> {
        self.say("running on to the next breakpoint");
        vec![Effect::Debug(Order::Run)]
    }

    pub(super) fn let_go_together(&mut self) -> Vec<Effect> {
        if self.held().len() < 2 {
            self.say("two statements at least must be held to meet inside");
            return Vec::new();
        }
        vec![Effect::Debug(Order::LetGoTogether)]
    }

    /// Answers what is held with a cancellation, or cancels what runs.
    pub(super) fn cancel_guest(&mut self) -> Vec<Effect> {
        let Some(pane) = self.panes.focused() else { return Vec::new() };
        let name = pane.name.clone();
        if pane.held.is_some() {
            return vec![Effect::Debug(Order::Answer(name, Answer::Cancelled))];
        }
        if pane.is_busy() {
            return vec![Effect::Ask(Command::Cancel(name))];
        }
        self.say(format!("nothing of {name} is running or held"));
        Vec::new()
    }

    pub(super) fn choose_answer(&mut self) {
        let Some(name) = self.focused_held() else { return };
        let choices = Answer::ALL.into_iter().map(|answer| Choice {
            name: answer.name().to_owned(),
            words: answer.words().to_owned(),
            effects: vec![Effect::Debug(Order::Answer(name.clone(), answer))],
        });
        let title = format!("answer {name} in the server\u{2019}s place");
        self.layers.push(Layer::Choices(Choices::new(title, choices.collect(), 0)));
    }

    pub(super) fn choose_what_is_held(&mut self) {
        let choices = HoldMode::ALL.into_iter().map(|mode| Choice {
            name: mode.to_string(),
            words: words_of(mode).to_owned(),
            effects: vec![Effect::Debug(Order::Hold(mode))],
        });
        let title = "what is held".to_owned();
        self.layers.push(Layer::Choices(Choices::new(title, choices.collect(), 1)));
    }
}

fn words_of(mode: HoldMode) -> &'static str {
    match mode {
        HoldMode::Watch => "nothing is held; everything is shown",
        HoldMode::Breakpoints => "what meets a breakpoint, or touches a watched table",
        HoldMode::Everything => "everything but what passes by itself",
    }
}
