-- Sells the seat to whoever holds it in time, and keeps the hold for ever so that the seat is not asked for again.
with paid as (
  update rush.holds set expires = 'infinity' where seat = $1 and passenger = $2 and expires > now() and expires < 'infinity' returning seat
), sold as (
  update rush.seats set booked_by = $2, version = version + 1
  where seat = (select seat from paid) returning seat
)
insert into rush.bookings (seat, passenger) select seat, $2 from sold
