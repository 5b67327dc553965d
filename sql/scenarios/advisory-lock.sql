-- A lock on nothing at all
--
-- Only one person may rearrange row A at a time. There is no row in a table that stands for "rearranging row A", so
-- Alice and Bob agree on a number: 65, the code of the letter A. PostgreSQL keeps locks on numbers and does not ask
-- what they mean.
--
-- Mallory has not agreed to anything. What stops her?
--
-- afterwards:
-- Nothing stops her. That is why such locks are called advisory: they bind those who ask for them, and nobody else.
--
-- sessions: Alice, Bob, Mallory
-- seats: seats (seat_row, seat_number, booked_by)
-- engines: postgres

-- setup
create table seats (
    seat_row    char,
    seat_number int,
    booked_by   text,
    primary key (seat_row, seat_number)
);

insert into seats (seat_row, seat_number, booked_by) values
    ('A', 1, 'Carol'),
    ('A', 2, null),
    ('A', 3, 'Oscar');

-- Alice: begins
begin;
--> BEGIN

-- Alice: locks the number of row A until she is done
select pg_advisory_xact_lock(ascii('A'));
--> (1 row)

-- Bob: asks whether the number is free
select pg_try_advisory_lock(ascii('A'));
--> f

-- Bob: begins
begin;
--> BEGIN

-- Bob: locks it as well
select pg_advisory_xact_lock(ascii('A'));
--> waits for Alice

-- Mallory: does not care, and books A-2
update seats set booked_by = 'Mallory'
where (seat_row, seat_number) = ('A', 2) and booked_by is null;
--> UPDATE 1

-- Alice: finds a booking in the row that she has locked
select seat_number, booked_by from seats
where seat_row = 'A'
order by seat_number;
--> 1 | Carol
--> 2 | Mallory
--> 3 | Oscar

-- Alice: gives up
rollback;
--> ROLLBACK
--> Bob resumes: (1 row)

-- Bob: commits, and the number is free
commit;
--> COMMIT
--> explore: anomaly is possible
