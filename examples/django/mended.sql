alter table bookings add constraint one_booking_a_seat unique (seat);
