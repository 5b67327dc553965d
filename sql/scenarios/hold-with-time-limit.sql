-- A hold with a time limit
--
-- Nobody can pay in a millisecond, and nobody should keep a row locked while looking for a card. So a seat can
-- be held: the hold is a value in the row, committed at once, and it expires by itself, like a cache key with a
-- time to live. Whoever finds it expired may take the seat.
--
-- The whole rule is in the condition of one UPDATE. Time itself plays a part here, so that you need not sit through
-- ten minutes: it moves the end of the hold into the past. Will Alice, who held the seat first, still be able to
-- pay?
--
-- sessions: Alice, Mallory, Time
-- seats: seats (seat_row, seat_number, booked_by)

-- setup
create table seats (
    seat_row    char,
    seat_number int,
    booked_by   text,
    held_by     text,
    held_until  timestamptz,
    primary key (seat_row, seat_number)
);

insert into seats (seat_row, seat_number, booked_by) values
    ('A', 1, 'Carol'),
    ('A', 2, null);

-- Alice: holds A-2 for ten minutes
update seats set held_by = 'Alice', held_until = now() + interval '10 minutes'
where (seat_row, seat_number) = ('A', 2) and booked_by is null
  and (held_by is null or held_until < now());
--> UPDATE 1

-- Mallory: wants to hold A-2
update seats set held_by = 'Mallory', held_until = now() + interval '10 minutes'
where (seat_row, seat_number) = ('A', 2) and booked_by is null
  and (held_by is null or held_until < now());
--> UPDATE 0

-- Time: passes, eleven minutes of it, while Alice looks for her card
update seats set held_until = held_until - interval '11 minutes'
where held_by is not null;
--> UPDATE 1

-- Mallory: wants to hold A-2
update seats set held_by = 'Mallory', held_until = now() + interval '10 minutes'
where (seat_row, seat_number) = ('A', 2) and booked_by is null
  and (held_by is null or held_until < now());
--> UPDATE 1

-- Alice: has found her card, and pays for what she held
update seats set booked_by = 'Alice', held_by = null, held_until = null
where (seat_row, seat_number) = ('A', 2) and held_by = 'Alice' and held_until >= now();
--> UPDATE 0

-- Mallory: pays in time
update seats set booked_by = 'Mallory', held_by = null, held_until = null
where (seat_row, seat_number) = ('A', 2) and held_by = 'Mallory' and held_until >= now();
--> UPDATE 1

-- finally
select seat_row, seat_number, booked_by, held_by from seats
where (seat_row, seat_number) = ('A', 2);
--> A | 2 | Mallory |
--> explore: anomaly is not possible at read committed
