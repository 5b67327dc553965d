//! Snapshot isolation: dependencies by which a transaction comes after another, each followed by at
//! most one by which it comes before, do not go round (Adya's G-SI; Cerone and Gotsman, "Analysing
//! Snapshot Isolation").
//!
//! | dependency | of T2 on T1 |
//! |---|---|
//! | write-write | T2's append follows T1's |
//! | write-read | T2 has read what T1 appended last |
//! | real time | T2 was begun after T1's end was known |
//! | read-write | T1 has not seen T2's append |
//!
//! Every transaction stands in the graph twice: as somebody who was reached by a read-write
//! dependency, from whom none goes on, and as anybody else. So every circle in the graph is a
//! forbidden one.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use petgraph::algo::{astar, kosaraju_scc};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::history::{History, Key, Transaction};
use super::lists::{Anomaly, Lists};

/// Why one transaction comes before another.
#[derive(Clone, Debug)]
enum Reason {
    WriteWrite(Key),
    WriteRead(Key),
    RealTime,
    ReadWrite(Key),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, key) = match self {
            Self::RealTime => return f.write_str("real time"),
            Self::WriteWrite(key) => ("write-write", key),
            Self::WriteRead(key) => ("write-read", key),
            Self::ReadWrite(key) => ("read-write", key),
        };
        write!(f, "{name} on row {} of {}", key.row, key.table)
    }
}

/// The two places of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Places {
    free: NodeIndex,
    after_read_write: NodeIndex,
}

struct Dependencies<'h> {
    history: &'h History,
    graph: DiGraph<usize, Reason>,
    places: BTreeMap<usize, Places>,
}

/// The circles that must not be, one for each knot of transactions.
pub(super) fn cycles(history: &History, lists: &Lists) -> Vec<Anomaly> {
    let mut dependencies = Dependencies::between(history, &lists.committed);
    dependencies.add_orders(lists);
    dependencies.add_reads(lists);
    dependencies.add_real_time();
    // Tarjan's algorithm is recursive there, as deep as the history is long.
    let knots = kosaraju_scc(&dependencies.graph);
    let knots = knots.iter().filter(|knot| knot.len() > 1);
    knots.filter_map(|knot| dependencies.tell(knot)).collect()
}

impl<'h> Dependencies<'h> {
    fn between(history: &'h History, committed: &HashSet<usize>) -> Self {
        let mut graph = DiGraph::new();
        let mut numbers: Vec<usize> = committed.iter().copied().collect();
        numbers.sort_unstable();
        let places = numbers.into_iter().map(|number| {
            let free = graph.add_node(number);
            (number, Places { free, after_read_write: graph.add_node(number) })
        });
        let places = places.collect();
        Self { history, graph, places }
    }

    fn add(&mut self, from: usize, to: usize, reason: &Reason) {
        let (Some(one), Some(other)) = (self.places.get(&from), self.places.get(&to)) else {
            return;
        };
        if from == to {
            return;
        }
        let (one, other) = (*one, *other);
        if matches!(reason, Reason::ReadWrite(_)) {
            self.graph.add_edge(one.free, other.after_read_write, reason.clone());
        } else {
            self.graph.add_edge(one.free, other.free, reason.clone());
            self.graph.add_edge(one.after_read_write, other.free, reason.clone());
        }
    }

    fn add_orders(&mut self, lists: &Lists) {
        for (key, order) in &lists.orders {
            let writers: Vec<_> =
                order.iter().filter_map(|value| lists.writers.get(value).copied()).collect();
            for pair in writers.windows(2) {
                self.add(pair[0], pair[1], &Reason::WriteWrite(key.clone()));
            }
        }
    }

    fn add_reads(&mut self, lists: &Lists) {
        for found in &lists.found {
            let order = &lists.orders[&found.key];
            let last = found.list.last().and_then(|value| lists.writers.get(value));
            if let Some(last) = last {
                self.add(*last, found.by, &Reason::WriteRead(found.key.clone()));
            }
            // One's own appends come next as well, and tell nothing.
            let missed = order.iter().skip(found.list.len());
            let mut missed = missed.filter_map(|value| lists.writers.get(value).copied());
            if let Some(next) = missed.find(|next| *next != found.by) {
                self.add(found.by, next, &Reason::ReadWrite(found.key.clone()));
            }
        }
    }

    /// Whoever ended before one begins, except those after whom somebody else in that number was
    /// begun.
    fn add_real_time(&mut self) {
        let mut moments: Vec<(u64, bool, usize)> = Vec::new();
        for number in self.places.keys() {
            let transaction = &self.history.transactions[*number];
            moments.push((transaction.begun, false, *number));
            moments.push((transaction.ended, true, *number));
        }
        moments.sort_unstable();
        let mut over: Vec<usize> = Vec::new();
        for (_, is_end, number) in moments {
            if is_end {
                let begun = self.history.transactions[number].begun;
                over.retain(|other| self.history.transactions[*other].ended > begun);
                over.push(number);
            } else {
                for other in over.clone() {
                    self.add(other, number, &Reason::RealTime);
                }
            }
        }
    }

    /// The shortest circle through the first place of a knot, in words.
    fn tell(&self, knot: &[NodeIndex]) -> Option<Anomaly> {
        let start = *knot.iter().min()?;
        let successors = self.graph.edges(start).filter(|edge| knot.contains(&edge.target()));
        let circles = successors.filter_map(|edge| {
            let next = edge.target();
            let (_, path) = astar(&self.graph, next, |place| place == start, |_| 1, |_| 0)?;
            Some(std::iter::once(start).chain(path).collect::<Vec<_>>())
        });
        let circle = circles.min_by_key(Vec::len)?;
        Some(Anomaly::Cycle(circle.windows(2).map(|pair| self.step(pair[0], pair[1])).collect()))
    }

    fn step(&self, from: NodeIndex, to: NodeIndex) -> String {
        let reason = self.graph.find_edge(from, to).map(|edge| self.graph[edge].to_string());
        let (one, other) = (self.graph[from], self.graph[to]);
        let Transaction { client, begun, ended, operations, .. } = &self.history.transactions[one];
        format!(
            "{one} before {other} by {}; {one}: {client}, {begun} to {ended}, {operations:?}",
            reason.unwrap_or_default()
        )
    }
}
