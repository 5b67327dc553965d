-- Two bookings with one key
--
-- Here a seat is not a row that waits to be filled in; a booking is a new row, and its key says that a seat can be
-- booked only once. Alice and Bob insert the same seat. There is no row yet that Bob could wait for. Does he wait
-- all the same?
--
-- afterwards:
-- He waits for Alice's transaction to end, since only then is it known whether her row will be there. If she
-- commits, he has a duplicate. If she rolls back, he has the seat. An optimistic database lets both insert, and
-- refuses the second COMMIT.
--
-- sessions: Alice, Bob
-- watch: bookings

-- setup
create table bookings (
    seat      text primary key,
    booked_by text not null
);

insert into bookings (seat, booked_by) values ('A-1', 'Carol');

-- Alice: begins
begin;
--> BEGIN

-- Alice: books A-4
insert into bookings (seat, booked_by) values ('A-4', 'Alice');
--> INSERT 0 1

-- Bob: begins
begin;
--> BEGIN

-- Bob: sees that nobody has booked A-4
select * from bookings
where seat = 'A-4';
--> (0 rows)

-- Bob: books A-4
insert into bookings (seat, booked_by) values ('A-4', 'Bob');
--> postgres: waits for Alice
--> optimistic: INSERT 0 1

-- Alice: commits
commit;
--> COMMIT
--> postgres: Bob resumes: ERROR 23505 duplicate key value violates unique constraint

-- Bob: commits
commit;
--> postgres: ROLLBACK
--> optimistic: ERROR 40001 (OC000)

-- Bob: does not believe it, and tries again
insert into bookings (seat, booked_by) values ('A-4', 'Bob');
--> ERROR 23505 duplicate key value violates unique constraint

-- finally
select * from bookings
order by seat;
--> A-1 | Carol
--> A-4 | Alice
--> postgres: explore: 23505 is possible
--> postgres: explore: anomaly is possible
