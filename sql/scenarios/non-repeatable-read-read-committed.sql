-- A price that changes while you look, at READ COMMITTED
--
-- Alice asks what a seat in the stalls costs, thinks about it, and asks again before she pays. In between, Bob, the
-- manager, has put the price up and committed.
--
-- At READ COMMITTED every statement sees what is committed when it begins. So the same question in the same
-- transaction has two answers, and a programme that computes with both computes nonsense.
--
-- sessions: Alice, Bob
-- watch: prices
-- isolation: read committed
-- engines: postgres

-- setup
create table prices (
    compartment text primary key,
    price       int not null
);

insert into prices (compartment, price) values ('stalls', 40), ('balcony', 20);

-- Alice: begins
begin;
--> BEGIN

-- Alice: asks for the price
select price from prices
where compartment = 'stalls';
--> 40

-- Bob: puts the price up
update prices set price = 45
where compartment = 'stalls';
--> UPDATE 1

-- Alice: asks again
select price from prices
where compartment = 'stalls';
--> 45

-- Alice: commits
commit;
--> COMMIT

-- Alice: asks once more, in a new transaction
select price from prices
where compartment = 'stalls';
--> 45
