-- Sells the seat if this token is still the last one. $3: the token.
with sold as (
  update rush.seats set booked_by = $2, version = version + 1
  where seat = $1 and fence = $3 returning seat
)
insert into rush.bookings (seat, passenger) select seat, $2 from sold
