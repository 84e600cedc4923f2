// invariants.mjs: what must hold in a tree whatever happened to it (I1 to I12): by rows of all databases, read as telerx_inspect, and by the sandbox's ledgers.
//
// invariants() gives a list of { id, says, bad }, bad being the offending rows as texts; a proof calls holdInvariants() as its last case. It wants a tree at
// rest: work that was started a moment ago is still on its way (grace is how many seconds it may be).
import fs from 'node:fs'
import { spawnSync } from 'node:child_process'

const need = name => { const v = process.env[name]; if (!v) throw new Error(`${name} is not set`); return v }
const top = need('TELERX_TOP')
const databases = Object.fromEntries(fs.readFileSync(`${top}/door/services`, 'utf8').split('\n').filter(l => l && !l.startsWith('#')).map(l => l.split(/\s+/)).map(([n, , d]) => [n, d]))
const all = Object.keys(databases)
const ours = all.filter(name => name !== 'sandbox')   // the sandbox's database stands for other companies

const sql = (service, text) => {
  const r = spawnSync('psql', ['-X', '-q', '-At', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-d', need('TELERX_INSPECT_URL').replace('/postgres?', `/${databases[service]}?`), '-c', text],
    { encoding: 'utf8', maxBuffer: 1 << 29 })
  if (r.status !== 0) throw new Error(`${service}: ${r.stderr}`)
  return r.stdout.split('\n').filter(Boolean).map(line => line.split('\t'))
}
const rows = (service, text) => sql(service, text).map(r => `${service}: ${r.join(' ')}`)
const everywhere = (list, text) => list.flatMap(service => rows(service, text))

// ---- the twelve

const I1 = () => [
  ...rows('billing', `SELECT 'run ' || run_id, purpose, 'has ' || count(*) || ' payments that took money' FROM payments WHERE captured_cents > 0 GROUP BY run_id, purpose, generation HAVING count(*) > 1`),
  ...rows('billing', `SELECT 'run ' || run_id, 'captured ' || sum(captured_cents), 'of authorised ' || sum(authorized_cents) FROM payments GROUP BY run_id HAVING sum(captured_cents) > sum(authorized_cents)`),
  ...everywhere(all, `SELECT 'saga ' || saga_id, 'step ' || step_no, 'generation ' || gen, count(*) || ' keys' FROM saga_step WHERE NOT undo GROUP BY saga_id, step_no, gen HAVING count(DISTINCT vendor_key) > 1`),
  ...rows('sandbox', `SELECT 'Stripe took', count(*) || ' times for payment', data #>> '{metadata,payment_id}' FROM object WHERE vendor = 'stripe' AND type = 'payment_intent'
    AND (data ->> 'amount_received')::bigint > 0 GROUP BY data #>> '{metadata,payment_id}' HAVING count(*) > 1`),
  ...rows('sandbox', `SELECT 'Stripe took', data ->> 'amount_received', 'of', data ->> 'amount', id FROM object WHERE vendor = 'stripe' AND type = 'payment_intent'
    AND (data ->> 'amount_received')::bigint > (data ->> 'amount')::bigint`),
  ...difference(sql('billing', `SELECT stripe_payment_intent, captured_cents FROM payments WHERE captured_cents > 0`), sql('sandbox', `SELECT id, data ->> 'amount_received' FROM object
    WHERE vendor = 'stripe' AND type = 'payment_intent' AND (data ->> 'amount_received')::bigint > 0 AND data #>> '{metadata,payment_id}' IS NOT NULL`), 'captured by us', 'taken by Stripe')
]
const difference = (a, b, nameA, nameB) => {
  const left = new Set(a.map(r => r.join(' '))), right = new Set(b.map(r => r.join(' ')))
  return [...[...left].filter(x => !right.has(x)).map(x => `${nameA} and not ${nameB}: ${x}`), ...[...right].filter(x => !left.has(x)).map(x => `${nameB} and not ${nameA}: ${x}`)]
}

const I2 = grace => [
  ...rows('orchestrator', `SELECT 'run ' || id, status, 'since ' || updated_at FROM orchestration_runs WHERE status = 'running' AND updated_at < now() - interval '${grace} s'
    AND NOT EXISTS (SELECT FROM saga s WHERE s.subject = orchestration_runs.id AND s.state IN ('running', 'compensating', 'manual'))`),
  ...everywhere(ours, `SELECT 'saga ' || id, state, 'past its deadline by ' || date_trunc('second', now() - deadline) FROM saga WHERE state IN ('running', 'compensating') AND deadline < now() - interval '${grace} s'`),
  ...rows('orchestrator', `SELECT 'submission ' || submission_id, count(*) || ' runs' FROM orchestration_runs WHERE status <> 'failed' GROUP BY submission_id HAVING count(*) > 1`)
]

const ordersAtPharmacies = () => sql('sandbox', `SELECT key, count(*) FROM (SELECT coalesce(data ->> 'PrescriberOrderNumber', data ->> 'caseId') AS key FROM object
  WHERE (vendor = 'pioneerrx' AND type = 'rx') OR (vendor = 'boothwyn' AND type = 'case')) o GROUP BY key`)
const I3 = () => {
  const orders = new Map(ordersAtPharmacies().map(([key, n]) => [key, Number(n)]))
  const submissions = sql('router', 'SELECT id, external_id, status FROM router_submissions'), known = new Set(submissions.map(s => s[0]))
  const runs = new Map(sql('orchestrator', `SELECT id, decision, status FROM orchestration_runs`).map(r => [r[0], r]))
  return [
    ...[...orders].filter(([, n]) => n > 1).map(([key, n]) => `${n} orders at the pharmacy for ${key}`),
    ...[...orders].filter(([key]) => !known.has(key)).map(([key]) => `an order at the pharmacy that no submission made: ${key}`),
    ...submissions.filter(([id, , status]) => ['accepted', 'shipped', 'delivered'].includes(status) && !orders.has(id)).map(([id, , status]) => `router: submission ${id} is ${status} and the pharmacy has no order`),
    ...submissions.filter(([, run]) => runs.get(run)?.[1] !== 'approved').map(([id, run]) => `router: submission ${id} of run ${run}, which nobody approved`),
    ...rows('router', `SELECT 'run ' || external_id, count(*) || ' submissions' FROM router_submissions GROUP BY external_id HAVING count(*) > 1`)
  ]
}

// xmin is the transaction that wrote the row as it is now. A row of a status that no request and no job of ours moved is a sample's, older than the trail, or a
// migration's.
const stateful = service => sql(service, `SELECT c.relname, a.attname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_attribute a ON a.attrelid = c.oid
  AND g.tgname = 'legal_edges_' || a.attname WHERE c.relname NOT IN ('job', 'outbox_delivery') ORDER BY 1`)
// One question for a whole service: each costs a connection.
const asked = (service, questions) => questions.length === 0 ? [] : rows(service, questions.map(q => `(${q})`).join(' UNION ALL '))
const I4 = () => ours.flatMap(service => asked(service, stateful(service).map(([table, column]) => `SELECT '${table} ' || t.${column} || ', written by transaction ' || t.xmin || ', which left no audit row: '
  || count(*) || ' rows' FROM ${table} t WHERE NOT EXISTS (SELECT FROM audit a WHERE (a.xid::text::numeric % 4294967296)::bigint = t.xmin::text::bigint)
  AND t.xmin::text::bigint > (SELECT coalesce(min((xid::text::numeric % 4294967296)::bigint), 0) FROM audit)
  AND t.xmin::text NOT IN (SELECT xmin::text FROM schema_migrations) GROUP BY t.${column}, t.xmin`)))

const I5 = () => everywhere(all, `SELECT 'job ' || id, kind, 'runs without a lease or a token' FROM job WHERE state = 'running' AND (lease_by IS NULL OR lease_until IS NULL OR token < 1)
  UNION ALL SELECT 'job ' || min(id), serial_key, count(*) || ' run at once' FROM job WHERE state = 'running' AND serial_key IS NOT NULL GROUP BY serial_key HAVING count(*) > 1`)
const I6 = grace => everywhere(ours, `SELECT 'effect ' || id, kind, state, 'and no job is left for it' FROM effect e WHERE state IN ('intent', 'sent', 'unknown') AND updated_at < now() - interval '${grace} s'
  AND NOT EXISTS (SELECT FROM job j WHERE j.args ->> 'effectId' = e.id::text AND j.state IN ('ready', 'running', 'dead'))
  UNION ALL SELECT 'saga ' || id, kind, state, 'and no job is left for it' FROM saga s WHERE state IN ('running', 'compensating') AND updated_at < now() - interval '${grace} s'
  AND NOT EXISTS (SELECT FROM job j WHERE j.args ->> 'sagaId' = s.id::text AND j.state IN ('ready', 'running', 'dead'))`)

const I7 = grace => {
  const bad = everywhere(all, `SELECT 'event ' || outbox_id, 'waits for ' || subscriber, 'since ' || created_at FROM outbox_delivery WHERE state = 'pending' AND run_at < now() - interval '${grace} s'
    AND attempt = 0`)
  const taken = Object.fromEntries(all.map(s => [s, new Set(sql(s, 'SELECT source, message_id FROM inbox').map(r => r.join(' ')))]))
  const kept = Object.fromEntries(all.map(s => [s, new Set(sql(s, 'SELECT id FROM outbox').map(r => r[0]))]))
  for (const producer of all) {
    for (const [id, subscriber] of sql(producer, `SELECT outbox_id, subscriber FROM outbox_delivery WHERE state = 'sent' AND created_at > now() - interval '80 days'`)) {
      if (taken[subscriber] && !taken[subscriber].has(`${producer} ${id}`)) bad.push(`${producer}: event ${id} was sent to ${subscriber}, which has not taken it`)
    }
  }
  // An event whose retention is over is gone from the outbox; none is shorter than a day.
  for (const consumer of all) {
    for (const [producer, id] of sql(consumer, `SELECT source, message_id FROM inbox WHERE received_at > now() - interval '1 day'`)) {
      if (kept[producer] && !kept[producer].has(id)) bad.push(`${consumer}: has taken event ${id} of ${producer}, which never sent it`)
    }
  }
  return bad
}
// The effect of an event commits with its inbox row and leaves an audit row there.
const I8 = () => ours.flatMap(service => rows(service, `SELECT 'event ' || message_id, 'of ' || source, coalesce(topic, ''), 'was taken and left no trace' FROM inbox i
  WHERE NOT EXISTS (SELECT FROM audit a WHERE (a.xid::text::numeric % 4294967296)::bigint = i.xmin::text::bigint)`))
const I9 = () => {
  const r = spawnSync(`${top}/telerx`, ['audit', 'verify'], { encoding: 'utf8' })
  return r.status === 0 ? [] : [...r.stdout.split('\n').filter(l => l && !/: ok \|/.test(l)), r.stderr.trim()].filter(Boolean)
}
const I10 = () => everywhere(all, `SELECT 'job ' || id, kind, 'its lease ended ' || date_trunc('second', now() - lease_until) || ' ago' FROM job WHERE state = 'running' AND lease_until < now() - interval '10 s'`)
const I11 = () => everywhere(all, `SELECT 'key of ' || actor, 'finished without a body' FROM idempotency WHERE code IS NOT NULL AND body_enc IS NULL
  UNION ALL SELECT 'key of ' || actor, 'unfinished since ' || created_at FROM idempotency WHERE code IS NULL AND created_at < now() - interval '60 s'
  UNION ALL SELECT 'key of ' || actor, count(DISTINCT body_enc) || ' bodies' FROM idempotency WHERE code IS NOT NULL GROUP BY actor, key HAVING count(DISTINCT body_enc) > 1`)

// Names, streets, numbers and answers of the sample patients are made up so that nothing else has them.
const canaries = () => {
  const words = new Set(['@patients.example'])
  for (const file of fs.readdirSync(`${top}/t/flows/patients`)) {
    const f = JSON.parse(fs.readFileSync(`${top}/t/flows/patients/${file}`, 'utf8')).form
    for (const w of [f.lastName, f.address?.line1, f.phone]) if (w && w.length > 6) words.add(w)
  }
  return [...words]
}
const I12 = () => {
  const words = canaries().map(w => `'%${w.replace(/'/g, "''").toLowerCase()}%'`).join(', ')
  return ours.flatMap(service => asked(service, sql(service, `SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND data_type IN ('text', 'jsonb', 'json', 'character varying', 'ARRAY')`)
    .map(([table, column]) => `SELECT '${table}.${column}: ' || count(*) || ' rows hold something of a patient' FROM ${table} WHERE lower(${column}::text) LIKE ANY (ARRAY[${words}]) HAVING count(*) > 0`)))
}

const list = [
  ['I1', 'one charge per saga, step and generation; captured <= authorised; Stripe’s ledger agrees', I1],
  ['I2', 'every accepted order ends in one terminal state or waits for a person', I2],
  ['I3', 'every approved prescription is at one pharmacy once, and no other is', I3],
  ['I4', 'every change of a state has an audit row of its transaction', I4],
  ['I5', 'one live lease a job, one running job an entity', I5],
  ['I6', 'no job vanished: what is open has one', I6],
  ['I7', 'what the outboxes sent is what the inboxes took', I7],
  ['I8', 'each event that was taken has its effect', I8],
  ['I9', 'the audit trails verify', I9],
  ['I10', 'no running job whose lease is over', I10],
  ['I11', 'one body a finished key, no key left unfinished', I11],
  ['I12', 'nothing of a patient stands outside of sealed columns', I12]
]
export const invariants = ({ grace = 60, only } = {}) => list.filter(([id]) => !only || only.includes(id)).map(([id, says, f]) => {
  try { return { id, says, bad: f(grace) } } catch (e) { return { id, says, bad: [`cannot be told: ${e.message}`] } }
})
// For the end of a proof: one case for each, by its claim().
export const holdInvariants = async (claim, options) => {
  for (const { id, says, bad } of invariants(options)) {
    await claim(`${id} ${says}`, () => { if (bad.length > 0) throw new Error(`${bad.length} offend:\n    ${bad.slice(0, 20).join('\n    ')}`) })
  }
}
