truncate bookings;
