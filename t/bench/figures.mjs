// figures.mjs: the sides that ./telerx bench compares, and the figures made of them.
//
// A side is { pool, prepare(), round(seconds) }: round does work for that long and says { count, seconds, ... }. A group holds sides that run in turn in the
// same rounds; a figure is the median over the rounds of one side's rate over another's.
import fs from 'node:fs'
import https from 'node:https'
import { spawn } from 'node:child_process'
import { createHmac, randomUUID } from 'node:crypto'
import { env, tenant, median, settingOf, psql, load, pgbench, statement, bind, run, pssMib } from './machine.mjs'
import { queueGroup } from './queue.mjs'

export const connections = { http: 16, database: Number(process.env.POOL_THREADS ?? 4) }
const registry = 'physician_registry'
const physician = '00000000-0000-7000-8000-0000000000a2'   // a sample physician with a licence in every served state
// The last group of an id made here: twelve digits, so counting is enough; another hundred thousand of them each second, so that a tree can be used again.
const FIRST = 100000000000 + (Math.floor(Date.now() / 1000) % 8000000) * 100000
const request = '0123456789abcdef0123456789abcdef', mac = '\\x' + '5a'.repeat(32)
const idOf = (letter, n) => `${letter}0000000-0000-7000-8000-${n}`
const file = name => `${env.work}/${name}`

export const statements = {
  ...Object.fromEntries(['begin_sql', 'begin_read_sql', 'scope_sql', 'scope_write_sql', 'scope_reader_sql', 'commit_sql'].map(n => [n, statement('fcgi/data/db_tx.c', n)])),
  audit_sql: statement('fcgi/data/audit.c', 'audit_sql'),
  publish_sql: statement('fcgi/data/event.c', 'publish_sql'),
  claim_sql: statement('handlers/registry/claim.c', 'claim_sql'),
  show_sql: statement('handlers/registry/physician.c', 'show_sql'),
  latest_sql: statement('handlers/integration/record.c', 'latest_sql')
}

// ---- pgbench scripts: a transaction is one pipeline, so one round trip, which is the least that these statements can cost. What holds a colon is a
// variable, as pgbench would look for one in it.

const uuid = (letter, n) => `(:${letter} || :${n}::text)`
const audit = (actor, behalf, action, object, id) => bind(statements.audit_sql, `${uuid('c', 'n')}`, ':tenant', actor, behalf, action, object, id, `'success'`, 'NULL',
  ':request', `'127.0.0.1'`, `'{}'`, `'audit1'`, ':mac')
const pipeline = list => ['\\startpipeline', ...list.map(s => `${s};`), '\\endpipeline', ''].join('\n')
const counted = '\\set k :k + 1\n\\set n :base + :k * :clients + :client_id\n'
const texts = { c: 'c0000000-0000-7000-8000-', b: 'b0000000-0000-7000-8000-', tenant, request, mac, actor: 'service:portal', behalf: `physician:${physician}` }
const claimRow = bind(statements.claim_sql, `${uuid('b', 'n')}::uuid`, `'${physician}'`)
const payload = JSON.stringify({ assignmentId: idOf('b', FIRST), submissionId: idOf('e', FIRST), patientId: idOf('d', FIRST), physicianId: physician })

const scripts = {
  claim: counted + pipeline([statements.begin_sql, bind(statements.scope_write_sql, ':tenant', ':actor', ':request'), claimRow,
    bind(statements.publish_sql, ':tenant', `'assignment.claimed'`, uuid('b', 'n'), `'${payload}'`, ':request', `'{portal}'`),
    audit(':actor', ':behalf', `'assignment.claim'`, `'prescription_assignments'`, uuid('b', 'n')), statements.commit_sql]),
  bare: counted + `${claimRow};\n`,
  read: '\\set n random(:base, :last)\n' + pipeline([statements.begin_read_sql, bind(statements.scope_sql, ':tenant', ':actor', ':request'),
    bind(statements.show_sql, `(:a || :n::text)::uuid`), statements.commit_sql]),
  audited: counted + '\\set i random(:base, :last)\n' + pipeline([statements.begin_sql,
    bind(statements.scope_reader_sql, ':tenant', ':actor', ':request', `'telerx_integration_reader'`), bind(statements.latest_sql, `(:d || :i::text)::uuid`),
    audit(':actor', 'NULL', `'phi.record'`, `'patient_records'`, `(:d || :i::text)`), statements.commit_sql])
}
const script = name => { fs.writeFileSync(file(`${name}.sql`), scripts[name]); return file(`${name}.sql`) }

// ---- claims: each takes a row that was open

let next = FIRST
// Made as the superuser without triggers; one physician in three of the junction is the claimant.
const openAssignments = async count => {
  const from = next
  next += count
  await psql(registry, `SET session_replication_role = replica; SET synchronous_commit = off;
    INSERT INTO prescription_assignments (id, tenant_id, submission_id, patient_id, state, platform, intake_type)
      SELECT ('${texts.b}' || n)::uuid, '${tenant}', ('e0000000-0000-7000-8000-' || n)::uuid, ('d0000000-0000-7000-8000-' || n)::uuid, 'LA', 'yourera', 'glp1'
      FROM generate_series(${from}::bigint, ${next - 1}::bigint) n;
    INSERT INTO assignment_physicians (tenant_id, assignment_id, physician_id)
      SELECT '${tenant}', ('${texts.b}' || n)::uuid, ('00000000-0000-7000-8000-0000000000a' || p)::uuid
      FROM generate_series(${from}::bigint, ${next - 1}::bigint) n, generate_series(1, 3) p;`)
  return from
}
const claimed = async (from, count) => Number(await psql(registry, `SELECT count(*) FROM prescription_assignments
  WHERE id BETWEEN '${idOf('b', from)}' AND '${idOf('b', from + count - 1)}' AND status = 'claimed'`))

// Opens more than the side can take, lets it run, and believes it only when as many rows were claimed as it says.
const claiming = (pool, firstGuess, work) => {
  let rate = firstGuess
  return { pool, round: seconds => ({
    prepare: async () => { const rows = Math.ceil(rate * seconds * 2) + 3000; return { rows, from: await openAssignments(rows) } },
    go: given => work(given, seconds),
    check: async (given, took) => {
      const got = await claimed(given.from, given.rows)
      rate = Math.max(rate / 2, took.count / took.seconds) * (got === given.rows ? 2 : 1)
      return Math.abs(got - took.count) <= 64
    }
  }) }
}
const claimOver = prefix => async ({ from, rows }, seconds) => {
  const lines = []
  for (let n = from; n < from + rows; n++) lines.push(`POST ${prefix}/route/claim {"assignmentId":"${idOf('b', n)}","physicianId":"${physician}"}`)
  fs.writeFileSync(file('claims'), lines.join('\n') + '\n')
  return load(file('claims'), { seconds, connections: connections.http, caller: 'PORTAL', once: true })
}
const claimIn = name => ({ from }, seconds) => pgbench(script(name), { seconds, connections: connections.database, service: 'registry',
  variables: { ...texts, base: from, k: -1, clients: connections.database } })

// ---- reads

const PHYSICIAN = 100000000000, PHYSICIANS = 1000, PATIENTS = 40
let madePhysicians = false
const makePhysicians = async () => {
  if (madePhysicians) return
  madePhysicians = true
  await psql(registry, `SET session_replication_role = replica;
    INSERT INTO physicians (id, tenant_id, npi, first_name, last_name, credentials, email, platform, sample)
      SELECT ('a0000000-0000-7000-8000-' || ${PHYSICIAN} + row_number() OVER ())::uuid, '${tenant}', npi, 'Bench', 'Sample', 'MD', 'bench@physicians.example', 'yourera', true
      FROM (SELECT n::text AS npi FROM generate_series(2000010000, 2000030000) n WHERE npi_valid(n::text) LIMIT ${PHYSICIANS}) x ON CONFLICT DO NOTHING;
    INSERT INTO physician_licenses (tenant_id, physician_id, state, license_number, license_type, expires_on)
      SELECT '${tenant}', id, s, s || '-SAMPLE', 'MD', '2031-12-31' FROM physicians, unnest('{LA,FL,NY,WA,OH,PA}'::text[]) s WHERE last_name = 'Sample' AND first_name = 'Bench' ON CONFLICT DO NOTHING;
    INSERT INTO physician_routing (tenant_id, platform, state, priority, physician_id)
      SELECT '${tenant}', 'yourera', s, 900, id FROM physicians, unnest('{LA,FL,NY}'::text[]) s WHERE last_name = 'Sample' AND first_name = 'Bench' ON CONFLICT DO NOTHING;
    ANALYZE;`)
}
const targets = (name, target, first, count) => {
  const lines = []
  for (let i = 0; i < 20000; i++) lines.push(`GET ${target}${first + 1 + (i * 7919) % count}`)
  fs.writeFileSync(file(name), lines.join('\n') + '\n')
  return file(name)
}

const post = (target, headers, body, { method = 'POST', port = env.port } = {}) => new Promise((done, fail) => {
  const r = https.request({ host: '127.0.0.1', port, servername: 'localhost', path: target, method, ca: fs.readFileSync(`${env.state}/tls/ca.pem`),
    headers: { ...headers, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) } }, a => { let t = ''; a.on('data', d => { t += d }); a.on('end', () => done({ status: a.statusCode, text: t })) })
  r.on('error', fail)
  r.end(body)
})
// Snapshots as intake sends them, so that they are sealed as any other.
let madeRecords = false
const makeRecords = async () => {
  if (madeRecords) return
  madeRecords = true
  const sample = JSON.parse(fs.readFileSync(`${env.top}/t/flows/patients/a-gmp.json`, 'utf8'))
  for (let n = FIRST + 1; n <= FIRST + PATIENTS; n++) {
    const at = new Date().toISOString()
    const body = JSON.stringify({ submissionId: idOf('e', n), patientId: idOf('d', n), state: 'LA', intakeType: 'glp1', patient: { ...sample.form, email: `bench.${n}@patients.example` }, submittedAt: at })
    const a = await post('/api/ehr/patients', { 'X-API-Key': env.keys.KEY_INTAKE, 'X-Timestamp': at, 'Idempotency-Key': randomUUID(),
      'X-Signature': createHmac('sha256', env.keys.SECRET_INTAKE).update(`${at}.${body}`).digest('hex') }, body)
    if (a.status !== 202) throw new Error(`a record was not taken: ${a.status} ${a.text}`)
  }
  await psql('hisera', 'ANALYZE')
}
// Audit rows of pgbench need ids that no round before had.
let auditBase = FIRST
const plain = (pool, prepare, go) => ({ pool, setup: prepare, round: seconds => ({ prepare: async () => {}, go: () => go(seconds), check: async () => true }) })
const readOver = prefix => plain(prefix ? 'peer' : 'registry', makePhysicians, seconds =>
  load(targets(`reads${prefix.length}`, `${prefix}/physicians/a0000000-0000-7000-8000-`, PHYSICIAN, PHYSICIANS), { seconds, connections: connections.http, caller: 'PORTAL' }))
const emptyAt = (pool, target) => plain(pool, async () => fs.writeFileSync(file(`empty-${pool ?? 'nginx'}`), `GET ${target}\n`), seconds =>
  load(file(`empty-${pool ?? 'nginx'}`), { seconds, connections: connections.http }))

// ---- audited writes, with the sealer of their trail running beside them and without it

let sealer = null
const asTree = (program, args, more) => env.asUser[0] ? run(env.asUser[0], [...env.asUser.slice(1), program, ...args], more) : run(program, args, more)
const trailUrl = () => fs.readFileSync(`${env.state}/etc/sealer.env`, 'utf8').match(/[=,]registry=([^,]*)/)[1]
const startSealer = () => {
  const [program, ...args] = [...env.asUser, `${env.build}/fcgi/sealer/telerx-sealer`]
  sealer = spawn(program, args, { cwd: '/', stdio: 'ignore', env: { PATH: process.env.PATH, AUDIT_DATABASES: `registry=${trailUrl()}`, SEALER_KEY_FILE: `${env.state}/keys/seal.pem` } })
  sealer.ended = new Promise(done => sealer.on('close', done))
}
const stopSealer = async () => { sealer?.kill('SIGTERM'); await sealer?.ended; sealer = null }
process.on('exit', () => sealer?.kill('SIGKILL'))
const allSealed = async () => {
  for (let i = 0; i < 600; i++) {
    if ((await psql(registry, 'SELECT (SELECT count(*) FROM audit) = (SELECT coalesce(max(hi), 0) FROM audit_seal)')).trim() === 't') return
    await new Promise(done => setTimeout(done, 100))
  }
  throw new Error('the trail is not sealed')
}
scripts.change = counted + '\\set i random(:first, :last)\n' + pipeline([statements.begin_sql, bind(statements.scope_write_sql, ':tenant', ':actor', ':request'),
  `UPDATE physicians SET updated_at = now() WHERE id = (:a || :i::text)::uuid`, audit(':actor', ':behalf', `'physician.change'`, `'physicians'`, `(:a || :i::text)`), statements.commit_sql])
let changeBase = FIRST
const changing = sealed => ({ pool: null, setup: makePhysicians, round: seconds => ({
  // What rounds without it left behind is not this round's work.
  prepare: async () => { startSealer(); await allSealed(); if (!sealed) await stopSealer() },
  go: () => pgbench(script('change'), { seconds, connections: 16, service: 'registry', variables: { ...texts, c: 'c0000000-0000-7001-8000-', a: 'a0000000-0000-7000-8000-', base: (changeBase += 1000000), k: -1, clients: 16,
    first: PHYSICIAN + 1, last: PHYSICIAN + PHYSICIANS } }),
  check: async () => { await stopSealer(); return true }
}) })

// ---- JSON: the same document by V8 and by ours

const document_ = () => {
  const assignments = []
  for (let n = FIRST; assignments.length < 24; n++) assignments.push({ assignmentId: idOf('b', n), submissionId: idOf('e', n), patientId: idOf('d', n), state: 'LA', platform: 'yourera',
    intakeType: 'glp1', mode: 'pool', status: 'claimed', taskId: `task-${n}`, claimedBy: physician, claimedAt: '2026-01-15T09:30:00.123456Z', openedAt: '2026-01-15T08:15:30.654321Z', priority: n % 100 })
  const text = JSON.stringify({ assignments })
  fs.writeFileSync(file('document.json'), text)
  return text
}
const byV8 = work => plain(null, async () => {}, async seconds => {
  const began = process.hrtime.bigint(), until = began + BigInt(Math.round(seconds * 1e9))
  let count = 0, bytes = 0
  while (process.hrtime.bigint() < until) { bytes += work(); count++ }
  return { count: bytes > 0 ? count : 0, seconds: Number(process.hrtime.bigint() - began) / 1e9 }
})
const byOurs = what => plain(null, async () => {}, async seconds => {
  const rate = Number(await run(`${env.build}/t/bench/telerx-json`, [what, file('document.json'), String(seconds)]))
  return { count: rate * seconds, seconds }
})

export const groups = () => {
  const text = document_(), tree = JSON.parse(text)
  return [
    { seconds: 2, rounds: 7, sides: { telerx: claiming('registry', 5000, claimOver('')), pgbench: claiming(null, 9000, claimIn('claim')), 'pgbench-bare': claiming(null, 12000, claimIn('bare')),
      fastify: claiming('peer', 4000, claimOver('/peer')), 'fastify-pipelined': claiming('peer', 4000, claimOver('/peer/pipelined')) },
      setup: () => openAssignments(20000),
      // What autovacuum does within a minute: plans that kept connections made while the outbox was empty are made again.
      settle: async () => { await psql(registry, 'VACUUM ANALYZE'); await psql('postgres', 'CHECKPOINT') },
      figures: { 'claim.over_pgbench': ['telerx', 'pgbench'], 'claim.over_pgbench_bare': ['telerx', 'pgbench-bare'], 'claim.over_fastify': ['telerx', 'fastify'],
        'claim.over_fastify_pipelined': ['telerx', 'fastify-pipelined'] } },
    { seconds: 2, rounds: 7, sides: { telerx: readOver(''), fastify: readOver('/peer'), 'fastify-pipelined': readOver('/peer/pipelined'), pgbench: plain(null, makePhysicians, seconds => pgbench(script('read'),
      { seconds, connections: connections.database, service: 'registry', variables: { ...texts, a: 'a0000000-0000-7000-8000-', base: PHYSICIAN + 1, last: PHYSICIAN + PHYSICIANS } })) },
      figures: { 'read.over_pgbench': ['telerx', 'pgbench'], 'read.over_fastify': ['telerx', 'fastify'], 'read.over_fastify_pipelined': ['telerx', 'fastify-pipelined'] } },
    { seconds: 2, rounds: 7, sides: { telerx: plain('integration', makeRecords, seconds => load(targets('records', '/api/patient-records/d0000000-0000-7000-8000-', FIRST, PATIENTS),
      { seconds, connections: connections.http, admin: true })), pgbench: plain(null, makeRecords, seconds => pgbench(script('audited'), { seconds, connections: connections.database, service: 'integration',
      variables: { ...texts, d: 'd0000000-0000-7000-8000-', base: FIRST + 1, last: FIRST + PATIENTS, k: (auditBase += 1000000) - FIRST, clients: connections.database } })) },
      figures: { 'read_audited.over_pgbench': ['telerx', 'pgbench'] } },
    { seconds: 2, rounds: 7, sides: { telerx: emptyAt('registry', '/health/registry/live'), fastify: emptyAt('peer', '/peer/health/live'), 'nginx-return': emptyAt(null, '/bench/return') },
      figures: { 'empty.over_fastify': ['telerx', 'fastify'], 'empty.over_nginx_return': ['telerx', 'nginx-return'] } },
    { seconds: 4, rounds: 7, sides: { sealed: changing(true), plain: changing(false) }, figures: { 'audit.sealed_over_plain': ['sealed', 'plain'] } },
    { seconds: 1.5, rounds: 5, sides: { kept: emptyAt('registry', '/health/registry/live'), new: plain('registry', async () => {}, seconds =>
      load(file('empty-registry'), { seconds, connections: connections.http, fresh: true })) }, figures: { 'tls.new_connection_over_kept': ['new', 'kept'] } },
    { seconds: 0.5, rounds: 7, warm: true, sides: { telerx: byOurs('parse'), v8: byV8(() => JSON.parse(text).assignments.length) }, figures: { 'json.parse_over_v8': ['telerx', 'v8'] } },
    { seconds: 0.5, rounds: 7, warm: true, sides: { telerx: byOurs('write'), v8: byV8(() => JSON.stringify(tree).length) }, figures: { 'json.write_over_v8': ['telerx', 'v8'] } },
    queueGroup()
  ]
}

// ---- eight callers whose vendor hangs, and somebody who wants another route of the same service

const jsonHeaders = (caller, body, key) => {
  const at = new Date().toISOString()
  return { 'X-API-Key': env.keys[`KEY_${caller}`], 'X-Timestamp': at, 'Idempotency-Key': key,
    'X-Signature': createHmac('sha256', env.keys[`SECRET_${caller}`]).update(`${at}.${body}`).digest('hex') }
}
const treePort = () => new URL(env.keys.TELERX_URL).port // the parts' own nginx is not there yet
const pause = ms => new Promise(done => setTimeout(done, ms))
// Each asks again when it was answered, or was told to come again. Returns how to end it, and what came back.
const hang = callers => {
  const seen = { slow: 0, later: 0 }
  let on = true
  const one = async () => {
    while (on) {
      const body = JSON.stringify({ intakeId: randomUUID(), patientId: randomUUID(), planId: 'glp1-monthly', amountCents: 29900, currency: 'usd' })
      const a = await post('/billing/setup-intents', jsonHeaders('INTAKE', body, randomUUID()), body, { port: treePort() })
      if (a.status === 201) seen.slow++
      else if (a.status === 503) { seen.later++; for (let i = 0; on && i < 10; i++) await pause(100) } else throw new Error(`${a.status} ${a.text}`)
    }
  }
  const all = Array.from({ length: callers }, one)
  return { seen, end: async () => { on = false; await Promise.all(all) } }
}
const sandboxFault = body => post('/sandbox/stripe/faults', {}, JSON.stringify(body), { port: treePort() })
const clearFaults = () => post('/sandbox/stripe/faults', {}, '', { method: 'DELETE', port: treePort() })
const hangRatio = async () => {
  await run(`${env.build}/t/flows/journey/telerx-journey`, ['a-gmp', '--quiet'], { env: { ...process.env, ...env.keys, TELERX_PATIENTS: `${env.top}/t/flows/patients` } })
  const payment = (await psql('billing', 'SELECT id FROM payments ORDER BY id DESC LIMIT 1')).trim()
  fs.writeFileSync(file('payment'), `GET /billing/payments/${payment}\n`)
  const seconds = 2, rate = 1000, ask = () => load(file('payment'), { seconds, rate, connections: 16, sources: 16, caller: 'ORCHESTRATOR', port: treePort() })
  await ask()
  const rounds = [], slow = []
  for (let i = 0; i < 7; i++) {
    const round = {}
    for (const side of i % 2 ? ['hanging', 'calm'] : ['calm', 'hanging']) {
      if (side === 'calm') { round.calm = await ask(); continue }
      await sandboxFault({ mode: 'slow', count: 10000, path: '/v1/customers' })
      const hanging = hang(8)
      await pause(500)
      round.hanging = await ask()
      await clearFaults()
      await hanging.end()
      slow.push(`${hanging.seen.slow} + ${hanging.seen.later}`)
    }
    rounds.push(round)
  }
  const of = side => median(rounds.map(r => r[side].p99))
  return [median(rounds.map(r => r.hanging.p99 / r.calm.p99)), `GET /billing/payments/:id, ${rate}/s: p99 ${of('calm')} us, ${of('hanging')} us with 8 callers of a hanging Stripe` +
    ` (hung + told to come again: ${slow.join(', ')})`]
}

// What needs the workers, and so comes first.
export const wholes = {
  'journeys.per_minute': async () => {
    const out = await run(`${env.build}/t/flows/journey/telerx-journey`, ['--count', '24', '--quiet'], { env: { ...process.env, ...env.keys, TELERX_PATIENTS: `${env.top}/t/flows/patients` } })
    const m = out.match(/(\d+) patients in ([0-9.]+) s: ([0-9.]+) a minute(.*)/)
    return [Number(m[3]), `${m[1]} patients at once in ${m[2]} s${m[4]}`]
  },
  'audit.verify_rows_per_s': async () => {
    const rows = 200000
    await asTree(`${env.build}/t/bench/telerx-trail`, [settingOf('registry', 'DATABASE_URL'), `${env.state}/run/keyholder.sock`, 'registry', String(rows)])
    await allSealed()
    await psql(registry, 'VACUUM ANALYZE audit')
    await psql(registry, 'VACUUM ANALYZE audit_leaf')
    const rates = []
    for (let i = 0; i < 5; i++) {
      const out = await asTree(`${env.build}/fcgi/sealer/telerx-audit`, ['verify', 'registry'], { env: { PATH: process.env.PATH, TELERX_CONFIG: `${env.state}/etc/audit.env` } })
      rates.push(Number(out.match(/, (\d+) rows\/s/)[1]))
    }
    return [median(rates), `${rows} rows with their macs, two connections`]
  },
  'ncpdp.over_xmllint': async () => {
    const count = 1000, folder = file('ncpdp')
    fs.mkdirSync(folder)
    await run(`${env.build}/t/ncpdp/telerx-ncpdp-generate`, [String(count), '20261121', folder])
    const files = fs.readdirSync(folder).map(f => `${folder}/${f}`)
    const timed = async (program, args) => { const began = process.hrtime.bigint(); const out = await run(program, args); return [Number(process.hrtime.bigint() - began) / 1e6, out] }
    const ours = [], theirs = []
    for (let i = 0; i < 9; i++) {
      const [ms, right] = await timed(`${env.build}/t/bench/telerx-script`, files)
      if (Number(right) !== count) throw new Error(`${right} of ${count} messages are right`)
      ours.push(ms)
      theirs.push((await timed('xmllint', ['--noout', ...files]))[0])
    }
    return [median(ours) / median(theirs), `${count} NewRx read and validated in ${median(ours).toFixed(1)} ms; xmllint --noout ${median(theirs).toFixed(1)} ms`]
  },
  'hang.p99_ratio': hangRatio,
  'idle.pss_mib': async () => [pssMib(), 'all pools, their masters and workers']
}
