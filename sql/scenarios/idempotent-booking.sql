-- The same booking twice
--
-- Alice presses the button and no answer comes; was it booked or not? She cannot know, so her phone sends it again.
-- Every request carries a number that the phone made up once, and a unique key allows each number only once. ON
-- CONFLICT DO NOTHING makes the second one harmless.
--
-- Here the phone is faster than the first answer. What can the database say about a number of which nobody knows
-- yet whether it is taken?
--
-- afterwards:
-- The phone's request has to wait, because whether the number is taken is not decided yet. On the optimistic engine
-- nobody waits, the second COMMIT is refused, and the third attempt does nothing, as intended.
--
-- sessions: Alice, Phone
-- watch: bookings
-- isolation: read committed

-- setup
create table bookings (
    request   text primary key,
    seat      text not null,
    booked_by text not null
);

-- Alice: begins
begin;
--> BEGIN

-- Alice: books A-4
insert into bookings (request, seat, booked_by) values ('7f3a', 'A-4', 'Alice')
on conflict (request) do nothing;
--> INSERT 0 1

-- Phone: begins
begin;
--> BEGIN

-- Phone: sends it again
insert into bookings (request, seat, booked_by) values ('7f3a', 'A-4', 'Alice')
on conflict (request) do nothing;
--> postgres: waits for Alice
--> optimistic: INSERT 0 1

-- Alice: commits
commit;
--> COMMIT
--> postgres: Phone resumes: INSERT 0 0

-- Phone: commits
commit;
--> postgres: COMMIT
--> optimistic: ERROR 40001 (OC000)

-- Phone: sends it once more, to be quite sure
insert into bookings (request, seat, booked_by) values ('7f3a', 'A-4', 'Alice')
on conflict (request) do nothing;
--> INSERT 0 0

-- finally
select seat, booked_by from bookings;
--> A-4 | Alice
--> (1 row)
--> explore: anomaly is not possible at read committed
