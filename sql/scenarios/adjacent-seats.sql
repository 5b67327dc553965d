-- Two friends, one intruder
--
-- Alice and Bob want to sit side by side. There are three free seats in row A, and only two of them, A-4 and A-5,
-- are neighbours. So Bob takes A-4 and Alice takes A-5, each in a transaction of their own: first they lock the
-- seat, to be sure of it, and only then do they book it.
--
-- Mallory does none of that. She sees A-4 free and grabs it with a single UPDATE while Bob still holds it.
--
-- Who will get A-4? Ask the room before each step, and again on the other engine.
--
-- afterwards:
-- A database that locks makes Mallory wait until Bob is done, and then shows her that the seat is gone. An
-- optimistic database lets everybody through and checks at COMMIT: whoever commits first gets the seat, and the
-- other one is refused.
--
-- sessions: Alice, Bob, Mallory
-- seats: seats (seat_row, seat_number, booked_by)

-- setup
create table seats (
    seat_row    char,
    seat_number int,
    booked_by   text,
    primary key (seat_row, seat_number),
    unique (booked_by)
);

insert into seats (seat_row, seat_number, booked_by) values
    ('A', 1, 'Carol'),
    ('A', 2, null),
    ('A', 3, 'Oscar'),
    ('A', 4, null),
    ('A', 5, null),
    ('A', 6, 'Carlos'),
    ('A', 7, 'Charlie');

-- Bob: begins
begin transaction;
--> BEGIN

-- Bob: looks for two free seats side by side
select seat_row, seat_number, next_seat
from (
    select seat_row, seat_number,
           lead(seat_number) over (partition by seat_row order by seat_number) as next_seat
    from seats
    where booked_by is null
) as free
where next_seat = seat_number + 1;
--> A | 4 | 5
--> (1 row)

-- Bob: makes sure of A-4
select * from seats
where (seat_row, seat_number) = ('A', 4)
for update;
--> A | 4 |

-- Alice: begins
begin transaction;
--> BEGIN

-- Alice: makes sure of A-5
select * from seats
where (seat_row, seat_number) = ('A', 5)
for update;
--> A | 5 |

-- Mallory: looks at what is free
select seat_row, seat_number from seats
where booked_by is null
order by seat_row, seat_number;
--> A | 2
--> A | 4
--> A | 5

-- Mallory: grabs A-4
update seats set booked_by = 'Mallory'
where (seat_row, seat_number) = ('A', 4) and booked_by is null;
--> postgres: waits for Bob
--> optimistic: UPDATE 1

-- Bob: books A-4
update seats set booked_by = 'Bob'
where (seat_row, seat_number) = ('A', 4);
--> UPDATE 1

-- Alice: books A-5
update seats set booked_by = 'Alice'
where (seat_row, seat_number) = ('A', 5);
--> UPDATE 1

-- Alice: commits
commit;
--> COMMIT

-- Bob: commits
commit;
--> postgres: COMMIT
--> postgres: Mallory resumes: UPDATE 0
--> optimistic: ERROR 40001 (OC000)

-- finally
select seat_row, seat_number, booked_by from seats
where seat_number in (4, 5)
order by seat_row, seat_number;
--> postgres: A | 4 | Bob
--> optimistic: A | 4 | Mallory
--> A | 5 | Alice
--> (2 rows)
--> explore: lost update is possible at read committed
--> explore: phantom is possible at read committed
--> postgres: explore: write skew is possible at repeatable read, not at serializable
--> optimistic: explore: write skew is possible
