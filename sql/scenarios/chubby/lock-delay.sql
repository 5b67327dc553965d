-- A lock-delay
--
-- When a lock becomes free because its holder has died or cannot be reached, Chubby gives it to nobody for a while,
-- the lock-delay. A write that the old holder had sent before has time to arrive. etcd has no such thing; here Bob
-- waits by himself: he has been given the lock, and looks one second later.
--
-- Alice is held up as before, but not as long. Does it help?
--
-- afterwards:
-- This time it does: her write came while he was waiting, and he saw it. But nothing keeps her from being held up a
-- second longer than the lock-delay. Burrows calls it imperfect, and a help for systems that cannot check a
-- sequencer; see chubby/sequencer for what does hold.
--
-- sessions: Alice, AliceLock, Bob, BobLock, Time
-- session AliceLock: etcd
-- session BobLock: etcd
-- session Time: etcd
-- seats: seats (seat_row, seat_number, booked_by)
-- source: Burrows, "The Chubby lock service for loosely-coupled distributed systems" (OSDI 2006), 2.4

-- setup
create table seats (
    seat_row    text not null,
    seat_number int not null,
    booked_by   text,
    primary key (seat_row, seat_number)
);

insert into seats (seat_row, seat_number) values ('A', 3), ('A', 4), ('A', 5);

-- AliceLock: is granted a lease of ten minutes
lease grant 600;
--> (lease)

-- AliceLock: locks seat A-4 with it
lock seats/A-4 lease :lease;
--> (1 row)

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
--> BobLock resumes: (1 row)

-- Alice: goes on, during Bob's lock-delay
update seats set booked_by = 'Alice''s customer' where (seat_row, seat_number) = ('A', 4);
--> UPDATE 1

-- pause 1 s

-- Bob: has waited out the lock-delay, and looks
select booked_by from seats where (seat_row, seat_number) = ('A', 4);
--> Alice's customer

-- BobLock: gives the lock back
unlock seats/A-4;
--> UNLOCK

-- finally
select seat_row, seat_number, booked_by from seats where booked_by is not null;
--> A | 4 | Alice's customer
