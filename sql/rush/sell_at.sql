-- Sells the seat if it is free and the partition was not yet worked through up to here. $3: the partition; $4: the place after the request.
with moved as (
  update rush.offsets set next = $4 where partition = $3 and next < $4 returning partition
), sold as (
  update rush.seats set booked_by = $2, version = version + 1
  where seat = $1 and booked_by is null and exists (select from moved) returning seat
)
insert into rush.bookings (seat, passenger) select seat, $2 from sold
