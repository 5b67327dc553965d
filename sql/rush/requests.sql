-- Which requests got a seat, by the request's own number: one that is delivered twice is known.
create table rush.requests (request integer primary key, seat integer not null)
