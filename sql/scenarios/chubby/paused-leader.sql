-- Two leaders, one of whom does not know
--
-- One server alone may change the prices of the evening: the one that leads. Alice is elected; Bob and Mallory are
-- candidates and wait. Then Alice's server stands still for longer than her lease lives. Bob is elected, and changes
-- a price. Alice's server wakes up in the middle of its work.
--
-- afterwards:
-- For a moment there were two who believed that they led, and an election cannot prevent that. Each leader writes the
-- revision of its election with what it changes, its term, and the table refuses a lower one: the deposed leader's
-- write finds no row, and she knows.
--
-- sessions: Alice, AliceVotes, Bob, BobVotes, MalloryVotes, Time
-- session AliceVotes: etcd
-- session BobVotes: etcd
-- session MalloryVotes: etcd
-- session Time: etcd
-- watch: prices
-- source: Burrows, "The Chubby lock service for loosely-coupled distributed systems" (OSDI 2006), 2.1 and 2.4

-- setup
create table prices (
    compartment text primary key,
    price       int not null,
    term        bigint not null default 0
);

insert into prices (compartment, price) values ('stalls', 40), ('balcony', 25);

-- AliceVotes: is granted a lease of ten minutes
lease grant 600;
--> (lease)

-- AliceVotes: is elected
elect prices Alice lease :lease;
--> (alice)

-- BobVotes: is a candidate
elect prices Bob;
--> waits for AliceVotes

-- MalloryVotes: is a candidate as well, behind Bob
elect prices Mallory;
--> waits for BobVotes

-- Alice: changes a price
update prices set price = 45, term = :alice where compartment = 'stalls' and term <= :alice;
--> UPDATE 1

-- Time: passes, and as nobody has kept the lease alive, etcd ends it
lease revoke :lease;
--> REVOKE
--> BobVotes resumes: (bob)

-- BobVotes: asks who leads
leader prices;
--> Bob | *

-- Bob: changes the same price
update prices set price = 50, term = :bob where compartment = 'stalls' and term <= :bob;
--> UPDATE 1

-- Alice: wakes up, and goes on with her work
update prices set price = 35, term = :alice where compartment = 'stalls' and term <= :alice;
--> UPDATE 0

-- AliceVotes: asks who leads
leader prices;
--> Bob | *

-- BobVotes: leads no more
resign prices;
--> RESIGN
--> MalloryVotes resumes: (1 row)

-- finally
select compartment, price from prices order by compartment;
--> balcony | 25
--> stalls  | 50
