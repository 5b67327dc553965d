-- Who holds the seat, and whether it is paid? Nobody, when the hold has expired.
select passenger, (expires = 'infinity')::integer from rush.holds where seat = $1 and expires > now()
