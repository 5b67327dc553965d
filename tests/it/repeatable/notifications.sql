-- Notifications
--
-- A notification reaches an idle session when it likes; it is told with the step that sent it.
--
-- sessions: A, B, C
-- engines: postgres
-- setup
create table t (id int primary key);
insert into t values (1);

-- A: listens
listen news;

-- B: listens
listen news;

-- C: notifies
notify news, 'one';
--> A: NOTIFY news: one
--> B: NOTIFY news: one

-- C: notifies twice
begin;
notify news, 'two';
notify news, 'three';
commit;

-- A: notifies in a transaction
begin;
notify news, 'four';

-- B: holds a row
begin;
select * from t for update;

-- C: notifies while B is in a transaction
notify news, 'five';

-- A: commits
commit;

-- C: waits for B
update t set id = id;
--> waits for B

-- A: notifies
notify news, 'six';

-- B: ends
commit;

-- C: notifies in the end
select pg_notify('news', 'seven');
