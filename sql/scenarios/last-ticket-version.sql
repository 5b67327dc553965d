-- The last ticket, with a version column
--
-- Alice and Bob look at the seat on the web page, go and find their cards, and come back minutes later. No
-- transaction stays open that long, so no lock can protect them. Instead the seat carries a version, which every
-- change increments: book it if it is still the version that I saw.
--
-- Both have seen the same version. What is each of them told?
--
-- afterwards:
-- This is optimistic locking made by hand: the second one is told UPDATE 0. It works on every engine, across
-- requests and across people who dawdle, as long as every single writer plays by the rule.
--
-- sessions: Alice, Bob
-- seats: seats (seat_row, seat_number, booked_by)

-- setup
create table seats (
    seat_row    char,
    seat_number int,
    booked_by   text,
    version     int not null default 1,
    primary key (seat_row, seat_number)
);

insert into seats (seat_row, seat_number, booked_by) values
    ('A', 1, 'Carol'),
    ('A', 2, 'Oscar'),
    ('A', 3, 'Charlie'),
    ('A', 4, null);

-- Alice: looks at A-4
select booked_by, version from seats
where (seat_row, seat_number) = ('A', 4);
--> | 1

-- Bob: looks at A-4
select booked_by, version from seats
where (seat_row, seat_number) = ('A', 4);
--> | 1

-- Alice: has found her card, and books the version that she saw
update seats set booked_by = 'Alice', version = version + 1
where (seat_row, seat_number) = ('A', 4) and version = 1;
--> UPDATE 1

-- Bob: has found his, and books the version that he saw
update seats set booked_by = 'Bob', version = version + 1
where (seat_row, seat_number) = ('A', 4) and version = 1;
--> UPDATE 0

-- Bob: looks again, to see why
select booked_by, version from seats
where (seat_row, seat_number) = ('A', 4);
--> Alice | 2

-- finally
select * from seats
where (seat_row, seat_number) = ('A', 4);
--> A | 4 | Alice | 2
--> explore: anomaly is not possible at read committed
