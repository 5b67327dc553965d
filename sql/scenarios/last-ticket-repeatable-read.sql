-- The last ticket, at REPEATABLE READ
--
-- The same careless programme that sold the last seat twice, word for word, but each transaction now lives in its own
-- snapshot. Bob's UPDATE waits for Alice as before. When she commits, PostgreSQL sees that the row has moved on since
-- Bob's snapshot was taken, and rather than write over what he has never seen it refuses him: 40001, at the UPDATE.
--
-- The optimistic engine says the same thing later, at COMMIT. Until then Bob believes that he has the seat.
--
-- sessions: Alice, Bob
-- seats: seats (seat_row, seat_number, booked_by)
-- isolation: repeatable read

-- setup
create table seats (
    seat_row    char,
    seat_number int,
    booked_by   text,
    primary key (seat_row, seat_number)
);

insert into seats (seat_row, seat_number, booked_by) values
    ('A', 1, 'Carol'),
    ('A', 2, 'Oscar'),
    ('A', 3, 'Charlie'),
    ('A', 4, null);

-- Alice: begins
begin;
--> BEGIN

-- Alice: sees that A-4 is free
select * from seats
where booked_by is null;
--> A | 4 |

-- Bob: begins
begin;
--> BEGIN

-- Bob: sees that A-4 is free
select * from seats
where booked_by is null;
--> A | 4 |

-- Alice: books it
update seats set booked_by = 'Alice'
where (seat_row, seat_number) = ('A', 4);
--> UPDATE 1

-- Bob: books it, trusting what he saw
update seats set booked_by = 'Bob'
where (seat_row, seat_number) = ('A', 4);
--> postgres: waits for Alice
--> optimistic: UPDATE 1

-- Alice: commits
commit;
--> COMMIT
--> postgres: Bob resumes: ERROR 40001 could not serialize access due to concurrent update

-- Bob: commits all the same
commit;
--> postgres: ROLLBACK
--> optimistic: ERROR 40001 (OC000)

-- finally
select * from seats
where (seat_row, seat_number) = ('A', 4);
--> A | 4 | Alice
