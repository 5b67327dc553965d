//! The order that shows something best: of all that come to the same, the one with the fewest
//! switches of session, and of these isolationtester's first.

/// How often another session's turn comes.
pub fn switches(order: &[usize]) -> usize {
    order.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

/// Whether one order is a better witness than another.
pub fn is_better(one: &[usize], other: &[usize]) -> bool {
    (switches(one), one) < (switches(other), other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_with_as_many_switches_isolationtesters_first_is_better() {
        assert!(is_better(&[0, 1], &[1, 0]));
        assert!(is_better(&[1, 1, 0], &[0, 1, 0]));
        assert!(!is_better(&[0, 1], &[0, 1]));
    }
}
