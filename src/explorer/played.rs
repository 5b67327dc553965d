//! An order as it was played, and who plays it.

use crate::core::event::TransactionStatus;
use crate::core::event::answer::Outcome;

/// An order of launches, and what came of each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Played {
    /// In the order in which they were sent.
    pub launches: Vec<Launched>,
    /// Who could have gone on after the last launch: nobody, where the order was played to its end.
    pub enabled: Vec<usize>,
    /// The sessions that were still waiting then.
    pub waiting: Vec<usize>,
    /// What was there at the end; nothing where the guide has broken the order off.
    pub end: Option<End>,
}

/// A step that was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Launched {
    /// Whose it is: a place among the sessions.
    pub session: usize,
    /// Which of that session's steps, from 0.
    pub step: usize,
    /// Who could have been sent on at this point, this session among them: whoever has a step left
    /// and waits for nothing.
    pub enabled: Vec<usize>,
    /// What it was answered, unless it waits to the end.
    pub answer: Option<Answered>,
}

/// What a step was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// One for each of its statements that was carried out.
    pub outcomes: Vec<Outcome>,
    /// Where the session's transaction stood then.
    pub status: TransactionStatus,
    /// The connection is gone, and why.
    pub lost: Option<String>,
    /// After which launch (a place in the order) it came: its own, or the one that let it go on.
    pub after: usize,
}

/// What was there when everything was played and every session was rolled back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct End {
    /// The rows of the tables, in an order that does not depend on where they are stored.
    pub tables: Vec<TableRows>,
    /// What the scenario's `finally` part was answered.
    pub finally: Vec<Outcome>,
    /// The invariants that did not give true, each with the launch after which that was seen first.
    pub broken: Vec<BrokenInvariant>,
}

/// A table and what it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct TableRows {
    pub table: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenInvariant {
    /// A place among the scenario's invariants.
    pub invariant: usize,
    /// After which launch; `None` for the end.
    pub after: Option<usize>,
    /// What it gave instead of true, or the server's error.
    pub gave: String,
}

/// Says whose turn it is.
pub trait Guide {
    /// One of the enabled sessions; `None` breaks the order off. What was sent so far is settled:
    /// answered, or waiting until somebody is sent on.
    fn next(&mut self, so_far: &[Launched], enabled: &[usize]) -> Option<usize>;

    /// Whether this step of this session is left out, as the steps of a transaction are that was
    /// refused: the player passes over it, and the session's next one is its next.
    fn leaves_out(&self, session: usize, step: usize) -> bool {
        let _ = (session, step);
        false
    }
}

impl<G: Guide + ?Sized> Guide for Box<G> {
    fn next(&mut self, so_far: &[Launched], enabled: &[usize]) -> Option<usize> {
        (**self).next(so_far, enabled)
    }

    fn leaves_out(&self, session: usize, step: usize) -> bool {
        (**self).leaves_out(session, step)
    }
}

/// Plays one order after the other, each from the same beginning.
pub trait Player {
    /// Why no more can be played.
    type Error;

    /// Plays an order as the guide says.
    fn play(
        &mut self,
        guide: &mut (dyn Guide + Send),
    ) -> impl Future<Output = Result<Played, Self::Error>> + Send;
}
