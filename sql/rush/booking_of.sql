-- Which seat a passenger has, for a worker that lost its connection before it heard.
select seat, 0 from rush.bookings where passenger = $1
