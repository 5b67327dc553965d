-- Without it, finding the best free seat would read the whole compartment.
create index on rush.seats (compartment, seat) where booked_by is null
