-- Takes the hold if nobody has it, or if whoever had it did not pay in time. $3: its time to live in milliseconds.
insert into rush.holds as hold (seat, passenger, expires)
values ($1, $2, now() + $3 * interval '1 millisecond')
on conflict (seat) do update set passenger = excluded.passenger, expires = excluded.expires
where hold.expires <= now()
