create table seats (seat_number int primary key, booked_by text);
insert into seats select number from generate_series(1, 12) number;
create table notes (id int primary key, note text);
create table lines (id int primary key, line text);
create table waits (id int primary key, note text);
insert into waits values (1);
