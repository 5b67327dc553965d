"""python itself.py: writes a row, and the same by another connection before that is committed."""

import os

import psycopg

url = os.environ["DATABASE_URL"]
first, second = psycopg.connect(url), psycopg.connect(url)
first.execute("insert into sales values ('alice')")
second.execute("insert into sales values ('alice')")
