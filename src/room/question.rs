//! What the room is asked before a step: who will have this seat?
//!
//! Answers are taken until the next step of the script is sent. Who was right is read from the
//! database, as often as it changes.

use std::collections::BTreeMap;

use super::board::holder;
use super::view::shown;
use crate::core::seats::{WatchedRow, WatchedTables};
use crate::stage::Stage;
use crate::stage::room::Poll;

const SOMEBODY_ELSE: &str = "somebody else";
const NOBODY: &str = "nobody";

/// A question, and what was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    seat: String,
    /// The sessions on the stage, then somebody else, then nobody.
    options: Vec<String>,
    /// Which option each person has chosen, by the person's number.
    answers: BTreeMap<usize, usize>,
    is_open: bool,
}

impl Question {
    /// Who will have the seat that the steps to come are about; none where there is no map.
    pub(super) fn about(stage: &Stage) -> Option<Self> {
        let sessions = stage.panes().iter().map(|pane| pane.name.as_str().to_owned());
        let others = [SOMEBODY_ELSE, NOBODY].map(str::to_owned);
        let options = sessions.chain(others).collect();
        Some(Self { seat: seat(stage)?, options, answers: BTreeMap::new(), is_open: true })
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// No more answers are taken.
    pub(super) fn close(&mut self) {
        self.is_open = false;
    }

    /// This person thinks so; whether that is one of the answers.
    pub(super) fn answer(&mut self, person: usize, option: &str) -> bool {
        let place = self.options.iter().position(|it| shown(it) == option);
        if let Some(place) = place {
            self.answers.insert(person, place);
        }
        place.is_some()
    }

    /// Whether it can be told who is right: no answers are taken any more, and somebody has the
    /// seat, or no step is to come.
    pub(super) fn is_decided(&self, stage: &Stage) -> bool {
        let script = stage.course().script();
        let is_over = script.is_none_or(|script| script.next() >= script.len());
        !self.is_open && (is_over || holder(stage.watched().tables(), &self.seat).is_some())
    }

    /// The numbers of those who are right, as the database stands.
    pub(super) fn right(&self, stage: &Stage) -> Vec<usize> {
        if !self.is_decided(stage) {
            return Vec::new();
        }
        let truth = self.truth(stage.watched().tables());
        self.answers.iter().filter(|(_, it)| **it == truth).map(|(number, _)| *number).collect()
    }

    /// How often each was answered, and what came of it.
    pub(super) fn poll(&self, stage: &Stage) -> Poll {
        let count = |place| self.answers.values().filter(|it| **it == place).count();
        let bars = self.options.iter().enumerate();
        Poll {
            seat: shown(&self.seat),
            is_open: self.is_open,
            bars: bars.map(|(place, option)| (shown(option), count(place))).collect(),
            outcome: (!self.is_open).then(|| self.outcome(stage)),
        }
    }

    fn outcome(&self, stage: &Stage) -> String {
        let seat = shown(&self.seat);
        if !self.is_decided(stage) {
            return format!("so far {NOBODY} has {seat}");
        }
        let tables = stage.watched().tables();
        let who = holder(tables, &self.seat).map_or(NOBODY.into(), shown);
        let (right, all) = (self.right(stage).len(), self.answers.len());
        let were = if right == 1 { "was" } else { "were" };
        format!("{who} has {seat}: {right} of {all} {were} right")
    }

    /// Which option is so.
    fn truth(&self, tables: &WatchedTables) -> usize {
        let nobody = self.options.len() - 1;
        let Some(holder) = holder(tables, &self.seat) else { return nobody };
        let sessions = &self.options[..nobody - 1];
        sessions.iter().position(|it| it == holder).unwrap_or(nobody - 1)
    }
}

/// The seat that is contested most, or that the steps ahead name most often, or the first that is
/// free.
fn seat(stage: &Stage) -> Option<String> {
    let tables = stage.watched().tables();
    let maps = tables.tables.iter().filter(|table| table.seats.is_some());
    let seats = maps.flat_map(|table| &table.places).filter(|place| place.committed);
    let interest = |place: &WatchedRow| {
        let contested = place.holders.len() + place.waiters.len();
        let is_free = holder(tables, &place.key).is_none();
        (contested, named_ahead(stage, &place.key), is_free)
    };
    // The first of several that are alike.
    let first = seats.reduce(|best, it| if interest(it) > interest(best) { it } else { best });
    first.map(|place| place.key.clone())
}

/// How often the steps ahead name a seat.
fn named_ahead(stage: &Stage, key: &str) -> usize {
    let Some(script) = stage.course().script() else { return 0 };
    let is_part = |c: char| c.is_alphanumeric() || c == '-';
    let steps = (script.next()..script.len()).filter_map(|launch| script.step(launch));
    let words = steps.flat_map(|step| step.narration.split(move |c| !is_part(c)));
    words.filter(|word| *word == key).count()
}
