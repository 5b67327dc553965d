// node migrate.js [--mended] NAME: brings the database up to date, as each instance of an application does at its start.
const path = require('node:path')

const isMended = process.argv[2] === '--mended'
const name = process.argv[isMended ? 3 : 2]

// A test names another release by KNEX.
const knex = require(process.env.KNEX ?? 'knex')({
  client: 'pg',
  connection: { connectionString: process.env.DATABASE_URL, application_name: name },
  migrations: { directory: path.join(__dirname, 'migrations') },
  log: { warn() {} }
})

// Any number that nobody else locks.
const MIGRATING = 20211001

async function migrate() {
  const [, done] = await knex.migrate.latest()
  return done.length === 0 ? 'nothing to do' : `done: ${done.join(', ')}`
}

/** Knex's own lock is a row, which two instances insert at once where it is missing. An advisory lock needs no row. */
function oneAtATime(work) {
  return knex.transaction(async (trx) => {
    await trx.raw('SELECT pg_advisory_xact_lock(?)', [MIGRATING])
    return work()
  })
}

async function main() {
  try {
    console.log(`${name}: ${await (isMended ? oneAtATime(migrate) : migrate())}`)
  } catch (error) {
    console.log(`${name}: ${error.message}`)
  }
  await knex.destroy()
}

main()
