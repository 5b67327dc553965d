//! What the database says in the end, held against every acknowledgement that a worker got.
//! Counters prove nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::tally::Acknowledged;
use super::trace::{Passenger, SeatNumber};

/// The database's own record, after the last request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The ledger: every sale, in any order.
    pub ledger: Vec<Acknowledged>,
    /// Who has which seat by the seats' own table.
    pub sold: BTreeMap<SeatNumber, Passenger>,
}

/// Whether seats were sold as seats should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Seats with at least one sale in the ledger.
    pub sold: u64,
    /// Seats with more than one.
    pub sold_twice: u64,
    /// Passengers, who ask once each, with more than one seat.
    pub two_seats: u64,
    /// Passengers who were told that a seat is theirs and who are not in the ledger.
    pub missing: u64,
    /// Sales that no worker ever heard of: the money is gone and nobody knows.
    pub unacknowledged: u64,
    /// Seats whose state in the table does not agree with the ledger.
    pub inconsistent: u64,
}

impl Verdict {
    /// Holds the record against the acknowledgements.
    pub fn new(record: &Record, acknowledged: &[Acknowledged]) -> Self {
        let sales = sorted(&record.ledger);
        let told = sorted(acknowledged);
        let mut buyers: BTreeMap<SeatNumber, Vec<Passenger>> = BTreeMap::new();
        for sale in &sales {
            buyers.entry(sale.seat).or_default().push(sale.passenger);
        }
        let mut seats: BTreeMap<Passenger, Vec<SeatNumber>> = BTreeMap::new();
        for sale in &sales {
            seats.entry(sale.passenger).or_default().push(sale.seat);
        }
        let several = |seats: &&Vec<SeatNumber>| seats.iter().any(|seat| *seat != seats[0]);
        let not_in = |these: &[Acknowledged], those: &[Acknowledged]| {
            these.iter().filter(|one| those.binary_search(one).is_err()).count() as u64
        };
        Self {
            sold: buyers.len() as u64,
            sold_twice: buyers.values().filter(|buyers| buyers.len() > 1).count() as u64,
            two_seats: seats.values().filter(several).count() as u64,
            missing: not_in(&told, &sales),
            unacknowledged: not_in(&sales, &told),
            inconsistent: inconsistent(&record.sold, &buyers),
        }
    }

    /// Whether every seat was sold at most once, to somebody who was told so.
    pub fn holds(&self) -> bool {
        let Self { sold: _, sold_twice, two_seats, missing, unacknowledged, inconsistent } = *self;
        sold_twice + two_seats + missing + unacknowledged + inconsistent == 0
    }
}

fn sorted(sales: &[Acknowledged]) -> Vec<Acknowledged> {
    let mut sales = sales.to_vec();
    sales.sort_unstable();
    sales
}

/// A seat that somebody has must have been sold to them, and a seat that was sold must be
/// somebody's.
fn inconsistent(
    sold: &BTreeMap<SeatNumber, Passenger>,
    buyers: &BTreeMap<SeatNumber, Vec<Passenger>>,
) -> u64 {
    let unsold = sold.iter().filter(|(seat, passenger)| {
        !buyers.get(seat).is_some_and(|buyers| buyers.contains(passenger))
    });
    let empty = buyers.keys().filter(|seat| !sold.contains_key(seat));
    (unsold.count() + empty.count()) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sale(seat: SeatNumber, passenger: Passenger) -> Acknowledged {
        Acknowledged { seat, passenger }
    }

    fn record(ledger: &[Acknowledged], sold: &[Acknowledged]) -> Record {
        let sold = sold.iter().map(|sale| (sale.seat, sale.passenger)).collect();
        Record { ledger: ledger.to_vec(), sold }
    }

    #[test]
    fn a_seat_with_two_sales_is_sold_twice() {
        let sales = [sale(1, 10), sale(1, 11), sale(2, 12)];
        let verdict = Verdict::new(&record(&sales, &[sale(1, 11), sale(2, 12)]), &sales);
        assert_eq!(verdict, Verdict { sold: 2, sold_twice: 1, ..Verdict::default() });
        assert!(!verdict.holds());
    }

    #[test]
    fn a_passenger_with_two_seats_is_found() {
        let sales = [sale(1, 10), sale(2, 10)];
        let verdict = Verdict::new(&record(&sales, &sales), &sales);
        assert_eq!(verdict, Verdict { sold: 2, two_seats: 1, ..Verdict::default() });
        assert!(!verdict.holds());
    }

    #[test]
    fn an_acknowledgement_without_a_sale_is_missing() {
        let verdict = Verdict::new(&Record::default(), &[sale(1, 10)]);
        assert_eq!(verdict, Verdict { missing: 1, ..Verdict::default() });
    }

    #[test]
    fn a_sale_that_nobody_heard_of_is_found() {
        let sales = [sale(1, 10)];
        let verdict = Verdict::new(&record(&sales, &sales), &[]);
        assert_eq!(verdict, Verdict { sold: 1, unacknowledged: 1, ..Verdict::default() });
    }

    #[test]
    fn the_seats_must_agree_with_the_ledger() {
        let verdict = Verdict::new(&record(&[sale(1, 10)], &[sale(2, 10)]), &[sale(1, 10)]);
        assert_eq!(verdict.inconsistent, 2);
    }

    proptest! {
        #[test]
        fn honest_sales_hold(
            seats in proptest::collection::btree_map(1..600i32, Just(()), 0..50),
        ) {
            let sales = seats.keys().map(|seat| sale(*seat, seat + 100_000));
            let sales: Vec<_> = sales.collect();
            let mut told = sales.clone();
            told.reverse();
            prop_assert!(Verdict::new(&record(&sales, &sales), &told).holds());
        }

        #[test]
        fn losing_any_sale_is_seen(
            seats in proptest::collection::btree_map(1..600i32, 1..100_000i32, 1..50),
            lost in any::<prop::sample::Index>(),
        ) {
            let told = seats.iter().map(|(seat, passenger)| sale(*seat, *passenger));
            let told: Vec<_> = told.collect();
            let mut sales = told.clone();
            sales.remove(lost.index(told.len()));
            prop_assert_eq!(Verdict::new(&record(&sales, &sales), &told).missing, 1);
        }
    }
}
