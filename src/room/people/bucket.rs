//! How often somebody may press.

use std::time::Duration;

/// How many presses may come at once.
const AT_ONCE: f64 = 5.0;
/// How many more a second.
const A_SECOND: f64 = 2.0;

#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    left: f64,
    at: Duration,
}

impl Default for Bucket {
    fn default() -> Self {
        Self { left: AT_ONCE, at: Duration::ZERO }
    }
}

impl Bucket {
    /// Whether one more press is taken.
    pub(super) fn takes(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.left = (self.left + passed * A_SECOND).min(AT_ONCE);
        self.at = now;
        let takes = self.left >= 1.0;
        if takes {
            self.left -= 1.0;
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_a_person_is_not() {
        let mut bucket = Bucket::default();
        let now = Duration::from_secs(9);
        let taken = (0..100).filter(|_| bucket.takes(now)).count();
        assert_eq!(taken, 5);
        assert!(bucket.takes(now + Duration::from_millis(600)));
        assert!(!bucket.takes(now + Duration::from_millis(700)));
    }
}
