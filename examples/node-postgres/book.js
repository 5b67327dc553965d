// node book.js [--mended] SEAT CUSTOMER: books a seat and prints what came of it.
const { Client } = require('pg')

const isMended = process.argv[2] === '--mended'
const [seat, customer] = process.argv.slice(isMended ? 3 : 2)

// The race is between this SELECT and the UPDATE below. Locked, the row waits for whoever has read it.
const LOOK = `SELECT booked_by FROM seats WHERE seat = $1${isMended ? ' FOR UPDATE' : ''}`

async function book(client) {
  await client.query('BEGIN')
  const { rows } = await client.query(LOOK, [seat])
  const holder = rows[0].booked_by
  if (holder === null) {
    await client.query('UPDATE seats SET booked_by = $1 WHERE seat = $2', [customer, seat])
    await client.query('INSERT INTO tickets (seat, customer) VALUES ($1, $2)', [seat, customer])
  }
  await client.query('COMMIT')
  return holder === null ? `${seat} is booked for ${customer}` : `${seat} is taken by ${holder}`
}

async function main() {
  const client = new Client({ connectionString: process.env.DATABASE_URL, application_name: customer })
  await client.connect()
  console.log(await book(client))
  await client.end()
}

main()
