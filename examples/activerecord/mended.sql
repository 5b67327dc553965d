create unique index one_booking_a_seat on bookings (seat);
