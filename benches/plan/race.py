"""The race of book.py as frontrun has it: two processes, explored until the check is broken.

It prints how many runs that took."""

import sys

import frontrun
import psycopg

from book import book


def alice(url):
    book(url, "alice")


def bob(url):
    book(url, "bob")


def setup():
    with psycopg.connect(sys.argv[1]) as connection:
        connection.execute("truncate bookings")
    return sys.argv[1]


def is_kept(url):
    with psycopg.connect(url) as connection:
        check = "select count(*) <= 1 from bookings where seat = 1"
        return connection.execute(check).fetchone()[0]


if __name__ == "__main__":
    found = frontrun.explore(
        setup=setup, workers=[alice, bob], invariant=is_kept, execution="process"
    )
    assert not found.property_holds
    assert "invariant violated" in found.explanation, found.explanation
    print(found.num_explored)
