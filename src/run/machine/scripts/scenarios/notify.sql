-- Somebody is told of it
--
-- sessions: Alice, Bob

-- Alice: notifies
notify seats, 'A-4';
--> Bob: NOTIFY seats: A-4

-- Alice: looks
select 1;
