const postgres = require('postgres')
const { Readable } = require('node:stream')
const { pipeline } = require('node:stream/promises')
const main = require('./tasks')

const pool = postgres(process.env.DATABASE_URL, { max: 2 })
const sql = postgres(process.env.DATABASE_URL, { max: 1 })

main({
  book: (person, seat) =>
    pool.begin(async (sql) => {
      const [{ booked_by: holder }] = await sql`SELECT booked_by FROM seats WHERE seat_number = ${seat}`
      if (holder !== null) return false
      await sql`UPDATE seats SET booked_by = ${person} WHERE seat_number = ${seat}`
      return true
    }),
  count: async (below) => {
    const [row] = await sql`
      SELECT count(*)::int AS count FROM seats WHERE seat_number < ${below} AND booked_by IS NOT NULL`
    return row.count
  },
  store: (text) => sql`INSERT INTO notes VALUES (1, ${text})`,
  load: async () => (await sql`SELECT note FROM notes WHERE id = 1`)[0].note,
  copyIn: async (lines) => pipeline(Readable.from(lines), await sql`COPY lines FROM STDIN`.writable()),
  copyOut: async () => {
    const told = await (await sql`COPY (SELECT line FROM lines ORDER BY id) TO STDOUT`.readable()).toArray()
    return Buffer.concat(told).toString().trimEnd().split('\n')
  },
  again: () => sql`INSERT INTO seats VALUES (1)`,
  update: () => {
    const query = sql`UPDATE waits SET note = 'changed' WHERE id = 1`
    query.execute()
    return { query, cancel: async () => query.cancel() }
  },
  wait: () =>
    pool.begin(async (sql) => {
      await sql`UPDATE seats SET booked_by = ${'carol'} WHERE seat_number = 12`
      await sql`UPDATE waits SET note = 'changed' WHERE id = 1`
    }),
  end: () => Promise.all([sql.end(), pool.end()])
})
