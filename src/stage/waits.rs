//! Finds who waits for whom in a circle, and behind whom everybody else stands.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::event::{Blocker, SessionName, Wait};
use crate::stage::panes::{Pane, Panes};

/// The waits as they are now, by session.
pub type Waits = BTreeMap<SessionName, Wait>;

/// Those of the sessions on the stage.
pub fn waits(panes: &Panes) -> Waits {
    let wait = |pane: &Pane| Some((pane.name.clone(), pane.waiting.as_ref()?.wait.clone()));
    panes.everybody().filter_map(wait).collect()
}

/// The circles in which nobody can go on: each session of one waits, through the others, for
/// itself.
pub fn deadlocks(waits: &Waits) -> Vec<Vec<SessionName>> {
    let mut circles: Vec<Vec<SessionName>> = Vec::new();
    let mut seen = BTreeSet::new();
    for start in waits.keys().filter(|start| !seen.contains(*start)).collect::<Vec<_>>() {
        if let (false, Some(circle)) = (seen.contains(start), circle_from(start, waits)) {
            seen.extend(circle.iter().cloned());
            circles.push(circle);
        }
    }
    circles
}

/// The shortest way from a session back to itself.
fn circle_from(start: &SessionName, waits: &Waits) -> Option<Vec<SessionName>> {
    let mut came_from: BTreeMap<&SessionName, &SessionName> = BTreeMap::new();
    let mut front = vec![start];
    while !front.is_empty() {
        let mut next = Vec::new();
        for at in front {
            for blocker in sessions_ahead(at, waits) {
                if blocker == start {
                    return Some(way(start, at, &came_from));
                }
                if !came_from.contains_key(blocker) {
                    came_from.insert(blocker, at);
                    next.push(blocker);
                }
            }
        }
        front = next;
    }
    None
}

fn way<'a>(
    start: &'a SessionName,
    end: &'a SessionName,
    came_from: &BTreeMap<&'a SessionName, &'a SessionName>,
) -> Vec<SessionName> {
    let steps = std::iter::successors(Some(end), |at| came_from.get(at).copied());
    let mut way: Vec<_> = steps.take_while(|at| *at != start).cloned().collect();
    way.push(start.clone());
    way.reverse();
    way
}

fn sessions_ahead<'a>(
    name: &SessionName,
    waits: &'a Waits,
) -> impl Iterator<Item = &'a SessionName> {
    let blockers = waits.get(name).into_iter().flat_map(|wait| &wait.blockers);
    blockers.filter_map(|blocker| match blocker {
        Blocker::Session(name) => Some(name),
        Blocker::Prepared(_) | Blocker::Foreign { .. } => None,
    })
}

/// Everybody who stands in a queue, by the one at its head: whoever waits for something else, or
/// for nothing. Within a queue those ahead come first.
pub fn queues<'a>(
    waits: &'a Waits,
    circles: &[Vec<SessionName>],
) -> BTreeMap<Blocker, Vec<&'a SessionName>> {
    let in_circle: BTreeSet<_> = circles.iter().flatten().collect();
    let mut places = Places { waits, in_circle, known: BTreeMap::new() };
    let mut queues: BTreeMap<Blocker, Vec<(usize, &SessionName)>> = BTreeMap::new();
    for name in waits.keys() {
        if let Some((head, place)) = places.of(name) {
            queues.entry(head).or_default().push((place, name));
        }
    }
    let in_order = |mut queue: Vec<(usize, &'a SessionName)>| {
        queue.sort();
        queue.into_iter().map(|(_, name)| name).collect()
    };
    queues.into_iter().map(|(head, queue)| (head, in_order(queue))).collect()
}

/// Everybody's place in a queue, found once: with sixty sessions behind each other, finding it anew
/// each time would never end.
struct Places<'a> {
    waits: &'a Waits,
    in_circle: BTreeSet<&'a SessionName>,
    known: BTreeMap<&'a SessionName, (Blocker, usize)>,
}

impl<'a> Places<'a> {
    /// The head of the queue and the place in it. Those in a circle stand in none, so that
    /// following it comes to an end.
    fn of(&mut self, name: &'a SessionName) -> Option<(Blocker, usize)> {
        if self.in_circle.contains(name) {
            return None;
        }
        if let Some(known) = self.known.get(name) {
            return Some(known.clone());
        }
        let wait = self.waits.get(name)?;
        let ahead: Vec<_> = sessions_ahead(name, self.waits)
            .filter(|other| self.waits.get(*other).is_some_and(|it| it.target == wait.target))
            .filter_map(|other| self.waits.get_key_value(other))
            .filter_map(|(other, _)| self.of(other))
            .collect();
        let last = ahead.into_iter().max_by_key(|(_, place)| *place);
        let own = match last {
            Some((head, place)) => (head, place + 1),
            None => (wait.blockers.first()?.clone(), 0),
        };
        self.known.insert(name, own.clone());
        Some(own)
    }
}
