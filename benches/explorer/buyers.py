"""Three buyers of one ticket as frontrun has them: three processes, every order that it plays.

It writes a byte into a file for each execution."""

import sys

import frontrun
import psycopg


def buy(url, who):
    with psycopg.connect(url) as connection:
        connection.execute("select count(*) from sales").fetchone()
        connection.execute(
            "insert into sales select %s where not exists (select from sales)", (who,)
        )


def alice(url):
    buy(url, "Alice")


def bob(url):
    buy(url, "Bob")


def mallory(url):
    buy(url, "Mallory")


def setup():
    with open(sys.argv[2], "ab") as counted:
        counted.write(b".")
    with psycopg.connect(sys.argv[1]) as connection:
        connection.execute("truncate sales")
    return sys.argv[1]


def is_kept(url):
    with psycopg.connect(url) as connection:
        return connection.execute("select count(*) <= 1 from sales").fetchone()[0]


if __name__ == "__main__":
    found = frontrun.explore(
        setup=setup,
        workers=[alice, bob, mallory],
        invariant=is_kept,
        execution="process",
        stop_on_first=False,
    )
    assert "invariant violated" in found.explanation, found.explanation
