//! Who has got what: what the people of the room were told, held against what the database says.

use super::sales::Sales;
use crate::core::seats::WatchedTables;

/// Whether seats were sold as seats should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Seats that somebody of the room has, by the database.
    pub(super) sold: usize,
    /// Seats that were sold to more than one without having been free between: the seat, and to
    /// whom.
    pub(super) twice: Vec<(String, Vec<String>)>,
    /// Who was told to have a seat that the database gives to another, or to nobody.
    pub(super) lost: Vec<(String, String, Option<String>)>,
}

impl Verdict {
    /// Of what was sold, by the tables as they are now.
    pub(super) fn of(sales: &Sales, tables: &WatchedTables) -> Self {
        let mut verdict = Self { twice: sales.past().to_vec(), ..Self::default() };
        for (key, owners) in sales.seats() {
            let holder = holder(tables, key);
            verdict.sold += usize::from(owners.is_sold_to(holder));
            let twice = owners.sold_twice(holder);
            verdict.twice.extend(twice.map(|names| (key.to_owned(), names)));
            let lost = owners.lost(holder);
            let lost = lost.map(|it| (it.who.clone(), key.to_owned(), holder.map(str::to_owned)));
            verdict.lost.extend(lost);
        }
        verdict
    }

    /// How many seats were sold twice.
    pub(super) fn sold_twice(&self) -> usize {
        let mut keys: Vec<&String> = self.twice.iter().map(|(key, _)| key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.len()
    }

    /// What it comes to, in a sentence or two.
    pub(super) fn words(&self) -> Vec<String> {
        let twice = self.twice.iter().map(|(key, names)| {
            format!("{key} was sold {} times: to {}", names.len(), names.join(", "))
        });
        let lost = self.lost.iter().map(|(who, key, holder)| {
            let holder = holder.as_deref().unwrap_or("nobody");
            format!("{who} was told to have {key}; the database says {holder} has it")
        });
        let mut words: Vec<String> = twice.chain(lost).collect();
        if words.is_empty() && self.sold > 0 {
            let seats = if self.sold == 1 { "seat" } else { "seats" };
            words.push(format!("{} {seats} sold, none twice, by the database", self.sold));
        }
        words
    }
}

/// Who has the seat, by the committed row.
pub(super) fn holder<'a>(tables: &'a WatchedTables, key: &str) -> Option<&'a str> {
    tables.tables.iter().find_map(|table| {
        let column = &table.seats.as_ref()?.holder;
        let column = table.columns.iter().position(|name| name == column)?;
        let place = table.places.iter().find(|place| place.committed && place.key == key)?;
        place.values.get(column)?.as_deref()
    })
}
