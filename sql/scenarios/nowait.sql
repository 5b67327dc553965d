-- Now or never
--
-- Bob has locked the last seat. Mallory hates queues. With NOWAIT she asks for the seat in a way that is answered
-- at once. What can the answer be, and what is left of her transaction?
--
-- afterwards:
-- Either the seat is hers to book, or somebody else has locked it and she gets an error instead of a place in the
-- queue. The error ends her transaction. That is the price of the quick answer: she has to begin again.
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

-- Mallory: begins
begin;
--> BEGIN

-- Mallory: wants A-2, now or never
select * from seats
where (seat_row, seat_number) = ('A', 2)
for update nowait;
--> ERROR 55P03 could not obtain lock on row in relation "seats"

-- Mallory: looks for another seat
select * from seats
where booked_by is null;
--> ERROR 25P02 current transaction is aborted

-- Mallory: begins again
rollback;
--> ROLLBACK

-- Bob: changes his mind
rollback;
--> ROLLBACK

-- Mallory: wants A-2, now or never
select * from seats
where (seat_row, seat_number) = ('A', 2)
for update nowait;
--> A | 2 |
--> explore: anomaly is not possible at read committed
--> explore: 55P03 is possible at read committed
