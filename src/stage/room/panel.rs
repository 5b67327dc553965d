//! The room's layer: which part of the room it shows, and what its keys do.

use std::time::Duration;

use super::{Order, Remote, Standing, passes};
use crate::stage::keys::{Action, Code, Key};
use crate::stage::layers::Layer;
use crate::stage::{Effect, Stage};

/// What the layer shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Panel {
    pub page: Page,
    /// Whose line is marked in the list of people.
    pub chosen: usize,
}

/// A part of the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// How to come in, how the room books, and what has come of it.
    #[default]
    Overview,
    /// Who is in, one by one.
    People,
    /// The teacher's remote.
    Remote,
}

/// What comes of a key.
enum Pressed {
    Closes,
    Shows(Panel),
    /// It stays, and this is done under it.
    Under(Action),
    Steers(Order),
    OpensOrCloses,
}

impl Stage {
    /// What a key does in the room's layer. The script is stepped under it.
    pub(in crate::stage) fn press_room(
        &mut self,
        panel: Panel,
        key: Key,
        action: Option<Action>,
        now: Duration,
    ) -> Vec<Effect> {
        let pressed = self.pressed_in_room(panel, key, action);
        let shown = match &pressed {
            Pressed::Closes => None,
            Pressed::Shows(panel) => Some(*panel),
            _ => Some(panel),
        };
        let mut effects = self.turn_to_page(panel, shown);
        effects.extend(match pressed {
            Pressed::Closes | Pressed::Shows(_) => Vec::new(),
            Pressed::Under(action) => self.update(action, now),
            Pressed::Steers(order) => self.steer_room(order),
            Pressed::OpensOrCloses => self.open_or_close_room(),
        });
        self.layers.extend(shown.map(Layer::Room));
        effects
    }

    fn pressed_in_room(&self, panel: Panel, key: Key, action: Option<Action>) -> Pressed {
        let people = self.room.people.len();
        let chosen = panel.chosen.min(people.saturating_sub(1));
        let page = |page| if panel.page == page { Page::Overview } else { page };
        let shows = |page| Pressed::Shows(Panel { page, ..panel });
        let marks = |chosen: usize| Pressed::Shows(Panel { chosen, ..panel });
        match (action, key.code()) {
            (Some(action), _) if passes(action) => Pressed::Under(action),
            (Some(Action::Interrupt), _) | (_, Code::Esc) if panel.page != Page::Overview => {
                shows(Page::Overview)
            }
            (Some(Action::Room | Action::Interrupt | Action::Enter), _) | (_, Code::Esc) => {
                Pressed::Closes
            }
            (_, Code::Down) => marks((chosen + 1).min(people.saturating_sub(1))),
            (_, Code::Up) => marks(chosen.saturating_sub(1)),
            (None, Code::Char('o')) => Pressed::OpensOrCloses,
            (None, Code::Char('b')) => Pressed::Steers(Order::Booking),
            (None, Code::Char('s')) => Pressed::Steers(Order::Strategy),
            (None, Code::Char('t')) => Pressed::Steers(Order::Think),
            (None, Code::Char('a')) => Pressed::Steers(Order::Ask),
            (None, Code::Char('w')) => shows(page(Page::People)),
            (None, Code::Char('r')) => shows(page(Page::Remote)),
            (None, Code::Char('n')) if panel.page == Page::Remote => {
                Pressed::Steers(Order::OfferRemote)
            }
            (None, Code::Char('p')) if panel.page == Page::People => {
                let person = self.room.people.get(chosen).map(|it| it.name.clone());
                person.map_or(Pressed::Shows(panel), |name| Pressed::Steers(Order::Pane(name)))
            }
            _ => Pressed::Shows(panel),
        }
    }

    /// What goes with showing another page: the remote can be had while it is shown alone, so that
    /// nobody has it who has taken a picture of the screen.
    fn turn_to_page(&mut self, before: Panel, after: Option<Panel>) -> Vec<Effect> {
        let (was, is) =
            (before.page == Page::Remote, after.map(|it| it.page) == Some(Page::Remote));
        let Standing::Open(opened) = &self.room.standing else { return Vec::new() };
        match (was, is, &opened.remote) {
            (false, true, Remote::Nobody) => self.steer_room(Order::OfferRemote),
            (true, false, _) => self.steer_room(Order::WithdrawRemote),
            _ => Vec::new(),
        }
    }
}
