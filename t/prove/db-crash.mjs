// db-crash: PostgreSQL stops in the middle of everything and starts again: no acknowledged write is lost, nobody is told 500, all is back within 5 s
//
// pg_ctl stop -m immediate is a crash: no checkpoint, recovery from the log. The tree's supervisor starts it again; nothing of ours is restarted.
import { randomUUID } from 'node:crypto'
import { asUser, claim, eventually, finish, journeys, need, pidOf, run, sample, sleep, status, top, variable } from './frame/prove.mjs'
import { internal, items, note, notes, resolve } from './frame/note.mjs'

const crashes = sample ? 2 : 10
const lanes = 8
const list = await items(sample ? 1500 : 6000)
const queue = [...list]
const begun = []
let going = true

// What was told and when. A lane repeats its note under its key until it is acknowledged.
const told = []
const lane = async () => {
  while (going && queue.length > 0) {
    const item = queue.shift()
    const key = randomUUID()
    begun.push(item)
    for (;;) {
      const a = await note(item, key)
      told.push({ at: Date.now(), status: a.status, ms: a.ms, retry: a.headers['retry-after'] })
      if (a.status >= 200 && a.status < 300) break
      await sleep(a.status === 503 ? 25 : 50)
    }
    await sleep(sample ? 10 : 200)
  }
}
const pids = () => status().filter(row => row.name !== 'postgres').map(row => `${row.name}=${row.pid}`).join(' ')
const processes = () => status().filter(row => row.name !== 'postgres').length

// What a tree's making left unwritten is not this crash's business.
await run(`${top}/telerx`, ['psql', 'case', '-q', '-c', 'CHECKPOINT'])
const before = pids()
const lanesRun = Promise.all(Array.from({ length: lanes }, lane))
const longest = []
await sleep(500)
for (let i = 1; i <= crashes; i++) {
  await claim(`crash ${i} of ${crashes}: served again within 5 s`, async () => {
    const old = pidOf('postgres')
    const at = Date.now()
    const [program, args] = asUser(`${need('TELERX_POSTGRES')}/pg_ctl`, ['-D', `${variable}/pg`, '-m', 'immediate', '-w', 'stop'])
    const stopped = await run(program, args)
    if (stopped.code !== 0) throw new Error(stopped.out)
    const down = Date.now()
    await eventually(() => told.some(t => t.at > down && t.status < 300 && t.status >= 200), 20, 'the first acknowledged write after the crash')
    const first = told.find(t => t.at > down && t.status >= 200 && t.status < 300)
    longest.push(first.at - at)
    if (first.at - at > 5000) throw new Error(`${first.at - at} ms`)
    await eventually(() => pidOf('postgres') !== undefined && pidOf('postgres') !== old, 10, 'the supervisor\'s word')
    await sleep(sample ? 1500 : 10500) // what crashes again within ten seconds is started later each time: telerx-supervise's rule, not this proof's
    return `${first.at - at} ms from the crash to the first acknowledged write`
  })
}
going = false
await lanesRun
await claim('meanwhile every answer is success or 503 with Retry-After, and comes within 6 s', () => {
  const counts = {}
  for (const t of told) counts[t.status] = (counts[t.status] ?? 0) + 1
  const wrong = told.filter(t => t.status !== 503 && !(t.status >= 200 && t.status < 300) && t.status !== 409)
  if (wrong.length > 0) throw new Error(`answers: ${JSON.stringify(counts)}`)
  if (!counts[503]) throw new Error('nobody met the crash')
  if (told.some(t => t.status === 503 && !t.retry)) throw new Error('503 without Retry-After')
  const slowest = Math.max(...told.map(t => t.ms))
  if (slowest > 6000) throw new Error(`${slowest} ms`)
  return `${JSON.stringify(counts)}, slowest ${slowest} ms`
})
await claim('no acknowledged write is lost and none is doubled', () => {
  const wrong = notes(begun).filter(n => n.written !== 1 || n.audited !== 1)
  if (wrong.length > 0) throw new Error(`${wrong.length} of ${begun.length}: ${JSON.stringify(wrong.slice(0, 5))}`)
  return `${begun.length} writes over ${crashes} crashes`
})
await claim('no process of ours was started again', () => {
  if (pids() !== before) throw new Error(`${before}\n${pids()}`)
  return `${processes()} processes`
})
await claim('journeys go on', () => journeys('--count', sample ? '2' : '10'))
await eventually(async () => (await internal('GET', '/health/case/ready')).status === 200, 30, 'case')
await resolve(list)
finish()
