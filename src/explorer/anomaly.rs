//! What an anomaly is called: who depends on whom, and how, as far as it is known what the steps
//! touch.
//!
//! ```text
//!  Alice ──read x, which Bob has overwritten since──▶ Bob         two such: write skew
//!        ◀──wrote x after, over what Bob wrote──────             lost update
//!        ◀──saw y as Bob left it────────────────────             read skew; of the same row:
//!                                                                 non-repeatable read
//! ```

use std::collections::BTreeSet;

use crate::core::scenario::claim::AnomalyKind;
use crate::core::scenario::{Isolation, Scenario};
use crate::explorer::effects::{Access, Effects, Footprint, Resource, meet};
use crate::explorer::played::{Launched, Played};
use crate::explorer::program::Program;
use crate::explorer::transaction::{Fate, Transaction, transactions};

/// Who does what when, of one transaction that was committed.
#[derive(Clone, Debug, Default, PartialEq)]
struct History {
    /// What it read, and at which place of the order.
    reads: Vec<(usize, Footprint)>,
    /// What it wrote.
    writes: Footprint,
    /// When others could see that.
    committed: usize,
}

/// How one transaction must come before another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Edge {
    /// It read what the other has overwritten since.
    ReadBefore(BTreeSet<Resource>),
    /// The other read what it wrote.
    WrittenFor(BTreeSet<Resource>),
    /// The other wrote over what it wrote.
    WrittenBefore(BTreeSet<Resource>),
}

/// The name of an anomaly that was played so; nothing where the pattern has none, or where it is
/// not known what the steps touch.
pub fn name(
    scenario: &Scenario,
    program: &Program,
    effects: &[Vec<Effects>],
    level: Isolation,
    played: &Played,
) -> Option<AnomalyKind> {
    let all = transactions(scenario, program, played);
    let committed = all.iter().flatten().filter(|it| it.fate == Fate::Committed);
    let histories: Vec<History> = committed.map(|it| history(it, effects, level, played)).collect();
    let pairs = (0..histories.len()).flat_map(|a| (0..histories.len()).map(move |b| (a, b)));
    let kinds = pairs.filter(|(a, b)| a != b).filter_map(|(a, b)| {
        kind(&edges(&histories[a], &histories[b]), &edges(&histories[b], &histories[a]))
    });
    kinds.min().or_else(|| of_ring(&histories))
}

fn history(
    transaction: &Transaction,
    effects: &[Vec<Effects>],
    level: Isolation,
    played: &Played,
) -> History {
    let own = played.launches.iter().enumerate();
    let own = own.filter(|(_, launch)| transaction.has(launch.session, launch.step));
    let mut history = History::default();
    for (place, launch) in own {
        let Some(effects) = effects.get(launch.session).and_then(|own| own.get(launch.step)) else {
            continue;
        };
        history.reads.push((seen_at(place, launch, level), effects.reads.clone()));
        history.writes.extend(effects.publishes.clone());
        history.committed = launch.answer.as_ref().map_or(place, |answer| answer.after);
    }
    history
}

/// When a step saw what it read: at READ COMMITTED one that waited looks again.
fn seen_at(place: usize, launch: &Launched, level: Isolation) -> usize {
    match (&launch.answer, level) {
        (Some(answer), Isolation::ReadCommitted) => answer.after,
        _ => place,
    }
}

/// How one comes before the other.
fn edges(one: &History, other: &History) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (place, read) in &one.reads {
        let common = common(read, &other.writes);
        if *place < other.committed && !common.is_empty() {
            edges.push(Edge::ReadBefore(common));
        }
    }
    for (place, read) in &other.reads {
        let common = common(read, &one.writes);
        if *place > one.committed && !common.is_empty() {
            edges.push(Edge::WrittenFor(common));
        }
    }
    let mut both = common(&one.writes, &other.writes);
    // Two who have each added a row have written over nothing.
    both.retain(|resource| !matches!(resource, Resource::Gap { .. }));
    if one.committed < other.committed && !both.is_empty() {
        edges.push(Edge::WrittenBefore(both));
    }
    edges
}

/// What was written of what was touched; a whole table that was read is each row of it.
fn common(touched: &Footprint, written: &Footprint) -> BTreeSet<Resource> {
    let is_met = |resource: &Resource| {
        meet(&Footprint::from([(resource.clone(), Access::Exclusive)]), touched)
    };
    written.keys().filter(|resource| is_met(resource)).cloned().collect()
}

fn kind(there: &[Edge], back: &[Edge]) -> Option<AnomalyKind> {
    let mut kinds = Vec::new();
    for there in there {
        for back in back {
            let Edge::ReadBefore(read) = there else { continue };
            kinds.push(match back {
                Edge::WrittenBefore(written) if !read.is_disjoint(written) => {
                    AnomalyKind::LostUpdate
                }
                Edge::WrittenBefore(_) => AnomalyKind::WriteSkew,
                Edge::ReadBefore(_) => AnomalyKind::WriteSkew,
                Edge::WrittenFor(seen) if is_gap(read) && is_gap(seen) => AnomalyKind::Phantom,
                Edge::WrittenFor(seen) if read.is_disjoint(seen) => AnomalyKind::ReadSkew,
                Edge::WrittenFor(_) => AnomalyKind::NonRepeatableRead,
            });
        }
    }
    kinds.into_iter().min()
}

/// Whether it is about rows that were not there.
fn is_gap(resources: &BTreeSet<Resource>) -> bool {
    resources.iter().any(|resource| matches!(resource, Resource::Gap { .. }))
}

/// Of three and more who each come before the next: two who read what was overwritten make it a
/// write skew, one makes it a read skew.
fn of_ring(histories: &[History]) -> Option<AnomalyKind> {
    let arrows: Vec<Vec<Option<bool>>> = histories
        .iter()
        .map(|one| histories.iter().map(|other| arrow(one, other)).collect())
        .collect();
    let mut best = None;
    for start in 0..histories.len() {
        let mut path = vec![start];
        rings(&arrows, &mut path, 0, &mut best);
    }
    best.map(|reads| if reads == 1 { AnomalyKind::ReadSkew } else { AnomalyKind::WriteSkew })
}

/// Whether one comes before the other, and whether only because it read what was overwritten.
fn arrow(one: &History, other: &History) -> Option<bool> {
    let edges = edges(one, other);
    let is_read = edges.iter().all(|edge| matches!(edge, Edge::ReadBefore(_)));
    (one != other && !edges.is_empty()).then_some(is_read)
}

/// The fewest readers of what was overwritten in a ring.
fn rings(arrows: &[Vec<Option<bool>>], path: &mut Vec<usize>, reads: u8, best: &mut Option<u8>) {
    let (start, last) = (path[0], path[path.len() - 1]);
    for next in start..arrows.len() {
        let Some(is_read) = arrows[last][next] else { continue };
        let reads = reads.saturating_add(u8::from(is_read));
        if next == start && reads > 0 {
            *best = Some(best.map_or(reads, |known| known.min(reads)));
        } else if !path.contains(&next) {
            path.push(next);
            rings(arrows, path, reads, best);
            path.pop();
        }
    }
}

#[cfg(test)]
mod tests;
