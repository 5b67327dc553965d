const main = require('./tasks')

const client = { client: 'pg', connection: process.env.DATABASE_URL }
const pool = require('knex')({ ...client, pool: { min: 0, max: 2 } })
const knex = require('knex')({ ...client, pool: { min: 0, max: 1 } })

// Knex cancels by pg_cancel_backend on another connection of its pool; what it throws then says so in words only.
const PATIENCE = 500

main({
  book: (person, seat) =>
    pool.transaction(async (trx) => {
      const { booked_by: holder } = await trx('seats').where('seat_number', seat).first()
      if (holder !== null) return false
      await trx('seats').where('seat_number', seat).update({ booked_by: person })
      return true
    }),
  count: async (below) => {
    const row = await knex('seats').where('seat_number', '<', below).whereNotNull('booked_by').count().first()
    return Number(row.count)
  },
  store: (text) => knex('notes').insert({ id: 1, note: text }),
  load: async () => (await knex('notes').where('id', 1).first()).note,
  again: () => knex('seats').insert({ seat_number: 1 }),
  update: () => {
    const query = pool('waits').where('id', 1).update({ note: 'changed' }).timeout(PATIENCE, { cancel: true })
    return { query: query.then((rows) => rows), cancel: async () => {} }
  },
  wait: () =>
    pool.transaction(async (trx) => {
      await trx('seats').where('seat_number', 12).update({ booked_by: 'carol' })
      await trx('waits').where('id', 1).update({ note: 'changed' })
    }),
  end: () => Promise.all([knex.destroy(), pool.destroy()])
})
