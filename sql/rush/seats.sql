-- The house: a seat is free while nobody has booked it.
create table rush.seats (
  seat integer primary key,
  compartment integer not null,
  booked_by integer,
  version integer not null default 0,
  fence integer not null default 0
)
