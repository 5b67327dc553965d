drop schema if exists bench cascade; create schema bench;
create table bench.seats (seat integer primary key, compartment integer not null, booked_by integer, version integer not null default 0);
create table bench.bookings (passenger integer not null, seat integer not null);
insert into bench.seats select s, (s-1)/200 from generate_series(1,600) s;
