-- What pgbench -i makes, with as many accounts as a test needs: pgbench draws its accounts among 100,000, so most updates meet none of them
-- unless all are there.
create table pgbench_branches (bid int not null primary key, bbalance int, filler char(88));
create table pgbench_tellers (tid int not null primary key, bid int, tbalance int, filler char(84));
create table pgbench_accounts (aid int not null primary key, bid int, abalance int, filler char(84));
create table pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
insert into pgbench_branches select 1, 0;
insert into pgbench_tellers select n, 1, 0 from generate_series(1, 10) n;
insert into pgbench_accounts select n, 1, 0, '' from generate_series(1, 100000) n;
