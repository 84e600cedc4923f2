// jobs: sixteen workers, one of them killed every two seconds: every job ends once, under growing tokens, and soon (I5, I6, I10, rules Q2 to Q5, Q16)
import { spawn, execFileSync } from 'node:child_process'
import { claim, finish, need, build, variable, sample, sleep, random, pick, asUser } from './frame/prove.mjs'

const service = 'registry', tenant = '00000000-0000-7000-8000-000000000001'
const WORKERS = 16
const lease = sample ? 4 : 30   // seconds; a sample has no time to wait for the real one
const again = lease + 10        // rule Q5
const environment = { ...process.env, TELERX_CONFIG: `${variable}/etc/${service}.env`, JOB_LEASE: `${lease}s`, TELERX_FAIL: '' }
const program = `${build}/t/prove/queue_race`

const [psql, psqlArgs] = asUser('psql', ['-X', '-q', '-At', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-h', need('TELERX_DATABASE_SOCKET'), '-U', 'postgres', '-d', 'physician_registry'])
const sql = text => execFileSync(psql, psqlArgs, { input: text, encoding: 'utf8', cwd: '/' }).split('\n').filter(Boolean).map(line => line.split('\t'))
const value = text => sql(text)[0]?.[0]

// ---- workers, each a process of its own

const workers = new Map()
const start = () => {
  const [file, args] = asUser(program, ['work'])
  const child = spawn(file, args, { env: environment, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] })
  workers.set(child.pid, child)
  child.stderr.on('data', () => {})
  child.on('exit', () => { workers.delete(child.pid) })
  return child
}
const stopAll = async () => {
  const all = [...workers.values()]
  for (const c of all) c.kill('SIGTERM')
  await Promise.all(all.map(c => new Promise(done => c.exitCode !== null || c.signalCode !== null ? done() : c.on('exit', done))))
  return all.map(c => c.exitCode)
}
process.on('exit', () => { for (const c of workers.values()) c.kill('SIGKILL') })

const prepare = () => sql(`
  CREATE TABLE race_effect (job bigint NOT NULL, token bigint NOT NULL); GRANT INSERT ON race_effect TO telerx_registry;
  CREATE TABLE race_claim (job bigint NOT NULL, token bigint NOT NULL, worker text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (job, token));
  CREATE FUNCTION race_claimed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN INSERT INTO race_claim (job, token, worker) VALUES (NEW.id, NEW.token, NEW.lease_by); RETURN NULL; END $$;
  CREATE TRIGGER race_claimed AFTER UPDATE OF state ON job FOR EACH ROW WHEN (NEW.queue = 'race' AND OLD.state = 'ready' AND NEW.state = 'running') EXECUTE FUNCTION race_claimed();`)
const clear = () => sql(`DROP TRIGGER IF EXISTS race_claimed ON job; DROP FUNCTION IF EXISTS race_claimed; DROP TABLE IF EXISTS race_effect, race_claim; DELETE FROM job WHERE queue IN ('race', 'claims')`)
const add = n => sql(`INSERT INTO job (tenant_id, kind, queue, max_attempts) SELECT '${tenant}', 'race.once', 'race', 200 FROM generate_series(1, ${n})`)

// Kills one at random every so often while jobs come in; then waits for the last of them. What was seen meanwhile.
const race = async (jobs, seconds, everyMs) => {
  for (let i = 0; i < WORKERS; i++) start()
  let kills = 0, overdue = 0, added = 16
  add(added)
  while (Number(value('SELECT count(*) FROM race_claim')) === 0) await sleep(100)
  const began = Date.now()
  const killer = setInterval(() => {
    const victim = pick([...workers.values()])
    if (kills >= seconds * 1000 / everyMs || !victim.kill('SIGKILL')) return
    workers.delete(victim.pid)
    kills++
    start()
  }, everyMs)
  while (kills < seconds * 1000 / everyMs || added < jobs) {
    const want = Math.min(jobs, Math.ceil(jobs * (Date.now() - began) / (seconds * 900)))
    if (want > added) { add(want - added); added = want }
    overdue = Math.max(overdue, Number(value(`SELECT count(*) FROM job WHERE queue = 'race' AND state = 'running' AND lease_until < clock_timestamp() - interval '10 s'`)))
    await sleep(100 + random(50))
  }
  clearInterval(killer)
  const end = Date.now() + (again + 20) * 1000
  while (Date.now() < end && Number(value(`SELECT count(*) FROM job WHERE queue = 'race' AND state IN ('ready', 'running')`)) > 0) await sleep(200)
  return { kills, overdue, codes: await stopAll() }
}

const one = text => Number(value(text))
const none = (what, text) => { const n = one(text); if (n !== 0) throw new Error(`${n} ${what}`) }

const judge = (jobs, said) => {
  if (one(`SELECT count(*) FROM job WHERE queue = 'race' AND state = 'done'`) !== jobs) throw new Error(`I6: of ${jobs} jobs: ${JSON.stringify(sql(`SELECT state, count(*) FROM job WHERE queue = 'race' GROUP BY state`))}`)
  none('jobs without exactly one effect', `SELECT count(*) FROM job j WHERE queue = 'race' AND (SELECT count(*) FROM race_effect e WHERE e.job = j.id) <> 1`)
  none('effects under another token than the last (rule Q3)', `SELECT count(*) FROM race_effect e JOIN job j ON j.id = e.job WHERE e.token <> j.token`)
  none('claims whose token did not grow with time (I5)', `SELECT count(*) FROM (SELECT at, lag(at) OVER w AS before, token, lag(token) OVER w AS last FROM race_claim WINDOW w AS (PARTITION BY job ORDER BY token)) x
    WHERE before > at OR token <> last + 1`)
  none('tokens that no claim explains (I5)', `SELECT count(*) FROM job j WHERE queue = 'race' AND j.token <> (SELECT count(*) FROM race_claim c WHERE c.job = j.id)`)
  if (said.overdue !== 0) throw new Error(`I10: ${said.overdue} jobs ran on a lease that was long over`)
  if (said.codes.some(c => c !== 0)) throw new Error(`Q13: workers ended with ${said.codes}`)
  const longest = Number(value(`SELECT coalesce(max(extract(epoch FROM at - before)), 0) FROM (SELECT at, lag(at) OVER (PARTITION BY job ORDER BY token) AS before FROM race_claim) x`))
  if (longest > again) throw new Error(`work of a killed worker ran again after ${longest.toFixed(1)} s`)
  const twice = one(`SELECT count(*) FROM job WHERE queue = 'race' AND token > 1`)
  if (twice === 0) throw new Error(`${said.kills} kills met no job at work: nothing was proven`)
  return `${jobs} jobs, ${said.kills} kills, ${twice} began again, the last of them after ${longest.toFixed(1)} s (lease ${lease} s)`
}

const claims = (rounds, n) => {
  const [file, args] = asUser(program, ['claims', String(rounds), String(n)])
  return JSON.parse(execFileSync(file, args, { env: environment, cwd: '/', encoding: 'utf8' }))
}

clear()
prepare()
try {
  await claim(`claim race: ${WORKERS} workers under kill -9 (I5, I6, I10)`, async () => {
    const jobs = sample ? 1500 : 20000
    return judge(jobs, await race(jobs, sample ? 6 : 60, sample ? 500 : 2000))
  })
  if (!sample) await claim('200 kills: no double effect, and work of the killed runs again within 40 s (Q3, Q5)', async () => {
    sql(`TRUNCATE race_effect, race_claim; DELETE FROM job WHERE queue = 'race'`)
    const said = await race(20000, 110, 550)
    return judge(20000, said)
  })
  await claim('bloat: claims behind an old snapshot (Q16)', async () => {
    const rounds = sample ? 150 : 1000
    const before = claims(rounds, 20)
    const holder = spawn(psql, psqlArgs, { stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' })
    holder.stdin.write('BEGIN; DECLARE held CURSOR FOR SELECT * FROM job; FETCH 1 FROM held;\n')
    await sleep(1000)
    const behind = claims(rounds, 20)
    holder.stdin.end()
    if (behind.p99 > before.p99 * 5) throw new Error(`p99 of a claim went from ${before.p99} to ${behind.p99} us`)
    return `${rounds * 20} jobs; p99 of a claim ${before.p99} us before, ${behind.p99} us behind it; p50 ${before.p50} and ${behind.p50}`
  })
} finally {
  for (const c of workers.values()) c.kill('SIGKILL')
  clear()
}
finish()
