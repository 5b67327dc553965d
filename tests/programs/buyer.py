"""python buyer.py NAME: buys the ticket if nobody has it, as three buyers may do at once."""

import os
import sys

import psycopg

name = sys.argv[1]
with psycopg.connect(os.environ["DATABASE_URL"], application_name=name) as connection:
    sold = connection.execute("select count(*) from sales").fetchone()[0]
    if sold == 0:
        connection.execute("insert into sales values (%s)", (name,))
        print("bought")
    else:
        print("too late")
