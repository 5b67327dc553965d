-- Compare and swap: sells the seat if it is free.
with sold as (
  update rush.seats set booked_by = $2, version = version + 1
  where seat = $1 and booked_by is null returning seat
)
insert into rush.bookings (seat, passenger) select seat, $2 from sold
