-- Every partition from its beginning. $1: how many there are.
insert into rush.offsets (partition, next) select partition, 0 from generate_series(0, $1::integer - 1) as partition
