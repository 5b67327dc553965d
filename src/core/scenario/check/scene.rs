//! How everybody stands when lines are judged, and the judging itself.

use std::collections::{BTreeMap, BTreeSet};

use super::Verdict;
use super::inbox::{Claim, Inbox};
use super::places;
use super::work::Work;
use crate::core::event::SessionName;
use crate::core::scenario::{Expected, Manner, Whom};

/// What everybody is doing.
pub(super) type Everybody = BTreeMap<Option<SessionName>, Work>;

/// How everybody stands.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    /// Whose lines they are; `None` for the runner, who looks at the end.
    pub(super) session: &'a Option<SessionName>,
    pub(super) work: &'a Everybody,
    /// How everybody stood when the part was sent.
    pub(super) before: &'a Before,
    pub(super) inbox: &'a Inbox,
}

/// How everybody stood when a part was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Before(BTreeMap<SessionName, Stood>);

#[derive(Clone, Copy, Debug)]
struct Stood {
    waited: bool,
    was_busy: bool,
    /// How much of its answer had come.
    outcomes: usize,
}

impl Before {
    pub(super) fn of(work: &Everybody) -> Self {
        let stood = |work: &Work| Stood {
            waited: work.wait.is_some(),
            was_busy: work.is_busy,
            outcomes: work.outcomes().len(),
        };
        let named = work.iter().filter_map(|(name, work)| Some((name.clone()?, stood(work))));
        Self(named.collect())
    }
}

/// What lines that were kept have brought to light.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Values with their names; `None` for NULL.
    pub(super) captured: Vec<(String, Option<String>)>,
    /// The notifications that were spoken of.
    pub(super) claimed: BTreeSet<Claim>,
}

impl<'a> Scene<'a> {
    pub(super) fn own(&self) -> Option<&'a Work> {
        self.work.get(self.session)
    }

    /// How these lines fare; those of which nothing can be said yet are not reached.
    pub(super) fn judge(&self, lines: &[&Expected], found: &mut Found) -> Vec<Verdict> {
        let mut verdicts = vec![Verdict::NotReached; lines.len()];
        // Rows, tags and counts of one answer have to come in the order of their lines, so these
        // are judged together. A wait is true or not, whatever stands beside it.
        let mut groups: Vec<(Group, Vec<usize>)> = Vec::new();
        for (nth, line) in lines.iter().enumerate() {
            let Some(group) = group(line) else {
                verdicts[nth] = self.single(line, found);
                continue;
            };
            match groups.iter_mut().find(|(other, _)| *other == group) {
                Some((_, of_it)) => of_it.push(nth),
                None => groups.push((group, vec![nth])),
            }
        }
        for (group, of_it) in groups {
            let expected: Vec<&Expected> = of_it.iter().map(|&nth| inner(lines[nth])).collect();
            let judged = self.group(group, &expected, found);
            for (nth, verdict) in of_it.into_iter().zip(judged) {
                verdicts[nth] = verdict;
            }
        }
        verdicts
    }

    /// Lines about what one session is answered.
    fn group(&self, group: Group, expected: &[&Expected], found: &mut Found) -> Vec<Verdict> {
        let all = |verdict: Verdict| vec![verdict; expected.len()];
        let Some((session, manner)) = group else {
            return match self.own() {
                Some(own) if !own.is_busy => places::judge(expected, own.outcomes(), found),
                _ => all(Verdict::NotReached),
            };
        };
        match self.answered(session, manner, expected) {
            Ok((work, from)) => {
                let verdicts = places::judge(expected, &work.outcomes()[from..], found);
                // It may have gone on with one statement, and wait again with the next.
                let still = |verdict: Verdict| match verdict {
                    Verdict::Broken { .. } if work.is_busy => {
                        Verdict::Broken { found: format!("{session}: still {}", work.describe()) }
                    }
                    verdict => verdict,
                };
                verdicts.into_iter().map(still).collect()
            }
            Err(instead) => all(Verdict::Broken { found: instead }),
        }
    }

    /// Another session's work, and the place in its answer from which on it counts.
    fn answered(
        &self,
        session: &SessionName,
        manner: Manner,
        expected: &[&Expected],
    ) -> Result<(&'a Work, usize), String> {
        let stood = self.before.0.get(session);
        let work = self.work.get(&Some(session.clone()));
        let none = match manner {
            Manner::Resumes if !stood.is_some_and(|stood| stood.waited) => Some("was not waiting"),
            Manner::Answers if !stood.is_some_and(|stood| stood.was_busy) => Some("was not busy"),
            _ => None,
        };
        // That it is lost may have come before anybody sent anything.
        let is_lost = expected.iter().all(|line| matches!(line, Expected::Lost { .. }));
        match (work, none) {
            (None, _) => Err(format!("{session} has done nothing")),
            // What was busy may have come to its end between two steps, of which nobody can say
            // when.
            (Some(work), _) if manner == Manner::Answers && !work.is_busy => Ok((work, 0)),
            (_, Some(none)) => Err(format!("{session} {none}")),
            // Who resumes may go on with one statement of a step and wait again with the next: what
            // has come of the answer so far is judged. Of everybody else the whole answer is.
            (Some(work), None) if work.is_busy && manner != Manner::Resumes => {
                Err(format!("{session}: still {}", work.describe()))
            }
            (Some(work), None) => Ok(match (manner, stood) {
                // What it was answered before this step was nothing that the step has released.
                (Manner::Resumes, Some(stood)) => (work, stood.outcomes),
                (Manner::Anyhow, Some(stood)) if !is_lost => (work, stood.outcomes),
                _ => (work, 0),
            }),
        }
    }

    /// A line that is judged by itself.
    fn single(&self, line: &Expected, found: &mut Found) -> Verdict {
        match line {
            Expected::Either(alternatives) => self.either(alternatives, found),
            Expected::Of { session, what, .. } => {
                let of = Some(session.clone());
                Scene { session: &of, ..*self }.waits_or_hears(what, found)
            }
            line => self.waits_or_hears(line, found),
        }
    }

    fn waits_or_hears(&self, line: &Expected, found: &mut Found) -> Verdict {
        let own = self.work.get(self.session);
        let busy = || own.map_or_else(|| "nothing".to_owned(), Work::describe);
        let is_kept = match (line, own) {
            (Expected::WaitsFor(whom), Some(own)) => own.waits_for(whom),
            (Expected::WaitsThen { whom, then }, Some(own)) => {
                return waits_then(own, whom, then, found);
            }
            (Expected::Running, Some(own)) => own.is_busy && own.wait.is_none(),
            (Expected::Notify { .. }, _) => return self.hears(line, found),
            _ => false,
        };
        if is_kept { Verdict::Kept } else { Verdict::Broken { found: busy() } }
    }

    fn hears(&self, line: &Expected, found: &mut Found) -> Verdict {
        let Some(session) = self.session else {
            return Verdict::Broken { found: "no notification".to_owned() };
        };
        match self.inbox.find(session, line, &found.claimed) {
            Some(claim) => {
                found.claimed.insert(claim);
                Verdict::Kept
            }
            None => Verdict::Broken { found: self.inbox.describe(session) },
        }
    }

    fn either(&self, alternatives: &[Vec<Expected>], found: &mut Found) -> Verdict {
        let mut instead: Vec<String> = Vec::new();
        let mut is_open = false;
        for lines in alternatives {
            let lines: Vec<&Expected> = lines.iter().collect();
            // A side that is not kept must neither name values nor use up notifications.
            let mut found_here = found.clone();
            let verdicts = self.judge(&lines, &mut found_here);
            let broken = verdicts.iter().find_map(|verdict| match verdict {
                Verdict::Broken { found } => Some(found.clone()),
                _ => None,
            });
            match broken {
                Some(other) if !instead.contains(&other) => instead.push(other),
                Some(_) => {}
                None if verdicts.contains(&Verdict::NotReached) => is_open = true,
                None => {
                    *found = found_here;
                    return Verdict::Kept;
                }
            }
        }
        if is_open { Verdict::NotReached } else { Verdict::Broken { found: instead.join("; ") } }
    }
}

/// A wait that has ended within the step.
fn waits_then(own: &Work, whom: &Whom, then: &Expected, found: &mut Found) -> Verdict {
    if own.is_busy {
        return Verdict::Broken { found: format!("still {}", own.describe()) };
    }
    match places::judge(&[then], own.outcomes(), found).pop() {
        Some(Verdict::Kept) if !own.has_waited_for(whom, then) => {
            Verdict::Broken { found: format!("no wait for {whom}: {}", own.describe()) }
        }
        verdict => verdict.unwrap_or(Verdict::NotReached),
    }
}

/// Whose answer a line is about, and in what way it comes: `None` for the step's own.
type Group<'a> = Option<(&'a SessionName, Manner)>;

/// The lines that are judged together with this one, if it is about an answer.
fn group(line: &Expected) -> Option<Group<'_>> {
    match line {
        Expected::Of { session, manner, what } if is_answer(what) => Some(Some((session, *manner))),
        line if is_answer(line) => Some(None),
        _ => None,
    }
}

/// What a session does, without its name.
fn inner(line: &Expected) -> &Expected {
    match line {
        Expected::Of { what, .. } => what,
        line => line,
    }
}

/// Whether the line is about what a submission is answered.
pub(super) fn is_answer(expected: &Expected) -> bool {
    use Expected::{Capture, Error, Holds, Lost, Notice, Only, Row, RowCount, Rows, Tag};
    matches!(
        expected,
        Tag(_)
            | Row(_)
            | Only(_)
            | Rows(_)
            | RowCount(_)
            | Capture(_)
            | Error { .. }
            | Holds(_)
            | Notice { .. }
            | Lost { .. }
    )
}

/// Whether the line says that the step's own statement is not answered at once.
pub(super) fn is_of_a_wait(expected: &Expected) -> bool {
    match expected {
        // `waits for Bob, then ...` is none of these: it ends in an answer within the step.
        Expected::WaitsFor(_) | Expected::Running => true,
        Expected::Either(alternatives) => alternatives.iter().flatten().any(is_of_a_wait),
        _ => false,
    }
}
