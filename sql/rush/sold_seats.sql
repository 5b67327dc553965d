-- Every seat that somebody has.
select booked_by, seat from rush.seats where booked_by is not null
