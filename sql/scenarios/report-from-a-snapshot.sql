-- The report that stands still
--
-- Alice counts the takings while the box office goes on selling. Her transaction reads from one snapshot and writes
-- nothing. Will her numbers agree with each other? And will she be in anybody's way, or anybody in hers?
--
-- afterwards:
-- She is in nobody's way, nobody is in hers, and she is never refused, on any engine. Her numbers agree with each
-- other to the last penny. They are also out of date by the time she reads them out. Is that wrong?
--
-- sessions: Alice, Bob
-- watch: sales
-- isolation: repeatable read

-- setup
create table sales (
    seat  text primary key,
    price int not null
);

insert into sales (seat, price) values ('A-1', 40), ('A-2', 40);

-- Alice: begins
begin read only;
--> BEGIN

-- Alice: adds up the takings
select sum(price) from sales;
--> 80

-- Bob: sells A-3
insert into sales (seat, price) values ('A-3', 45);
--> INSERT 0 1

-- Bob: takes A-1 back
delete from sales
where seat = 'A-1';
--> DELETE 1

-- Alice: lists the seats that were sold
select seat, price from sales
order by seat;
--> A-1 | 40
--> A-2 | 40
--> (2 rows)

-- Alice: adds up once more
select sum(price) from sales;
--> 80

-- Alice: commits
commit;
--> COMMIT

-- finally
select sum(price) from sales;
--> 85
--> explore: anomaly is possible at read committed, not at repeatable read, serializable
