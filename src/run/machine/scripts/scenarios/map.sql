-- Seats with a map
--
-- sessions: Alice, Bob
-- seats: seats (seat_row, seat_number, booked_by)

-- setup
create table seats (seat_row char, seat_number int, booked_by text);

-- Bob: begins
begin;

-- Bob: lets go
commit;
