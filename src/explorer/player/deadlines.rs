//! Who is the victim of a deadlock: always the session that was sent on last, unless the scenario
//! itself says who waits how long.
//!
//! PostgreSQL refuses whoever looks for a circle of waits first when one is there, and each looks
//! `deadlock_timeout` after it began to wait. So whoever is sent while others wait is given a short
//! one, and the first waiter a long one that is over long after.
//!
//! ```text
//!  first waits ───────────────────────────────── 100 ms: looks
//!        second waits ─ 1 ms: looks. A circle? It is the victim
//!              third, no sooner than the second has looked
//! ```
//!
//! Where sessions set one of their own, whoever has the shortest in a circle is its victim. An
//! order takes no time, so each is long enough for the whole of it, and they are as far apart as
//! need be:
//!
//! ```text
//!  Alice waits: '1min' ───────────────────────────────────────── 600 ms: looks
//!        Bob waits: '10s' ───────────────── 300 ms: looks. A circle? Bob is the victim
//! ```

use std::time::{Duration, Instant};

use crate::core::scenario::Scenario;
use crate::run::specification::timer::Timer;

/// Of a session that is sent while nobody waits, in milliseconds.
pub(super) const LONG: u32 = 100;
/// Of one that is sent while somebody does.
const SHORT: u32 = 1;
/// A server that is busy looks later than it should.
const MARGIN: Duration = Duration::from_millis(20);
/// After so long a short deadline is over.
const OVER: Duration = Duration::from_millis(6);
/// Between two sessions that have set different ones, in milliseconds.
const APART: u32 = 300;
/// What PostgreSQL has by default, in microseconds.
const USUAL: u64 = 1_000_000;

/// When sessions look for deadlocks.
pub(super) struct Deadlines {
    /// Whether we may say so; otherwise the server decides, and it is the one that waits longest.
    are_ours: bool,
    /// What each session has, where the scenario sets any, in milliseconds.
    own: Option<Vec<u32>>,
    /// When the first of those was sent that wait.
    first: Instant,
    /// When anything was sent last.
    last: Instant,
}

impl Deadlines {
    pub(super) fn new(are_ours: bool, scenario: &Scenario) -> Self {
        let now = Instant::now();
        Self { are_ours, own: own(scenario), first: now, last: now }
    }

    /// The `deadlock_timeout` of what a session is sent while so many wait.
    pub(super) fn of_launch(&mut self, session: usize, waiting: usize) -> Option<u32> {
        if waiting == 0 {
            self.first = Instant::now();
        }
        let usual = if waiting == 0 { LONG } else { SHORT };
        let own = self.own.as_ref().and_then(|own| own.get(session).copied());
        self.are_ours.then_some(own.unwrap_or(usual))
    }

    pub(super) fn note_launch(&mut self) {
        self.last = Instant::now();
    }

    /// Waits until what is sent next will be the first to look, or the last of those that have the
    /// same.
    pub(super) async fn keep_distance(&self, waiting: usize, timer: &Timer) {
        if !self.are_ours {
            return;
        }
        if self.own.is_some() {
            return pause(timer, OVER.saturating_sub(self.last.elapsed())).await;
        }
        let long = Duration::from_millis(LONG.into());
        let since = self.first.elapsed();
        if since + MARGIN > long && since < long + MARGIN {
            pause(timer, (long + MARGIN).saturating_sub(since)).await;
        }
        if waiting > 1 {
            pause(timer, OVER.saturating_sub(self.last.elapsed())).await;
        }
    }
}

async fn pause(timer: &Timer, time: Duration) {
    timer.limit(time, std::future::pending::<()>()).await;
}

/// For each session the place of what it has set among all that are set, in steps of [`APART`];
/// nothing where none is.
fn own(scenario: &Scenario) -> Option<Vec<u32>> {
    let set = scenario.sessions.iter().map(|player| {
        let setup = player.setup.iter().map(|setup| setup.sql.as_str());
        let steps = scenario.steps.iter().filter(|step| step.session == player.name);
        setup.chain(steps.map(|step| step.sql.as_str())).filter_map(timeout).next_back()
    });
    let set: Vec<Option<u64>> = set.collect();
    set.iter().any(Option::is_some).then(|| {
        let all: Vec<u64> = set.iter().map(|own| own.unwrap_or(USUAL)).collect();
        let mut different = all.clone();
        different.sort_unstable();
        different.dedup();
        let place = |own: &u64| different.iter().take_while(|other| *other <= own).count();
        all.iter().map(|own| APART * u32::try_from(place(own)).unwrap_or(1)).collect()
    })
}

/// The `deadlock_timeout` that some SQL sets, in microseconds.
fn timeout(sql: &str) -> Option<u64> {
    let lower = sql.to_lowercase();
    let (_, value) = lower.rsplit_once("deadlock_timeout")?;
    let value = value.trim_start();
    let value = value.strip_prefix('=').or_else(|| value.strip_prefix("to"))?;
    let value = value.trim_start().trim_start_matches('\'').trim_start();
    let (number, rest) =
        value.split_at(value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len()));
    let number: u64 = number.parse().ok()?;
    let unit: String = rest.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    let unit = match unit.as_str() {
        "us" => 1,
        "s" => 1_000_000,
        "min" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => 1_000,
    };
    Some(number.saturating_mul(unit))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::core::scenario::spec_file;

    #[test]
    fn what_is_set_is_read_with_its_unit() {
        assert_eq!(timeout("set deadlock_timeout = '10s';"), Some(10_000_000));
        assert_eq!(timeout("SET LOCAL deadlock_timeout TO 250"), Some(250_000));
        assert_eq!(timeout("begin; set deadlock_timeout='1 min'; select 1"), Some(60_000_000));
        assert_eq!(timeout("show deadlock_timeout"), None);
        assert_eq!(timeout("select 1"), None);
    }

    #[test]
    fn whoever_has_set_the_shortest_looks_first() {
        let of = |text: &str| own(&spec_file::parse(text, Path::new("a.spec"), "a").unwrap());
        let text = "session a setup { set deadlock_timeout = '100s' } step a1 {1}
            session b step b1 { set deadlock_timeout = '10ms' }
            session c step c1 {1}";
        assert_eq!(of(text), Some(vec![3 * APART, APART, 2 * APART]));
        assert_eq!(of("session a step a1 {1}"), None);
    }
}
