//! The room as the console shows it: where it is, who is in it, and what is asked of it.

use super::keys::Action;
use super::layers::Layer;
use super::{Effect, Stage};
use crate::run::Command;

mod panel;
mod rules;

pub use panel::{Page, Panel};
pub use rules::{Rules, Strategy};

/// The room at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    pub standing: Standing,
    /// How many browsers follow.
    pub followers: usize,
    pub rules: Rules,
    /// Who takes part, and how they stand.
    pub people: Vec<Present>,
    pub board: Board,
    /// What the room was asked last.
    pub poll: Option<Poll>,
}

/// Who will have this seat? And what the room says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Poll {
    pub seat: String,
    /// Whether answers are still taken.
    pub is_open: bool,
    /// Each answer, and how many have given it.
    pub bars: Vec<(String, usize)>,
    /// Who has it, and how many are right; nothing while answers are taken.
    pub outcome: Option<String>,
}

/// Somebody who takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    pub name: String,
    /// A word for how they stand: `waits`, `booked`.
    pub state: &'static str,
    pub words: String,
    /// Whether they have a pane to type into.
    pub has_pane: bool,
}

/// What the presses have come to since the fresh setup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// How many take part.
    pub people: usize,
    /// How many were told that a seat is theirs.
    pub booked: usize,
    /// How many were refused, or too late.
    pub refused: usize,
    /// How many wait for somebody.
    pub waiting: usize,
    /// How many have a transaction.
    pub under_way: usize,
    /// How many seats were sold more than once.
    pub sold_twice: usize,
    /// Who has waited longest, and for how long.
    pub longest_wait: Option<String>,
    /// What the database says of it.
    pub verdict: Vec<String>,
}

/// Whether anybody can come in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    #[default]
    Closed,
    /// It is on its way.
    Opening,
    Open(Box<Opened>),
    /// It could not be opened, for this reason.
    Failed(String),
}

/// An open room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// What a browser is given, with the token in it.
    pub address: String,
    /// The same for a camera.
    pub code: QrCode,
    pub port: u16,
    /// Whether only this machine can reach it.
    pub is_loopback: bool,
    /// Whether any browser has reached it.
    pub is_reached: bool,
    /// What came of asking the address from this machine; nothing before the answer.
    pub self_test: Option<Result<(), String>>,
    pub remote: Remote,
}

/// What a browser of the teacher's steers the script and the room with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Remote {
    /// Nobody has it.
    #[default]
    Nobody,
    /// Whoever opens this address first has it.
    Offered {
        address: String,
        /// The same for a camera.
        code: QrCode,
    },
    /// A browser has it.
    Taken,
}

/// A QR code: rows of modules, dark where it is true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QrCode {
    pub rows: Vec<Vec<bool>>,
}

/// What a person at the console asks of the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    Open,
    Close,
    /// Let presses book, or let them no longer.
    Booking,
    /// Book by the next strategy.
    Strategy,
    /// Change the time to think.
    Think,
    /// Ask who will have a seat, or take no more answers.
    Ask,
    /// Give the person of this name a pane, or take it back.
    Pane(String),
    /// Let one browser have the remote, and none that has it already.
    OfferRemote,
    /// Let no browser have it that has not got it yet.
    WithdrawRemote,
}

/// What the room tells the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Something about it has changed.
    Glance(Box<Overview>),
    /// It asks something of the run.
    Ask(Command),
    /// The teacher's remote does what this action's key does.
    Press(Action),
}

impl Opened {
    /// What there is to try while nobody has come, a sentence each.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if let Some(Err(why)) = &self.self_test {
            doubts.push(format!("self-test: this machine cannot reach the address: {why}"));
        }
        if self.is_reached {
            return doubts;
        }
        if self.is_loopback {
            doubts.push(
                "no browser has reached this address yet; other machines cannot: --room \
                 0.0.0.0:8080 opens it to the network"
                    .to_owned(),
            );
        } else {
            doubts.push(format!(
                "no phone has reached this address yet; guest networks often keep clients apart: \
                 try a phone's hotspot for everybody, or a tunnel: ssh -R 8080:localhost:{} HOST",
                self.port
            ));
        }
        doubts
    }
}

impl Stage {
    /// The room, as it was told last.
    pub fn room(&self) -> &Overview {
        &self.room
    }

    /// Something about the room has changed.
    pub fn room_at_a_glance(&mut self, overview: Overview) {
        let failed = |standing: &Standing| match standing {
            Standing::Failed(why) => Some(why.clone()),
            _ => None,
        };
        if let (None, Some(why)) = (failed(&self.room.standing), failed(&overview.standing)) {
            self.refuse(why);
        }
        self.room = overview;
    }

    /// Shows the room, and opens it where it is not open.
    pub(super) fn show_room(&mut self) -> Vec<Effect> {
        self.layers.push(Layer::Room(Panel::default()));
        match self.room.standing {
            Standing::Closed | Standing::Failed(_) => self.order_room(Order::Open),
            Standing::Opening | Standing::Open(_) => Vec::new(),
        }
    }

    /// Opens the room, or closes it for everybody.
    fn open_or_close_room(&mut self) -> Vec<Effect> {
        match self.room.standing {
            Standing::Closed | Standing::Failed(_) => self.order_room(Order::Open),
            Standing::Opening | Standing::Open(_) => self.order_room(Order::Close),
        }
    }

    /// What a key in the room's layer asks of an open room.
    fn steer_room(&mut self, order: Order) -> Vec<Effect> {
        if matches!(self.room.standing, Standing::Open(_)) {
            return self.order_room(order);
        }
        Vec::new()
    }

    fn order_room(&mut self, order: Order) -> Vec<Effect> {
        if order == Order::Open {
            self.room.standing = Standing::Opening;
        }
        vec![Effect::Room(order)]
    }
}

/// What goes on below the room while it is shown: the script is stepped for those who watch it.
pub(super) fn passes(action: Action) -> bool {
    matches!(
        action,
        Action::NextStep
            | Action::StepBack
            | Action::Restart
            | Action::AutoPlay
            | Action::SwitchEngine
    )
}
