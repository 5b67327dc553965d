const { Client, Pool, Query } = require('pg')
const copy = require('pg-copy-streams')
const { once } = require('node:events')
const { Readable } = require('node:stream')
const { pipeline } = require('node:stream/promises')
const main = require('./tasks')

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 2 })

async function transaction(work) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } finally {
    client.release()
  }
}

const count = {
  name: 'count',
  text: 'SELECT count(*)::int AS count FROM seats WHERE seat_number < $1 AND booked_by IS NOT NULL'
}

async function start() {
  const client = new Client(process.env.DATABASE_URL)
  await client.connect()
  await main({
    book: (person, seat) =>
      transaction(async (client) => {
        const { rows } = await client.query('SELECT booked_by FROM seats WHERE seat_number = $1', [seat])
        if (rows[0].booked_by !== null) return false
        await client.query('UPDATE seats SET booked_by = $1 WHERE seat_number = $2', [person, seat])
        return true
      }),
    count: async (below) => (await client.query({ ...count, values: [below] })).rows[0].count,
    store: (text) => client.query('INSERT INTO notes VALUES (1, $1)', [text]),
    load: async () => (await client.query('SELECT note FROM notes WHERE id = 1')).rows[0].note,
    copyIn: (lines) => pipeline(Readable.from(lines), client.query(copy.from('COPY lines FROM STDIN'))),
    copyOut: async () => {
      const told = await client.query(copy.to('COPY (SELECT line FROM lines ORDER BY id) TO STDOUT')).toArray()
      return Buffer.concat(told).toString().trimEnd().split('\n')
    },
    again: () => client.query('INSERT INTO seats VALUES (1)'),
    update: () => {
      const query = client.query(new Query("UPDATE waits SET note = 'changed' WHERE id = 1"))
      const cancel = () => {
        const other = new Client(process.env.DATABASE_URL)
        other.cancel(client, query)
        return once(other.connection, 'end')
      }
      return { query: once(query, 'end'), cancel }
    },
    wait: () =>
      transaction(async (client) => {
        await client.query('UPDATE seats SET booked_by = $1 WHERE seat_number = 12', ['carol'])
        await client.query("UPDATE waits SET note = 'changed' WHERE id = 1")
      }),
    end: async () => {
      await client.end()
      await pool.end()
    }
  })
}

start()
