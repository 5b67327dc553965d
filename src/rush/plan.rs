//! The seating plan: which seats make a compartment.

use std::ops::Range;

use super::trace::SeatNumber;

/// Seats, divided into compartments of the same size, give or take a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many seats there are.
    pub seats: u32,
    /// How many compartments, no more than there are seats.
    pub compartments: u32,
}

impl Plan {
    /// The compartment that a seat is in, from 0. `sql/rush/fill.sql` says the same.
    pub fn compartment_of(self, seat: SeatNumber) -> i32 {
        let before = i64::from(seat - 1) * i64::from(self.compartments);
        i32::try_from(before / i64::from(self.seats)).unwrap_or(i32::MAX)
    }

    /// The places of a compartment's seats, from 0.
    pub fn places(self, compartment: u32) -> Range<usize> {
        let first = |compartment: u32| {
            (compartment as usize * self.seats as usize).div_ceil(self.compartments as usize)
        };
        first(compartment)..first(compartment + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_seat_is_in_the_compartment_that_has_its_place(
            (seats, compartments) in (1..5_000u32)
                .prop_flat_map(|seats| (Just(seats), 1..=seats.min(26)))
        ) {
            let plan = Plan { seats, compartments };
            let mut place = 0;
            for compartment in 0..compartments {
                let places = plan.places(compartment);
                prop_assert_eq!(places.start, place);
                prop_assert!(!places.is_empty());
                place = places.end;
                for seat in places {
                    let number = SeatNumber::try_from(seat + 1).unwrap();
                    prop_assert_eq!(plan.compartment_of(number), compartment.cast_signed());
                }
            }
            prop_assert_eq!(place, seats as usize);
        }
    }
}
