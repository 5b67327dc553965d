//! Whose turn it is, where one source goes before another: ten million notices in a row must not
//! hold up for ever what comes after them.

use super::ensemble::EVENTS_QUEUED;

/// The turn of what lets others go first.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// How many went first since it has been ready.
    passed_over: usize,
}

impl Turn {
    /// Whether it goes next, if it is ready: once everything has been taken that can have come
    /// before it.
    pub(super) fn has_come(&mut self, is_ready: bool) -> bool {
        let has_come = is_ready && self.passed_over == EVENTS_QUEUED;
        self.passed_over = if is_ready && !has_come { self.passed_over + 1 } else { 0 };
        has_come
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_goes_first_and_no_more_than_that() {
        let mut turn = Turn::default();
        for _ in 0..2 {
            assert!((0..EVENTS_QUEUED).all(|_| !turn.has_come(true)));
            assert!(turn.has_come(true));
        }
    }

    #[test]
    fn what_was_not_ready_has_waited_for_nothing() {
        let mut turn = Turn::default();
        (0..EVENTS_QUEUED).for_each(|_| assert!(!turn.has_come(true)));
        assert!(!turn.has_come(false));
        assert!(!turn.has_come(true));
    }
}
