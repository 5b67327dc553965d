//! The keys of the rush's screen.

use crate::rush::fault::Fault;
use crate::stage::keys::{Code, Key};

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Stop the rush, or leave its screen.
    Leave,
    /// Explain the screen.
    Help,
    /// Let something go wrong.
    Strike(Fault),
}

/// The keys and what they do, for the help.
pub const TABLE: [(&str, &str); 3] = [
    (
        "q Esc Ctrl-C",
        "stops the rush: requests in flight finish and get their verdict; again: quits at once",
    ),
    ("p k c d", "faults: pause workers, kill the part, cut its link, deliver requests twice"),
    ("? F1", "this help; any key closes it"),
];

impl Action {
    /// None for a key that means nothing here.
    pub fn of(key: Key) -> Option<Self> {
        match key.code() {
            Code::Char('q') | Code::Esc => Some(Self::Leave),
            Code::Char('c') if key.held().control => Some(Self::Leave),
            Code::Char('?') | Code::F(1) => Some(Self::Help),
            Code::Char('p') => Some(Self::Strike(Fault::Pause)),
            Code::Char('k') => Some(Self::Strike(Fault::KillPart)),
            Code::Char('c') => Some(Self::Strike(Fault::Cut)),
            Code::Char('d') => Some(Self::Strike(Fault::Duplicate)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_that_leave_a_program_leave_this_one() {
        let action = |key: &str| Action::of(key.parse().unwrap());
        for key in ["q", "Esc", "Ctrl-C", "Ctrl-Q"] {
            assert_eq!(action(key), Some(Action::Leave), "{key}");
        }
        assert_eq!(action("?"), Some(Action::Help));
        assert_eq!(action("c"), Some(Action::Strike(Fault::Cut)));
        assert_eq!(action("x"), None);
    }
}
