-- The last ticket
--
-- One seat is free tonight. Alice looks, sees it free, and books it. Bob looks too, a moment before she has booked,
-- and books it as well. Both did check before they acted.
--
-- Who will have the seat? And what will the other one be told? Ask the room at each isolation level, and on the
-- optimistic engine.
--
-- afterwards:
-- What both saw was no longer true when they acted on it. At READ COMMITTED the database makes Bob wait until Alice
-- is done, and then lets him overwrite her booking. Two tickets are printed for one seat, and no error is raised
-- anywhere.
--
-- At REPEATABLE READ each transaction lives in its own snapshot. Bob's UPDATE waits for Alice as before. When she
-- commits, PostgreSQL sees that the row has changed since Bob's snapshot was taken, and refuses him rather than
-- write over what he has never seen: 40001, at the UPDATE. SERIALIZABLE does the same.
--
-- The optimistic engine says the same thing later, at COMMIT. Until then Bob believes that he has the seat, and a
-- ticket for it.
--
-- sessions: Alice, Bob
-- seats: seats (seat_row, seat_number, booked_by)
-- isolation: read committed, repeatable read, serializable

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

create table tickets (
    seat_row    char,
    seat_number int,
    sold_to     text,
    primary key (seat_row, seat_number, sold_to)
);

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

-- Alice: has her ticket printed
insert into tickets values ('A', 4, 'Alice');
--> INSERT 0 1

-- Bob: books it, trusting what he saw
update seats set booked_by = 'Bob'
where (seat_row, seat_number) = ('A', 4);
--> postgres: waits for Alice
--> optimistic: UPDATE 1

-- Alice: commits
commit;
--> COMMIT
--> at read committed: Bob resumes: UPDATE 1
--> postgres at repeatable read, serializable: Bob resumes: ERROR 40001 due to concurrent update

-- Bob: has his ticket printed
insert into tickets values ('A', 4, 'Bob');
--> at read committed: INSERT 0 1
--> postgres at repeatable read, serializable: ERROR 25P02
--> optimistic: INSERT 0 1

-- Bob: commits
commit;
--> at read committed: COMMIT
--> postgres at repeatable read, serializable: ROLLBACK
--> optimistic: ERROR 40001 (OC000)

-- finally
select seat_row, seat_number, booked_by, sold_to
from seats join tickets using (seat_row, seat_number)
order by sold_to;
--> at read committed: A | 4 | Bob | Alice
--> at read committed: A | 4 | Bob | Bob
--> at read committed: (2 rows)
--> at repeatable read, serializable: A | 4 | Alice | Alice
--> at repeatable read, serializable: (1 row)
--> explore: lost update is possible at read committed, not at repeatable read and serializable
--> explore: anomaly is not possible at repeatable read and serializable
