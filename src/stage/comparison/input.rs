//! Which key means what while two engines are compared.
//!
//! Moving, typing, stepping happen in both halves. What lies over the screen, scrolling, leaving
//! happen once; and what a picked scenario or an edited step asks of one run is asked of both.

use std::time::Duration;

use super::{Comparison, Half, HalfEffect, Typing, belonging_to};
use crate::run::Command;
use crate::stage::input::{Gesture, Input, Pointer};
use crate::stage::keys::{Action, Code, Key};
use crate::stage::layers::Layer;
use crate::stage::panes::pane::{Link, Pane};
use crate::stage::{Effect, Stage};

impl Comparison {
    /// Takes in what a person does.
    pub fn input(&mut self, input: Input, now: Duration) -> Vec<HalfEffect> {
        match input {
            Input::Key(key) => self.press(key, now),
            Input::Paste(text) => {
                let effects = self.press_uncompleted(now);
                self.paste(&text);
                effects
            }
            Input::Pointer(pointer) => match self.leading().key_for(&pointer) {
                Some(key) => self.press(key, now),
                None => {
                    let mut effects = Vec::new();
                    if pointer.turns() {
                        effects = self.press_uncompleted(now);
                    }
                    effects.extend(self.point(&pointer));
                    effects
                }
            },
        }
    }

    /// What was pressed while a word was being completed.
    pub(super) fn press_held(&mut self, now: Duration) -> Vec<HalfEffect> {
        let held = self.leading_mut().take_held();
        held.into_iter().flat_map(|key| self.press(key, now)).collect()
    }

    /// What was pressed while a word was being completed; nothing waits for that any more.
    fn press_uncompleted(&mut self, now: Duration) -> Vec<HalfEffect> {
        let mut effects = Vec::new();
        loop {
            self.leading_mut().give_up_completing();
            effects.extend(self.press_held(now));
            if !self.leading().is_completing() {
                return effects;
            }
        }
    }

    fn press(&mut self, key: Key, now: Duration) -> Vec<HalfEffect> {
        if self.leading().hurries(key) {
            let mut effects = self.press_uncompleted(now);
            effects.extend(self.press(key, now));
            return effects;
        }
        if self.leading_mut().holds(key) {
            return Vec::new();
        }
        self.stages.iter_mut().for_each(|stage| stage.message = None);
        let Some(key) = self.leading_mut().whole(key) else { return Vec::new() };
        let action = self.leading().setting.keys.action(key);
        let was_playing = self.plays_at.take().is_some();
        if was_playing && action.is_none_or(|action| action == Action::AutoPlay) {
            return Vec::new();
        }
        self.leading_mut().leave_menu_at(key);
        if self.goes_to_layer(key, action) {
            return self.press_on_layer(key, action, now);
        }
        match action.filter(|action| self.leading().applies(*action, key)) {
            Some(action) => self.update(action, now),
            None => self.in_typed(|stage| stage.type_key(key)),
        }
    }

    /// Whether the topmost layer takes the key. The story makes way for a key that does something,
    /// and the script is stepped under the graph.
    fn goes_to_layer(&mut self, key: Key, action: Option<Action>) -> bool {
        use Action::{AutoPlay, Enter, Interrupt, NextStep, Quit, Restart, StepBack, Story};
        match (self.leading().layers.top(), action) {
            (None, _) => false,
            (
                Some(Layer::Story | Layer::Mistake(_)),
                Some(Enter | Interrupt | Story | Quit) | None,
            ) => true,
            (Some(Layer::Story | Layer::Mistake(_)), Some(_)) if key.code() != Code::Esc => {
                self.leading_mut().layers.pop();
                false
            }
            (
                Some(Layer::Graph(_) | Layer::Room(_)),
                Some(NextStep | StepBack | Restart | AutoPlay),
            ) => false,
            (Some(_), _) => true,
        }
    }

    fn press_on_layer(
        &mut self,
        key: Key,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<HalfEffect> {
        let is_edited = matches!(self.leading().layers.top(), Some(Layer::EditStep(_)));
        let sends = matches!(action, Some(Action::Enter | Action::NextStep));
        if let (true, Some(why)) = (is_edited && sends, self.why_no_step()) {
            self.leading_mut().refuse(why);
            return Vec::new();
        }
        if let (Some(Layer::Browse(browse)), Code::Enter) =
            (self.leading().layers.top(), key.code())
        {
            let step = browse.chosen();
            self.leading_mut().layers.pop();
            return self.jump(step, now);
        }
        let half = self.turned_to;
        let Some(layer) = self.leading_mut().layers.pop() else { return Vec::new() };
        let effects = self.leading_mut().press_on(layer, key, action, now);
        self.type_alike();
        effects.into_iter().flat_map(|effect| self.shared(half, effect, now)).collect()
    }

    /// What is asked of one run because of a layer is asked of the other too.
    pub(super) fn shared(&mut self, half: Half, effect: Effect, now: Duration) -> Vec<HalfEffect> {
        match effect {
            Effect::Ask(command @ Command::Submit { .. }) if self.typing == Typing::Alone => {
                vec![(half, Effect::Ask(command))]
            }
            Effect::Ask(command) => {
                if matches!(command, Command::Step | Command::StepEdited(_)) {
                    self.stage_mut(half.other()).course.expect_step(now);
                }
                self.ask_both(&command)
            }
            effect => vec![(half, effect)],
        }
    }

    /// Text that came into one editor alone comes into the other.
    pub(super) fn type_alike(&mut self) {
        if self.typing == Typing::Alone {
            return;
        }
        let Some(text) = self.leading().panes.focused().map(|pane| pane.editor.text()) else {
            return;
        };
        let other = self.turned_to.other();
        if let Some(pane) = self.stage_mut(other).panes.focused_mut()
            && pane.editor.text() != text
        {
            pane.editor.put(&text);
        }
    }

    fn update(&mut self, action: Action, now: Duration) -> Vec<HalfEffect> {
        match action {
            Action::NextStep => self.step(now),
            Action::StepBack => self.step_back(),
            Action::Restart => self.restart(),
            Action::AutoPlay => self.auto_play(now),
            Action::SwitchEngine => {
                let key = self.leading().key(Action::Compare);
                let words =
                    format!("both engines are on screen; {key} continues with this one only");
                self.leading_mut().say(words);
                Vec::new()
            }
            Action::OtherEngine => {
                self.turn_to(self.turned_to.other());
                Vec::new()
            }
            Action::TypeAlone => {
                self.change_typing();
                Vec::new()
            }
            Action::Enter => self.enter(now),
            Action::NewLine | Action::Earlier | Action::Later => {
                let effects = self.in_typed(|stage| stage.update(action, now));
                // Each half remembers what was typed there.
                self.type_alike();
                effects
            }
            Action::Interrupt | Action::EndOfInput => {
                self.in_typed(|stage| stage.update(action, now))
            }
            Action::Complete if !self.is_on_an_empty_line() => {
                let effects = self.lead(action, now);
                self.type_alike();
                effects
            }
            Action::Complete
            | Action::FocusNext
            | Action::FocusPrevious
            | Action::FocusNumber(_)
            | Action::Zoom
            | Action::AddSession => self.in_both(|stage| stage.update(action, now)),
            _ => self.lead(action, now),
        }
    }

    /// What happens once: in the half with the keys.
    fn lead(&mut self, action: Action, now: Duration) -> Vec<HalfEffect> {
        if action == Action::Quit && self.has_something_to_lose_elsewhere() {
            self.leading_mut().layers.push(Layer::Quit);
            return Vec::new();
        }
        let half = self.turned_to;
        belonging_to(half, self.leading_mut().update(action, now))
    }

    fn is_on_an_empty_line(&self) -> bool {
        self.leading().panes.focused().is_none_or(|pane| pane.editor.is_empty())
    }

    fn has_something_to_lose_elsewhere(&self) -> bool {
        self.stage(self.turned_to.other()).panes.have_something_to_lose()
    }

    /// Does the same wherever what is typed goes.
    fn in_typed(&mut self, act: impl FnMut(&mut Stage) -> Vec<Effect>) -> Vec<HalfEffect> {
        match self.typing {
            Typing::Both => self.in_both(act),
            Typing::Alone => {
                let (half, mut act) = (self.turned_to, act);
                belonging_to(half, act(self.stage_mut(half)))
            }
        }
    }

    /// Sends what is typed; into both only if both can take it.
    fn enter(&mut self, now: Duration) -> Vec<HalfEffect> {
        let is_lost = |half| self.stage(half).panes.focused().is_some_and(Pane::is_gone);
        let lost: Vec<Half> = Half::BOTH.into_iter().filter(|half| is_lost(*half)).collect();
        if self.typing == Typing::Both && !lost.is_empty() {
            let enter = |half| belonging_to(half, self.stage_mut(half).update(Action::Enter, now));
            return lost.into_iter().flat_map(enter).collect();
        }
        if let (Typing::Both, true, Some(why)) =
            (self.typing, self.is_to_be_sent(), self.why_not_typed())
        {
            let key = self.leading().key(Action::TypeAlone);
            self.leading_mut().refuse(format!("{why}; {key} types into one engine only"));
            return Vec::new();
        }
        self.in_typed(|stage| stage.update(Action::Enter, now))
    }

    fn is_to_be_sent(&self) -> bool {
        self.leading()
            .panes
            .focused()
            .is_some_and(|pane| !pane.editor.text().trim().is_empty() && pane.editor.is_complete())
    }

    /// What keeps one of them from taking a typed statement even in its turn.
    fn why_not_typed(&self) -> Option<String> {
        self.why_not(|stage| {
            let pane = stage.panes.focused()?;
            let cannot = pane.waiting.is_some() || pane.link != Link::Open;
            cannot.then(|| stage.why_not_into(&pane.name)).flatten()
        })
    }

    fn change_typing(&mut self) {
        let (typing, words) = match self.typing {
            Typing::Both => (Typing::Alone, "typing goes to this engine only"),
            Typing::Alone => (Typing::Both, "typing goes to both engines"),
        };
        self.typing = typing;
        self.type_alike();
        self.leading_mut().say(words);
    }

    fn paste(&mut self, text: &str) {
        if !self.leading().layers.is_empty() {
            self.leading_mut().paste(text);
            return self.type_alike();
        }
        let _ = self.in_typed(|stage| {
            stage.paste(text);
            Vec::new()
        });
    }

    /// A click turns to a half and to its session; the wheel scrolls the one under it.
    fn point(&mut self, pointer: &Pointer) -> Vec<HalfEffect> {
        let under = pointer.half.filter(|_| self.leading().layers.is_empty());
        let half = under.unwrap_or(self.turned_to);
        let effects = self.stage_mut(half).point(pointer);
        if matches!(pointer.gesture, Gesture::Click | Gesture::OtherClick) {
            self.turn_to(half);
            let focus = self.leading().panes.focus();
            self.stage_mut(half.other()).panes.focus_on(focus);
        }
        belonging_to(half, effects)
    }
}
