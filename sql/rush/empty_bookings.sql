-- Forgets every sale.
delete from rush.bookings
