-- The partition is worked through up to here, and nothing of it was sold.
update rush.offsets set next = $2 where partition = $1 and next < $2
