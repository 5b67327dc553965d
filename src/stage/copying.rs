//! Copying what was said: the last result with one key, any part of a pane after it was selected.

use super::clipboard::Clip;
use super::keys::{Action, Key};
use super::layers::{Layer, Selected, Selection};
use super::panes::scrollback::Motion;
use super::{Effect, Stage};

impl Stage {
    /// Copies the answer to the focused session's last statement.
    pub(super) fn copy_result(&mut self) -> Vec<Effect> {
        let answer = self.panes.focused().map(|pane| pane.scrollback.last_answer());
        self.copy(Clip::of(answer.unwrap_or_default()))
    }

    fn copy(&mut self, clip: Clip) -> Vec<Effect> {
        if clip.is_empty() {
            self.refuse("there is no result to copy yet");
            return Vec::new();
        }
        self.say(clip.words());
        vec![Effect::Copy(clip.text)]
    }

    /// Puts a cursor into the focused pane.
    pub(super) fn begin_selection(&mut self) {
        let begun = self
            .panes
            .focused()
            .and_then(|pane| Selection::of(pane.name.clone(), &pane.scrollback));
        match begun {
            Some(selection) => self.layers.push(Layer::Select(selection)),
            None => self.refuse("there is nothing to select yet"),
        }
    }

    /// What a key does in a selection.
    pub(super) fn select(
        &mut self,
        mut selection: Selection,
        key: Key,
        action: Option<Action>,
    ) -> Vec<Effect> {
        let focused = self.panes.focused().filter(|pane| pane.name == *selection.session());
        let Some(pane) = focused else { return Vec::new() };
        match selection.press(key, action, &pane.scrollback) {
            Selected::Left => {
                if let Some(pane) = self.panes.focused_mut() {
                    pane.scrollback.follow();
                }
                Vec::new()
            }
            Selected::Copied(clip) => {
                if let Some(pane) = self.panes.focused_mut() {
                    pane.scrollback.follow();
                }
                self.copy(clip)
            }
            Selected::On => {
                let motion = Motion::Reveal(selection.cursor().line);
                self.layers.push(Layer::Select(selection));
                vec![self.scroll_focused(motion)]
            }
        }
    }
}
