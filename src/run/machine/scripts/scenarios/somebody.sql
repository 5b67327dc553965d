-- Somebody outside has it
--
-- sessions: Bob

-- Bob: wants it
update seats set seat = 'Bob';
--> waits for somebody
