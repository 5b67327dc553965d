-- The last ticket, with FOR UPDATE
--
-- One seat is free tonight, and both want it. This time they look with FOR UPDATE: whoever looks also locks the
-- row. Bob looks while Alice has it locked. What does he see, and when?
--
-- afterwards:
-- Bob's SELECT is not answered until Alice is done, and then it shows the seat as it is by then. The check and the
-- act have become one. The price is that Bob waits, and that he would wait all evening if Alice went for a walk. In
-- an optimistic database nobody waits: Bob sees the seat free, and his COMMIT is refused.
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

-- Alice: begins
begin;
--> BEGIN

-- Alice: looks, and locks A-4
select * from seats
where booked_by is null
for update;
--> A | 4 |

-- Bob: begins
begin;
--> BEGIN

-- Bob: wants to do the same
select * from seats
where booked_by is null
for update;
--> postgres: waits for Alice
--> optimistic: A | 4 |

-- Alice: books it
update seats set booked_by = 'Alice'
where (seat_row, seat_number) = ('A', 4);
--> UPDATE 1

-- Alice: commits
commit;
--> COMMIT
--> postgres: Bob resumes: (0 rows)

-- Bob: goes home, or so he thinks
commit;
--> postgres: COMMIT
--> optimistic: ERROR 40001 (OC000)

-- finally
select * from seats
where (seat_row, seat_number) = ('A', 4);
--> A | 4 | Alice
--> explore: anomaly is not possible at read committed
