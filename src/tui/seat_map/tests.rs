use proptest::prelude::*;

use super::legend::Counts;
use super::*;
use crate::seats::HoldKind;
use crate::tui::house::sample;
use crate::tui::house::tests::any_house;

#[test]
fn the_picture_counts_as_its_legend_says() {
    let house = sample::picture();
    let plan = Plan::of(&house.tables[0], &sample::scene()).unwrap();
    let expected =
        Counts { free: 1, held: 1, uncommitted: 1, booked: 4, waiting: 1, ..Counts::default() };
    assert_eq!(Counts::of(&plan), expected);
}

#[test]
fn a_booked_seat_that_somebody_changes_counts_once_and_is_told_to_be_booked() {
    let mut house = sample::picture();
    let carol = house.tables[0].places.iter_mut().find(|place| place.key == "A-1").unwrap();
    carol.holders.push(sample::hold("Bob", HoldKind::Write));
    let scene = sample::scene();
    let plan = Plan::of(&house.tables[0], &scene).unwrap();
    let counts = Counts::of(&plan);
    assert_eq!((counts.booked, counts.uncommitted, counts.uncommitted_booked), (3, 2, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_seat_is_counted_once(house in any_house()) {
        let scene = sample::scene();
        if let Some(plan) = Plan::of(&house.tables[0], &scene) {
            let counts = Counts::of(&plan);
            let sum = counts.free + counts.held + counts.uncommitted + counts.booked;
            prop_assert_eq!(sum, house.tables[0].places.len());
        }
    }
}
