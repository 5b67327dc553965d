import asyncio, sys
import asyncpg

async def main():
    pool = await asyncpg.create_pool(
        host="127.0.0.1", port=int(sys.argv[1]), user=sys.argv[3], database=sys.argv[2],
        ssl=False, min_size=2, max_size=3)
    async with pool.acquire() as one:
        await one.execute("create table seats (id int primary key, holder text)")
    async def book(seat):
        async with pool.acquire() as one, one.transaction():
            await one.execute("insert into seats values ($1, $2)", seat, f"guest {seat}")
    await asyncio.gather(*(book(seat) for seat in range(10)))
    async with pool.acquire() as one:
        assert await one.fetchval("select count(*) from seats") == 10
        big = "x" * (8 * 1024 * 1024)
        await one.execute("update seats set holder = $1 where id = 2", big)
        assert await one.fetchval("select holder from seats where id = $1", 2) == big
        await one.copy_records_to_table("seats", records=[(n, None) for n in range(10, 20)])
        await one.executemany("insert into seats values ($1, $2)", [(n, "many") for n in range(20, 25)])
        async with one.transaction():
            ids = [row["id"] async for row in one.cursor("select id from seats order by id")]
        assert ids == list(range(25)), ids
        try:
            # Its own timeout: it sends a request to cancel.
            await one.execute("delete from seats /* never */", timeout=0.5)
            raise SystemExit("it ran")
        except asyncio.TimeoutError:
            pass
        print(await one.fetchval("select count(*) from seats"))
    await pool.close()

asyncio.run(main())
