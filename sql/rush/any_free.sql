-- Whether the compartment has a free seat at all, locked or not.
select count(*)::integer, 0 from (select from rush.seats where compartment = $1 and booked_by is null limit 1) free
