// AWS's connector for node-postgres: a token for a password, TLS, a pool, and a transaction that is tried again after OC000.
import assert from "node:assert/strict";
import dns from "node:dns";
import { createRequire } from "node:module";

const { CLUSTER_ENDPOINT: host, PGHOSTADDR: address, PACKAGES: packages } = process.env;
const { AuroraDSQLClient, AuroraDSQLPool } = createRequire(packages)("@aws/aurora-dsql-node-postgres-connector");

const lookup = dns.lookup;
dns.lookup = (name, ...rest) => lookup(name === host ? address : name, ...rest);

const client = new AuroraDSQLClient({ host, user: "admin" });
await client.connect();
assert.deepEqual((await client.query("select 1 as one")).rows, [{ one: 1 }]);
await client.query("create table connector (id uuid primary key default gen_random_uuid(), stock int not null)");
const { rows: [{ id }] } = await client.query("insert into connector (stock) values (10) returning id");

const pool = new AuroraDSQLPool({ host, user: "admin", max: 8 });
let attempts = 0;
await pool.transaction(async (one) => {
  attempts += 1;
  await one.query("update connector set stock = stock - 1 where id = $1", [id]);
  // Somebody else commits in between, once.
  if (attempts === 1) await client.query("update connector set stock = stock - 1 where id = $1", [id]);
}, { maxRetries: 3 });
assert.equal(attempts, 2);

const buy = () => pool.transaction(
  (one) => one.query("update connector set stock = stock - 1 where id = $1 and stock > 0", [id]),
  { maxRetries: 50, baseDelayMs: 1, maxDelayMs: 50 },
);
await Promise.all(Array.from({ length: 8 }, buy));
assert.deepEqual((await client.query("select stock from connector")).rows, [{ stock: 0 }]);
await client.query("drop table connector");
await pool.end();
await client.end();
console.log("ok");
