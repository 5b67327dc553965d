//! Which key, which click means what, here and now.

use std::time::Duration;

use super::comparison::Half;
use super::effect::Scroll;
use super::keys::{Action, Code, Key};
use super::layers::Layer;
use super::panes::scrollback::{Direction, Motion};
use super::{Effect, Stage};

/// How many rows the wheel moves.
const WHEEL: usize = 3;

/// What a person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Presses a key.
    Key(Key),
    Paste(String),
    /// Points at something.
    Pointer(Pointer),
}

/// What a person does with the mouse, and over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    pub gesture: Gesture,
    /// Over which of two engines, if over one.
    pub half: Option<Half>,
    /// Over which session of it, by its place in screen order.
    pub pane: Option<usize>,
}

/// What a person does with the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gesture {
    /// Clicks, with the button that selects.
    Click,
    /// Clicks with another one.
    OtherClick,
    /// Turns the wheel.
    Wheel(Direction),
}

impl Stage {
    /// Takes in what a person does.
    pub fn input(&mut self, input: Input, now: Duration) -> Vec<Effect> {
        match input {
            Input::Key(key) => self.press(key, now),
            Input::Paste(text) => {
                self.paste(&text);
                Vec::new()
            }
            Input::Pointer(pointer) => self.point(pointer),
        }
    }

    fn press(&mut self, key: Key, now: Duration) -> Vec<Effect> {
        self.message = None;
        let Some(key) = self.whole(key) else { return Vec::new() };
        let action = self.setting.keys.action(key);
        let was_playing = self.course.progress.stop_playing();
        // A key that only stops the play is not typed as well.
        if was_playing && action.is_none_or(|action| action == Action::AutoPlay) {
            return Vec::new();
        }
        self.leave_menu_at(key);
        if let Some(layer) = self.layers.pop() {
            return self.press_on(layer, key, action, now);
        }
        match action.filter(|action| key.is_prefixed() || self.applies(*action)) {
            Some(action) => self.update(action, now),
            None => self.type_key(key),
        }
    }

    /// The key as it is meant: with the prefix that was pressed before it. None, where it is the
    /// prefix of the next one, or nothing at all after a prefix.
    pub(super) fn whole(&mut self, key: Key) -> Option<Key> {
        if std::mem::take(&mut self.is_prefixed) {
            let key = key.after_prefix();
            if self.setting.keys.action(key).is_none() && key.code() != Code::Esc {
                let help = self.key(Action::Help);
                self.refuse(format!("{key} does nothing; {help} shows every key"));
            }
            return self.setting.keys.action(key).map(|_| key);
        }
        let is_typed_on = matches!(self.layers.top(), None | Some(Layer::Story));
        if !key.is_prefix() || !is_typed_on || self.setting.keys.action(key).is_some() {
            return Some(key);
        }
        self.is_prefixed = true;
        self.say(self.setting.keys.prefixed());
        None
    }

    /// Some keys mean something only on an empty line, or at its edges; elsewhere they are typing.
    pub(super) fn applies(&self, action: Action) -> bool {
        let Some(pane) = self.panes.focused() else { return true };
        match action {
            Action::Help | Action::EndOfInput | Action::CopyResult => pane.editor.is_empty(),
            Action::Earlier => pane.editor.is_at_top(),
            Action::Later => pane.editor.is_at_bottom(),
            _ => true,
        }
    }

    pub(super) fn type_key(&mut self, key: Key) -> Vec<Effect> {
        if let Some(pane) = self.panes.focused_mut() {
            pane.scrollback.follow();
            pane.editor.type_key(key);
        }
        self.begins_to_type()
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.message = None;
        match self.layers.top_mut() {
            Some(Layer::EditStep(editor)) => editor.paste(text),
            Some(Layer::Story | Layer::Menu(_)) | None => {
                self.layers.clear();
                if let Some(pane) = self.panes.focused_mut() {
                    pane.scrollback.follow();
                    pane.editor.paste(text);
                }
            }
            Some(_) => {}
        }
    }

    /// A click focuses a session, the wheel scrolls the one under it.
    pub(super) fn point(&mut self, pointer: Pointer) -> Vec<Effect> {
        match pointer.gesture {
            Gesture::Click => self.click(pointer.pane),
            Gesture::OtherClick => {}
            Gesture::Wheel(direction) => {
                return self.wheel(pointer.pane, direction).into_iter().collect();
            }
        }
        Vec::new()
    }

    fn click(&mut self, pane: Option<usize>) {
        if matches!(
            self.layers.top(),
            Some(Layer::Story | Layer::Graph(_) | Layer::Help { .. } | Layer::Menu(_))
        ) {
            self.layers.pop();
        } else if let Some(pane) = pane.filter(|_| self.layers.is_empty()) {
            self.panes.focus_on(pane);
        }
    }

    fn wheel(&mut self, pane: Option<usize>, direction: Direction) -> Option<Effect> {
        let timeline = self.history.timeline();
        match self.layers.top_mut() {
            Some(Layer::Help { .. }) => return Some(Effect::Scroll(Scroll::Help(direction, 1))),
            Some(Layer::Picker(picker)) => picker.go(direction, 1),
            Some(Layer::Menu(menu)) => menu.go(direction, 1),
            Some(Layer::Graph(cursor)) => {
                let lanes = if direction == Direction::Down { 1 } else { -1 };
                *cursor = cursor.down(lanes, timeline);
            }
            Some(_) => {}
            None => {
                let motion = Motion::Rows(direction, WHEEL);
                return pane.map(|pane| Effect::Scroll(Scroll::Pane { pane, motion }));
            }
        }
        None
    }
}
