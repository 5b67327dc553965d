update flights set seats_left = 10, version = 1; truncate tickets;
