// db-errors: each SQLSTATE has the reaction that the table says (rule D5); without connections, or with a silent database, 503 and back soon (D2, D6)
import { randomUUID } from 'node:crypto'
import { arm, claim, disarm, eventually, finish, passes, run, sample, sleep, top, kill, poolOf, settled } from './frame/prove.mjs'
import { databaseSocket, proxyBefore } from './frame/proxy.mjs'
import { internal, items, note, notes, resolve } from './frame/note.mjs'

// once: what a client is told when the first statement of its transaction fails once with this state; always: when it always does; tries: how many
// transactions that costs.
const table = [
  { state: '40001', once: 200, always: 409, code: 'serialization', tries: 5 },
  { state: '40P01', once: 200, always: 409, code: 'serialization', tries: 5 },
  { state: '23505', once: 409, always: 409, code: 'duplicate', tries: 1 },
  { state: '08006', once: 503, always: 503, code: 'database_unavailable', tries: 1 },
  { state: '57P01', once: 503, always: 503, code: 'database_unavailable', tries: 1 },
  { state: '57P02', once: 503, always: 503, code: 'database_unavailable', tries: 1 },
  { state: '57P03', once: 503, always: 503, code: 'database_unavailable', tries: 1 },
  { state: '53300', once: 503, always: 503, code: 'database_unavailable', tries: 1 },
  { state: '53100', once: 503, always: 503, code: 'database_unavailable', tries: 1 },
  { state: '55P03', once: 503, always: 503, code: 'lock_timeout', tries: 1 },
  { state: '57014', once: 503, always: 503, code: 'database_unavailable', tries: 1 },
  { state: '22012', once: 500, always: 500, code: 'database_error', tries: 1 }
]
const list = await items(table.length + 200)
const superuser = (...args) => run(`${top}/telerx`, ['psql', 'case', '-q', '-At', ...args.flatMap(c => ['-c', c])])
  .then(r => { if (r.code !== 0) throw new Error(r.out); return r.out.trim() })

const told = (a, status, code) => {
  if (a.status !== status) throw new Error(`${a.status} ${a.raw}, expected ${status}`)
  if (status >= 400 && a.json.type !== `/problems/${code}`) throw new Error(`${a.json.type}, expected ${code}`)
  if (status === 503 && !a.headers['retry-after']) throw new Error('503 without Retry-After')
}

for (const [i, row] of table.entries()) {
  await claim(`D5 ${row.state}: ${row.once} when it happens once, ${row.always} ${row.code} after ${row.tries} when it stays`, async () => {
    const item = list[i]
    const key = randomUUID()
    try {
      arm('case', `db.state=says:${row.state}`)
      told(await note(item, key), row.once, row.code)
      if (passes('db.state') < (row.once === 200 ? 2 : 1)) throw new Error('the statement did not run again')
      arm('case', `db.state=says:${row.state}@1+`)
      told(await note(item, randomUUID()), row.always, row.code)
      if (passes('db.state') !== row.tries) throw new Error(`${passes('db.state')} tries`)
    } finally { disarm('case') }
    // What was refused left nothing, also not its key.
    const again = await eventually(async () => { const a = await note(item, key); return a.status === 200 ? a : null }, 5, 'the same request later')
    if (notes([item])[0].written !== 1) throw new Error(`${notes([item])[0].written} notes`)
    return `${again.headers['idempotent-replayed'] === 'true' ? 'replayed' : 'done'} afterwards`
  })
}

const crowd = list.slice(table.length)
await claim('D6 two connections for 200 clients: 200 or 503 with Retry-After within a second, no 500; all within 5 s afterwards', async () => {
  let answers
  try {
    await superuser("ALTER DATABASE case_service CONNECTION LIMIT 2", "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'case_service' AND pid <> pg_backend_pid()")
    answers = await Promise.all(crowd.map(item => note(item, randomUUID())))
  } finally { await superuser('ALTER DATABASE case_service CONNECTION LIMIT -1') }
  const counts = {}
  for (const a of answers) counts[a.status] = (counts[a.status] ?? 0) + 1
  if (answers.some(a => ![200, 503].includes(a.status))) throw new Error(JSON.stringify(counts))
  if (!counts[503]) throw new Error('nobody met the limit')
  if (answers.some(a => a.status === 503 && !a.headers['retry-after'])) throw new Error('503 without Retry-After')
  const slowest = Math.max(...answers.filter(a => a.status === 503).map(a => a.ms))
  if (slowest > 1000) throw new Error(`a 503 took ${slowest} ms: ${JSON.stringify(counts)}`)
  const began = Date.now()
  await eventually(async () => {
    const all = await Promise.all(crowd.slice(0, 20).map(item => note(item, randomUUID())))
    return all.every(a => a.status === 200)
  }, 10, 'connections')
  const back = Date.now() - began
  if (back > 5000) throw new Error(`back after ${back} ms`)
  return `${JSON.stringify(counts)}, slowest 503 ${slowest} ms, all served again after ${back} ms`
})

if (!sample) {
  await claim('D2 a database that falls silent holds nobody longer than 10 s, and is used again when it speaks', async () => {
    const between = await proxyBefore(databaseSocket())
    try {
      for (const pid of poolOf('case')) kill(pid)
      await sleep(300)
      await settled()
      await eventually(async () => (await note(crowd[0], randomUUID())).status === 200, 20, 'the pool')
      await between.set('server', 'silence')
      const a = await note(crowd[1], randomUUID())
      await between.set('server', 'pass')
      told(a, 503, a.json?.type === '/problems/commit_unknown' ? 'commit_unknown' : 'database_unavailable')
      if (a.ms > 10000) throw new Error(`${a.ms} ms`)
      await eventually(async () => (await note(crowd[2], randomUUID())).status === 200, 10, 'the database')
      return `503 after ${a.ms} ms`
    } finally { await between.stop() }
  })
}
await eventually(async () => (await internal('GET', '/health/case/ready')).status === 200, 30, 'case')
await resolve(list)
finish()
