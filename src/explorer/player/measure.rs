//! Measures what each step touches, in orders of whole sessions, where nobody is in the way.
//!
//! ```text
//!  rows    the program as it is; before and after each statement every row is looked at from
//!          inside its transaction: new, moved, gone are written, a changed xmax is a lock
//!  reads   at SERIALIZABLE: what a statement reads PostgreSQL notes itself (SIREAD locks). Each is
//!          a transaction of its own, or what one reads again would be noted for the first alone
//! ```
//!
//! Each order is played once in either way. What differs between orders is taken for the whole
//! table; what no measurement can tell is said to be unknown ([`words`], [`assemble`]).

mod assemble;
mod catalog;
mod driver;
mod words;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use assemble::{Touch, Touches, assemble};
use catalog::Catalog;
use driver::{Measuring, Pass};

use super::reset::renew;
use super::{PlayerError, Session, SessionPlayer};
use crate::core::syntax::{Strings, split};
use crate::explorer::effects::{Effects, Resource};

/// More orders of sessions than this are not measured.
const MOST_ORDERS: usize = 8;

/// What each step does to others, as far as it is known: it is widened where orders show that a
/// step does more.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    touches: Touches,
    is_optimistic: bool,
    version: u64,
    notes: Vec<String>,
}

impl Measured {
    fn new(touches: Touches, is_optimistic: bool) -> Self {
        let shared = Shared { touches, is_optimistic, ..Shared::default() };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The effects of each session's steps.
    pub fn effects(&self) -> Vec<Vec<Effects>> {
        let shared = self.shared();
        assemble(&shared.touches, shared.is_optimistic)
    }

    /// How often they were widened: whoever has built on an earlier version begins again.
    pub fn version(&self) -> u64 {
        self.shared().version
    }

    /// Takes in which rows of a table an order has changed; without keys, that it has changed.
    pub(super) fn check_rows(&self, table: &str, changed: Option<&BTreeSet<String>>) {
        let mut shared = self.shared();
        if !is_foreseen(&shared.touches, table, changed) {
            shared.widen_writers(table);
        }
    }

    /// Takes in which tables a session has locked in a transaction.
    pub(super) fn check_tables(&self, session: usize, name: &str, tables: &BTreeSet<String>) {
        let mut shared = self.shared();
        let Some(steps) = shared.touches.get_mut(session) else { return };
        let known: BTreeSet<String> = steps.iter().flatten().flat_map(Touch::all_tables).collect();
        let is_unknown = steps.iter().flatten().any(|touch| touch.is_unknown);
        let Some(table) = tables.difference(&known).next().filter(|_| !is_unknown) else {
            return;
        };
        steps.iter_mut().flatten().for_each(|touch| touch.is_unknown = true);
        shared.version += 1;
        shared.notes.push(format!(
            "{name} has touched {table}, which no measurement had shown: nothing is taken for \
             known of {name}'s steps"
        ));
    }

    /// Why they were widened, in sentences.
    pub fn notes(&self) -> Vec<String> {
        self.shared().notes.clone()
    }
}

impl Shared {
    /// Whoever writes to a table may write to all of it.
    fn widen_writers(&mut self, table: &str) {
        let all = self.touches.iter_mut().flatten().flatten();
        let mut writers: Vec<&mut Touch> = all.filter(|touch| touch.writes_to(table)).collect();
        let note = if writers.is_empty() {
            self.touches.iter_mut().flatten().flatten().for_each(|touch| touch.is_unknown = true);
            format!("{table} has changed, which no measurement had shown: no reduction")
        } else {
            for touch in &mut writers {
                touch.take_whole(table);
            }
            format!(
                "rows of {table} have changed that no measurement had shown: whoever writes to it \
                 is taken to write to all of it"
            )
        };
        self.version += 1;
        self.notes.push(note);
    }
}

/// Whether some step is known to write these rows.
fn is_foreseen(touches: &Touches, table: &str, changed: Option<&BTreeSet<String>>) -> bool {
    let all: Vec<&Touch> = touches.iter().flatten().flatten().collect();
    // What is not known depends on everything already.
    if all.iter().any(|touch| touch.is_unknown) {
        return true;
    }
    let is_written =
        |resource: &Resource| all.iter().any(|touch| touch.writes.contains_key(resource));
    let row = |key: &String| Resource::Row { table: table.to_owned(), key: key.clone() };
    is_written(&Resource::Table(table.to_owned()))
        || changed.is_some_and(|keys| keys.iter().all(|key| is_written(&row(key))))
}

impl SessionPlayer {
    /// Measures every step.
    pub(super) async fn measure(&mut self) -> Result<Measured, PlayerError> {
        self.is_dirty = true;
        let catalog = Catalog::read(&self.control, &self.tables).await?;
        self.is_dynamic = catalog.is_dynamic;
        let mut sessions = Vec::new();
        for player in &self.scenario.sessions {
            let way = self.place.direct_way();
            sessions.push(Session::open(player.name.as_str(), way, false).await?);
        }
        let mut found = Vec::new();
        for order in orders(sessions.len()) {
            let mut touches = self.untouched();
            for pass in [Pass::Rows, Pass::Reads] {
                renew(&mut sessions, &self.prelude).await?;
                let control = &self.control;
                let measuring = Measuring { control, catalog: &catalog, pass };
                for &session in &order {
                    measuring.play(&mut sessions[session], &mut touches[session]).await?;
                }
                self.quieten().await?;
                self.reset_all().await?;
            }
            found.push(touches);
        }
        futures::future::join_all(sessions.into_iter().map(Session::close)).await;
        self.is_dirty = false;
        Ok(Measured::new(assemble::merge(found), self.place.is_behind_gateway))
    }

    /// Each session's setup and steps, statement by statement.
    fn untouched(&self) -> Touches {
        let sessions = self.scenario.sessions.iter().zip(&self.program.sessions);
        let each = sessions.map(|(player, steps)| {
            let setup = player.setup.iter().flat_map(|setup| alone(&setup.sql)).collect();
            let steps = steps.iter().map(|&step| {
                self.statements[step].iter().flat_map(|sql| alone(sql)).collect::<Vec<_>>()
            });
            std::iter::once(setup).chain(steps).collect()
        });
        each.collect()
    }
}

/// The statements of a text.
fn alone(sql: &str) -> Vec<Touch> {
    let all = split(sql, Strings::default());
    all.iter().filter(|it| !it.is_empty).map(|it| Touch::of(it.text)).collect()
}

/// The orders of so many sessions in which each plays all its steps; not all where there are many.
fn orders(sessions: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for session in 0..sessions {
        orders = orders
            .iter()
            .flat_map(|order: &Vec<usize>| {
                (0..=order.len()).map(move |place| {
                    let mut order = order.clone();
                    order.insert(place, session);
                    order
                })
            })
            .collect();
        // Each in front of each other once is what counts: the first order and its reverse.
        if orders.len() > MOST_ORDERS {
            let (first, last) = (orders[0].clone(), orders[orders.len() - 1].clone());
            let kept = orders.iter().step_by(orders.len().div_ceil(MOST_ORDERS - 1)).cloned();
            orders = kept.chain([first, last]).collect();
            orders.sort();
            orders.dedup();
        }
    }
    orders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_session_comes_before_every_other_in_some_order() {
        for sessions in 1..=6 {
            let orders = orders(sessions);
            assert!(orders.len() <= MOST_ORDERS + 2, "{}", orders.len());
            for one in 0..sessions {
                for other in (0..sessions).filter(|other| *other != one) {
                    let place = |order: &[usize], it| order.iter().position(|at| *at == it);
                    let is_before = |order: &Vec<usize>| place(order, one) < place(order, other);
                    assert!(orders.iter().any(is_before), "{one} before {other} of {sessions}");
                }
            }
        }
    }
}
