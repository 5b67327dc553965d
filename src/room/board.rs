//! Who has got what: what the people of the room were told, held against what the database says.

use std::time::Duration;

use crate::core::seats::WatchedTables;

/// How long after a commit the tables have surely been looked at.
const SETTLED: Duration = Duration::from_secs(2);

/// Somebody was told that a seat is theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Acknowledged {
    pub(super) key: String,
    pub(super) who: String,
    /// When, from the start of the run.
    pub(super) at: Duration,
    /// Whether everything has come to rest long after, so that the tables are known to show it.
    pub(super) is_settled: bool,
}

/// Whether seats were sold as seats should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Seats that somebody of the room has, by the database.
    pub(super) sold: usize,
    /// Seats that more than one was told to have: the seat, and who.
    pub(super) twice: Vec<(String, Vec<String>)>,
    /// Who was told to have a seat that the database gives to another, or to nobody.
    pub(super) lost: Vec<(String, String, Option<String>)>,
}

impl Acknowledged {
    /// Everything has come to rest at this moment.
    pub(super) fn note_quiet(&mut self, now: Duration) {
        self.is_settled |= now.saturating_sub(self.at) > SETTLED;
    }
}

impl Verdict {
    /// Of what was told, by the tables as they are now.
    pub(super) fn of(told: &[Acknowledged], tables: &WatchedTables) -> Self {
        let mut verdict = Self::default();
        let mut keys: Vec<&str> = told.iter().map(|it| it.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let buyers: Vec<&Acknowledged> = told.iter().filter(|it| it.key == key).collect();
            let holder = holder(tables, key);
            verdict.sold += usize::from(buyers.iter().any(|it| Some(&*it.who) == holder));
            if buyers.len() > 1 {
                let names = buyers.iter().map(|it| it.who.clone()).collect();
                verdict.twice.push((key.to_owned(), names));
            }
            let lost = buyers
                .iter()
                .filter(|it| holder.is_some() || it.is_settled)
                .filter(|it| Some(&*it.who) != holder);
            let lost = lost.map(|it| (it.who.clone(), key.to_owned(), holder.map(str::to_owned)));
            verdict.lost.extend(lost);
        }
        verdict
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::watched::sample;

    fn told(key: &str, who: &str) -> Acknowledged {
        Acknowledged {
            key: key.to_owned(),
            who: who.to_owned(),
            at: Duration::ZERO,
            is_settled: true,
        }
    }

    /// Seats of which these have holders.
    fn tables(holders: &[(&str, &str)]) -> WatchedTables {
        let mut tables = sample::picture();
        let seats = &mut tables.tables[0];
        let holder = seats.seats.as_ref().unwrap().holder.clone();
        let column = seats.columns.iter().position(|name| *name == holder).unwrap();
        for place in &mut seats.places {
            let named = holders.iter().find(|(key, _)| *key == place.key);
            place.values[column] = named.map(|(_, who)| (*who).to_owned());
        }
        tables
    }

    #[test]
    fn a_seat_that_one_was_told_and_has_is_sold() {
        let verdict = Verdict::of(&[told("A-4", "Maria")], &tables(&[("A-4", "Maria")]));
        assert_eq!(verdict.words(), ["1 seat sold, none twice, by the database"]);
    }

    #[test]
    fn a_seat_that_two_were_told_is_sold_twice_and_one_has_lost_it() {
        let all = [told("A-4", "Maria"), told("A-4", "Jonas")];
        let verdict = Verdict::of(&all, &tables(&[("A-4", "Jonas")]));
        assert_eq!(verdict.sold, 1);
        assert_eq!(
            verdict.words(),
            [
                "A-4 was sold 2 times: to Maria, Jonas",
                "Maria was told to have A-4; the database says Jonas has it"
            ]
        );
    }

    #[test]
    fn what_the_database_has_not_shown_yet_is_not_lost() {
        let fresh = Acknowledged { is_settled: false, ..told("A-4", "Maria") };
        assert_eq!(Verdict::of(&[fresh], &tables(&[])), Verdict::default());
        let settled = Verdict::of(&[told("A-4", "Maria")], &tables(&[]));
        assert!(settled.words()[0].contains("nobody has it"), "{settled:?}");
    }
}
