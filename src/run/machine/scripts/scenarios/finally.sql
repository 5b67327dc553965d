-- Looked at in the end
--
-- sessions: Alice

-- Alice: takes it
update seats set seat = 'Alice';

-- finally
select seat from seats;
