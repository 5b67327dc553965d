import asyncio
import os
import threading

import asyncpg

from tasks import main


class Asyncpg:
    """Its loop runs on a thread of its own, since the tasks here are those of drivers that block."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.pool = self.run(self.open(2))
        self.alone = self.run(self.open(1))

    async def open(self, size):
        return await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=size)

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def book(self, person, seat):
        async def booking():
            async with self.pool.acquire() as connection, connection.transaction():
                holder = await connection.fetchval("SELECT booked_by FROM seats WHERE seat_number = $1", seat)
                if holder is not None:
                    return False
                await connection.execute("UPDATE seats SET booked_by = $1 WHERE seat_number = $2", person, seat)
                return True

        return self.run(booking())

    def count(self, below):
        counting = "SELECT count(*) FROM seats WHERE seat_number < $1 AND booked_by IS NOT NULL"
        return self.run(self.alone.fetchval(counting, below))

    def store(self, text):
        self.run(self.alone.execute("INSERT INTO notes VALUES (1, $1)", text))

    def load(self):
        return self.run(self.alone.fetchval("SELECT note FROM notes WHERE id = 1"))

    def copy_in(self, lines):
        self.run(self.alone.copy_records_to_table("lines", records=lines))

    def copy_out(self):
        told = bytearray()

        async def take(data):
            told.extend(data)

        self.run(self.alone.copy_from_query("SELECT line FROM lines ORDER BY id", output=take))
        return told.decode().splitlines()

    def again(self):
        self.run(self.alone.execute("INSERT INTO seats VALUES (1)"))

    def update(self):
        async def updating():
            # Known before anything is sent: whoever sees the statement arrive may cancel it at once.
            self.updating = asyncio.current_task()
            await self.alone.execute("UPDATE waits SET note = 'changed' WHERE id = 1")

        self.run(updating())

    def cancel(self):
        self.loop.call_soon_threadsafe(self.updating.cancel)

    def wait(self):
        async def waiting():
            async with self.pool.acquire() as connection, connection.transaction():
                await connection.execute("UPDATE seats SET booked_by = $1 WHERE seat_number = 12", "carol")
                await connection.execute("UPDATE waits SET note = 'changed' WHERE id = 1")

        self.run(waiting())

    def code(self, error):
        return getattr(error, "sqlstate", type(error).__name__)


main(Asyncpg())
