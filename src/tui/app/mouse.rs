//! The mouse: a click focuses a session, the wheel scrolls the one under it.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::App;
use crate::tui::layer::Layer;
use crate::tui::scrollback::Direction;
use crate::tui::view;

/// How many rows the wheel moves.
const WHEEL: usize = 3;

impl App {
    pub(in crate::tui) fn mouse(&mut self, mouse: MouseEvent) {
        let at = Position { x: mouse.column, y: mouse.row };
        match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => self.click(at),
            MouseEventKind::ScrollUp => self.wheel(at, Direction::Up),
            MouseEventKind::ScrollDown => self.wheel(at, Direction::Down),
            _ => {}
        }
    }

    fn click(&mut self, at: Position) {
        if matches!(self.layers.last(), Some(Layer::Story | Layer::Graph(_) | Layer::Help { .. })) {
            self.layers.pop();
        } else if self.layers.is_empty()
            && let Some(place) = self.places().pane_at(at)
        {
            self.focus_on(place);
        }
    }

    fn wheel(&mut self, at: Position, direction: Direction) {
        let most = view::help_beyond(self);
        match self.layers.last_mut() {
            Some(Layer::Help { down }) => *down = moved(*down, direction).min(most),
            Some(Layer::Picker(picker)) => picker.go(direction, 1),
            Some(Layer::Graph(gaze)) => {
                let lanes = if direction == Direction::Down { 1 } else { -1 };
                *gaze = gaze.down(lanes, &self.timeline);
            }
            Some(_) => {}
            None => {
                if let Some(place) = self.places().pane_at(at) {
                    self.scroll(place, direction, WHEEL);
                }
            }
        }
    }
}

/// Further down, or back up.
pub(super) fn moved(down: u16, direction: Direction) -> u16 {
    match direction {
        Direction::Up => down.saturating_sub(1),
        Direction::Down => down.saturating_add(1),
    }
}
