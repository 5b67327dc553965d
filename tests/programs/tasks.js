// What every program for Node.js does, by a driver that can:
//   book(person, seat)  in a transaction of its own, true if the seat was free
//   count(below)        one statement, always on the same connection
//   store(text), load() a long value there and back
//   copyIn(lines), copyOut()   if it has COPY
//   again()             inserts what is there, which fails
//   update()            UPDATE waits; { query, cancel } if it can be cancelled
//   wait()              in a transaction: books seat 12, then UPDATE waits
//   end()
const readline = require('node:readline')

const LONG = 8 * 1024 * 1024

/** The next line of the standard input. */
async function line() {
  const input = readline.createInterface({ input: process.stdin })
  await new Promise((resolve) => input.once('line', resolve))
  input.close()
}

const code = (error) => error.code ?? error.parent?.code ?? error.message

async function books(driver) {
  const told = []
  const person = async (name, first) => {
    for (let seat = first; seat < first + 5; seat++) {
      told.push(`${seat}: ${(await driver.book(name, seat)) ? name : 'taken'}`)
    }
  }
  await Promise.all([person('alice', 1), person('bob', 6)])
  const taken = !(await driver.book('mallory', 3))
  console.log([...told.sort((a, b) => parseInt(a) - parseInt(b)), `3 is ${taken ? 'taken' : 'free'}`].join('\n'))
}

async function work(driver) {
  await books(driver)
  const counts = []
  for (let below = 1; below <= 11; below++) counts.push(await driver.count(below))
  console.log('counts', counts.join(' '))
  const text = '0123456789abcde\n'.repeat(LONG / 16)
  await driver.store(text)
  const loaded = await driver.load()
  console.log('note', loaded.length, loaded === text)
  if (driver.copyIn) {
    await driver.copyIn(Array.from({ length: 1000 }, (_, id) => `${id}\tline ${id}\n`))
    const lines = await driver.copyOut()
    console.log('copied', lines.length, lines.at(-1))
  }
  console.log('again', await driver.again().catch(code))
  console.log('after it', await driver.count(100))
}

async function cancel(driver) {
  const { query, cancel } = driver.update()
  const ended = query.then(() => 'not cancelled', code)
  await line()
  await cancel()
  console.log('cancelled', await ended)
  console.log('after it', await driver.count(100))
}

const TASKS = { work, cancel, wait: (driver) => driver.wait() }

/** Does what the command line asks for. */
module.exports = async function main(driver) {
  await TASKS[process.argv[2]](driver)
  await driver.end()
}
