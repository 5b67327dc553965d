//! The second pair of eyes: waits, row locks, seats.
