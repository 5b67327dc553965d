//! Steps as wholes: a script's statements go to the server one by one, and who tells of steps tells
//! of all of them at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Event, Kind, SessionName};

/// Whom a submission belongs to: a session, or the runner, who looks at the end.
type Who = Option<SessionName>;

/// Which step each session was sent last.
#[derive(Debug, Default)]
pub struct LastSteps(BTreeMap<Who, Option<usize>>);

impl LastSteps {
    /// Takes in an event: whether it is a submission that goes on with the step its session was
    /// sent last, or with the look at the end.
    pub fn goes_on(&mut self, event: &Event) -> bool {
        let Kind::Sent { step, .. } = event.kind else { return false };
        let before = self.0.insert(event.session.clone(), step);
        // What is typed belongs to no step either, but each typed submission is one for itself.
        // Only the runner, who is nobody's session, sends several that belong together without a
        // step.
        before == Some(step) && (step.is_some() || event.session.is_none())
    }
}

/// The events as if each step had gone to the server in one message: one submission with all of its
/// SQL, one end.
pub fn whole_steps(events: &[Event]) -> Vec<Event> {
    let mut last = LastSteps::default();
    let (mut sent, mut ended) = (BTreeMap::<Who, usize>::new(), BTreeMap::<Who, usize>::new());
    let mut whole: Vec<Option<Event>> = Vec::with_capacity(events.len());
    for event in events {
        if last.goes_on(event) {
            if let Some(end) = ended.remove(&event.session) {
                // Emptied and not removed: the places of what follows are remembered too.
                whole[end] = None;
            }
            let first = sent.get(&event.session).and_then(|first| whole[*first].as_mut());
            append(first, event.kind.line());
            continue;
        }
        match event.kind {
            Kind::Sent { .. } => _ = sent.insert(event.session.clone(), whole.len()),
            Kind::Ready { .. } => _ = ended.insert(event.session.clone(), whole.len()),
            _ => {}
        }
        whole.push(Some(as_written(event)));
    }
    whole.into_iter().flatten().collect()
}

/// A step's submission with what stands in its file for it.
fn as_written(event: &Event) -> Event {
    let mut event = event.clone();
    if let Kind::Sent { sql, step: Some(_), typed, .. } = &mut event.kind
        && let Some(typed) = typed.take()
    {
        *sql = Arc::from(typed.line);
    }
    event
}

fn append(first: Option<&mut Event>, more: Option<&str>) {
    if let (Some(Event { kind: Kind::Sent { sql, .. }, .. }), Some(next)) = (first, more) {
        *sql = Arc::from(format!("{sql}\n{next}"));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::event::{Form, SubmissionId, TransactionStatus, Typed};

    fn sent(session: &str, sql: &str, step: Option<usize>) -> Event {
        let submission = SubmissionId(1);
        of(session, Kind::Sent { submission, sql: sql.into(), step, typed: None })
    }

    fn ready(session: &str) -> Event {
        let (submission, status) = (SubmissionId(1), TransactionStatus::Idle);
        of(session, Kind::Ready { submission, status, elapsed: Duration::ZERO })
    }

    fn of(session: &str, kind: Kind) -> Event {
        let session = (!session.is_empty()).then(|| SessionName::new(session));
        Event { at: Duration::ZERO, session, kind }
    }

    #[test]
    fn a_steps_statements_are_one_submission_whoever_acts_in_between() {
        let events = [
            sent("A", "begin;", Some(0)),
            ready("A"),
            sent("A", "update t;", Some(0)),
            sent("B", "commit;", Some(1)),
            ready("B"),
            ready("A"),
        ];
        let whole = [
            sent("A", "begin;\nupdate t;", Some(0)),
            sent("B", "commit;", Some(1)),
            ready("B"),
            ready("A"),
        ];
        assert_eq!(whole_steps(&events), whole);
    }

    #[test]
    fn a_step_is_told_as_its_file_has_it() {
        let mut events = [sent("A", "select 1", Some(0)), sent("A", "select 2;", Some(0))];
        if let Kind::Sent { typed, .. } = &mut events[0].kind {
            let line = "select :n \\g".to_owned();
            *typed = Some(Box::new(Typed { line, answer: Form::Table, every: None }));
        }
        assert_eq!(whole_steps(&events), [sent("A", "select :n \\g\nselect 2;", Some(0))]);
    }

    #[test]
    fn the_look_at_the_end_is_whole_and_what_is_typed_stays_apart() {
        let end = [sent("", "select 1;", None), ready(""), sent("", "select 2;", None), ready("")];
        assert_eq!(whole_steps(&end), [sent("", "select 1;\nselect 2;", None), ready("")]);
        let typed = [sent("A", "a;", None), ready("A"), sent("A", "b;", None), ready("A")];
        assert_eq!(whole_steps(&typed), typed);
    }
}
