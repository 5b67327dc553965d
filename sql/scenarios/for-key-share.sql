-- A new title, but the same show
--
-- Alice books for tonight and makes sure that tonight's show stays there: FOR KEY SHARE, which is also what a foreign
-- key does behind the scenes. It guards the key and nothing else.
--
-- So Bob may correct the title on the poster while Alice is at it. Mallory, who wants the whole show gone, may not.
--
-- sessions: Alice, Bob, Mallory
-- watch: shows, bookings

-- setup
create table shows (
    evening text primary key,
    play    text not null
);

insert into shows (evening, play) values ('tonight', 'Hamlt');

create table bookings (
    evening   text,
    seat      text,
    booked_by text not null,
    primary key (evening, seat)
);

-- Alice: begins
begin;
--> BEGIN

-- Alice: makes sure that there is a show tonight
select evening from shows
where evening = 'tonight'
for key share;
--> tonight

-- Bob: corrects the poster
update shows set play = 'Hamlet'
where evening = 'tonight';
--> UPDATE 1

-- Mallory: begins
begin;
--> BEGIN

-- Mallory: strikes the show off the calendar
delete from shows
where evening = 'tonight';
--> postgres: waits for Alice
--> optimistic: DELETE 1

-- Alice: books A-1
insert into bookings (evening, seat, booked_by) values ('tonight', 'A-1', 'Alice');
--> INSERT 0 1

-- Alice: commits
commit;
--> COMMIT
--> postgres: Mallory resumes: DELETE 1

-- Mallory: sees that somebody has booked
select seat, booked_by from bookings
where evening = 'tonight';
--> postgres: A-1 | Alice
--> optimistic: (0 rows)

-- Mallory: commits, unless there are bookings
rollback;
--> ROLLBACK
