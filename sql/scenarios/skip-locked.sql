-- The best available seat
--
-- Nobody asks for a seat by its number tonight; everybody wants the best that is left. If all of them reached for
-- the same best seat they would queue for it, and all but the first in vain. SKIP LOCKED skips the seats that
-- somebody has locked.
--
-- Alice, Bob and Mallory all ask for the best seat at the same moment. Who gets which? And what if Alice gives hers
-- back?
--
-- afterwards:
-- Alice gets the best, Bob at the same moment the next best, Mallory the one after. Nobody waits. But what they see
-- is not the truth: when Alice gives hers back, Bob has long been told that there was nothing better.
--
-- sessions: Alice, Bob, Mallory
-- seats: seats (seat_row, seat_number, booked_by)
-- engines: postgres

-- setup
create table seats (
    seat_row    char,
    seat_number int,
    booked_by   text,
    stars       int not null,
    primary key (seat_row, seat_number)
);

insert into seats (seat_row, seat_number, booked_by, stars) values
    ('A', 1, null, 3),
    ('A', 2, null, 4),
    ('A', 3, null, 5),
    ('A', 4, 'Carol', 5);

-- Alice: begins
begin;
--> BEGIN

-- Alice: takes the best seat that is left
select seat_row, seat_number, stars from seats
where booked_by is null
order by stars desc
limit 1
for update skip locked;
--> A | 3 | 5

-- Bob: begins
begin;
--> BEGIN

-- Bob: takes the best seat that is left
select seat_row, seat_number, stars from seats
where booked_by is null
order by stars desc
limit 1
for update skip locked;
--> A | 2 | 4

-- Mallory: takes and books the best seat that is left, in one go
update seats set booked_by = 'Mallory'
where (seat_row, seat_number) = (
    select seat_row, seat_number from seats
    where booked_by is null
    order by stars desc
    limit 1
    for update skip locked
)
returning seat_row, seat_number, stars;
--> A | 1 | 3
--> UPDATE 1

-- Alice: has a headache, and gives hers back
rollback;
--> ROLLBACK

-- Bob: books what he has
update seats set booked_by = 'Bob'
where (seat_row, seat_number) = ('A', 2);
--> UPDATE 1

-- Bob: commits
commit;
--> COMMIT

-- finally
select seat_row, seat_number, booked_by from seats
order by stars desc, seat_number;
--> A | 3 |
--> A | 4 | Carol
--> A | 2 | Bob
--> A | 1 | Mallory
--> explore: anomaly is possible
