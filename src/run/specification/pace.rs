//! How fast it may be said that a step waits.
//!
//! isolationtester looks every 10 ms, and a wait that is over by then was none. Whoever looks
//! earlier must know that nothing but another step can end the wait: no timeout, no cancel, no
//! termination. So where one of them may be at work, waits are looked at in isolationtester's own
//! measure, and everywhere else as fast as the server answers.
//!
//! ```text
//! the server has a timeout, or a setup or a teardown speaks of an ending     measured throughout
//! a step that speaks of a timeout, or leaves an ending behind, was sent      measured from then on
//! a step that only selects a cancel or a termination was sent   measured to the permutation's end
//! ```
//!
//! ```text
//!                      0.4  1.2  2.8   6   10 ms
//! quick      sent ─────●────●────●────●────●──    it waits: told at the first look
//! measured   sent ─────────────────────────●──    whatever it waits for
//! ```

use super::prelude::every_statement;
use crate::core::event::{Pid, Row};
use crate::core::scenario::Scenario;

/// Whether waits are measured as isolationtester measures them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// A wait that only another step can end is told at once.
    Quick,
    /// Every wait is told after 10 ms.
    Measured,
}

/// Words of SQL and of settings that may end a wait.
const ENDINGS: [&str; 3] = [TIMEOUT, "cancel", "terminate"];

/// It stays set after its step.
const TIMEOUT: &str = "timeout";

/// It ends circles alone, and those are measured at any pace.
const DEADLOCK_TIMEOUT: &str = "deadlock_timeout";

/// What may end a wait by itself, as far as a specification has been played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endings {
    /// Whether any is ever to be expected.
    are_foreseen: bool,
    /// How long those last that are about.
    reach: Reach,
}

/// How long the endings last that some SQL speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// It speaks of none.
    None,
    /// When a permutation is over nobody waits, so nobody is left to be cancelled.
    Permutation,
    /// A setting or a function stays.
    Rest,
}

impl Endings {
    /// Before the first permutation of this specification on such a server.
    pub(super) fn of(spec: &Scenario, manners: &Manners) -> Self {
        let players = spec.sessions.iter().flat_map(|player| [&player.setup, &player.teardown]);
        let around = players.flatten().chain(&spec.setup).chain(&spec.teardown);
        let mut around = around.map(|statement| &statement.sql);
        let mut steps = spec.steps.iter();
        let speaks = |sql: &str| Reach::of(sql) > Reach::None;
        let is_always = manners.has_timeouts || around.any(|sql| speaks(sql));
        let are_foreseen = is_always || steps.any(|step| speaks(&step.sql));
        Self { are_foreseen, reach: if is_always { Reach::Rest } else { Reach::None } }
    }

    /// A step is sent.
    pub(super) fn send(&mut self, sql: &str) {
        self.reach = self.reach.max(Reach::of(sql));
    }

    /// A permutation is over.
    pub(super) fn outlive_permutation(&mut self) {
        if self.reach == Reach::Permutation {
            self.reach = Reach::None;
        }
    }

    /// The pace of what is done around the permutations' steps.
    pub(super) fn pace(self) -> Pace {
        if self.are_foreseen { Pace::Measured } else { Pace::Quick }
    }

    /// The pace at which waits are looked at now.
    pub(super) fn pace_of_looks(self) -> Pace {
        if self.reach > Reach::None { Pace::Measured } else { Pace::Quick }
    }
}

impl Reach {
    fn of(sql: &str) -> Self {
        let sql = sql.to_lowercase().replace(DEADLOCK_TIMEOUT, "");
        if !ENDINGS.iter().any(|word| sql.contains(word)) {
            return Self::None;
        }
        let only_selects = every_statement(&sql, |words| words[0] == "select");
        // `select set_config('lock_timeout', …)` only selects, too, but what it sets stays.
        if only_selects && !sql.contains(TIMEOUT) { Self::Permutation } else { Self::Rest }
    }
}

/// What the control connection has found out about the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manners {
    /// The control connection's process.
    pub(super) pid: Option<Pid>,
    /// Whether `timezone_abbreviations` is what `pg_isolation_regress` makes it.
    pub(super) has_default_abbreviations: bool,
    /// Whether a timeout holds for every session.
    pub(super) has_timeouts: bool,
}

impl Manners {
    /// The question; not every version knows the last two.
    pub(super) const QUESTION: &str = "select pg_catalog.pg_backend_pid(), \
        pg_catalog.current_setting('timezone_abbreviations'), \
        pg_catalog.concat(pg_catalog.current_setting('statement_timeout'), \
        pg_catalog.current_setting('lock_timeout'), \
        pg_catalog.current_setting('idle_in_transaction_session_timeout'), \
        pg_catalog.current_setting('idle_session_timeout', true), \
        pg_catalog.current_setting('transaction_timeout', true))";

    /// Reads the answer. Where there is none, nothing is taken for granted.
    pub(super) fn read(row: &Row) -> Self {
        let cell = |place: usize| row.get(place).and_then(Option::as_deref);
        Self {
            pid: cell(0).and_then(|pid| pid.parse().ok()).map(Pid),
            has_default_abbreviations: cell(1) == Some("Default"),
            // `concat` leaves out what a version does not know; a timeout that is off is `0`.
            has_timeouts: cell(2).is_none_or(|times| times.chars().any(|c| c != '0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::core::scenario::spec_file;

    const CALM: Manners =
        Manners { pid: Some(Pid(1)), has_default_abbreviations: true, has_timeouts: false };

    fn endings(text: &str, manners: &Manners) -> Endings {
        Endings::of(&spec_file::parse(text, Path::new("a.spec"), "a").unwrap(), manners)
    }

    #[test]
    fn what_may_end_a_wait_is_measured() {
        for ending in [
            "session s setup {set LOCK_timeout = 3} step a {1}",
            "setup {create function f() returns int return pg_terminate_backend(1)} session s step \
             a {1}",
            "session s step a {1} teardown {reset statement_timeout}",
        ] {
            assert_eq!(endings(ending, &CALM).pace(), Pace::Measured, "{ending}");
            assert_eq!(endings(ending, &CALM).pace_of_looks(), Pace::Measured, "{ending}");
        }
    }

    #[test]
    fn what_a_step_ends_is_measured_once_it_is_sent() {
        let cancel = "select pg_cancel_backend(1); select 2";
        let timeout = "select set_config('lock_timeout', '3', false)";
        let function = "create function f() returns int return pg_cancel_backend(1)";
        for (sql, afterwards) in
            [(cancel, Pace::Quick), (timeout, Pace::Measured), (function, Pace::Measured)]
        {
            let mut endings = endings(&format!("session s step a {{{sql}}}"), &CALM);
            assert_eq!(endings.pace(), Pace::Measured, "{sql}");
            assert_eq!(endings.pace_of_looks(), Pace::Quick, "{sql}");
            endings.send("select 1");
            assert_eq!(endings.pace_of_looks(), Pace::Quick, "{sql}");
            endings.send(sql);
            endings.send("select 1");
            assert_eq!(endings.pace_of_looks(), Pace::Measured, "{sql}");
            endings.outlive_permutation();
            assert_eq!(endings.pace_of_looks(), afterwards, "{sql}");
        }
    }

    #[test]
    fn what_only_another_step_can_end_is_told_at_once() {
        let text = "session s setup {set deadlock_timeout = '10ms'} step a {1}";
        assert_eq!(endings(text, &CALM).pace(), Pace::Quick);
        assert_eq!(endings(text, &CALM).pace_of_looks(), Pace::Quick);
        let hurried = Manners { has_timeouts: true, ..CALM };
        assert_eq!(endings(text, &hurried).pace_of_looks(), Pace::Measured);
    }

    #[test]
    fn a_timeout_of_the_server_is_seen() {
        let row = |times: &str| vec![Some("7".into()), Some("Default".into()), Some(times.into())];
        assert_eq!(Manners::read(&row("0000")), Manners { pid: Some(Pid(7)), ..CALM });
        assert!(Manners::read(&row("03s000")).has_timeouts);
        assert!(Manners::read(&Row::new()).has_timeouts);
    }
}
