-- The partition begins anew.
update rush.offsets set next = 0 where partition = $1
