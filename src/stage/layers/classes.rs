//! The list of classes of orders.

use crate::stage::keys::Code;

/// How many lines the page keys go.
const PAGE: usize = 10;

/// Which class is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassList {
    chosen: usize,
}

impl ClassList {
    /// The chosen class; the list may have become shorter meanwhile.
    pub fn chosen(self) -> usize {
        self.chosen
    }

    /// The classes stand elsewhere now. Whoever is at the top stays there, to see what comes first.
    pub(super) fn follow(&mut self, before: &[usize], now: &[usize]) {
        let number = before.get(self.chosen).filter(|_| self.chosen > 0);
        let place = number.and_then(|number| now.iter().position(|it| it == number));
        self.chosen = place.unwrap_or(self.chosen);
    }

    /// Goes where a key leads, in a list of so many.
    pub(in crate::stage) fn go(&mut self, code: Code, count: usize) {
        let last = count.saturating_sub(1);
        self.chosen = match code {
            Code::Up => self.chosen.saturating_sub(1),
            Code::Down => self.chosen + 1,
            Code::PageUp => self.chosen.saturating_sub(PAGE),
            Code::PageDown => self.chosen + PAGE,
            Code::Home => 0,
            Code::End => last,
            _ => self.chosen,
        }
        .min(last);
    }
}
