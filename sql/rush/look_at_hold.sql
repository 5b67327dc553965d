-- Who holds the seat? Nobody, when the hold has expired.
select passenger, 0 from rush.holds where seat = $1 and expires > now()
