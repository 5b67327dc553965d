-- Some of the seats, all free. $1 and $2: the first and the last; $3 and $4: how many compartments and seats there are.
insert into rush.seats (seat, compartment)
select seat, (seat - 1) * $3 / $4 from generate_series($1::integer, $2::integer) as seat
