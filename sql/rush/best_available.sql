-- The first free seat of the compartment that nobody else has under lock.
select seat, version from rush.seats
where compartment = $1 and booked_by is null
order by seat limit 1
for update skip locked
