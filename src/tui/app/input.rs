//! Which key means what, here and now.

use std::time::Duration;

use crossterm::event::{Event, KeyEvent, KeyEventKind};
use ratatui::layout::{Position, Rect, Size};

use super::{App, Effect};
use crate::tui::keys::{Action, Key};
use crate::tui::layer::Layer;
use crate::tui::view::layout::Framing;

impl App {
    /// Takes in what the terminal tells.
    pub fn input(&mut self, event: Event, now: Duration) -> Vec<Effect> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                return self.key_pressed(key, now);
            }
            Event::Paste(text) => self.paste(&text),
            Event::Mouse(mouse) => self.mouse(mouse),
            Event::Resize(width, height) => self.resize(Size { width, height }),
            _ => {}
        }
        Vec::new()
    }

    /// Takes note of the terminal's size.
    pub fn resize(&mut self, size: Size) {
        self.place(Rect::from((Position::ORIGIN, size)), Framing::Whole);
    }

    fn key_pressed(&mut self, key: KeyEvent, now: Duration) -> Vec<Effect> {
        self.message = None;
        let action = self.setting.keys.action(Key::from(key));
        let was_playing = self.plays_at.take().is_some();
        // A key that only stops the play is not typed as well.
        if was_playing && action.is_none_or(|action| action == Action::AutoPlay) {
            return Vec::new();
        }
        if let Some(layer) = self.layers.pop() {
            return self.key_on(layer, key, action, now);
        }
        match action.filter(|action| self.applies(*action)) {
            Some(action) => self.update(action, now),
            None => {
                self.type_key(key);
                Vec::new()
            }
        }
    }

    /// Some keys mean something only on an empty line, or at its edges; elsewhere they are typing.
    pub(in crate::tui) fn applies(&self, action: Action) -> bool {
        let Some(pane) = self.pane() else { return true };
        match action {
            Action::Help => pane.editor.is_empty(),
            Action::EndOfInput => pane.editor.is_empty(),
            Action::Earlier => pane.editor.is_at_top(),
            Action::Later => pane.editor.is_at_bottom(),
            _ => true,
        }
    }

    pub(in crate::tui) fn type_key(&mut self, key: KeyEvent) {
        if let Some(pane) = self.pane_mut() {
            pane.scrollback.follow();
            pane.editor.type_key(key);
        }
    }

    pub(in crate::tui) fn paste(&mut self, text: &str) {
        self.message = None;
        match self.layers.last_mut() {
            Some(Layer::EditStep(editor)) => editor.paste(text),
            Some(Layer::Story) | None => {
                self.layers.clear();
                if let Some(pane) = self.pane_mut() {
                    pane.scrollback.follow();
                    pane.editor.paste(text);
                }
            }
            Some(_) => {}
        }
    }
}
