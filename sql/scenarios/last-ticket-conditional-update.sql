-- The last ticket, with one conditional UPDATE
--
-- Looking first is what went wrong, so nobody looks. Each says to the database: book A-4 for me, if it is free.
-- That is compare and swap, and the count in the answer says whether it worked: UPDATE 1 is a ticket, UPDATE 0 is
-- an apology.
--
-- Bob's UPDATE comes while Alice's is not committed. What will its count be?
--
-- afterwards:
-- Bob's UPDATE still waits for Alice's, and then PostgreSQL checks his condition again on the row that she
-- has left: UPDATE 0.
--
-- Would this have saved them if the condition had been checked by the application, one line above the UPDATE?
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

-- Alice: books A-4, if it is free
update seats set booked_by = 'Alice'
where (seat_row, seat_number) = ('A', 4) and booked_by is null;
--> UPDATE 1

-- Bob: begins
begin;
--> BEGIN

-- Bob: books A-4, if it is free
update seats set booked_by = 'Bob'
where (seat_row, seat_number) = ('A', 4) and booked_by is null;
--> postgres: waits for Alice
--> optimistic: UPDATE 1

-- Alice: commits
commit;
--> COMMIT
--> postgres: Bob resumes: UPDATE 0

-- Bob: commits
commit;
--> postgres: COMMIT
--> optimistic: ERROR 40001 (OC000)

-- Bob: tries once more, now that Alice is gone
update seats set booked_by = 'Bob'
where (seat_row, seat_number) = ('A', 4) and booked_by is null;
--> UPDATE 0

-- finally
select * from seats
where (seat_row, seat_number) = ('A', 4);
--> A | 4 | Alice
--> explore: anomaly is not possible at read committed
