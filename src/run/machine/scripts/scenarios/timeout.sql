-- A lock timeout ends a wait
--
-- sessions: Bob, Mallory

-- Bob: begins
begin;

-- Mallory: wants it
update seats set seat = 'Mallory';
--> ERROR 55P03

-- Bob: lets go
commit;
