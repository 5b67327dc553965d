-- Who has the seat, and which seat has this request got already? $2: the request's number.
select booked_by, (select seat from rush.requests where request = $2) from rush.seats where seat = $1
