-- The show must not be cancelled
--
-- Alice and Bob book seats for tonight. While they do, tonight's show must not go away, but neither of them changes
-- it, so they have no reason to exclude each other. FOR SHARE is a row lock that is compatible with other FOR SHARE
-- locks, but not with any change.
--
-- Mallory, the manager, wants to cancel the show. Bob comes after her. Who goes first?
--
-- afterwards:
-- Mallory must wait until the last of them is done. Bob came after her and went first all the same: as long as
-- customers keep coming, the manager may never get her turn.
--
-- sessions: Alice, Bob, Mallory
-- watch: shows, bookings
-- isolation: read committed
-- engines: postgres

-- setup
create table shows (
    evening text primary key,
    play    text not null,
    state   text not null
);

insert into shows (evening, play, state) values ('tonight', 'Hamlet', 'on');

create table bookings (
    evening   text references shows,
    seat      text,
    booked_by text not null,
    primary key (evening, seat)
);

-- Alice: begins
begin;
--> BEGIN

-- Alice: makes sure that tonight's show is on, and stays so
select state from shows
where evening = 'tonight'
for share;
--> on

-- Mallory: cancels the show
update shows set state = 'cancelled'
where evening = 'tonight';
--> waits for Alice

-- Bob: begins
begin;
--> BEGIN

-- Bob: makes sure as well
select state from shows
where evening = 'tonight'
for share;
--> on

-- Alice: books A-1
insert into bookings (evening, seat, booked_by) values ('tonight', 'A-1', 'Alice');
--> INSERT 0 1

-- Alice: commits
commit;
--> COMMIT

-- Bob: books A-2
insert into bookings (evening, seat, booked_by) values ('tonight', 'A-2', 'Bob');
--> INSERT 0 1

-- Bob: commits
commit;
--> COMMIT
--> Mallory resumes: UPDATE 1

-- finally
select state, count(*) from shows join bookings using (evening)
group by state;
--> cancelled | 2
--> explore: anomaly is not possible at read committed
