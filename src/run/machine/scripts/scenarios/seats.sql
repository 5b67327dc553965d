-- Three who want one seat
--
-- sessions: Alice, Bob, Mallory

-- setup
create table seats (seat text);

-- Bob: begins
begin;

-- Bob: takes it
update seats set seat = 'Bob';

-- Mallory: wants it
update seats set seat = 'Mallory';

-- Bob: lets go
commit;
