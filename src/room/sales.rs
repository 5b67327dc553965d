//! Who has had each seat since it was last free: what people were told, and what the tables show.
//!
//! ```text
//!  told:    Ann ───────────── Maria            Ann ───── Maria
//!  tables:       Ann   free          Maria          Ann        Maria
//!                       └ Ann gave it back               └ sold twice: never free between
//! ```
//!
//! The tables are looked at now and then, and a seat that is given back and sold at once may never
//! be seen free there. So what a buyer's own transaction saw counts as well: whoever found the seat
//! free after somebody else was told to have it has not taken it from them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::board::holder;
use crate::core::seats::WatchedTables;

/// How long after a commit the tables have surely been looked at: a look begins at once, and takes
/// milliseconds.
const SETTLED: Duration = Duration::from_secs(2);

/// Somebody was told that a seat is theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sale {
    pub(super) key: String,
    pub(super) who: String,
    /// When, by the run's clock.
    pub(super) at: Duration,
    /// A moment at which the seat was free, by what the buyer's transaction saw.
    pub(super) free_at: Option<Duration>,
}

/// A person, and the seat that is theirs no more since it was given back.
pub(super) type GivenBack = (String, String);

/// All seats that anybody has had since the fresh setup.
#[derive(Debug, Default)]
pub(super) struct Sales {
    seats: BTreeMap<String, Owners>,
    /// Seats that were sold twice and are free again, or sold once more: the seat, and to whom.
    past: Vec<(String, Vec<String>)>,
}

/// Who has had a seat since it was last free, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Owners {
    all: Vec<Owner>,
    /// Whom the tables have shown last, and since when.
    shown: Option<(String, Duration)>,
}

#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) who: String,
    since: Duration,
    /// Whether it is somebody of the room, who was told so.
    was_told: bool,
    /// Until when the tables may not have been looked at since, by the room's clock.
    doubtful_until: Option<Duration>,
}

impl Sales {
    /// Somebody was told that a seat is theirs, which is heard now; who had given it back before,
    /// as this shows.
    pub(super) fn sell(&mut self, sale: Sale, now: Duration) -> Vec<GivenBack> {
        let Sale { key, who, at, free_at } = sale;
        let owners = self.seats.entry(key.clone()).or_default();
        let was_free = |free| owners.all.iter().all(|it| it.since < free);
        let is_over = free_at.is_some_and(was_free);
        let given_back = if is_over { self.end(&key) } else { Vec::new() };
        let owners = self.seats.entry(key).or_default();
        // The tables may show a sale before its buyer is told.
        let was_shown = owners.all.iter().find(|it| it.who == who && !it.was_told);
        let since = was_shown.map_or(at, |it| it.since.min(at));
        owners.all.retain(|it| it.who != who);
        let doubtful_until = Some(now + SETTLED);
        owners.all.push(Owner { who, since, was_told: true, doubtful_until });
        given_back
    }

    /// The tables look so at this moment; who has given a seat back, as they show.
    pub(super) fn look(&mut self, tables: &WatchedTables, at: Duration) -> Vec<GivenBack> {
        let mut free = Vec::new();
        for (key, holder) in holders(tables) {
            match holder {
                Some(who) => self.seats.entry(key.to_owned()).or_default().show(who, at),
                None if self.seats.get(key).is_some_and(Owners::is_known) => free.push(key),
                None => {}
            }
        }
        free.into_iter().flat_map(|key| self.end(key)).collect()
    }

    /// The seat is free: nobody who has had it has it now.
    fn end(&mut self, key: &str) -> Vec<GivenBack> {
        let Some(owners) = self.seats.remove(key) else { return Vec::new() };
        if let Some(names) = owners.sold_twice(None) {
            self.past.push((key.to_owned(), names));
        }
        let told = owners.all.into_iter().filter(|it| it.was_told);
        told.map(|it| (it.who, key.to_owned())).collect()
    }

    /// When the tables have surely been looked at since somebody was told something.
    pub(super) fn due(&self) -> Option<Duration> {
        let all = self.seats.values().flat_map(|it| &it.all);
        all.filter_map(|it| it.doubtful_until).min()
    }

    /// It is this moment now.
    pub(super) fn wake(&mut self, now: Duration) {
        for owner in self.seats.values_mut().flat_map(|it| &mut it.all) {
            owner.doubtful_until.take_if(|until| *until <= now);
        }
    }

    /// The seats that are not free, and who has had them since they were.
    pub(super) fn seats(&self) -> impl Iterator<Item = (&str, &Owners)> {
        self.seats.iter().map(|(key, owners)| (key.as_str(), owners))
    }

    pub(super) fn past(&self) -> &[(String, Vec<String>)] {
        &self.past
    }

    /// Who has a seat, by the tables, that this person was told to have.
    pub(super) fn lost_to<'a>(
        &self,
        who: &str,
        key: &str,
        tables: &'a WatchedTables,
    ) -> Option<Option<&'a str>> {
        let (owners, holder) = (self.seats.get(key)?, holder(tables, key));
        owners.lost(holder).any(|it| it.who == who).then_some(holder)
    }
}

impl Owners {
    /// The tables show that this one has it.
    fn show(&mut self, who: &str, at: Duration) {
        // Whom they have shown before they may show again before they are looked at anew.
        if self.shown.as_ref().is_some_and(|(shown, _)| shown == who) {
            return;
        }
        let is_new = self.all.iter().all(|it| it.who != who);
        // Somebody who was told so a moment ago may have it in truth: then this is how it was.
        if is_new && !(self.all.is_empty() || self.is_known()) {
            return;
        }
        if is_new {
            let who = who.to_owned();
            let (was_told, doubtful_until) = (false, None);
            self.all.push(Owner { who, since: at, was_told, doubtful_until });
        }
        self.shown = Some((who.to_owned(), at));
    }

    /// Whether the tables have been looked at since the last of them was told.
    fn is_known(&self) -> bool {
        let Some((_, at)) = &self.shown else { return false };
        self.all.iter().all(|it| it.since <= *at)
    }

    /// Whether the one who has it by the tables is of the room.
    pub(super) fn is_sold_to(&self, holder: Option<&str>) -> bool {
        self.all.iter().any(|it| it.was_told && Some(&*it.who) == holder)
    }

    /// To whom it was sold, where that is more than one and one at least is of the room. Whoever
    /// has it by the tables was sold it, too.
    pub(super) fn sold_twice(&self, holder: Option<&str>) -> Option<Vec<String>> {
        let mut names: Vec<String> = self.all.iter().map(|it| it.who.clone()).collect();
        let is_settled = self.all.last().is_some_and(|it| it.doubtful_until.is_none());
        if let Some(holder) = holder.filter(|it| is_settled && !names.iter().any(|who| who == it)) {
            names.push(holder.to_owned());
        }
        (names.len() > 1 && self.all.iter().any(|it| it.was_told)).then_some(names)
    }

    /// Who was told to have it and has it not.
    pub(super) fn lost<'a>(&'a self, holder: Option<&'a str>) -> impl Iterator<Item = &'a Owner> {
        let shown = self.shown.as_ref().map(|(who, _)| who.as_str());
        let is_known = self.is_known() && shown == holder;
        let told = self.all.iter().filter(move |it| it.was_told && Some(&*it.who) != holder);
        told.filter(move |it| is_known || it.doubtful_until.is_none())
    }
}

/// The seats of the maps, and who has them by the committed rows.
fn holders(tables: &WatchedTables) -> impl Iterator<Item = (&str, Option<&str>)> {
    let maps = tables.tables.iter().filter_map(|table| {
        let column = &table.seats.as_ref()?.holder;
        Some((table, table.columns.iter().position(|name| name == column)?))
    });
    maps.flat_map(|(table, column)| {
        let committed = table.places.iter().filter(|place| place.committed);
        committed.map(move |place| {
            (place.key.as_str(), place.values.get(column).and_then(Option::as_deref))
        })
    })
}

#[cfg(test)]
mod tests;
