\set seat random(1, 600)
\set passenger random(1, 1000000)
begin;
select booked_by is null as free from bench.seats where seat = :seat for update \gset
\if :free
with sold as (update bench.seats set booked_by = :passenger, version = version + 1 where seat = :seat returning seat) insert into bench.bookings (seat, passenger) select seat, :passenger from sold;
\endif
commit;
