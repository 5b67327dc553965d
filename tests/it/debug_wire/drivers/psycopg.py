import sys, threading
import psycopg

dsn = f"host=127.0.0.1 port={sys.argv[1]} user={sys.argv[3]} dbname={sys.argv[2]}"
one = psycopg.connect(dsn)
one.execute("create table seats (id int primary key, holder text)")
one.commit()

# Ten bookings: from the sixth on psycopg prepares by itself, and sends no text any more.
for seat in range(10):
    with one.transaction():
        one.execute("insert into seats values (%s, %s)", (seat, f"guest {seat}"))
assert one.execute("select count(*) from seats").fetchone() == (10,)
one.commit()

with one.pipeline(), one.transaction():
    one.execute("update seats set holder = %s where id = %s", ("piped", 1))
    piped = one.execute("select holder from seats where id = 1", prepare=True)
assert piped.fetchone() == ("piped",)

big = "x" * (8 * 1024 * 1024)
one.execute("update seats set holder = %s where id = 2", (big,))
assert one.execute("select holder from seats where id = 2", binary=True).fetchone() == (big,)
one.commit()

with one.cursor() as cursor, cursor.copy("copy seats (id) from stdin") as copy:
    for row in range(10, 20):
        copy.write_row((row,))
with one.cursor() as cursor, cursor.copy("copy (select id from seats order by id) to stdout") as copy:
    assert len(b"".join(bytes(piece) for piece in copy).split()) == 20
one.commit()

# An error within a pipeline, and a transaction that goes on behind a savepoint.
try:
    with one.pipeline():
        one.execute("insert into seats values (100, 'lost')")
        one.execute("select 1/0")
        one.execute("insert into seats values (101, 'lost')")
except psycopg.errors.DivisionByZero:
    one.rollback()
with one.transaction():
    try:
        with one.transaction():
            one.execute("insert into seats values (1, 'twice')")
    except psycopg.errors.UniqueViolation:
        pass
    one.execute("insert into seats values (200, 'kept')")
assert one.execute("select count(*) from seats where id >= 100").fetchone() == (1,)
one.commit()

# Held for ever, until it is cancelled.
over = threading.Event()
def cancel():
    while not over.wait(0.05):
        one.cancel_safe()
threading.Thread(target=cancel, daemon=True).start()
try:
    one.execute("delete from seats /* never */")
    raise SystemExit("it ran")
except psycopg.errors.QueryCanceled:
    over.set()
    one.rollback()
print(one.execute("select count(*) from seats").fetchone()[0])
