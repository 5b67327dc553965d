-- Sells the seat, whoever has it.
with sold as (
  update rush.seats set booked_by = $2, version = version + 1 where seat = $1 returning seat
)
insert into rush.bookings (seat, passenger) select seat, $2 from sold
