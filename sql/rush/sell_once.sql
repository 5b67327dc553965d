-- Sells the seat if it is free and the request has got none yet; the request's number is kept in the same transaction.
with sold as (
  update rush.seats set booked_by = $2, version = version + 1
  where seat = $1 and booked_by is null and not exists (select from rush.requests where request = $2) returning seat
), request as (
  insert into rush.requests (request, seat) select $2, seat from sold
)
insert into rush.bookings (seat, passenger) select seat, $2 from sold
