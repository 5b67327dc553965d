-- The server's clock, in whole seconds: the one clock that two runs on two machines share.
select extract(epoch from now())::bigint
