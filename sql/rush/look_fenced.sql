-- Who has the seat? If nobody: leaves a token that is newer than the last one, so that whoever had an older one cannot sell any more.
-- $2: the token. The second column is that token, or the last one with a minus where ours is not newer.
with mine as (
  update rush.seats set fence = $2 where seat = $1 and fence < $2 and booked_by is null returning seat, fence
)
select seats.booked_by, coalesce((select fence from mine), -seats.fence) from rush.seats where seat = $1
