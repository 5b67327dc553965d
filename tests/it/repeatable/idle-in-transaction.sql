-- Killed while idle
--
-- sessions: Idle, Waiter
-- watch: orders
-- engines: postgres

-- setup
create table orders (id int primary key, status text not null);
insert into orders values (1, 'pending');

-- Idle: says how long it may be idle
set idle_in_transaction_session_timeout = '3s';
--> SET

-- Idle: updates
begin;
update orders set status = 'paid' where id = 1;

-- Waiter: wants the row
update orders set status = status || ' and seen' where id = 1;
--> waits for Idle

-- Waiter: goes on by and by
select status from orders where id = 1;
--> pending and seen
