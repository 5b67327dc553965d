-- A table that may not be there
--
-- sessions: Alice
-- watch: seats, rows

-- Alice: looks
select 1;
