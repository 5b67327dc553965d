-- A small file as name service
--
-- The seats of a compartment are in one of several databases, and which one that is stands in a small file in etcd.
-- Nobody wants to read it before every booking: the clerk remembers what it said, and watches it. When the stalls
-- move to another database, the one who moves them writes the file, and etcd tells everybody who watches.
--
-- What if the clerk books in the moment before she was told?
--
-- afterwards:
-- What is remembered may be old, however quickly one is told. So the old database must know by itself that it sells
-- this compartment no longer: Alice's booking found no row there, and she asked again. The file only tells where to
-- begin; that is why the service for DNS-like names became what Chubby was used for most.
--
-- sessions: Alice, AliceNames, Bob, BobNames
-- session AliceNames: etcd
-- session BobNames: etcd
-- watch: north, south
-- source: Burrows, "The Chubby lock service for loosely-coupled distributed systems" (OSDI 2006), 2.7 and 4.3

-- setup
create table north (
    compartment text not null,
    seat_number int not null,
    booked_by   text,
    primary key (compartment, seat_number)
);

create table south (
    compartment text not null,
    seat_number int not null,
    booked_by   text,
    primary key (compartment, seat_number)
);

insert into north (compartment, seat_number) values ('balcony', 1), ('stalls', 4);

-- BobNames: writes where the compartments are
put compartments/balcony north;
put compartments/stalls north;
--> PUT
--> PUT

-- AliceNames: looks them all up
get compartments/ prefix;
--> only key: compartments/balcony | value: north
--> only key: compartments/stalls | value: north

-- AliceNames: watches the file of the stalls, and remembers what it says
watch compartments/stalls;
--> WATCH

-- Bob: moves the stalls to the south
begin;
insert into south select * from north where compartment = 'stalls';
delete from north where compartment = 'stalls';
commit;
--> BEGIN
--> INSERT 0 1
--> DELETE 1
--> COMMIT

-- Alice: books in the north, where the stalls were when she looked
update north set booked_by = 'Alice' where (compartment, seat_number) = ('stalls', 4);
--> UPDATE 0

-- BobNames: writes where the stalls are now
put compartments/stalls south;
--> PUT
--> AliceNames: NOTIFY compartments/stalls: PUT south from BobNames

-- AliceNames: has forgotten what she remembered, and looks it up
get compartments/stalls;
--> only value: south

-- Alice: books in the south
update south set booked_by = 'Alice' where (compartment, seat_number) = ('stalls', 4) and booked_by is null;
--> UPDATE 1

-- finally
select compartment, seat_number, booked_by from south;
--> stalls | 4 | Alice
