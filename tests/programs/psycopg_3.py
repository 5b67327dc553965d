import os

import psycopg

from tasks import main


def connect():
    return psycopg.connect(os.environ["DATABASE_URL"])


class Psycopg:
    def __init__(self):
        self.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)

    def book(self, person, seat):
        with connect() as connection:
            look = "SELECT booked_by FROM seats WHERE seat_number = %s"
            (holder,) = connection.execute(look, [seat]).fetchone()
            if holder is not None:
                return False
            connection.execute("UPDATE seats SET booked_by = %s WHERE seat_number = %s", [person, seat])
            return True

    def count(self, below):
        counting = "SELECT count(*) FROM seats WHERE seat_number < %s AND booked_by IS NOT NULL"
        return self.connection.execute(counting, [below]).fetchone()[0]

    def store(self, text):
        self.connection.execute("INSERT INTO notes VALUES (1, %s)", [text])

    def load(self):
        return self.connection.execute("SELECT note FROM notes WHERE id = 1", binary=True).fetchone()[0]

    def copy_in(self, lines):
        with self.connection.cursor().copy("COPY lines FROM STDIN") as copy:
            for line in lines:
                copy.write_row(line)

    def copy_out(self):
        with self.connection.cursor().copy("COPY (SELECT line FROM lines ORDER BY id) TO STDOUT") as copy:
            return [line for (line,) in copy.rows()]

    def pipeline(self):
        with self.connection.pipeline(), self.connection.transaction():
            self.connection.execute("UPDATE seats SET booked_by = 'dora' WHERE seat_number = 11")
            counted = self.connection.execute("SELECT count(*) FROM seats WHERE booked_by = 'dora'")
            self.connection.execute("UPDATE seats SET booked_by = NULL WHERE seat_number = 11")
        return counted.fetchone()[0]

    def again(self):
        self.connection.execute("INSERT INTO seats VALUES (1)")

    def update(self):
        self.connection.execute("UPDATE waits SET note = 'changed' WHERE id = 1")

    def cancel(self):
        self.connection.cancel_safe()

    def wait(self):
        with connect() as connection:
            connection.execute("UPDATE seats SET booked_by = %s WHERE seat_number = 12", ["carol"])
            connection.execute("UPDATE waits SET note = 'changed' WHERE id = 1")

    def code(self, error):
        return error.sqlstate


main(Psycopg())
