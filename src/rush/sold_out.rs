//! When the last seat was sold: nearly all requests come after that, and what they see says little
//! about those before.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::time::Instant;

use super::trace::SeatNumber;

/// Which seats the workers were told are sold.
#[derive(Debug)]
pub(super) struct SoldOut {
    sold: Vec<AtomicBool>,
    free: AtomicU32,
    since: OnceLock<Instant>,
}

impl SoldOut {
    /// Every seat is free.
    pub(super) fn new(seats: u32) -> Self {
        let sold = (0..seats).map(|_| AtomicBool::new(false)).collect();
        Self { sold, free: AtomicU32::new(seats), since: OnceLock::new() }
    }

    /// A seat that is sold twice is counted once.
    pub(super) fn sell(&self, seat: SeatNumber) {
        let place = usize::try_from(seat - 1).unwrap_or(usize::MAX);
        let Some(sold) = self.sold.get(place) else { return };
        if !sold.swap(true, Ordering::SeqCst) && self.free.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.since.get_or_init(Instant::now);
        }
    }

    /// Since when there is no seat left.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since.get().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sold_out_when_every_seat_is_sold_at_least_once() {
        let seats = SoldOut::new(2);
        for seat in [1, 1, 7, 0] {
            seats.sell(seat);
            assert!(seats.since().is_none());
        }
        seats.sell(2);
        assert!(seats.since().is_some());
    }
}
