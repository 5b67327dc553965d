#!/usr/bin/env bash
# The tasks of README.md as scripts of psql. One that psql runs is cancelled by a SIGINT, as Ctrl-C sends it.
set -euo pipefail

book() { # person seat
  cat <<SQL
begin;
select booked_by is null as is_free from seats where seat_number = $2 \gset
\if :is_free
update seats set booked_by = '$1' where seat_number = $2;
\echo $2: $1
\else
\echo $2 is taken
\endif
commit;
SQL
}

work() {
  for seat in {1..10}; do book alice "$seat"; done
  book mallory 3
  echo 'prepare counting as select count(*) from seats where seat_number < $1 and booked_by is not null;'
  for below in {1..11}; do echo "execute counting ($below);"; done
  echo "insert into notes values (1, '$(head -c 8388608 /dev/zero | tr '\0' x)');"
  echo "select length(note), md5(note) from notes;"
  echo '\copy lines from stdin'
  for id in {0..999}; do printf '%s\tline %s\n' "$id" "$id"; done
  echo '\.'
  echo '\copy (select line from lines order by id desc limit 1) to stdout'
  echo 'insert into seats values (1);' '\echo :SQLSTATE'
  echo 'select count(*) from seats where booked_by is not null;'
}

cancel() {
  echo "update waits set note = 'changed' where id = 1;" '\echo cancelled :SQLSTATE'
  echo 'select count(*) from seats where booked_by is not null;'
}

wait_for_it() {
  echo "begin; update seats set booked_by = 'carol' where seat_number = 12;"
  echo "update waits set note = 'changed' where id = 1;"
  echo 'commit;'
}

case $1 in
  work) exec psql -qXAt "$DATABASE_URL" -f <(work) ;;
  cancel) exec psql -qXAt "$DATABASE_URL" -f <(cancel) ;;
  wait) exec psql -qXAt "$DATABASE_URL" -f <(wait_for_it) ;;
esac
