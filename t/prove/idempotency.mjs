// idempotency: 50 requests under one key at the same time, processes of the pool killed meanwhile: one effect a key, and one answer (rules P1 to P5)
import { randomUUID } from 'node:crypto'
import { claim, eventually, finish, kill, pick, poolOf, random, sample, seed, settled, sleep, sql } from './frame/prove.mjs'
import { internal, items, note, notes, resolve } from './frame/note.mjs'

const keys = sample ? 20 : 200
const parallel = 50
const list = await items(keys)

// The same request until it is answered with 2xx; a refusal that invites to come again is followed.
const once = async (item, key, tally) => {
  for (let i = 0; i < 400; i++) {
    const a = await note(item, key, `note of ${key}`)
    tally[a.status] = (tally[a.status] ?? 0) + 1
    if (a.status >= 200 && a.status < 300) return a
    if (![0, 409, 502, 503].includes(a.status)) throw new Error(`answered ${a.status} ${a.raw}`)
    if (a.status === 409 && !a.headers['retry-after']) throw new Error('409 without Retry-After')
    await sleep(20 + random(60))
  }
  throw new Error('400 tries')
}

// One kill per ten keys: a tenth of the processes that begin such a piece of work do not live to see its end.
let killed = 0
const tally = {}
const bodies = new Map()
await claim(`P ${parallel} parallel requests x ${keys} keys, pool processes killed: each is answered (--seed ${seed})`, async () => {
  for (const [i, item] of list.entries()) {
    const key = randomUUID()
    const work = Array.from({ length: parallel }, () => once(item, key, tally))
    if (i % 10 === 5) {
      await sleep(random(25))
      const pool = poolOf('case')
      if (pool.length > 0 && kill(pick(pool))) killed++
    }
    bodies.set(item, await Promise.all(work))
  }
  if (killed < keys / 20) throw new Error(`only ${killed} processes were killed`)
  return `${killed} processes killed; answers ${JSON.stringify(tally)}`
})
await claim('P1 all answers of a key are the same bytes, and only one of them is not a replay', async () => {
  for (const [item, answers] of bodies) {
    if (!answers.every(a => a.raw.equals(answers[0].raw) && a.status === answers[0].status)) throw new Error(`${item}: answers differ`)
    const first = answers.filter(a => a.headers['idempotent-replayed'] !== 'true').length
    if (first > 1) throw new Error(`${item}: ${first} answers are no replay`)
  }
})
await claim('P3 one effect a key: one note, one audit row, one kept answer', async () => {
  const wrong = notes(list).filter(n => n.written !== 1 || n.audited !== 1)
  if (wrong.length > 0) throw new Error(JSON.stringify(wrong.slice(0, 5)))
  const open = sql('case', "SELECT count(*) FROM idempotency WHERE code IS NULL")[0][0]
  if (open !== '0') throw new Error(`${open} keys without an answer: the key and its answer are one transaction`)
})
await claim('P2 another request under a used key is refused, and so is none at all', async () => {
  const key = randomUUID()
  const text = await note(list[0], key, 'one')
  const other = await note(list[0], key, 'another')
  if (text.status !== 200 && text.status !== 201) throw new Error(`${text.status}`)
  if (other.status !== 422 || other.json.type !== '/problems/idempotency_key_reused') throw new Error(`${other.status} ${other.raw}`)
  const none = await note(list[0], '', 'none')
  if (none.status !== 400) throw new Error(`${none.status}`)
})
await settled()
await eventually(async () => (await internal('GET', '/health/case/ready')).status === 200, 30, 'case')
await resolve(list)
finish()
