-- Who conducts tonight
--
-- The orchestra has two conductors and one desk. Whoever has written their name into the row leads for one minute;
-- the leader renews it before the minute is over, and the other keeps trying. No machinery is needed but one UPDATE
-- with a condition.
--
-- Alice and Bob try at the same moment. Later Alice is stuck in a lift, and Bob takes over. How will she learn that
-- she no longer leads?
--
-- afterwards:
-- Her next renewal tells her: UPDATE 0.
--
-- sessions: Alice, Bob, Time
-- watch: desk
-- isolation: read committed

-- setup
create table desk (
    orchestra   text primary key,
    leader      text,
    leads_until timestamptz not null
);

insert into desk (orchestra, leader, leads_until) values ('pit', null, now());

-- Alice: begins
begin;
--> BEGIN

-- Alice: steps up
update desk set leader = 'Alice', leads_until = now() + interval '1 minute'
where orchestra = 'pit' and (leader is null or leads_until < now());
--> UPDATE 1

-- Bob: begins
begin;
--> BEGIN

-- Bob: steps up
update desk set leader = 'Bob', leads_until = now() + interval '1 minute'
where orchestra = 'pit' and (leader is null or leads_until < now());
--> postgres: waits for Alice
--> optimistic: UPDATE 1

-- Alice: commits
commit;
--> COMMIT
--> postgres: Bob resumes: UPDATE 0

-- Bob: commits
commit;
--> postgres: COMMIT
--> optimistic: ERROR 40001 (OC000)

-- Alice: renews
update desk set leads_until = now() + interval '1 minute'
where orchestra = 'pit' and leader = 'Alice' and leads_until >= now();
--> UPDATE 1

-- Bob: tries again
update desk set leader = 'Bob', leads_until = now() + interval '1 minute'
where orchestra = 'pit' and (leader is null or leads_until < now());
--> UPDATE 0

-- Time: passes, two minutes of it, with Alice in the lift
update desk set leads_until = leads_until - interval '2 minutes';
--> UPDATE 1

-- Bob: tries again
update desk set leader = 'Bob', leads_until = now() + interval '1 minute'
where orchestra = 'pit' and (leader is null or leads_until < now());
--> UPDATE 1

-- Alice: renews
update desk set leads_until = now() + interval '1 minute'
where orchestra = 'pit' and leader = 'Alice' and leads_until >= now();
--> UPDATE 0

-- finally
select leader from desk;
--> Bob
--> explore: anomaly is not possible at read committed
