-- Takes every seat out of the house.
delete from rush.seats
