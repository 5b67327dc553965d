//! What has been asked of the run and has not come yet: a step, a replay, the next step of
//! auto-play.
//!
//! ```text
//!   F5 ──▶ stepping ──────────────▶ quiet      a second F5 meanwhile: one more, once it is quiet
//!   F6 ──▶ going to step 4 ───────▶ next is 4
//!   F7 ──▶ plays at 12.3 s ──▶ a step ──▶ quiet ──▶ plays at 16.1 s
//! ```

use std::time::Duration;

/// How long a step may be on its way before the next key no longer waits for it: whoever presses a
/// key twice wants two steps, one after the other; whoever presses it beside a statement that runs
/// and runs wants the next one now.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

/// What is under way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// A step that was asked for and has not become quiet.
    stepping: Option<Stepping>,
    /// The step that a replay goes to, while one is under way.
    going_to: Option<usize>,
    /// When auto-play sends the next step, if it plays.
    plays_at: Option<Duration>,
}

/// A step on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stepping {
    since: Duration,
    /// How many more were asked for meanwhile.
    more: usize,
    /// Where the play stands once it has been sent. A quiet that is told before is that of what
    /// came before.
    towards: usize,
}

impl Progress {
    /// A step is on its way from now on; `next` is where the play stands.
    pub(super) fn expect_step(&mut self, next: usize, now: Duration) {
        let towards = self.destination(next) + 1;
        self.stepping = Some(Stepping { since: now, more: 0, towards });
    }

    /// One more step is wanted; whether it waits for the one that is on its way.
    pub(super) fn joins_the_step_on_its_way(&mut self, now: Duration) -> bool {
        let is_on_its_way = self.is_step_on_its_way(now);
        if let Some(stepping) = self.stepping.as_mut().filter(|_| is_on_its_way) {
            stepping.more += 1;
        }
        is_on_its_way
    }

    pub(super) fn is_step_on_its_way(&self, now: Duration) -> bool {
        self.stepping.is_some_and(|stepping| now < stepping.since + ON_ITS_WAY)
    }

    pub(super) fn is_stepping(&self) -> bool {
        self.stepping.is_some()
    }

    pub(super) fn is_replaying(&self) -> bool {
        self.going_to.is_some()
    }

    /// How many more steps were asked for while one is on its way.
    pub(super) fn more(&self) -> usize {
        self.stepping.map_or(0, |stepping| stepping.more)
    }

    /// Where the play stands, or will once the replay that is under way has ended.
    pub(super) fn destination(&self, next: usize) -> usize {
        self.going_to.unwrap_or(next)
    }

    /// The same once the steps that were asked for have been played too; `last` is the play's end.
    pub(super) fn destination_after_steps(&self, next: usize, last: usize) -> usize {
        let after = self.stepping.map_or(0, |stepping| stepping.towards + stepping.more);
        self.destination(next).max(after.min(last))
    }

    /// A replay to this step is on its way.
    pub(super) fn expect_replay(&mut self, step: usize) {
        (self.stepping, self.going_to) = (None, Some(step));
    }

    /// Another engine is on its way, and a replay there to this step.
    pub(super) fn expect_switch(&mut self, step: usize) {
        *self = Self { going_to: Some(step), ..Self::default() };
    }

    /// The play has come to this step.
    pub(super) fn moved_to(&mut self, next: usize) {
        self.going_to.take_if(|step| *step == next);
    }

    /// A fresh setup: whatever step was on its way is none any more.
    pub(super) fn begin_anew(&mut self) {
        self.stepping = None;
    }

    /// Nothing that was asked for will come.
    pub(super) fn stop(&mut self) {
        *self = Self::default();
    }

    /// Everything is quiet; how many more steps are wanted now.
    pub(super) fn became_quiet(&mut self, next: usize, now: Duration, pace: Duration) -> usize {
        if self.plays_at.is_some() {
            self.plays_at = Some(now + pace);
        }
        let over = self.stepping.take_if(|stepping| next >= stepping.towards);
        over.map_or(0, |stepping| stepping.more)
    }

    /// So many more steps are wanted after the one that is on its way.
    pub(super) fn want_more(&mut self, more: usize) {
        if let Some(stepping) = &mut self.stepping {
            stepping.more = more;
        }
    }

    /// Auto-play sends a step at this moment.
    pub(super) fn play_at(&mut self, at: Duration) {
        self.plays_at = Some(at);
    }

    /// Auto-play goes on once the step that is on its way is quiet.
    pub(super) fn play_after_step(&mut self) {
        if self.is_stepping() {
            self.plays_at = Some(Duration::MAX);
        }
    }

    pub(super) fn plays_at(&self) -> Option<Duration> {
        self.plays_at
    }

    /// Whether auto-play has a step to send.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.plays_at.is_some_and(|at| at <= now) && !self.is_stepping()
    }

    /// Auto-play ends; whether it played.
    pub(super) fn stop_playing(&mut self) -> bool {
        self.plays_at.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Duration = Duration::from_secs(3);

    #[test]
    fn a_step_asked_for_twice_is_sent_twice_one_after_the_other() {
        let mut progress = Progress::default();
        progress.expect_step(0, Duration::ZERO);
        assert!(progress.joins_the_step_on_its_way(Duration::from_millis(499)));
        assert!(!progress.joins_the_step_on_its_way(ON_ITS_WAY));
        assert_eq!(progress.became_quiet(0, ON_ITS_WAY, PACE), 0, "that of what came before");
        assert_eq!(progress.became_quiet(1, ON_ITS_WAY, PACE), 1);
        assert!(!progress.is_stepping());
    }

    #[test]
    fn a_switch_goes_to_where_the_steps_asked_for_would_have_led() {
        let mut progress = Progress::default();
        progress.expect_step(2, Duration::ZERO);
        progress.joins_the_step_on_its_way(Duration::ZERO);
        assert_eq!(progress.destination_after_steps(2, 9), 4);
        assert_eq!(progress.destination_after_steps(2, 3), 3);
        progress.expect_switch(4);
        assert_eq!((progress.is_stepping(), progress.destination(0)), (false, 4));
        progress.moved_to(3);
        assert!(progress.is_replaying());
        progress.moved_to(4);
        assert!(!progress.is_replaying());
    }

    #[test]
    fn auto_play_waits_for_the_quiet_and_then_for_the_pace() {
        let mut progress = Progress::default();
        progress.expect_step(0, Duration::ZERO);
        progress.play_after_step();
        assert!(!progress.is_due(Duration::from_secs(9)));
        progress.became_quiet(1, Duration::from_secs(1), PACE);
        assert!(!progress.is_due(Duration::from_secs(3)));
        assert!(progress.is_due(Duration::from_secs(4)));
        assert!(progress.stop_playing());
        assert!(!progress.stop_playing());
    }
}
