-- The line at the box office
--
-- Alice has locked the last seat, and Bob, Carol and Dave want it too, in this order. They wait in the order in
-- which they came: only Bob, the first, waits for Alice herself; the others wait behind him.
--
-- Alice gives up, Bob finds the seat too far to the side, and Carol books it. What does Dave get, who has waited
-- longest by then?
--
-- afterwards:
-- Dave gets no row: the seat that he waited for is no longer free, and his condition is checked again before he
-- gets it.
--
-- sessions: Alice, Bob, Carol, Dave
-- seats: seats (seat_row, seat_number, booked_by)
-- isolation: read committed
-- engines: postgres

-- setup
create table seats (
    seat_row    char,
    seat_number int,
    booked_by   text,
    primary key (seat_row, seat_number)
);

insert into seats (seat_row, seat_number, booked_by) values
    ('A', 1, 'Oscar'),
    ('A', 2, null);

-- Alice: begins
begin;
--> BEGIN

-- Alice: locks A-2
select * from seats
where booked_by is null
for update;
--> A | 2 |

-- Bob: is the first in line
begin;
select * from seats
where booked_by is null
for update;
--> waits for Alice

-- Carol: is the second
begin;
select * from seats
where booked_by is null
for update;
--> waits for Bob

-- Dave: is the third
begin;
select * from seats
where booked_by is null
for update;
--> waits for Carol

-- Alice: gives up
rollback;
--> ROLLBACK
--> Bob resumes: A | 2 |

-- Bob: finds it too far to the side
rollback;
--> ROLLBACK
--> Carol resumes: A | 2 |

-- Carol: books it
update seats set booked_by = 'Carol'
where (seat_row, seat_number) = ('A', 2);
--> UPDATE 1

-- Carol: commits
commit;
--> COMMIT
--> Dave resumes: (0 rows)

-- Dave: goes home
rollback;
--> ROLLBACK

-- finally
select * from seats
where (seat_row, seat_number) = ('A', 2);
--> A | 2 | Carol
--> explore: anomaly is not possible at read committed
