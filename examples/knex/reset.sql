drop table if exists seats;
truncate knex_migrations, knex_migrations_lock;
