-- How many seats there are.
select count(*)::integer, 0 from rush.seats
