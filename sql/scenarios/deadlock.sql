-- A deadlock
--
-- Alice and Bob want to swap seats. Each first hands over their own seat and then takes the other's, so Alice goes
-- from A-1 to A-2 while Bob goes from A-2 to A-1. Each holds what the other needs. Who will proceed first?
--
-- PostgreSQL looks for such a cycle when a session has waited for deadlock_timeout, usually one second. Here it is
-- ten seconds for Bob and a minute for Alice, so that the cycle stays in sight for ten seconds once it is closed;
-- edit Bob's first step before you send it if you want longer. Only a superuser, or a role that was granted SET on
-- it, may set deadlock_timeout.
--
-- afterwards:
-- The session that finds the cycle is the one whose transaction is aborted, with 40P01: here Bob, who looks first.
-- Where the timeouts could not be set, it can be either. An optimistic database has no deadlock, because nobody
-- waits; it refuses one of them at COMMIT.
--
-- Had both started with A-1, one would have waited for the other, and there would have been no cycle.
--
-- sessions: Alice, Bob
-- seats: seats (seat_row, seat_number, booked_by)

-- setup
create table seats (
    seat_row    char,
    seat_number int,
    booked_by   text,
    primary key (seat_row, seat_number)
);

insert into seats (seat_row, seat_number, booked_by) values
    ('A', 1, 'Alice'),
    ('A', 2, 'Bob');

-- Alice: is very patient
set deadlock_timeout = '1min';
--> postgres: either: SET | or: ERROR 42501

-- Bob: is patient
set deadlock_timeout = '10s';
--> postgres: either: SET | or: ERROR 42501

-- Alice: begins
begin;
--> BEGIN

-- Alice: gives A-1 to Bob
update seats set booked_by = 'Bob'
where (seat_row, seat_number) = ('A', 1);
--> UPDATE 1

-- Bob: begins
begin;
--> BEGIN

-- Bob: gives A-2 to Alice
update seats set booked_by = 'Alice'
where (seat_row, seat_number) = ('A', 2);
--> UPDATE 1

-- Alice: takes A-2
update seats set booked_by = 'Alice'
where (seat_row, seat_number) = ('A', 2);
--> postgres: waits for Bob
--> optimistic: UPDATE 1

-- Bob: takes A-1, and closes the cycle
update seats set booked_by = 'Bob'
where (seat_row, seat_number) = ('A', 1);
--> postgres: either: ERROR 40P01 and Alice resumes: UPDATE 1 | or: UPDATE 1 and Alice resumes: ERROR 40P01
--> optimistic: UPDATE 1

-- Alice: commits
commit;
--> postgres: either: COMMIT | or: ROLLBACK
--> optimistic: COMMIT

-- Bob: commits
commit;
--> postgres: either: ROLLBACK | or: COMMIT
--> optimistic: ERROR 40001 (OC000)

-- finally
select * from seats
order by seat_row, seat_number;
--> A | 1 | Bob
--> A | 2 | Alice
--> explore: deadlock is possible at read committed
