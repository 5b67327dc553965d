//! Which key, which click means what, here and now.

use std::time::Duration;

use super::comparison::Half;
use super::effect::Scroll;
use super::keys::{Action, Code, Key};
use super::layers::Layer;
use super::panes::scrollback::{Direction, Motion};
use super::{Effect, Stage};
use crate::core::seats::Holder;
use crate::reports::engine_diff::row_in_words;

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    pub gesture: Gesture,
    /// Over which of two engines, if over one.
    pub half: Option<Half>,
    /// Over what of it, if over something.
    pub over: Option<Over>,
}

impl Pointer {
    /// What is asked for by a click on a key's name.
    pub(super) fn action(&self) -> Option<Action> {
        match (self.gesture, &self.over) {
            (Gesture::Click, Some(Over::Key(action))) => Some(*action),
            _ => None,
        }
    }

    /// Whether it may turn to another session, so that what was pressed before comes first.
    pub(super) fn turns(&self) -> bool {
        !matches!(self.gesture, Gesture::Wheel(_))
    }

    /// The session under it.
    fn session(&self) -> Option<usize> {
        match self.over {
            Some(Over::Session(place)) => Some(place),
            _ => None,
        }
    }
}

/// What the mouse can be over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// A session, by its place in screen order.
    Session(usize),
    /// A row of a watched table: a seat.
    Row { table: String, key: String },
    /// The name of a key in the last line.
    Key(Action),
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
                let effects = self.press_uncompleted(now);
                self.paste(&text);
                effects
            }
            Input::Pointer(pointer) => match self.key_for(&pointer) {
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

    /// The key that a click on its name stands for.
    pub(super) fn key_for(&self, pointer: &Pointer) -> Option<Key> {
        self.setting.keys.pressed(pointer.action()?)
    }

    /// What was pressed while a word was being completed.
    pub(super) fn press_held(&mut self, now: Duration) -> Vec<Effect> {
        let held = self.take_held();
        held.into_iter().flat_map(|key| self.press(key, now)).collect()
    }

    /// What was pressed while a word was being completed; nothing waits for that any more.
    fn press_uncompleted(&mut self, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        loop {
            self.give_up_completing();
            effects.extend(self.press_held(now));
            if !self.is_completing() {
                return effects;
            }
        }
    }

    fn press(&mut self, key: Key, now: Duration) -> Vec<Effect> {
        if self.hurries(key) {
            let mut effects = self.press_uncompleted(now);
            effects.extend(self.press(key, now));
            return effects;
        }
        if self.holds(key) {
            return Vec::new();
        }
        self.message = None;
        let was_refused = std::mem::take(&mut self.has_refused_typing);
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
        match action.filter(|action| self.applies(*action, key)) {
            Some(Action::Enter) if was_refused && self.refuses_enter() => Vec::new(),
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
    pub(super) fn applies(&self, action: Action, key: Key) -> bool {
        let Some(pane) = self.panes.focused().filter(|_| !key.is_prefixed()) else { return true };
        match action {
            Action::Help => pane.editor.is_empty() || !key.is_text(),
            Action::EndOfInput | Action::CopyResult => pane.editor.is_empty(),
            Action::Earlier => pane.editor.is_at_top(),
            Action::Later => pane.editor.is_at_bottom(),
            _ => true,
        }
    }

    pub(super) fn type_key(&mut self, key: Key) -> Vec<Effect> {
        if self.panes.focused().is_some_and(|pane| pane.is_guest) {
            // What would only move a cursor is no typing.
            let _ = key.is_text() && self.refuses_typing();
            return Vec::new();
        }
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
            Some(Layer::Picker(picker)) => picker.paste(text),
            Some(Layer::Breakpoints(panel)) => panel.paste(text),
            Some(Layer::Story | Layer::Menu(_) | Layer::Mistake(_)) | None => {
                self.layers.clear();
                if self.refuses_typing() {
                    return;
                }
                if let Some(pane) = self.panes.focused_mut() {
                    pane.scrollback.follow();
                    pane.editor.paste(text);
                }
            }
            Some(_) => {}
        }
    }

    /// A click focuses a session or says how a row stands, the wheel scrolls the session under it.
    pub(super) fn point(&mut self, pointer: &Pointer) -> Vec<Effect> {
        match pointer.gesture {
            Gesture::Click => self.click(pointer.over.as_ref()),
            Gesture::OtherClick => {}
            Gesture::Wheel(direction) => {
                return self.wheel(pointer.session(), direction).into_iter().collect();
            }
        }
        Vec::new()
    }

    fn click(&mut self, over: Option<&Over>) {
        let closes = |layer: &Layer| {
            use Layer::{Graph, Help, Menu, Mistake, Story};
            matches!(layer, Story | Graph(_) | Help(_) | Menu(_) | Mistake(_))
        };
        if self.layers.top().is_some_and(closes) {
            self.layers.pop();
            return;
        }
        match over.filter(|_| self.layers.is_empty()) {
            Some(Over::Session(place)) => {
                self.panes.focus_on(*place);
                self.panes.choose();
            }
            Some(Over::Row { table, key }) => self.tell_row(table, key),
            Some(Over::Key(_)) | None => {}
        }
    }

    /// Says how a row stands, and turns to the session that holds it.
    fn tell_row(&mut self, table: &str, key: &str) {
        let Some((table, row)) = self.watched.tables().row(table, key) else { return };
        let words = format!("{} {key}: {}", table.name, row_in_words(table, row));
        let holder = row.holders.iter().find_map(|hold| match &hold.holder {
            Holder::Session(name) => Some(name.clone()),
            _ => None,
        });
        if let Some(holder) = holder {
            self.panes.focus_on_session(&holder);
            self.panes.choose();
        }
        self.say(words);
    }

    fn wheel(&mut self, pane: Option<usize>, direction: Direction) -> Option<Effect> {
        let timeline = self.history.timeline();
        match self.layers.top_mut() {
            Some(Layer::Help(_)) => return Some(Effect::Scroll(Scroll::Help(direction, 1))),
            Some(Layer::Picker(picker)) => picker.go(direction, 1),
            Some(Layer::Menu(menu)) => menu.go(direction, 1),
            Some(Layer::Browse(browse)) => browse.go(direction, 1),
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
