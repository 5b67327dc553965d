//! A search's orders, as they are handed out and taken in.

use crate::explorer::classes::Counted;
use crate::explorer::explore::{Next, Orders};
use crate::explorer::played::Played;
use crate::explorer::search::{self, Order, Search};

impl Orders for Search {
    type Turn = Box<Order>;

    fn next(&mut self) -> Next<Box<Order>> {
        match self.next_order() {
            search::Next::Play(order) => Next::Turn(order),
            search::Next::Wait => Next::Later,
            search::Next::Done => Next::Done,
        }
    }

    fn take(&mut self, turn: Box<Order>, played: &Played) -> Option<Counted> {
        let taken = self.played(*turn, played)?;
        Some(Counted { orders: taken.orders, witness: taken.witness.order })
    }

    fn restarts(&self) -> u64 {
        self.coverage().restarts
    }

    fn diverged(&self) -> u64 {
        self.coverage().diverged
    }
}
