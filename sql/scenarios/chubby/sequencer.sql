-- A sequencer, checked by the database
--
-- Whoever is given a lock is given a number with it that only grows: Chubby calls it a sequencer, others a fencing
-- token, and in etcd it is the revision at which the lock's key was made. Clerks send it with each write, and the
-- seat refuses a number that is lower than one that it has seen.
--
-- Alice is held up past the end of her lease once more. How often is A-4 sold?
--
-- afterwards:
-- Once. Alice's write came with the lower number, and found no row. The lock only saves work now, because few clerks
-- come to the seat at once; what keeps them apart is the database.
--
-- sessions: Alice, AliceLock, Bob, BobLock, Time
-- session AliceLock: etcd
-- session BobLock: etcd
-- session Time: etcd
-- seats: seats (seat_row, seat_number, booked_by)
-- watch: seats
-- source: Burrows, "The Chubby lock service for loosely-coupled distributed systems" (OSDI 2006), 2.4

-- setup
create table seats (
    seat_row    text not null,
    seat_number int not null,
    booked_by   text,
    sequencer   bigint not null default 0,
    primary key (seat_row, seat_number)
);

insert into seats (seat_row, seat_number) values ('A', 3), ('A', 4), ('A', 5);

-- AliceLock: is granted a lease of ten minutes
lease grant 600;
--> (lease)

-- AliceLock: locks seat A-4 with it
lock seats/A-4 lease :lease;
--> (alice)

-- BobLock: wants the same lock
lock seats/A-4;
--> waits for AliceLock

-- Alice: sees that A-4 is free, and is held up
select count(*) as free from seats
where (seat_row, seat_number) = ('A', 4) and booked_by is null;
--> 1

-- Time: passes, and as nobody has kept the lease alive, etcd ends it
lease revoke :lease;
--> REVOKE
--> BobLock resumes: (bob)

-- Bob: has the lock, and sells A-4
update seats set booked_by = 'Bob''s customer', sequencer = :bob
where (seat_row, seat_number) = ('A', 4) and sequencer < :bob;
--> UPDATE 1

-- Alice: goes on, with the number that she was given
update seats set booked_by = 'Alice''s customer', sequencer = :alice
where (seat_row, seat_number) = ('A', 4) and sequencer < :alice;
--> UPDATE 0

-- finally
select seat_row, seat_number, booked_by from seats where booked_by is not null;
--> A | 4 | Bob's customer
