// peer.mjs: the queues that ours is compared with, each as its own documentation says to use it, on the database of PEER_DATABASE.
//
//	peer.mjs setup			makes their schemas
//	peer.mjs add WHO COUNT		puts jobs there
//	peer.mjs run WHO COUNT		works until COUNT jobs have been begun: {"count","seconds","worker"}
//	peer.mjs pick-up WHO COUNT	adds a job every 30 ms to a quiet queue: {"count","p50","p99"}, microseconds
//
// WHO: graphile (its defaults), local (its local queue and batched completion, with the concurrency its pages on speed use), boss (pg-boss, batches of 100).
// Time runs from the first job's beginning to the last one's.
import { run, runMigrations, makeWorkerUtils, Logger } from 'graphile-worker'
import PgBoss from 'pg-boss'

const [what, who, text] = process.argv.slice(2)
const count = Number(text)
const connectionString = process.env.PEER_DATABASE
const logger = new Logger(() => () => {})
const local = { concurrentJobs: 24, maxPoolSize: 26, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }
const preset = { worker: { connectionString, logger, noHandleSignals: true, ...(who === 'local' ? local : {}) } }
const queue = 'bench'
const boss = new PgBoss({ connectionString, supervise: false, schedule: false })
boss.on('error', e => { throw e })
const sleep = ms => new Promise(done => setTimeout(done, ms))
const cpu = () => { const u = process.cpuUsage(); return (u.user + u.system) / 1e6 }

let begun = 0, first = 0n, last = 0n, done
const all = new Promise(r => { done = r })
const note = () => {
  const now = process.hrtime.bigint()
  if (++begun === 1) first = now
  if (begun === count) { last = now; done() }
}
const tell = more => console.log(JSON.stringify({ count, seconds: Number(last - first) / 1e9, worker: cpu(), ...more }))

const graphile = async taskList => run({ preset, taskList, noHandleSignals: true })
const workBoss = async () => {
  await boss.start()
  while (begun < count) {
    const jobs = await boss.fetch(queue, { batchSize: 100 })
    for (const _ of jobs) note()
    if (jobs.length > 0) await boss.complete(queue, jobs.map(j => j.id))
  }
  await boss.stop({ graceful: false })
}

if (what === 'setup') {
  await runMigrations({ connectionString, logger })
  await boss.start()
  await boss.createQueue(queue)
  await boss.stop({ graceful: false })
} else if (what === 'add' && who === 'boss') {
  await boss.start()
  for (let n = 0; n < count; n += 5000) await boss.insert(Array.from({ length: Math.min(5000, count - n) }, (_, i) => ({ name: queue, data: { n: n + i } })))
  await boss.stop({ graceful: false })
} else if (what === 'add') {
  const utils = await makeWorkerUtils({ connectionString, logger })
  for (let n = 0; n < count; n += 5000) await utils.addJobs(Array.from({ length: Math.min(5000, count - n) }, (_, i) => ({ identifier: 'quick', payload: { n: n + i } })))
  await utils.release()
} else if (what === 'run' && who === 'boss') {
  await workBoss()
  tell({})
} else if (what === 'run') {
  const runner = await graphile({ quick: async () => { note() } })
  await all
  await runner.stop()
  tell({})
} else if (what === 'pick-up') {
  const waits = []
  const runner = await graphile({ timed: async ({ at }) => { waits.push(Number(process.hrtime.bigint() - BigInt(at)) / 1000); note() } })
  const utils = await makeWorkerUtils({ connectionString, logger })
  await sleep(1000)
  for (let i = 0; i < count; i++) { await utils.addJob('timed', { at: String(process.hrtime.bigint()) }); await sleep(25 + Math.random() * 10) }
  await all
  waits.sort((a, b) => a - b)
  await utils.release()
  await runner.stop()
  tell({ p50: waits[count >> 1], p99: waits[Math.floor(count * 0.99)] })
}
process.exit(0)
