-- Tables with everything that psql says of a relation.

create schema s;
create table halls (id int primary key, name text not null unique);
create table seats (seat_row text collate "C", seat_number int, hall int not null references halls, booked_by text default 'nobody', version bigint generated always as identity, twice int generated always as (seat_number * 2) stored,
  primary key (seat_row, seat_number), constraint booked check (booked_by <> ''), check (seat_number > 0), unique (hall, seat_number) deferrable initially deferred);
create index seats_free on seats (seat_row) where booked_by is null;
create table tickets (id serial primary key, seat_row text, seat_number int, foreign key (seat_row, seat_number) references seats on delete cascade, price numeric(10,2));
create function touch() returns trigger language plpgsql as 'begin return new; end';
create trigger touched before update on seats for each row execute function touch();
create trigger off after insert on seats execute function touch();
alter table seats disable trigger off;
create view free as select * from seats where booked_by is null;
create materialized view sold as select count(*) as n from seats;
create table log (at date not null, what text) partition by range (at);
create table log_2024 partition of log for values from ('2024-01-01') to ('2025-01-01');
create table log_rest partition of log default;
create index on log (what);
create trigger logged after insert on log for each row execute function touch();
create sequence s.numbers as smallint increment 5 cycle;
create unlogged table s.fast (a int, b int, primary key (a) include (b));
create table parent (a int); create table child () inherits (parent);
create rule quiet as on delete to parent do instead nothing;
alter table halls enable row level security; create policy all_see on halls for select using (id > 0);
create statistics st (dependencies) on seat_row, hall from seats;
create type pair as (a int, b text);
create table typed of pair;
create table "Mixed Case" ("Id" int primary key, "wéird" text);
comment on table seats is 'x';
create table excl (r int4range, exclude using gist (r with &&));
alter table tickets add constraint nv foreign key (id) references halls not valid;
