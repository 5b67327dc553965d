use proptest::prelude::*;

use super::legend::Counts;
use super::*;
use crate::tui::view::watched_tables::sample;
use crate::tui::view::watched_tables::tests::any_watched_tables;

#[test]
fn the_picture_counts_as_its_legend_says() {
    let watched_tables = sample::picture();
    let plan = Plan::of(&watched_tables.tables[0], sample::unmarked()).unwrap();
    let expected = Counts { free: 1, held: 1, uncommitted: 1, booked: 4, waiting: 1 };
    assert_eq!(Counts::of(&plan), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_seat_is_counted_once(watched_tables in any_watched_tables()) {
        if let Some(plan) = Plan::of(&watched_tables.tables[0], sample::unmarked()) {
            let counts = Counts::of(&plan);
            let sum = counts.free + counts.held + counts.uncommitted + counts.booked;
            prop_assert_eq!(sum, watched_tables.tables[0].places.len());
        }
    }
}
