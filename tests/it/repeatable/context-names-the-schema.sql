-- A foreign key's deadlock
--
-- The server speaks of the run's schema, of processes, of transactions: each of them is called differently every time.
--
-- sessions: A, B
-- engines: postgres
-- setup
create table p (id int primary key);
create table c (id int primary key, p int references p);
insert into p values (1), (2);

-- A: is patient
set deadlock_timeout = '1min';

-- A: one
begin; select * from p where id = 1 for update;

-- B: two
begin; select * from p where id = 2 for update;

-- A: refers to two
insert into c values (1, 2);
--> waits for B

-- B: refers to one
insert into c values (2, 1);
--> ERROR 40P01
--> A resumes: INSERT 0 1
