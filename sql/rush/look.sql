-- Who has the seat?
select booked_by, version from rush.seats where seat = $1
