//! The statements that have passed by themselves, to be read.

use crate::stage::keys::{Code, Key};

/// How many lines a page is.
const PAGE: usize = 10;

/// How far somebody has gone up the list; the newest stands last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassedList {
    most: usize,
    up: usize,
}

impl PassedList {
    /// A list of so many, at its end.
    pub(crate) fn of(count: usize) -> Self {
        Self { most: count.saturating_sub(1), up: 0 }
    }

    /// How many of the newest are out of sight, where so many of all fit.
    pub fn below(self, all: usize, fitting: usize) -> usize {
        self.up.min(all.saturating_sub(fitting))
    }

    /// Whether it stays.
    pub(super) fn press(&mut self, key: Key) -> bool {
        match key.code() {
            Code::Up => self.up = (self.up + 1).min(self.most),
            Code::Down => self.up = self.up.saturating_sub(1),
            Code::PageUp => self.up = (self.up + PAGE).min(self.most),
            Code::PageDown => self.up = self.up.saturating_sub(PAGE),
            _ => return false,
        }
        true
    }
}
