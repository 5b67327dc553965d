"""Adds 1 ten times, each in a transaction; `retry` tries again what was refused or lost."""

import sys

import psycopg

url, retries = sys.argv[1], sys.argv[2] == "retry"
connection = psycopg.connect(url)


def add():
    with connection.transaction():
        connection.execute("select n from counters where id = %s", (1,))
        connection.execute("update counters set n = n + 1 where id = %s", (1,))


added = attempts = 0
while added < 10:
    attempts += 1
    try:
        add()
        added += 1
    except psycopg.errors.SerializationFailure as error:
        if not retries:
            sys.exit(f"{error.sqlstate} {error}")
    except psycopg.OperationalError:
        # Nobody knows whether it has happened.
        if not retries:
            sys.exit("lost")
        connection = psycopg.connect(url)
print(f"added {added} in {attempts}")
