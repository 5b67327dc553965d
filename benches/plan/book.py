"""Books seat 1 unless somebody has: a check, and then an insert."""

import os
import sys

import psycopg


def book(url, who):
    with psycopg.connect(url) as connection:
        check = "select count(*) = 0 from bookings where seat = 1"
        if connection.execute(check).fetchone()[0]:
            connection.execute("insert into bookings values (1, %s)", (who,))


if __name__ == "__main__":
    book(os.environ["DATABASE_URL"], sys.argv[1])
