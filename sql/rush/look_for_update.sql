-- Who has the seat? Whoever else wants to know must wait until we are done.
select booked_by, version from rush.seats where seat = $1 for update
