-- One waits for another who goes on
--
-- sessions: Alice, Bob

-- Alice: counts
select slow();
--> running

-- Bob: wants what she has
update seats set seat = 'Bob';
--> waits for Alice
