const { Client, Pool } = require('pg');
const assert = require('assert');

async function main() {
  const [, port, database, user] = process.argv;
  const pool = new Pool({ host: '127.0.0.1', port: Number(port), user, database, max: 3 });
  await pool.query('create table seats (id int primary key, holder text)');
  const book = async (seat) => {
    const one = await pool.connect();
    try {
      await one.query('begin');
      await one.query({ name: 'book', text: 'insert into seats values ($1, $2)', values: [seat, `guest ${seat}`] });
      await one.query('commit');
    } finally {
      one.release();
    }
  };
  await Promise.all([...Array(10).keys()].map(book));
  const big = 'x'.repeat(8 * 1024 * 1024);
  await pool.query('update seats set holder = $1 where id = 2', [big]);
  const { rows } = await pool.query('select holder from seats where id = $1', [2]);
  assert.strictEqual(rows[0].holder, big);
  await assert.rejects(pool.query('insert into seats values ($1, null)', [1]), { code: '23505' });

  // Somebody else's request to cancel, as psql or a pool would send it.
  const one = new Client({ host: '127.0.0.1', port: Number(port), user, database });
  await one.connect();
  const doomed = one.query('delete from seats /* never */');
  let isOver = false;
  const cancelling = (async () => {
    while (!isOver) {
      const canceller = new Client({ host: '127.0.0.1', port: Number(port), user, database });
      canceller.processID = one.processID;
      canceller.secretKey = one.secretKey;
      await new Promise((resolve) => {
        const { connection } = canceller;
        connection.on('connect', () => connection.cancel(one.processID, one.secretKey));
        connection.on('end', resolve);
        connection.on('error', resolve);
        connection.connect(Number(port), '127.0.0.1');
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  await assert.rejects(doomed, { code: '57014' });
  isOver = true;
  await cancelling;
  console.log((await one.query('select count(*)::int as n from seats')).rows[0].n);
  await one.end();
  await pool.end();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
