-- As Knex makes them, and as a test suite leaves them that empties all tables: without the row that is the lock.
create table knex_migrations (id serial primary key, name varchar(255), batch int, migration_time timestamptz);
create table knex_migrations_lock (index serial primary key, is_locked int);
