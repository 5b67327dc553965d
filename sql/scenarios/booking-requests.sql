-- Bookings by letter, one clerk per compartment
--
-- On the first day of sale everybody writes a letter, and the letters are served in order. Two clerks do the work.
-- A clerk locks a whole compartment, skipping those that a colleague has locked, and serves its letters one by one.
--
-- Who waits for whom? And what becomes of a compartment whose clerk falls ill in the middle of a letter?
--
-- afterwards:
-- Customers do not wait for each other, and clerks never reach for the same seat: there is one clerk per
-- compartment, so the order of the letters is kept where it matters. When a clerk falls ill, the lock goes with the
-- connection and the next clerk takes over.
--
-- sessions: Alice, Bob, Clerk, Colleague
-- seats: seats (seat_row, seat_number, booked_by, compartment)
-- watch: letters
-- engines: postgres

-- setup
create table compartments (
    name text primary key
);

insert into compartments (name) values ('balcony'), ('stalls');

create table seats (
    compartment text,
    seat_row    char,
    seat_number int,
    booked_by   text,
    primary key (compartment, seat_row, seat_number)
);

insert into seats (compartment, seat_row, seat_number) values
    ('balcony', 'A', 1),
    ('stalls', 'A', 1);

create table letters (
    number      int generated always as identity primary key,
    compartment text not null,
    sender      text not null
);

-- Bob: writes for a seat in the balcony
insert into letters (compartment, sender) values ('balcony', 'Bob');
--> INSERT 0 1

-- Alice: writes for a seat in the balcony, and for one in the stalls
insert into letters (compartment, sender) values ('balcony', 'Alice'), ('stalls', 'Alice');
--> INSERT 0 2

-- Clerk: begins
begin;
--> BEGIN

-- Clerk: locks the first compartment that has letters and no clerk
select name from compartments
where name in (select compartment from letters)
order by name
limit 1
for update skip locked;
--> balcony

-- Colleague: begins
begin;
--> BEGIN

-- Colleague: locks the first compartment that has letters and no clerk
select name from compartments
where name in (select compartment from letters)
order by name
limit 1
for update skip locked;
--> stalls

-- Clerk: opens the first letter
delete from letters
where number = (select min(number) from letters where compartment = 'balcony')
returning sender;
--> Bob

-- Clerk: gives Bob the best free seat of the balcony
update seats set booked_by = 'Bob'
where (compartment, seat_row, seat_number) = (
    select compartment, seat_row, seat_number from seats
    where compartment = 'balcony' and booked_by is null
    order by seat_row, seat_number
    limit 1
)
returning seat_row, seat_number;
--> A | 1
--> UPDATE 1

-- Colleague: opens the first letter
delete from letters
where number = (select min(number) from letters where compartment = 'stalls')
returning sender;
--> Alice

-- Colleague: gives Alice the best free seat of the stalls
update seats set booked_by = 'Alice'
where (compartment, seat_row, seat_number) = (
    select compartment, seat_row, seat_number from seats
    where compartment = 'stalls' and booked_by is null
    order by seat_row, seat_number
    limit 1
)
returning seat_row, seat_number;
--> A | 1
--> UPDATE 1

-- Colleague: commits
commit;
--> COMMIT

-- Clerk: opens the next letter
delete from letters
where number = (select min(number) from letters where compartment = 'balcony')
returning sender;
--> Alice

-- Clerk: finds that the balcony is sold out
select count(*) from seats
where compartment = 'balcony' and booked_by is null;
--> 0

-- Clerk: commits
commit;
--> COMMIT

-- finally
select compartment, seat_row, seat_number, booked_by from seats
order by compartment;
--> balcony | A | 1 | Bob
--> stalls | A | 1 | Alice
--> explore: anomaly is possible at read committed
