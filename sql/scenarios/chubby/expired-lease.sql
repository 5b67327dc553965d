-- A lock whose holder was held up
--
-- A lock service keeps two clerks apart: whoever sells seat A-4 holds the lock of that name in etcd. A lock lives on a
-- lease, so that a clerk who has died does not keep it for ever. Alice takes the lock, sees that A-4 is free,
-- and is then held up for longer than her lease lives: by garbage collection, a slow disk, a laptop that was closed.
-- The lock goes to Bob, and he sells the seat. When Alice goes on, no time has passed for her.
--
-- How often is A-4 sold?
--
-- afterwards:
-- Twice. Alice did hold the lock when she looked, and nothing told her that she holds it no longer: between her look
-- and her write there can be any amount of time. A lock service alone cannot keep a clerk out who believes that she
-- is in. Two ways out are next: a lock-delay, which helps a little, and a sequencer, which helps.
--
-- sessions: Alice, AliceLock, Bob, BobLock, Time
-- session AliceLock: etcd
-- session BobLock: etcd
-- session Time: etcd
-- seats: seats (seat_row, seat_number, booked_by)
-- watch: sales
-- source: Burrows, "The Chubby lock service for loosely-coupled distributed systems" (OSDI 2006), 2.4

-- setup
create table seats (
    seat_row    text not null,
    seat_number int not null,
    booked_by   text,
    primary key (seat_row, seat_number)
);

insert into seats (seat_row, seat_number) values ('A', 3), ('A', 4), ('A', 5);

create table sales (
    number int generated always as identity primary key,
    seat   text not null,
    buyer  text not null
);

-- AliceLock: is granted a lease of ten minutes
lease grant 600;
--> (lease)

-- AliceLock: locks seat A-4 with it
lock seats/A-4 lease :lease;
--> (1 row)

-- BobLock: wants the same lock
lock seats/A-4;
--> waits for AliceLock

-- Alice: sees that A-4 is free
select count(*) as free from seats
where (seat_row, seat_number) = ('A', 4) and booked_by is null;
--> 1

-- Time: passes, and as nobody has kept the lease alive, etcd ends it
lease revoke :lease;
--> REVOKE
--> BobLock resumes: (1 row)

-- Bob: has the lock, and sees that A-4 is free
select count(*) as free from seats
where (seat_row, seat_number) = ('A', 4) and booked_by is null;
--> 1

-- Bob: sells it
update seats set booked_by = 'Bob''s customer' where (seat_row, seat_number) = ('A', 4);
insert into sales (seat, buyer) values ('A-4', 'Bob''s customer');
--> UPDATE 1
--> INSERT 0 1

-- Alice: goes on, and sells it as well
update seats set booked_by = 'Alice''s customer' where (seat_row, seat_number) = ('A', 4);
insert into sales (seat, buyer) values ('A-4', 'Alice''s customer');
--> UPDATE 1
--> INSERT 0 1

-- AliceLock: wants to keep her lease alive, and learns of it too late
lease keep-alive :lease;
--> ERROR 02000 has ended

-- finally
select seat, count(*) as sold from sales group by seat;
--> A-4 | 2
