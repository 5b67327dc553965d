-- A price that changes while you look
--
-- Alice asks what a seat in the stalls costs, thinks about it, and asks again before she pays. In between, Bob, the
-- manager, has put the price up and committed.
--
-- Will she get the same answer twice?
--
-- afterwards:
-- At READ COMMITTED every statement sees what is committed when it begins. So the same question in the same
-- transaction has two answers, and a program that uses both computes nonsense.
--
-- At REPEATABLE READ the first statement takes a snapshot, and everything that Alice reads comes from it. Bob is
-- not held up, and she is not disturbed. She learns the new price in her next transaction.
--
-- SERIALIZABLE reads from one snapshot, as REPEATABLE READ does. Alice came before Bob, that is an order that
-- explains it all, and so nobody is refused.
--
-- sessions: Alice, Bob
-- watch: prices
-- isolation: read committed, repeatable read, serializable

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
--> at read committed: 45
--> at repeatable read, serializable: 40

-- Alice: commits
commit;
--> COMMIT

-- Alice: asks once more, in a new transaction
select price from prices
where compartment = 'stalls';
--> 45
--> explore: non-repeatable read is possible at read committed, not at repeatable read and serializable
--> explore: anomaly is not possible at repeatable read and serializable
