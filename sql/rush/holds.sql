-- A hold stands in front of a seat until it expires, or for ever once it is paid.
create table rush.holds (
  seat integer primary key,
  passenger integer not null,
  expires timestamptz not null
)
