//! How the room books: by which strategy, with how much time to think, and whether at all.

use std::time::Duration;

/// How a press of a seat becomes a booking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    #[default]
    Naive,
    ForUpdate,
    ConditionalUpdate,
    Version,
    Serializable,
    Optimistic,
}

impl Strategy {
    /// In the order in which a key goes through them.
    pub const ALL: [Self; 6] = [
        Self::Naive,
        Self::ForUpdate,
        Self::ConditionalUpdate,
        Self::Version,
        Self::Serializable,
        Self::Optimistic,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::ForUpdate => "for update",
            Self::ConditionalUpdate => "conditional update",
            Self::Version => "version",
            Self::Serializable => "serializable",
            Self::Optimistic => "optimistic",
        }
    }

    /// What it does about two who want the same seat.
    pub fn words(self) -> &'static str {
        match self {
            Self::Naive => "looks, then takes the seat; nothing keeps two from taking the same",
            Self::ForUpdate => "locks the seat before it looks; the others wait",
            Self::ConditionalUpdate => "takes the seat only if it is still free",
            Self::Version => "takes the seat only if nobody has changed it since the look",
            Self::Serializable => "SERIALIZABLE: the database refuses what no order explains",
            Self::Optimistic => "nobody locks; whoever comes second is refused",
        }
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        let place = Self::ALL.iter().position(|it| *it == self).map_or(0, |place| place + 1);
        Self::ALL[place % Self::ALL.len()]
    }
}

/// How long there is to think between look and change, in seconds.
const THINK: [u64; 5] = [3, 5, 10, 0, 1];

/// How the room books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    pub strategy: Strategy,
    /// Which of the times to think.
    think: usize,
    /// Whether presses are taken.
    pub is_open: bool,
}

impl Rules {
    /// The time between look and change.
    pub fn think(self) -> Duration {
        Duration::from_secs(THINK[self.think % THINK.len()])
    }

    /// The next time to think.
    pub fn lengthen(&mut self) {
        self.think = (self.think + 1) % THINK.len();
    }
}
