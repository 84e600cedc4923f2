// audit-tamper: whatever is done to an audit trail behind the application's back, `telerx-audit verify` names it
//
// A trail of the tree is copied into a PostgreSQL of the proof's own, and there, as the superuser that an attacker may have become, changed in each way; the
// copy is made anew for every case. A sample tries each kind once, the whole proof at 20 places.
import fs from 'node:fs'
import path from 'node:path'
import { execFileSync, spawnSync } from 'node:child_process'
import { asUser, background, build, claim, databases, eventually, finish, kill, need, pick, pidOf, random, run, sample, settled, sleep, top, value, variable } from './frame/prove.mjs'
import { asAdmin, close } from '../contract/client.mjs'

const service = 'registry', database = databases[service]
const folder = path.join(need('TELERX_WORK'), 'tamper')
const programs = need('TELERX_POSTGRES')
const places = sample ? 1 : 20

const must = (program, args, options = {}) => {
  const [p, a] = asUser(program, args)
  const r = spawnSync(p, a, { cwd: '/', encoding: 'utf8', maxBuffer: 1 << 28, ...options })
  if (r.status !== 0) throw new Error(`${program}: ${r.stderr || r.error?.message}`)
  return r.stdout.trim()
}
const psql = (text, name = database) => must('psql', ['-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1', '-h', folder, '-U', 'postgres', '-d', name], { input: text })

// ---- a trail worth looking at, and the copy

const luhn = base => { let sum = 24; [...base].reverse().forEach((d, i) => { const v = Number(d) * (i % 2 === 0 ? 2 : 1); sum += v > 9 ? v - 9 : v }); return (10 - sum % 10) % 10 }
const writeTrail = async () => {
  for (let i = 0; i < 12; i++) {
    const made = []
    for (let k = 0; k < 8; k++) {
      const base = `19${String(Date.now() + i * 8 + k).slice(-7)}`
      made.push(asAdmin('POST', '/physicians', { npi: `${base}${luhn(base)}`, firstName: 'Sam', lastName: 'Sample', credentials: 'MD', email: `t${i}.${k}@physicians.example`, platform: 'yourera' }))
    }
    await Promise.all(made)
    await sleep(250)
  }
  await eventually(() => value(service, 'SELECT (SELECT count(*) FROM audit) = (SELECT max(hi) FROM audit_seal)') === 't', 20, 'the last seal')
  // A sealer that is told to end writes its anchors first.
  kill(pidOf('sealer'), 'SIGTERM')
  await sleep(500)
  await settled()
}

let server
const copyTrail = async () => {
  fs.mkdirSync(folder, { recursive: true })
  if (process.getuid() === 0) execFileSync('chown', [need('TELERX_USER'), folder])
  must(`${programs}/initdb`, ['-D', `${folder}/pg`, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N'])
  // What an operator does after a restore from a dump, so that new rows come behind the old ones.
  must(`${programs}/pg_resetwal`, ['-x', '100000000', '-D', `${folder}/pg`])
  must('dd', ['if=/dev/zero', `of=${folder}/pg/pg_xact/005F`, 'bs=256k', 'count=1', 'status=none'])
  const [p, a] = asUser(`${programs}/postgres`, ['-D', `${folder}/pg`, '-k', folder, '-c', 'listen_addresses=', '-c', 'shared_buffers=32MB'])
  server = background(p, a)
  await eventually(() => psql('SELECT 1', 'postgres') === '1', 20, 'the copy')
  const dump = execFileSync('pg_dump', ['--no-owner', '--no-acl', '--section=pre-data', '--section=data', '-t', 'audit', '-t', 'audit_leaf', '-t', 'audit_seal',
    '-d', need('TELERX_INSPECT_URL').replace('/postgres?', `/${database}?`)], { encoding: 'utf8', maxBuffer: 1 << 28 })
  psql('CREATE DATABASE pristine', 'postgres')
  psql(dump, 'pristine')
}
const anew = () => psql(`DROP DATABASE IF EXISTS ${database}; CREATE DATABASE ${database} TEMPLATE pristine`, 'postgres')

// ---- the verifier

const settings = (more = {}) => ({ PATH: process.env.PATH, AUDIT_DATABASES: `${service}=postgresql:///${database}?host=${folder}&user=postgres`, SEALER_PUBLIC_KEYS: `${variable}/keys/seal.pub`,
  KEYHOLDER_SOCKET: `${variable}/run/keyholder.sock`, ANCHOR_DIR: `${variable}/anchors`, ...more })
const verify = (more, ...args) => {
  const [p, a] = asUser(`${build}/fcgi/sealer/telerx-audit`, ['verify', ...args])
  const r = spawnSync(p, a, { cwd: '/', encoding: 'utf8', env: settings(more) })
  return { code: r.status, says: (r.stdout + r.stderr).trim() }
}
const expect = (code, pattern, more, ...args) => {
  const r = verify(more, ...args)
  if (r.code !== code || !pattern.test(r.says)) throw new Error(`wanted ${code} ${pattern}, got ${r.code}: ${r.says}`)
  return r.says.replace(/ \|.*/, '')
}
const none = { ANCHOR_DIR: folder }
// The row under leaf n, and the first seal that covers rows on both sides of it.
const rowOf = n => psql(`SELECT audit_id FROM audit_leaf WHERE leaf_no = ${n}`)
const free = 'SET session_replication_role = replica;'

await writeTrail()

// In the tree itself, and mended again: whoever verifies tells the service, and its worker the staff.
await claim('L5 what does not verify is a work item, on the console stream too', async () => {
  const live = async text => {
    const r = await run(`${top}/telerx`, ['psql', service, '-q', '-At', '-v', 'ON_ERROR_STOP=1', '-c', `SET session_replication_role = replica; ${text}`])
    if (r.code !== 0) throw new Error(r.out)
    return r.out.trim()
  }
  const items = async () => (await asAdmin('GET', `/api/work-items?kind=audit.tampered&service=${service}`)).json.items
  const row = value(service, 'SELECT l.audit_id FROM audit_leaf l JOIN audit a ON a.id = l.audit_id WHERE a.reason IS NULL ORDER BY l.leaf_no DESC LIMIT 1')
  const raised = async () => (await items()).find(i => i.subject === service)
  const before = (await raised())?.times ?? 0 // another proof may have left one open: the same cause is the same item, once more
  await live(`UPDATE audit SET reason = 'other' WHERE id = '${row}'`)
  let said
  try { said = await run(`${top}/telerx`, ['audit', 'verify', service]) } finally { await live(`UPDATE audit SET reason = NULL WHERE id = '${row}'`) }
  if (said.code !== 1 || !said.out.includes(row)) throw new Error(`${said.code}: ${said.out}`)
  const item = await eventually(async () => { const i = await raised(); return i?.times > before && i }, 40, 'the work item')
  await eventually(() => value('portal', "SELECT count(*) FROM timeline_entries WHERE topic = 'attention.raised' AND attention ->> 'kind' = 'audit.tampered'") !== '0', 20, "the stream's line")
  const again = await run(`${top}/telerx`, ['audit', 'verify', service])
  if (again.code !== 0) throw new Error(`mended: ${again.out}`)
  const id = item.itemId ?? item.id
  const ended = await asAdmin('POST', `/api/work-items/${id}/resolve`, { reason: 'proof' })
  if (ended.status !== 200) throw new Error(`${ended.status} ${ended.raw}`)
})
await copyTrail()
anew()
const leaves = Number(psql('SELECT max(hi) FROM audit_seal')), seals = Number(psql('SELECT max(n) FROM audit_seal'))
const sealOf = n => Number(psql(`SELECT n FROM audit_seal WHERE ${n} BETWEEN lo AND hi`))

await claim('L5 an untouched trail is ok', () => expect(0, /: ok \|/))

const at = async (what, f) => {
  for (let i = 0; i < places; i++) {
    const n = 2 + random(leaves - 2)
    await claim(`L5 ${what} at leaf ${n}`, () => { anew(); return f(n) })
  }
}
await at('edit: a row', n => {
  const [column, to] = pick([['reason', `'other'`], ['actor', `'service:nobody'`], ['at', `at + interval '1 us'`], ['outcome', `CASE outcome WHEN 'denied' THEN 'success' ELSE 'denied' END`], ['detail', `'{"a":1}'`], ['object_id', 'NULL'], ['mac', 'NULL']])
  psql(`${free} UPDATE audit SET ${column} = ${to} WHERE id = '${rowOf(n)}'`)
  return expect(1, new RegExp(`leaf ${n}: row ${rowOf(n)} was changed`))
})
await at('edit: a leaf', n => {
  psql(`${free} UPDATE audit_leaf SET hash = sha256(hash) WHERE leaf_no = ${n}`)
  return expect(1, new RegExp(`leaf ${n}: row ${rowOf(n)} was changed`))
})
await at('delete: a row', n => {
  psql(`${free} DELETE FROM audit WHERE id = '${rowOf(n)}'`)
  return expect(1, new RegExp(`leaf ${n}: row ${rowOf(n)} (was deleted|is gone)`))
})
await at('delete: a row with its leaf', n => {
  const row = rowOf(n)
  psql(`${free} DELETE FROM audit WHERE id = '${row}'; DELETE FROM audit_leaf WHERE leaf_no = ${n}`)
  return expect(1, new RegExp(`leaf ${n} is gone`))
})
const copied = 'tenant_id, actor, on_behalf, action, object, object_id, outcome, reason, request_id, source, detail, key_id, mac'
await at('insert: a row among sealed ones', n => {
  const made = psql(`INSERT INTO audit (id, xid, at, ${copied}) SELECT gen_random_uuid(), xid, at, ${copied} FROM audit WHERE id = '${rowOf(n)}' RETURNING id`)
  return expect(1, new RegExp(`row ${made} (was inserted behind the seal|stands in its place)`))
})
await at('swap: two rows', n => {
  const m = n === leaves - 1 ? n - 1 : n + 1, a = rowOf(n), b = rowOf(m)
  psql(`${free} UPDATE audit SET id = CASE id WHEN '${a}' THEN '${b}'::uuid ELSE '${a}' END WHERE id IN ('${a}', '${b}')`)
  return expect(1, new RegExp(`leaf ${Math.min(n, m)}: row \\S+ (was changed|is out of its place)`))
})
await at('swap: two leaves', n => {
  const m = n === leaves - 1 ? n - 1 : n + 1
  psql(`${free} UPDATE audit_leaf SET leaf_no = 1000000 WHERE leaf_no = ${n}; UPDATE audit_leaf SET leaf_no = ${n} WHERE leaf_no = ${m}; UPDATE audit_leaf SET leaf_no = ${m} WHERE leaf_no = 1000000`)
  return expect(1, new RegExp(`leaf ${Math.min(n, m)}: row \\S+ is out of its place`))
})
await at('edit: a seal', n => {
  const k = sealOf(n)
  psql(`${free} UPDATE audit_seal SET ${pick(['root = sha256(root)', 'prev = sha256(prev)', "at = at - interval '1 day'", 'signature = signature || \'\'::bytea, last = gen_random_uuid()', "xid = (xid::text::bigint + 1)::text::xid8"])} WHERE n = ${k}`)
  return expect(1, new RegExp(`the signature of seal ${k} `))
})
await at('delete: a seal', n => {
  const k = sealOf(n)
  psql(`${free} DELETE FROM audit_seal WHERE n = ${k}`)
  return expect(1, k === seals ? /an anchor has seen/ : new RegExp(`seal ${k} is gone`))
})
await at('insert: a row that no service wrote, at the end', () => {
  const made = psql(`INSERT INTO audit (id, ${copied}) SELECT gen_random_uuid(), ${copied} FROM audit LIMIT 1 RETURNING id`)
  return expect(1, new RegExp(`the mac of row ${made} does not hold`))
})

// ---- the end of the trail

const cut = k => psql(`${free} CREATE TABLE rest AS SELECT a.* FROM audit a JOIN audit_leaf l ON l.audit_id = a.id WHERE l.leaf_no >= (SELECT lo FROM audit_seal WHERE n = ${k}) ORDER BY leaf_no;
  DELETE FROM audit WHERE id IN (SELECT id FROM rest); DELETE FROM audit_leaf WHERE leaf_no >= (SELECT lo FROM audit_seal WHERE n = ${k}); DELETE FROM audit_seal WHERE n >= ${k}`)
for (let i = 0; i < places; i++) {
  const k = 2 + random(seals - 1)
  await claim(`L4 the tail cut from seal ${k} on: named by an anchor`, () => { anew(); cut(k); return expect(1, /and what follows is gone: an anchor has seen seal/) })
  await claim(`L4 the tail cut from seal ${k} on: without an anchor nobody can tell`, () => expect(0, /: ok \|/, none))
}
await claim('L4 an old dump restored, on which the sealer went on: named by an anchor', async () => {
  anew()
  cut(2)
  psql(`INSERT INTO audit (id, ${copied}) SELECT id, ${copied} FROM rest; DROP TABLE rest`)
  const [p, a] = asUser(`${build}/fcgi/sealer/telerx-sealer`, [])
  const sealer = background(p, a, { env: { PATH: process.env.PATH, AUDIT_DATABASES: settings().AUDIT_DATABASES, SEALER_KEY_FILE: `${variable}/keys/seal.pem`, LOG_LEVEL: 'ERROR' } })
  try {
    await eventually(() => psql('SELECT max(hi) FROM audit_seal') === String(leaves), 20, 'the seals of what was put back')
  } finally { await sealer.stop() }
  expect(0, /: ok \|/, none)
  // Few seals took the place of many: the anchor's may be missing altogether.
  return expect(1, /an anchor has seen seal|the log was replaced/)
})
await claim('L4 a seal that is another one than the anchor’s', () => {
  anew()
  const file = `${folder}/${service}.anchor`
  must('sh', ['-c', `sed 's/.\\{64\\}$/${'ab'.repeat(32)}/' ${variable}/anchors/${service}.anchor | tail -n 1 >${file}`])
  return expect(1, /is another one than the anchor's: the log was replaced/, {}, '--anchor', file)
})

// ---- the other verdicts

await claim('L5 rows that wait for a seal for more than 30 s: incomplete, 2', () => {
  anew()
  psql(`${free} UPDATE audit SET at = at - interval '1 minute' WHERE id IN (SELECT audit_id FROM audit_leaf WHERE leaf_no >= (SELECT lo FROM audit_seal WHERE n = ${seals}));
    DELETE FROM audit_leaf WHERE leaf_no >= (SELECT lo FROM audit_seal WHERE n = ${seals}); DELETE FROM audit_seal WHERE n = ${seals}`)
  fs.rmSync(`${folder}/${service}.anchor`, { force: true })
  return expect(2, /INCOMPLETE: \d+ rows are unsealed/, none)
})
await claim('L5 --from leaves out what stands before', () => {
  anew()
  psql(`${free} UPDATE audit SET reason = 'other' WHERE id = '${rowOf(1)}'`)
  expect(1, /leaf 1: /)
  return expect(0, /: ok \|/, {}, '--from', String(sealOf(1) + 1))
})
await claim('L5 without the keys of the rows the seals still speak', () => {
  anew()
  const { KEYHOLDER_SOCKET, ...without } = settings()
  const [p, a] = asUser(`${build}/fcgi/sealer/telerx-audit`, ['verify'])
  const r = spawnSync(p, a, { cwd: '/', encoding: 'utf8', env: without })
  if (r.status !== 0 || !/macs not checked/.test(r.stdout)) throw new Error(r.stdout + r.stderr)
})
await claim('L2 a cluster that counts from the beginning again gets no seal', async () => {
  anew()
  psql(`UPDATE audit_seal SET xid = '900000000000' WHERE n = ${seals}; INSERT INTO audit (id, ${copied}) SELECT gen_random_uuid(), ${copied} FROM audit LIMIT 1`)
  const [p, a] = asUser(`${build}/fcgi/sealer/telerx-sealer`, [])
  const r = await run('timeout', ['2', p, ...a], { env: { PATH: process.env.PATH, AUDIT_DATABASES: settings().AUDIT_DATABASES, SEALER_KEY_FILE: `${variable}/keys/seal.pem` } })
  if (psql('SELECT max(n) FROM audit_seal') !== String(seals)) throw new Error(`it was sealed: ${r.out}`)
})
await server.stop('SIGINT')
await claim('L5 a database that is not there: cannot read, 3', () => expect(3, /CANNOT READ/))
close()
finish()
