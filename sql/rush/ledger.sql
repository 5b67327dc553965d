-- Every sale that was made.
select passenger, seat from rush.bookings
