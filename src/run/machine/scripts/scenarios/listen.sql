-- One listens, one notifies
--
-- sessions: Alice, Bob

-- Bob: listens
listen seats;

-- Alice: notifies
notify seats;
