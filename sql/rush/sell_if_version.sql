-- Sells the seat if nobody has changed it since it was looked at.
with sold as (
  update rush.seats set booked_by = $2, version = version + 1
  where seat = $1 and version = $3 returning seat
)
insert into rush.bookings (seat, passenger) select seat, $2 from sold
