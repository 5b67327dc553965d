-- Up to where each partition of a topic is worked through.
create table rush.offsets (partition integer primary key, next integer not null)
