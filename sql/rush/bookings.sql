-- The ledger. It has no unique constraint on purpose: a seat that is sold twice has to be seen, not prevented.
create table rush.bookings (passenger integer not null, seat integer not null)
