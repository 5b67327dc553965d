-- A second is enough
--
-- Bob has locked the last seat and is now looking for his glasses. Mallory will wait for him, but not for ever: she
-- has decided that no lock is worth more than a second. What happens when the second is over, and to whom?
--
-- afterwards:
-- The database ends her wait with an error, and she can go on with her evening; Bob notices nothing. A line at the
-- box office moves only as fast as the slowest customer. lock_timeout is how a customer leaves it.
--
-- sessions: Bob, Mallory
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
    ('A', 2, null);

-- Bob: begins
begin;
--> BEGIN

-- Bob: locks A-2
select * from seats
where (seat_row, seat_number) = ('A', 2)
for update;
--> A | 2 |

-- Mallory: is ready to wait for a second
set lock_timeout = '1s';
--> SET

-- Mallory: grabs A-2
update seats set booked_by = 'Mallory'
where (seat_row, seat_number) = ('A', 2) and booked_by is null;
--> waits for Bob

-- Bob: looks for his glasses
select pg_sleep(1.5);
--> (1 row)
--> Mallory resumes: ERROR 55P03 canceling statement due to lock timeout

-- Bob: books A-2 after all
update seats set booked_by = 'Bob'
where (seat_row, seat_number) = ('A', 2);
--> UPDATE 1

-- Bob: commits
commit;
--> COMMIT

-- finally
select * from seats
where (seat_row, seat_number) = ('A', 2);
--> A | 2 | Bob
--> explore: anomaly is not possible at read committed
--> explore: 55P03 is possible at read committed
