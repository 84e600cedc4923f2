// invariants: I1 to I12 hold after journeys, and each of them notices what it is there to notice
//
// What is planted is taken away again: the tree is left as it was.
import { spawnSync } from 'node:child_process'
import { asUser, claim, databases, eventually, finish, journeys, sample, shuffled, sleep, value, variable } from './frame/prove.mjs'
import { holdInvariants, invariants } from './frame/invariants.mjs'

const psql = (service, text) => {
  const [p, a] = asUser('psql', ['-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1', '-h', `${variable}/run`, '-U', 'postgres', '-d', databases[service]])
  const r = spawnSync(p, a, { cwd: '/', encoding: 'utf8', input: `SET session_replication_role = replica; SET app.tenant = '00000000-0000-7000-8000-000000000001'; ${text}` })
  if (r.status !== 0) throw new Error(`${service}: ${r.stderr}`)
  return r.stdout.trim()
}

await claim('journeys', () => journeys('--count', sample ? '3' : '10'))
await eventually(() => Object.keys(databases).every(s => value(s, `SELECT count(*) FROM outbox_delivery WHERE state = 'pending'`) === '0'), 30, 'the events')
await sleep(500)
await holdInvariants(claim)

const id = '00000000-0000-7000-8000-00000000dead', tenant = '00000000-0000-7000-8000-000000000001'
const trail = 'SELECT id FROM audit ORDER BY xid, id LIMIT 1'
// Not I10: a lease that is over is rescued within seconds, so none can be planted that stays.
const plants = {
  I1: ['sandbox', `UPDATE object SET data = jsonb_set(data, '{amount_received}', '99999999') WHERE ctid = (SELECT min(ctid) FROM object WHERE type = 'payment_intent' AND data ->> 'amount_received' = data ->> 'amount')`,
    `UPDATE object SET data = jsonb_set(data, '{amount_received}', data -> 'amount') WHERE data ->> 'amount_received' = '99999999'`, /Stripe took 99999999 of/],
  I2: ['orchestrator', `INSERT INTO saga (id, tenant_id, kind, subject, deadline) VALUES ('${id}', '${tenant}', 'prescription', '${id}', now() - interval '1 hour')`,
    `DELETE FROM saga WHERE id = '${id}'`, /past its deadline/],
  I3: ['sandbox', `INSERT INTO object (vendor, type, id, data) SELECT vendor, type, '${id}', data FROM object WHERE type IN ('rx', 'case') LIMIT 1`,
    `DELETE FROM object WHERE id = '${id}'`, /2 orders at the pharmacy/],
  I4: ['notify', `INSERT INTO effect (id, tenant_id, kind, subject, vendor_key, method, path, request_digest, state) VALUES ('${id}', '${tenant}', 'nothing', '${id}', 'k', 'POST', '/', '', 'confirmed')`,
    `DELETE FROM effect WHERE id = '${id}'`, /which left no audit row/],
  I5: ['notify', `INSERT INTO job (tenant_id, kind, state, lease_until, token, unique_key) VALUES ('${tenant}', 'nothing', 'running', now() + interval '1 minute', 1, '${id}')`,
    `DELETE FROM job WHERE unique_key = '${id}'`, /without a lease or a token/],
  I6: ['billing', `INSERT INTO effect (id, tenant_id, kind, subject, vendor_key, method, path, request_digest, updated_at) VALUES ('${id}', '${tenant}', 'nothing', '${id}', 'k', 'POST', '/', '', now() - interval '1 hour')`,
    `DELETE FROM effect WHERE id = '${id}'`, /no job is left for it/],
  I7: ['registry', `INSERT INTO outbox (id, tenant_id, topic, aggregate_id, seq, payload) VALUES ('${id}', '${tenant}', 'nothing', '${id}', 1, '{}');
    INSERT INTO outbox_delivery (outbox_id, subscriber, aggregate_id, seq, state, sent_at) VALUES ('${id}', 'portal', '${id}', 1, 'sent', now())`,
  `DELETE FROM outbox_delivery WHERE outbox_id = '${id}'; DELETE FROM outbox WHERE id = '${id}'`, /has not taken it/],
  I8: ['portal', `INSERT INTO inbox (source, message_id, topic) VALUES ('nobody', '${id}', 'nothing')`, `DELETE FROM inbox WHERE message_id = '${id}'`, /left no trace/],
  I9: ['registry', `UPDATE audit SET reason = 'planted' WHERE id = (${trail})`, `UPDATE audit SET reason = NULL WHERE reason = 'planted'`, /was changed/],
  I11: ['billing', `INSERT INTO idempotency (tenant_id, actor, key, fingerprint, created_at) VALUES ('${tenant}', 'nobody', '${id}', '', now() - interval '1 hour')`, `DELETE FROM idempotency WHERE key = '${id}'`, /unfinished since/],
  I12: ['notify', `INSERT INTO ttl (key, value, expires_at) VALUES ('${id}', 'to sam@patients.example', now() + interval '1 hour')`, `DELETE FROM ttl WHERE key = '${id}'`, /ttl.value/]
}
const [first] = psql('registry', `SELECT reason IS NULL FROM audit WHERE id = (${trail})`)
if (first !== 't') delete plants.I9
const chosen = sample ? shuffled(Object.keys(plants)).slice(0, 5) : Object.keys(plants)
for (const name of chosen) {
  const [service, plant, undo, pattern] = plants[name]
  await claim(`${name} notices what was planted`, () => {
    psql(service, plant)
    try {
      const [{ bad }] = invariants({ only: [name] })
      if (!bad.some(row => pattern.test(row))) throw new Error(`it saw ${JSON.stringify(bad.slice(0, 5))}`)
      return bad[0]
    } finally { psql(service, undo) }
  })
}
if (!sample) await holdInvariants(claim)
finish()
