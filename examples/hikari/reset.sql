update seats set booked_by = null; truncate tickets;
