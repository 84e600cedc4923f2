// disk-full: a service's tables, then the log of all databases, on a disk with no room left: clean 503, nothing broken, and on it goes when there is room
//
// A tmpfs with 16 MiB to spare takes them; a file that fills it stands for whatever did. Only root may mount one: others are told that nothing was proven.
import fs from 'node:fs'
import { randomUUID } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { asUser, claim, eventually, finish, journeys, need, pidOf, run, sample, sleep, top, variable } from './frame/prove.mjs'
import { internal, items, note, notes, resolve } from './frame/note.mjs'

const disk = `${variable}/small`
const ballast = `${disk}/ballast`
const system = (program, ...args) => spawnSync(program, args, { encoding: 'utf8' })
const superuser = async (service, ...commands) => {
  const r = await run(`${top}/telerx`, ['psql', service, '-q', '-At', '-v', 'ON_ERROR_STOP=1', ...commands.flatMap(c => ['-c', c])])
  if (r.code !== 0) throw new Error(r.out)
  return r.out.trim()
}
const owned = path => { if (process.getuid() === 0) system('chown', `${need('TELERX_USER')}:`, path) }
const makeDisk = size => {
  fs.mkdirSync(disk, { recursive: true })
  const r = system('mount', '-t', 'tmpfs', '-o', `size=${size},mode=0755`, 'telerx-prove', disk)
  if (r.status !== 0) return false
  owned(disk)
  return true
}
const fill = () => {
  const f = fs.openSync(ballast, 'w')
  const piece = Buffer.alloc(64 * 1024)
  try { for (;;) fs.writeSync(f, piece) } catch (e) { if (e.code !== 'ENOSPC') throw e } finally { fs.closeSync(f) }
}
const unmount = () => { system('umount', '-l', disk); fs.rmSync(disk, { recursive: true, force: true }) }

const megabytes = Math.ceil(Number(await superuser('case', "SELECT pg_database_size('case_service')")) / 2 ** 20)
if (!makeDisk(`${megabytes + 16}m`)) {
  console.log('a tmpfs cannot be mounted here: nothing was proven')
  console.log('0 passed, 0 failed')
  process.exit(0)
}
process.on('exit', unmount)

const long = 'x'.repeat(3900)
const list = await items(400)
// Notes until enough were refused for want of room; what was acknowledged is counted afterwards.
const acknowledged = []
const press = async (enough, seconds) => {
  const counts = {}
  const end = Date.now() + seconds * 1000
  let i = acknowledged.length
  while ((counts[503] ?? 0) < enough && Date.now() < end) {
    const item = list[i % list.length]
    const a = await note(item, randomUUID(), long)
    counts[a.status] = (counts[a.status] ?? 0) + 1
    if (![200, 503].includes(a.status)) throw new Error(`answered ${a.status} ${a.raw}`)
    if (a.status === 503 && !a.headers['retry-after']) throw new Error('503 without Retry-After')
    if (a.status === 200) { acknowledged.push(item); i++ } else await sleep(50)
  }
  if (!(counts[503] >= enough)) throw new Error(`the disk never was full: ${JSON.stringify(counts)}`)
  return JSON.stringify(counts)
}
const exact = () => {
  const want = new Map()
  for (const item of acknowledged) want.set(item, (want.get(item) ?? 0) + 1)
  for (const n of notes(list)) if (n.written !== (want.get(n.id) ?? 0) || n.audited !== n.written) throw new Error(`${n.id}: ${n.written} notes, ${n.audited} audit rows, ${want.get(n.id) ?? 0} acknowledged`)
  return `${acknowledged.length} acknowledged writes are there, no other`
}
const served = seconds => eventually(async () => {
  const a = await note(list[0], randomUUID())
  if (a.status === 200) acknowledged.push(list[0])
  return a.status === 200
}, seconds, 'an acknowledged write')
const check = async () => {
  const said = await superuser('case', 'CREATE EXTENSION IF NOT EXISTS amcheck',
    "SELECT count(*) FROM (SELECT bt_index_check(c.oid) FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'btree' AND c.relpersistence = 'p' AND i.indisvalid) x",
    "SELECT count(*) FROM pg_class c, verify_heapam(c.oid) WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace", 'DROP EXTENSION amcheck')
  const [indexes, broken] = said.split('\n')
  if (broken !== '0') throw new Error(`${broken} broken rows`)
  return `${indexes} indexes and every table are sound`
}
// While its database moves nobody may be connected.
const move = async place => {
  await superuser('registry', 'ALTER DATABASE case_service ALLOW_CONNECTIONS false', "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'case_service'")
  await eventually(async () => { await superuser('registry', `ALTER DATABASE case_service SET TABLESPACE ${place}`); return true }, 20, 'the move')
  await superuser('registry', 'ALTER DATABASE case_service ALLOW_CONNECTIONS true')
}

const tables = `${disk}/tables`
fs.mkdirSync(tables, { mode: 0o700 })
owned(tables)
try {
  await superuser('registry', `CREATE TABLESPACE small LOCATION '${tables}'`)
  await move('small')
  await served(10)
  fill()
  await claim('tables without room: 503 with Retry-After, nothing else', () => press(sample ? 10 : 100, 60))
  fs.rmSync(ballast)
  await claim('with room again: served within 5 s', () => served(5))
  await claim('nothing acknowledged is lost, nothing refused is there', exact)
} finally {
  fs.rmSync(ballast, { force: true })
  await move('pg_default')
  await superuser('registry', 'DROP TABLESPACE small')
}

// The log: PostgreSQL cannot go on without it and stops itself; it is started again and again until there is room.
const cluster = `${variable}/pg`
const postgres = async change => {
  const supervisor = Number(fs.readFileSync(`${variable}/run/supervise.pid`, 'utf8'))
  process.kill(supervisor, 'SIGSTOP')
  try {
    const [program, args] = asUser(`${need('TELERX_POSTGRES')}/pg_ctl`, ['-D', cluster, '-m', 'immediate', '-w', 'stop'])
    await run(program, args)
    await change()
  } finally { process.kill(supervisor, 'SIGCONT') }
}
const moved = (from, to) => { for (const args of [['cp', '-a', from, to], ['rm', '-rf', from]]) { const r = system(...args); if (r.status !== 0) throw new Error(r.stderr) } }
const small = `${disk}/pg_wal`
try {
  await superuser('case', "ALTER SYSTEM SET max_wal_size = '32MB'", "ALTER SYSTEM SET min_wal_size = '32MB'", 'CHECKPOINT', 'SELECT pg_switch_wal()', 'CHECKPOINT')
  // What holds the log back in production is a standby that does not come: nothing is recycled.
  await superuser('case', "SELECT count(pg_create_physical_replication_slot('prove', true))")
  await postgres(() => {
    const segments = fs.readdirSync(`${cluster}/pg_wal`).filter(name => /^[0-9A-F]{24}$/.test(name)).length
    system('mount', '-o', `remount,size=${segments * 16 + 20}m`, disk)
    moved(`${cluster}/pg_wal`, small); fs.symlinkSync(small, `${cluster}/pg_wal`) })
  await served(20)
  fill()
  if (sample) for (let i = 0; i < 3; i++) await superuser('case', 'SELECT pg_switch_wal()').catch(() => {}) // segments that were ready are used up
  await claim('a log without room: 503 with Retry-After, nothing else', () => press(sample ? 10 : 100, 90))
  fs.rmSync(ballast)
  await claim('with room again: PostgreSQL is back and writes are served within 15 s, nobody having helped', () => served(15))
  await claim('nothing acknowledged is lost, nothing refused is there', exact)
} finally {
  fs.rmSync(ballast, { force: true })
  await eventually(() => pidOf('postgres'), 20, 'PostgreSQL')
  await postgres(() => { if (fs.lstatSync(`${cluster}/pg_wal`).isSymbolicLink()) { fs.unlinkSync(`${cluster}/pg_wal`); moved(small, `${cluster}/pg_wal`) } })
  await served(20)
  await superuser('case', "SELECT count(pg_drop_replication_slot('prove'))")
  await superuser('case', 'ALTER SYSTEM RESET max_wal_size', 'ALTER SYSTEM RESET min_wal_size', 'SELECT pg_reload_conf()')
}
await claim('the database is sound', check)
await claim('journeys go on', () => journeys('--count', sample ? '1' : '10'))
await eventually(async () => (await internal('GET', '/health/case/ready')).status === 200, 30, 'case')
await resolve(list)
finish()
