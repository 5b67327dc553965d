//! How fast it may be said that a step waits.
//!
//! isolationtester looks every 10 ms, and a wait that is over by then was none. Whoever looks earlier must know that nothing but another step can
//! end the wait: no timeout, no cancel, no termination. So a specification that speaks of any of them, or a server that has set a timeout, is
//! looked at in isolationtester's own measure, and every other one as fast as the server answers.
//!
//! ```text
//!                      0.4  1.2  2.8   6   10 ms
//! quick      sent ─────●────●────●────●────●──    it waits for an idle session: told at the first look that sees it
//! measured   sent ─────────────────────────●──    whatever it waits for
//! ```

use crate::event::{Pid, Row};
use crate::scenario::Scenario;

/// Whether waits are measured as isolationtester measures them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// A wait that only another step can end is told at once.
    Quick,
    /// Every wait is told after 10 ms.
    Measured,
}

/// Words of SQL and of settings that may end a wait.
const ENDINGS: [&str; 3] = ["timeout", "cancel", "terminate"];

/// It ends circles alone, and those are measured at any pace.
const DEADLOCK_TIMEOUT: &str = "deadlock_timeout";

impl Pace {
    /// The pace for this specification on such a server.
    pub(super) fn of(spec: &Scenario, manners: &Manners) -> Self {
        let players = spec.sessions.iter().flat_map(|player| [&player.setup, &player.teardown]);
        let around = players.flatten().chain(&spec.setup).chain(&spec.teardown);
        let around = around.map(|statement| &statement.sql);
        let mut sql = spec.steps.iter().map(|step| &step.sql).chain(around);
        if manners.has_timeouts || sql.any(|sql| speaks_of_an_ending(sql)) {
            Self::Measured
        } else {
            Self::Quick
        }
    }
}

fn speaks_of_an_ending(sql: &str) -> bool {
    let sql = sql.to_lowercase().replace(DEADLOCK_TIMEOUT, "");
    ENDINGS.iter().any(|word| sql.contains(word))
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
            has_timeouts: cell(2).is_none_or(|times| times.chars().any(|c| c != '0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::spec_file;

    const CALM: Manners =
        Manners { pid: Some(Pid(1)), has_default_abbreviations: true, has_timeouts: false };

    fn pace(text: &str, manners: &Manners) -> Pace {
        Pace::of(&spec_file::parse(text, Path::new("a.spec"), "a").unwrap(), manners)
    }

    #[test]
    fn what_may_end_a_wait_is_measured() {
        for ending in [
            "session s setup {set LOCK_timeout = 3} step a {1}",
            "session s step a {select pg_cancel_backend(1)}",
            "setup {create function f() returns int return pg_terminate_backend(1)} session s step a {1}",
            "session s step a {1} teardown {reset statement_timeout}",
        ] {
            assert_eq!(pace(ending, &CALM), Pace::Measured, "{ending}");
        }
    }

    #[test]
    fn what_only_another_step_can_end_is_told_at_once() {
        let text = "session s setup {set deadlock_timeout = '10ms'} step a {1}";
        assert_eq!(pace(text, &CALM), Pace::Quick);
        let hurried = Manners { has_timeouts: true, ..CALM };
        assert_eq!(pace(text, &hurried), Pace::Measured);
    }

    #[test]
    fn a_timeout_of_the_server_is_seen() {
        let row = |times: &str| vec![Some("7".into()), Some("Default".into()), Some(times.into())];
        assert_eq!(Manners::read(&row("0000")), Manners { pid: Some(Pid(7)), ..CALM });
        assert!(Manners::read(&row("03s000")).has_timeouts);
        assert!(Manners::read(&Row::new()).has_timeouts);
    }
}
