// queue.mjs: the sides of the queue's figures: our worker, graphile-worker with its defaults and with its local queue, pg-boss in batches. All on the
// same PostgreSQL, one after the other in each round; a side counts only when its database says that all its jobs are done.
import fs from 'node:fs'
import { env, psql, run, settingOf, median } from './machine.mjs'

const ours = 'physician_registry', theirs = 'bench_queue'
const tenant = '00000000-0000-7000-8000-000000000001'
const asTree = (program, args, more) => run(env.asUser[0] ?? program, [...env.asUser.slice(1), ...(env.asUser.length ? [program] : []), ...args], more)
const said = async (program, args, environment) => JSON.parse((await asTree(program, args, { env: { ...process.env, NODE_ENV: 'production', ...environment } })).trim().split('\n').pop())
const work = (...args) => said(`${env.build}/t/bench/telerx-queue`, args, { TELERX_CONFIG: `${env.state}/etc/registry.env` })
const peer = (...args) => asTree('node', [`${env.queue}/peer.mjs`, ...args], { env: { ...process.env, NODE_ENV: 'production', PEER_DATABASE: `postgresql:///${theirs}?host=${encodeURIComponent(`${env.state}/run`)}&user=postgres` } })

let made = false
const setup = async () => {
  if (made) return
  made = true
  await psql(ours, 'CREATE TABLE bench_effect (n bigint NOT NULL); GRANT INSERT ON bench_effect TO telerx_registry;')
  await psql('postgres', `CREATE DATABASE ${theirs}`)
  await peer('setup')
}

// As many jobs as the side did last time in so many seconds.
const side = (guess, clear, add, go, left) => {
  let rate = guess
  return { pool: null, setup, round: seconds => ({
    prepare: async () => { const n = Math.ceil(rate * seconds) + 200; await clear(); await add(n); return n },
    go,
    check: async (n, took) => { rate = took.count / took.seconds; return Number(await left()) === 0 }
  }) }
}
const telerx = kind => side(10000, () => psql(ours, 'TRUNCATE job, bench_effect; VACUUM ANALYZE job'),
  n => psql(ours, `INSERT INTO job (tenant_id, kind, queue, args) SELECT '${tenant}', '${kind}', '${kind === 'bench.fenced' ? 'fenced' : 'bench'}', jsonb_build_object('n', n) FROM generate_series(1, ${n}) n; ANALYZE job`),
  n => work('run', kind, String(n)),
  () => psql(ours, `SELECT count(*) FROM job WHERE state <> 'done' OR attempt <> 1${kind === 'bench.fenced' ? ` UNION ALL SELECT count(*) - (SELECT count(*) FROM job) FROM bench_effect ORDER BY 1 DESC LIMIT 1` : ''}`))
const graphile = who => side(800, () => psql(theirs, 'TRUNCATE graphile_worker._private_jobs; VACUUM ANALYZE graphile_worker._private_jobs'), n => peer('add', who, String(n)),
  async n => JSON.parse(await peer('run', who, String(n))), () => psql(theirs, 'SELECT count(*) FROM graphile_worker._private_jobs'))
const boss = () => side(2000, () => psql(theirs, 'TRUNCATE pgboss.job; VACUUM ANALYZE pgboss.job'), n => peer('add', 'boss', String(n)),
  async n => JSON.parse(await peer('run', 'boss', String(n))), () => psql(theirs, `SELECT count(*) FROM pgboss.job WHERE state <> 'completed'`))

export const queueGroup = () => ({ seconds: 2, rounds: 7,
  sides: { telerx: telerx('bench.quick'), 'telerx-fenced': telerx('bench.fenced'), 'graphile-worker': graphile('graphile'), 'graphile-local': graphile('local'), 'pg-boss': boss() },
  figures: { 'queue.over_graphile_worker': ['telerx', 'graphile-worker'], 'queue.over_graphile_local': ['telerx', 'graphile-local'], 'queue.over_pg_boss': ['telerx', 'pg-boss'],
    'queue_fenced.over_graphile_worker': ['telerx-fenced', 'graphile-worker'] } })

// ---- from before the transaction that adds a job to its beginning, on a quiet queue; ours and theirs in turn

const COUNT = 150, ROUNDS = 5
let pickUps
const measured = () => (pickUps ??= (async () => {
  await setup()
  const rounds = []
  for (let i = 0; i < ROUNDS; i++) {
    await psql(ours, 'TRUNCATE job')
    await psql(theirs, 'TRUNCATE graphile_worker._private_jobs')
    rounds.push({ ours: await work('pick-up', String(COUNT)), theirs: JSON.parse(await peer('pick-up', 'graphile', String(COUNT))) })
  }
  const of = (who, what) => median(rounds.map(r => r[who][what])) / 1000
  return { p50: of('ours', 'p50'), p99: of('ours', 'p99'), theirs50: of('theirs', 'p50'), theirs99: of('theirs', 'p99') }
})())
const note = m => `milliseconds from before the adding transaction to the job's beginning, quiet queue; telerx p50 ${m.p50.toFixed(2)} p99 ${m.p99.toFixed(2)}, graphile-worker p50 ${m.theirs50.toFixed(2)} p99 ${m.theirs99.toFixed(2)}`
export const queueWholes = {
  'queue.pick_up_p50_ms': async () => { const m = await measured(); return [m.p50, note(m)] },
  'queue.pick_up_p99_ms': async () => { const m = await measured(); return [m.p99, note(m)] },
  'queue.pick_up_over_graphile_worker': async () => { const m = await measured(); return [m.theirs50 / m.p50, note(m)] }
}
