//! What a part's lines expect that comes by itself, without anybody's next step: such a part is not
//! over before it has come.

use super::scene::{Before, Found, Scene, is_of_a_wait};
use super::{Check, Part, Verdict};
use crate::core::event::SessionName;
use crate::core::scenario::{Expected, Manner, Whom};

/// The ends of a wait that need nobody's step: a lock timeout, a statement's timeout or a
/// cancelling, an idle transaction's, a termination.
// Not a deadlock's 40P01, though that comes by itself as well: a ring of waits is not stable, so
// that there is no quiet before the detector has chosen (`run/machine/quiet.rs`).
const COME_BY_THEMSELVES: [&str; 5] = ["55P03", "57014", "25P03", "25P04", "57P01"];

impl Check {
    /// Whether the part that was sent last expects something that will come by itself and has not
    /// come yet.
    pub fn awaits(&self) -> bool {
        let is_open = |(scene, lines): (Scene, Vec<&Expected>)| scene.awaits(&lines);
        self.with_current(is_open).unwrap_or(false)
    }

    /// Whether the file says that this session goes on with its statement while others act.
    pub fn goes_on_running(&self, session: &SessionName) -> bool {
        let work = self.work.get(&Some(session.clone()));
        let judged = work.and_then(|work| self.judged(work.part?));
        judged.is_some_and(|judged| {
            let here = judged.lines.iter().zip(&judged.verdicts);
            let here = here.filter(|(_, verdict)| **verdict != Verdict::NotHere);
            here.map(|(line, _)| &line.expected).any(|it| *it == Expected::Running)
        })
    }

    /// Whether the part that was sent last expects a wait for somebody who takes no part.
    pub fn expects_somebody(&self) -> bool {
        self.with_current(|(_, lines)| lines.into_iter().any(is_for_somebody)).unwrap_or(false)
    }

    fn with_current<T>(&self, look: impl FnOnce((Scene, Vec<&Expected>)) -> T) -> Option<T> {
        let part = self.current?;
        let judged = self.judged(part)?;
        let (session, _) = self.work.iter().find(|(_, work)| work.part == Some(part))?;
        let nothing = Before::default();
        let before = if part == Part::Finally { &nothing } else { &judged.before };
        let scene = Scene { session, work: &self.work, before, inbox: &self.inbox };
        Some(look((scene, judged.open().map(|(_, expected)| expected).collect())))
    }
}

impl Scene<'_> {
    fn awaits(&self, lines: &[&Expected]) -> bool {
        let says_waiting = lines.iter().any(|line| is_of_a_wait(line));
        let verdicts = self.judge(lines, &mut Found::default());
        let missing = lines.iter().zip(verdicts).filter(|(_, verdict)| *verdict != Verdict::Kept);
        missing.into_iter().any(|(line, _)| match line {
            // The step waits first, so its error comes with a later step, at whose quiet it is
            // judged.
            Expected::Error { .. } if says_waiting => false,
            Expected::Either(alternatives) => {
                let awaits = |lines: &Vec<_>| self.awaits(&lines.iter().collect::<Vec<_>>());
                !says_waiting && alternatives.iter().any(awaits)
            }
            Expected::Of { session, manner, what } => {
                let of = Some(session.clone());
                Scene { session: &of, ..*self }.will_come(what, *manner)
            }
            line => self.will_come(line, Manner::Anyhow),
        })
    }

    /// Whether this line, which is not kept so far, may yet be without anybody's step.
    fn will_come(&self, line: &Expected, manner: Manner) -> bool {
        let is_busy = self.own().is_some_and(|own| own.is_busy);
        match line {
            _ if manner == Manner::Answers => is_busy,
            Expected::WaitsThen { .. } => is_busy,
            Expected::Error { code, .. } => is_busy && COME_BY_THEMSELVES.contains(&code.as_str()),
            Expected::Lost { .. } => self.own().is_none_or(|own| !own.is_lost()),
            // A listener is signalled once the sender has committed (async.c), and so may hear of
            // it after the sender has had its answer.
            Expected::Notify { .. } => true,
            _ => false,
        }
    }
}

fn is_for_somebody(expected: &Expected) -> bool {
    match expected {
        Expected::WaitsFor(Whom::Somebody(_)) => true,
        Expected::Of { what, .. } => is_for_somebody(what),
        Expected::Either(alternatives) => alternatives.iter().flatten().any(is_for_somebody),
        _ => false,
    }
}
