// must_hold.test.mjs: the rules a hostile or unlucky client meets at the front door, through nginx, pools, workers and sandbox.
import test, { after } from 'node:test'
import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { Patient, asAdmin, asService, call, close, signV1, sleep, until } from '../contract/client.mjs'

after(close)

const sql = (database, text) => execFileSync('psql', ['-X', '-At', '-h', process.env.TELERX_DATABASE_SOCKET, '-U', 'telerx_inspect', '-d', database, '-c', text],
  { env: { ...process.env, PGPASSWORD: process.env.TELERX_INSPECT_PASSWORD } }).toString().trim()

const isProblem = (a, status, code) => {
  assert.equal(a.status, status, `${a.status} ${a.raw}`)
  assert.match(a.headers['content-type'], /^application\/problem\+json/)
  assert.equal(a.json.status, status)
  if (code) assert.equal(a.json.code, code)
}

test('50 physicians claim one case at once: one 200, 49 x 409, and the winner again gets the same bytes (Y-CLAIM-04)', async () => {
  const physicians = []
  for (let i = 0; i < 50; i++) {
    const made = await asAdmin('POST', '/physicians', { npi: npi(), firstName: 'Sam', lastName: `Claimant${i}`, credentials: 'MD',
      email: `claimant${i}@physicians.example`, platform: 'yourera' })
    assert.ok([200, 201].includes(made.status), `${made.status} ${made.raw}`)
    await asAdmin('PUT', `/physicians/${made.json.physicianId}/licenses/ME`, { licenseNumber: `ME-T-${i}`, licenseType: 'MD', expiresOn: '2099-12-31' })
    physicians.push(made.json.physicianId)
  }
  const p = new Patient('a-gmp')
  p.form.address = { ...p.form.address, state: 'ME', city: 'Portland', zip: '04101' }
  await p.submitted()
  const { assignmentId } = await p.assignment()
  const claim = physicianId => asService('portal', 'POST', '/route/claim', { assignmentId, physicianId })
  const answers = await Promise.all(physicians.map(claim))
  const won = answers.filter(a => a.status === 200)
  assert.equal(won.length, 1)
  assert.equal(answers.filter(a => a.status === 409 && a.json.code === 'claim_conflict').length, 49)
  const again = await claim(won[0].json.claimedBy)
  assert.equal(again.status, 200)
  assert.deepEqual(again.raw, won[0].raw)
  for (const id of physicians) await asAdmin('PATCH', `/physicians/${id}`, { active: false })

  const task = await p.task()
  const other = physicians.find(id => id !== won[0].json.claimedBy)
  const approve = { taskId: task.taskId, action: 'approve', medication: 'semaglutide', dosage: '0.25 mg' }
  isProblem(await asAdmin('POST', '/api/task-action', { ...approve, practitionerId: other }), 409, 'not_the_claimant')
  isProblem(await asAdmin('POST', '/api/task-action', approve), 409, 'claimant_required')
  assert.equal(sql('orchestrator', `SELECT count(*) FROM orchestration_runs WHERE submission_id = '${p.submissionId}'`), '0')
})

test('an unclaimed case cannot be approved: 409 and no run (I-RXQ-03)', async () => {
  const p = await new Patient('b-boothwyn').submitted()
  const { physicians } = await p.assignment()
  const task = await p.task()
  isProblem(await asAdmin('POST', '/api/task-action', { taskId: task.taskId, action: 'approve', practitionerId: physicians[0].physicianId,
    medication: 'semaglutide', dosage: '0.25 mg' }), 409, 'assignment_not_claimed')
  assert.equal(sql('orchestrator', `SELECT count(*) FROM orchestration_runs WHERE submission_id = '${p.submissionId}'`), '0')
})

test('counters are for the inside: no spelling of a path brings them out, and no header names a request', async () => {
  for (const path of ['/metrics', '/metrics/', '/metrics/registry', '/metrics/../health/registry/live', '/metrics/%2e%2e/health/registry/live',
    '/metrics/../intake/plans', '//metrics', '/%6detrics', '/x/../metrics', '/health/../metrics', '/api/..%2fmetrics']) {
    const a = await call('GET', path)
    assert.equal(a.status, 404, `${path}: ${a.status}`)
    assert.doesNotMatch(a.raw.toString(), /# TYPE/)
  }
  const a = await call('GET', '/health/registry/live', { headers: { 'X-Request-Id': 'mine-from-outside' } })
  assert.equal(a.status, 200)
  assert.match(a.headers['x-request-id'], /^[0-9a-f]{32}$/)
})

test('the same submit three times with one key, once while the first runs: one patient, one task, one hold (Y-PLAT-04)', async () => {
  const p = await new Patient('a-gmp').ready()
  const envelope = await p.envelope()
  const key = randomUUID()
  const [a, b] = await Promise.all([p.submit(envelope, key), p.submit(envelope, key)])
  const first = a.status === 201 ? a : b
  assert.equal(first.status, 201)
  for (const x of [a, b]) assert.ok(x.status === 201 || (x.status === 409 && x.headers['retry-after']), `${x.status}`)
  const third = await p.submit(envelope, key)
  assert.equal(third.status, 201)
  assert.equal(third.headers['idempotent-replayed'], 'true')
  assert.deepEqual(third.raw, first.raw)
  await p.task()
  await sleep(1500)
  assert.equal((await p.ledger('canvas', 'Patient', p.patientId)).length, 1)
  assert.equal((await p.ledger('canvas', 'Task', `telerx-${p.submissionId}`)).length, 1)
  assert.equal(sql('orchestrator', `SELECT count(*) FROM payment_holds WHERE submission_id = '${p.submissionId}'`), '1')
  isProblem(await p.submit(envelope, randomUUID()), 409, 'already_submitted')
})

test('a tampered plan token, and one of 15:01 minutes, are refused and audited; 14:59 is good (Y-TOK-04, 06)', async () => {
  const p = new Patient('a-gmp')
  const plan = await p.plan()
  await p.verify()
  const token = (amountCents, age) => {
    const data = Buffer.from(JSON.stringify({ planId: plan.planId, amountCents, intakeType: plan.intakeType, ts: Date.now() - age * 1000 })).toString('base64url')
    return `${data}.${createHmac('sha256', process.env.PLAN_SIGNING_SECRET).update(data).digest('base64url')}`
  }
  const cheap = Buffer.from(JSON.stringify({ planId: plan.planId, amountCents: 1, intakeType: plan.intakeType, ts: Date.now() })).toString('base64url')
  const before = sql('intake_gateway', "SELECT count(*) FROM audit WHERE reason = 'tampered_plan_token'")
  isProblem(await p.paymentIntent({ planToken: `${cheap}.${p.planToken.split('.')[1]}` }), 400, 'tampered_plan_token')
  assert.equal(Number(sql('intake_gateway', "SELECT count(*) FROM audit WHERE reason = 'tampered_plan_token'")), Number(before) + 1)
  isProblem(await p.paymentIntent({ planToken: token(plan.amountCents, 901) }), 400, 'token_expired')
  isProblem(await p.paymentIntent({ planToken: token(plan.amountCents - 1, 1) }), 400, 'amount_mismatch')
  assert.equal((await p.ledger('stripe', 'setup_intent', p.intakeId)).length, 0)
  assert.equal((await p.paymentIntent({ planToken: token(plan.amountCents, 899) })).status, 200)
})

test('a JWE with one flipped byte, an unknown field, another key id: refused, nothing stored', async () => {
  const p = await new Patient('a-gmp').ready()
  const envelope = await p.envelope()
  const count = () => sql('intake_gateway', 'SELECT count(*) FROM intake_submissions')
  const before = count()
  const parts = envelope.split('.')
  for (const part of [3, 4]) {
    const bytes = Buffer.from(parts[part], 'base64url')
    bytes[Math.floor(bytes.length / 2)] ^= 1
    isProblem(await p.submit(parts.map((x, i) => i === part ? bytes.toString('base64url') : x).join('.')), 400, 'tampered_envelope')
  }
  isProblem(await p.submit(await p.envelope({ ...p.form, role: 'admin' })), 400, 'unknown_field')
  isProblem(await p.submit(await p.envelope(p.form, { kid: 'nobody' })), 422, 'unknown_key')
  isProblem(await p.submit(await p.envelope(p.form, { intakeId: randomUUID() })), 409, 'intake_mismatch')
  isProblem(await p.submit(await p.envelope({ ...p.form, birthDate: '1970-01-01' })), 422)
  isProblem(await p.call('POST', '/intake/submit', { envelope }), 400, 'idempotency_key_required')
  isProblem(await p.call('POST', '/intake/submit', { envelope, extra: 1 }, { 'Idempotency-Key': randomUUID() }), 400, 'unknown_field')
  assert.equal(count(), before)
  assert.equal((await p.submit(envelope)).status, 201)
})

test('a body of 300 KiB is 413, a broken one 400, a wrong type 422', async () => {
  const p = new Patient('a-gmp')
  isProblem(await p.call('POST', '/intake/verify-email/send', { email: 'x'.repeat(300 * 1024) }), 413)
  isProblem(await p.call('POST', '/intake/verify-email/send', '{"email":'), 400, 'malformed_json')
  isProblem(await p.call('POST', '/intake/verify-email/send', '{"email":"a@b.example","email":"c@d.example"}'), 400, 'malformed_json')
  isProblem(await p.call('POST', '/intake/verify-email/send', { email: 5 }), 422, 'validation_failed')
  isProblem(await call('GET', '/no/such/thing'), 404, 'not_found')
})

test('signatures: missing, wrong, of another body, 5:01 off either way; 4:59 is good (Y-HMAC)', async () => {
  const path = '/route/claim'
  const body = JSON.stringify({ assignmentId: randomUUID(), physicianId: randomUUID() })
  const send = headers => call('POST', path, { body, headers })
  const at = seconds => new Date(Date.now() + seconds * 1000).toISOString()
  isProblem(await send({}), 401)
  isProblem(await send({ ...signV1('portal', body), 'X-API-Key': 'nobody' }), 401)
  isProblem(await send(signV1('portal', `${body} `)), 401)
  isProblem(await send({ ...signV1('portal', body), 'X-Signature': signV1('portal', body)['X-Signature'].toUpperCase() }), 401)
  isProblem(await send(signV1('portal', body, at(-301))), 401)
  isProblem(await send(signV1('portal', body, at(301))), 401)
  isProblem(await send(signV1('portal', body, at(-299))), 404)
  isProblem(await send(signV1('portal', body, at(298))), 404)
  const before = Number(sql('physician_registry', "SELECT count(*) FROM audit WHERE outcome = 'denied'"))
  isProblem(await send(signV1('shipping', body)), 403)
  assert.equal(Number(sql('physician_registry', "SELECT count(*) FROM audit WHERE outcome = 'denied'")), before + 1)
})

test("another session's token opens only its own intake; a wrong secret opens nothing", async () => {
  const mine = await new Patient('a-gmp').ready()
  const other = new Patient('b-boothwyn')
  await other.plan()
  await other.verify()
  const envelope = await mine.envelope()
  other.form = mine.form
  isProblem(await other.submit(envelope), 409, 'intake_mismatch')
  const stranger = new Patient('a-gmp')
  stranger.session = 'A'.repeat(43)
  isProblem(await stranger.submit(envelope), 401)
  isProblem(await call('GET', '/api/tasks', { headers: { Authorization: 'Bearer wrong' } }), 401)
})

test('six wrong codes lock the verification, even for the right one (Y-INT-U2)', async () => {
  const p = new Patient('a-gmp')
  const sent = await p.call('POST', '/intake/verify-email/send', { email: p.form.email })
  const code = await until(async () => {
    const box = await p.call('GET', `/sandbox/outbox?to=${encodeURIComponent(p.form.email)}`)
    return /code is (\d{6})/.exec(box.json.messages.at(-1)?.text)?.[1]
  })
  const wrong = code === '000000' ? '000001' : '000000'
  for (let i = 0; i < 5; i++) isProblem(await p.call('POST', '/intake/verify-email/check', { verificationId: sent.json.verificationId, code: wrong }), 422, 'wrong_code')
  isProblem(await call('POST', '/intake/verify-email/check', { source: p.source, body: { verificationId: sent.json.verificationId, code } }), 429, 'locked')
})

test('every service is alive and ready, and metrics are not for the outside', async () => {
  for (const s of ['intake', 'registry', 'orchestrator', 'router', 'notify', 'shipping', 'billing', 'integration', 'portal', 'sandbox']) {
    assert.equal((await call('GET', `/health/${s}/live`)).status, 200, s)
    assert.equal((await call('GET', `/health/${s}/ready`)).status, 200, s)
  }
  assert.equal((await call('GET', '/metrics')).status, 404)
})

// NPIs are ten digits with a Luhn check over 80840 and the first nine.
function npi () {
  const nine = '2' + String(Math.floor(Math.random() * 1e8)).padStart(8, '0')
  const digits = ('80840' + nine).split('').map(Number).reverse()
  const sum = digits.reduce((s, d, i) => s + (i % 2 === 0 ? (d * 2 > 9 ? d * 2 - 9 : d * 2) : d), 0)
  return nine + String((10 - sum % 10) % 10)
}
