\set seat random(1, 600)
\set passenger random(1, 1000000)
with sold as (update bench.seats set booked_by = :passenger, version = version + 1 where seat = :seat and booked_by is null returning seat) insert into bench.bookings (seat, passenger) select seat, :passenger from sold;
