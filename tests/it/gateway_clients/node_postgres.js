const { Client } = require('pg');
const assert = require('assert');

async function connect() {
  const client = new Client({ host: '127.0.0.1', port: Number(process.argv[1]), user: 'anybody', database: process.argv[2] });
  await client.connect();
  return client;
}

async function main() {
  const [alice, bob] = [await connect(), await connect()];
  await alice.query('create table seats (id int primary key, holder text)');
  await alice.query('insert into seats values ($1, $2)', [1, 'nobody']);
  const read = { name: 'read', text: 'select holder from seats where id = $1', values: [1] };
  const book = (holder) => ({ name: 'book', text: 'update seats set holder = $2 where id = $1', values: [1, holder] });
  assert.strictEqual((await alice.query(read)).rows[0].holder, 'nobody');
  await alice.query('begin');
  await bob.query('begin');
  await alice.query(book('Alice'));
  await bob.query(book('Bob'));
  assert.strictEqual((await alice.query(read)).rows[0].holder, 'Alice');
  assert.strictEqual((await bob.query(read)).rows[0].holder, 'Bob');
  await alice.query('commit');
  await assert.rejects(bob.query('commit'), (error) => error.code === '40001' && error.message.includes('(OC000)'));
  assert.strictEqual((await bob.query(read)).rows[0].holder, 'Alice');
  await Promise.all([alice.end(), bob.end()]);
  console.log('done');
}

main().catch((error) => { console.error(error); process.exit(1); });
