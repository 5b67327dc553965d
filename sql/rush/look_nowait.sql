-- Who has the seat? An error at once if somebody else has it under lock.
select booked_by, version from rush.seats where seat = $1 for update nowait
