-- A new title, but the same show
--
-- Alice books for tonight and makes sure that tonight's show stays there: FOR KEY SHARE, which is also what a
-- foreign key does behind the scenes. It guards the key and nothing else.
--
-- In the meantime Bob corrects the title on the poster, and Mallory wants to delete the whole show. Which of the
-- two has to wait?
--
-- afterwards:
-- Bob may change the title in the meantime: the key stays the same. Mallory has to wait, and finds Alice's booking
-- when it is her turn. On the optimistic engine she does not wait and finds nothing, and so her COMMIT is refused.
-- Bob's change is in nobody's way on either engine.
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

-- Mallory: deletes the show
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

-- Mallory: deletes its bookings
delete from bookings
where evening = 'tonight';
--> postgres: DELETE 1
--> optimistic: DELETE 0

-- Mallory: commits
commit;
--> postgres: COMMIT
--> optimistic: ERROR 40001 (OC000)

-- finally
select evening, play, seat, booked_by
from shows full join bookings using (evening);
--> postgres: (0 rows)
--> optimistic: tonight | Hamlet | A-1 | Alice
--> postgres: explore: anomaly is possible at repeatable read, not at read committed, serializable
