-- A transaction without a session
--
-- sessions: Coord, Dba, App, Other
-- watch: account
-- engines: postgres

-- setup
create table account (id int primary key, balance int not null);
insert into account values (1, 100), (2, 50);

-- Coord: prepares
begin;
update account set balance = 200 where id = 1;
prepare transaction 'transfer-42';
--> PREPARE TRANSACTION

-- App: is refused at once with NOWAIT
select balance from account where id = 1 for update nowait;
--> ERROR 55P03 could not obtain lock on row in relation "account"

-- App: updates the row
update account set balance = balance + 1 where id = 1;
--> waits for prepared transaction transfer-42

-- Dba: wants to drop a column
alter table account add column note text;
--> waits for App

-- Other: ends it
commit prepared 'transfer-42';
--> COMMIT PREPARED
--> App resumes: UPDATE 1
--> Dba resumes: ALTER TABLE
