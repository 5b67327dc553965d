create table seats (seat text primary key, booked_by text);
insert into seats select 'A-' || number from generate_series(1, 6) number;
create table tickets (id int primary key generated always as identity, seat text not null, customer text not null);
