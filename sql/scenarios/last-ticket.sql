-- The last ticket, sold twice
--
-- One seat is free tonight. Alice looks, sees it free, and books it. Bob looks too, a moment before she has booked,
-- and books it as well. Both did check before they acted; what they saw was no longer true when they acted on it.
--
-- At READ COMMITTED the database makes Bob wait until Alice is done, and then lets him write over her. Two tickets
-- are printed for one seat, and no error is raised anywhere. Ask the room who will sit down first.
--
-- sessions: Alice, Bob
-- seats: seats (seat_row, seat_number, booked_by)
-- isolation: read committed

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
--> postgres: Bob resumes: UPDATE 1

-- Bob: has his ticket printed
insert into tickets values ('A', 4, 'Bob');
--> INSERT 0 1

-- Bob: commits
commit;
--> postgres: COMMIT
--> optimistic: ERROR 40001 (OC000)

-- finally
select seat_row, seat_number, booked_by, sold_to
from seats join tickets using (seat_row, seat_number)
order by sold_to;
--> postgres: A | 4 | Bob | Alice
--> postgres: A | 4 | Bob | Bob
--> postgres: (2 rows)
--> optimistic: A | 4 | Alice | Alice
--> optimistic: (1 row)
