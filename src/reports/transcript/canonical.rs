//! One order for what happened between two quiet moments.
//!
//! ```text
//! as it happened                         in canonical order
//! Mallory  UPDATE 0     ┐                Bob      commit;      the stepped session and its answer
//! Bob      COMMIT       │ released       Bob      COMMIT
//! Alice    UPDATE 1     ┘ together       Alice    UPDATE 1     whom it released, in screen order
//! Mallory  waits for Alice               Mallory  UPDATE 0
//!          quiet                         ...      waits        then who waits now, in screen order
//!                                                 quiet
//! ```
//!
//! What depends on how often somebody looked is left out: a wait that ended before the quiet, all
//! but the last picture of the watched tables, a wait told again in the same words.

use std::collections::BTreeMap;

use crate::core::event::{Event, Kind, SessionName, Wait};

/// The events in canonical order; the roster is the sessions in screen order.
pub fn canonical(events: &[Event], roster: &[SessionName]) -> Vec<Event> {
    let mut waiting = BTreeMap::new();
    events
        .split_inclusive(|event| event.kind == Kind::Quiet)
        .flat_map(|between| arrange(between, roster, &mut waiting))
        .collect()
}

type Waiting = BTreeMap<SessionName, Wait>;

/// Puts the events up to one quiet in order.
fn arrange(events: &[Event], roster: &[SessionName], waiting: &mut Waiting) -> Vec<Event> {
    let (mut told, mut waits) = (Vec::new(), Vec::new());
    for session in order(events, roster) {
        let own: Vec<&Event> = events.iter().filter(|event| event.session == session).collect();
        match session {
            Some(session) => {
                let (answers, wait) = of_session(&own, waiting.remove(&session).as_ref());
                told.extend(answers);
                if let Some((event, wait)) = wait {
                    waits.extend(event);
                    waiting.insert(session, wait);
                }
            }
            None => told.extend(own.into_iter().filter(|event| !is_of_house(event)).cloned()),
        }
    }
    let pictures = events.iter().rev().find(|event| matches!(event.kind, Kind::WatchedTables(_)));
    let quiet = events.iter().find(|event| event.kind == Kind::Quiet);
    told.into_iter().chain(waits).chain(pictures.cloned()).chain(quiet.cloned()).collect()
}

fn is_of_house(event: &Event) -> bool {
    matches!(event.kind, Kind::WatchedTables(_) | Kind::Quiet)
}

/// The sessions in the order in which they are told: the stepped one, the others as on the screen,
/// the runner.
fn order(events: &[Event], roster: &[SessionName]) -> Vec<Option<SessionName>> {
    let sent = events.iter().find(|event| matches!(event.kind, Kind::Sent { .. }));
    let stepped = sent.map(|event| event.session.clone());
    let mut others: Vec<Option<SessionName>> = Vec::new();
    for event in events {
        if Some(&event.session) != stepped.as_ref() && !others.contains(&event.session) {
            others.push(event.session.clone());
        }
    }
    let place = |session: &SessionName| roster.iter().position(|name| name == session);
    others.sort_by_key(|session| match session {
        Some(session) => (place(session).unwrap_or(roster.len()), Some(session.clone())),
        None => (usize::MAX, None),
    });
    stepped.into_iter().chain(others).collect()
}

/// A session's answers, and its wait if it waits at the end: the event too, if the wait is news.
fn of_session(
    own: &[&Event],
    before: Option<&Wait>,
) -> (Vec<Event>, Option<(Option<Event>, Wait)>) {
    let mut last: Option<(Option<&Event>, Wait)> = before.cloned().map(|wait| (None, wait));
    let mut answers: Vec<Event> = Vec::new();
    let mut resumed = None;
    for event in own {
        match &event.kind {
            Kind::Waiting(wait) => last = Some((Some(event), wait.clone())),
            Kind::Resumed { .. } => {
                last = None;
                resumed.get_or_insert(*event);
            }
            kind => {
                if matches!(kind, Kind::Ready { .. } | Kind::Lost { .. } | Kind::Closed) {
                    last = None;
                }
                answers.push((*event).clone());
            }
        }
    }
    answers.sort_by_key(|event| matches!(event.kind, Kind::Conflict(_)));
    if let Some(resumed) = resumed.filter(|_| before.is_some() && !answers.is_empty()) {
        answers.insert(0, resumed.clone());
    }
    let last = last.map(|(event, wait)| {
        let news = event.filter(|_| before != Some(&wait) || !answers.is_empty());
        (news.cloned(), wait)
    });
    (answers, last)
}
