-- A lease, and the man who slept through its end
--
-- Only one person at a time may write the seating plan, and needs a lease for it, which lasts one minute and can be
-- renewed. Bob takes it, and falls asleep at his desk. The lease expires, and Alice takes it and writes. Then Bob
-- wakes up and, not knowing how late it is, goes on writing where he stopped.
--
-- Does the lease stop him?
--
-- afterwards:
-- A lease alone does not stop him: he did hold it when he looked. So each lease comes with a number that only
-- grows, and the plan itself refuses anybody with a smaller number than it has already seen. That number is the
-- fencing token.
--
-- sessions: Alice, Bob, Time
-- watch: leases, plan

-- setup
create table leases (
    name       text primary key,
    holder     text,
    token      int not null,
    held_until timestamptz not null
);

insert into leases (name, holder, token, held_until) values ('plan', null, 0, now());

create table plan (
    name  text primary key,
    text  text not null,
    token int not null
);

insert into plan (name, text, token) values ('tonight', '', 0);

-- Bob: takes the lease
update leases set holder = 'Bob', token = token + 1, held_until = now() + interval '1 minute'
where name = 'plan' and (holder is null or held_until < now())
returning token;
--> 1
--> UPDATE 1

-- Bob: checks that he still has it, and falls asleep
select holder, held_until > now() as is_held from leases
where name = 'plan';
--> Bob | t

-- Alice: wants the lease
update leases set holder = 'Alice', token = token + 1, held_until = now() + interval '1 minute'
where name = 'plan' and (holder is null or held_until < now())
returning token;
--> (0 rows)
--> UPDATE 0

-- Time: passes, two minutes of it
update leases set held_until = held_until - interval '2 minutes';
--> UPDATE 1

-- Alice: wants the lease
update leases set holder = 'Alice', token = token + 1, held_until = now() + interval '1 minute'
where name = 'plan' and (holder is null or held_until < now())
returning token;
--> 2
--> UPDATE 1

-- Alice: writes, and shows her token
update plan set text = 'The mayor sits in A-1', token = 2
where name = 'tonight' and token <= 2;
--> UPDATE 1

-- Bob: wakes up, writes, and shows his
update plan set text = 'A-1 is free', token = 1
where name = 'tonight' and token <= 1;
--> UPDATE 0

-- finally
select text, token from plan;
--> The mayor sits in A-1 | 2
--> explore: anomaly is not possible
