-- Who has the seat? If nobody: leaves the leader's token, unless a later leader has left one. $2: the token.
-- The second column is that token, or the last one with a minus where somebody was elected later.
with mine as (
  update rush.seats set fence = $2 where seat = $1 and fence <= $2 and booked_by is null returning seat, fence
)
select seats.booked_by, coalesce((select fence from mine), -seats.fence) from rush.seats where seat = $1
