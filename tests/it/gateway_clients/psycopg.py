import sys, threading
import psycopg

dsn = f"host=127.0.0.1 port={sys.argv[1]} user=anybody dbname={sys.argv[2]}"
one = psycopg.connect(dsn, autocommit=True)
one.execute("create table counter (id int primary key, n int not null)")
one.execute("insert into counter values (1, 0)")

# A statement prepared outside of a transaction reads its own writes inside of one, as text and as binary.
read = "select n from counter where id = %s"
one.execute(read, (1,), prepare=True)
with one.transaction():
    one.execute("update counter set n = n + 1 where id = %s", (1,), prepare=True)
    assert one.execute(read, (1,), prepare=True, binary=True).fetchone() == (1,)
assert one.execute(read, (1,), prepare=True).fetchone() == (1,)

with one.cursor() as cursor, cursor.copy("copy counter from stdin") as copy:
    for row in range(2, 12):
        copy.write_row((row, row))
with one.cursor() as cursor, cursor.copy("copy (select id from counter order by id) to stdout") as copy:
    assert b"".join(bytes(piece) for piece in copy).split() == [str(n).encode() for n in range(1, 12)]

with one.pipeline(), one.transaction():
    one.execute("update counter set n = 5 where id = 11")
    five = one.execute("select n from counter where id = 11")
assert five.fetchone() == (5,)

with one.transaction():
    cursor = one.cursor(name="declared")
    cursor.execute("select id from counter order by id")
    assert cursor.fetchmany(2) == [(1,), (2,)]
    cursor.close()

alice, bob = psycopg.connect(dsn), psycopg.connect(dsn)
for client in (alice, bob):
    client.execute("update counter set n = n + 1 where id = 1")
alice.commit()
try:
    bob.commit()
    raise SystemExit("both committed")
except psycopg.errors.SerializationFailure as error:
    assert "(OC000)" in str(error)

def increment():
    client = psycopg.connect(dsn)
    while True:
        try:
            n = client.execute(read, (1,)).fetchone()[0]
            client.execute("update counter set n = %s where id = 1", (n + 1,))
            return client.commit()
        except psycopg.errors.SerializationFailure:
            client.rollback()

before = one.execute(read, (1,)).fetchone()[0]
threads = [threading.Thread(target=increment) for _ in range(10)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert one.execute(read, (1,)).fetchone()[0] == before + 10

threading.Timer(0.2, one.cancel).start()
try:
    one.execute("select pg_sleep(30)")
    raise SystemExit("not cancelled")
except psycopg.errors.QueryCanceled:
    pass
try:
    one.execute("insert into counter values (1, 1)")
except psycopg.errors.UniqueViolation as error:
    assert error.diag.constraint_name == "counter_pkey"
print("done")
