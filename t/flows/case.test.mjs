// case.test.mjs: the case API through nginx (A-FLOW-01, A-API-02 to 11, A-PIT-01, A-PIT-02): a form goes its way by itself, what is repeated in parallel happens
// once, and a case that nobody may have waits until somebody may.
import test, { after } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { asAdmin, asService, call, close, sleep } from '../contract/client.mjs'

after(close)

const STATE = 'ND' // no patient of the journeys lives there
const key = () => ({ headers: { Authorization: `Bearer ${process.env.ADMIN_SECRET}`, 'Idempotency-Key': randomUUID() } })
const until = async (what, f) => { for (let i = 0; i < 200; i++) { const v = await f(); if (v) return v; await sleep(100) } assert.fail(what) }

const form = (state, more = {}) => ({
  state, intake_type: 'glp1', height_cm: 170, weight_kg: 95.5, conditions: [{ code: 'I10' }],
  consents: ['hipaa', 'telehealth', 'terms'].map(type => ({ type, version: '1', accepted: true })),
  patient: { first_name: 'Robin', last_name: 'Sample', birth_date: '1988-02-29', email: `robin.${randomUUID().slice(24)}@patients.example`, phone: `+1504555${String(Math.floor(Math.random() * 10000)).padStart(4, '0')}`,
    address: { line1: '1 Example Street', city: 'Exampleton', state, zip: '58501' } },
  ...more
})
const submit = async body => {
  const a = await asAdmin('POST', '/intake', body, key())
  assert.equal(a.status, 201, a.raw.toString())
  return a.json
}
const show = async id => (await asAdmin('GET', `/cases/${id}`)).json
const reaches = (id, status) => until(`a case that is ${status}`, async () => { const c = await show(id); return c.status === status && c })

test('A-FLOW-01: from the form to a provider by itself, each step with its time', async () => {
  const made = await submit(form('LA'))
  const c = await reaches(made.case_id, 'provider_assigned')
  assert.equal(c.patient_id, made.patient_id)
  const steps = c.timeline.filter(l => l.what !== 'status')
  assert.deepEqual(steps.map(l => l.what), ['intake', 'eligibility', 'voucher', 'provider'])
  for (let i = 1; i < steps.length; i++) assert.ok(steps[i].at >= steps[i - 1].at)
  const check = await asAdmin('POST', '/eligibility/check', { case_id: c.case_id })
  assert.deepEqual([check.status, check.json.eligible, check.json.reasons, check.json.rule_version], [200, true, [], c.eligibility.rule_version])
  assert.equal((await asAdmin('GET', `/eligibility/${c.case_id}`)).json.history.length, 1)
  assert.equal((await asAdmin('GET', `/vouchers/${c.voucher.voucher_id}`)).json.status, 'issued')
  const given = await asAdmin('POST', '/cases/assign-provider', { case_id: c.case_id })
  assert.deepEqual([given.status, given.json.provider_id], [200, c.provider.provider_id])
  const provider = await call('GET', `/providers/${c.provider.provider_id}`)
  assert.ok(provider.json.licenses.some(l => l.state === 'LA' && l.valid))
  assert.equal((await call('GET', `/cases/${c.case_id}`)).status, 401)
})

test('who is not eligible is told why and gets no voucher', async () => {
  const made = await submit(form('LA', { conditions: [{ code: 'C73' }], weight_kg: 60 }))
  const c = await reaches(made.case_id, 'ineligible')
  assert.deepEqual(c.eligibility.reasons, ['bmi_too_low', 'contraindicated'])
  const a = await until('a refusal', async () => { const r = await asAdmin('POST', '/vouchers', { case_id: made.case_id }, key()); return r.json.code !== 'eligibility_pending' && r })
  assert.deepEqual([a.status, a.json.code], [409, 'not_eligible'])
  assert.equal((await asAdmin('POST', '/intake', form('TX'), key())).json.code, 'state_excluded')
})

test('A-PIT-01: the same news twenty times at once, and twenty calls with keys of their own, are one voucher', async () => {
  const { case_id: caseId, patient_id: patient } = await submit(form('LA', { weight_kg: 60 }))
  await reaches(caseId, 'ineligible') // so that no voucher is there before
  const event = id => ({ id, topic: 'case.eligibility.decided', version: 1, source: 'eligibility', aggregateId: caseId, seq: 1, occurredAt: new Date().toISOString(), requestId: null,
    payload: { case_id: caseId, patient_id: patient, check_id: randomUUID(), eligible: true, reasons: [], rule_version: '1' } })
  const same = event(randomUUID())
  const told = await Promise.all([...Array.from({ length: 20 }, () => asService('eligibility', 'POST', '/vouchers/events', same)),
    ...Array.from({ length: 20 }, () => asService('eligibility', 'POST', '/vouchers/events', event(randomUUID())))])
  assert.deepEqual([...new Set(told.map(a => a.status))], [200])
  const calls = await Promise.all(Array.from({ length: 20 }, () => asAdmin('POST', '/vouchers', { case_id: caseId }, key())))
  assert.deepEqual([...new Set(calls.map(a => a.status))], [200])
  assert.equal(new Set(calls.map(a => a.json.voucher_id)).size, 1)
  const voucher = (await asAdmin('GET', `/vouchers/${calls[0].json.voucher_id}`)).json
  assert.equal(voucher.history.length, 1)
  const back = await Promise.all(Array.from({ length: 10 }, () => asAdmin('POST', `/vouchers/${voucher.voucher_id}/invalidate`, { reason: 'test' })))
  assert.equal(new Set(back.map(a => `${a.status} ${a.raw}`)).size, 1)
  assert.equal((await asAdmin('GET', `/vouchers/${voucher.voucher_id}`)).json.history.length, 2)
})

test('A-PIT-02: without a licensed provider the case waits, staff sees it, and a licence lets it go on', async () => {
  const holders = (await asAdmin('GET', `/physicians?state=${STATE}`)).json.physicians
  const licences = holders.map(p => ({ id: p.physicianId, ...p.licenses.find(l => l.state === STATE) }))
  const restore = l => asAdmin('PUT', `/physicians/${l.id}/licenses/${STATE}`, { licenseNumber: l.licenseNumber, licenseType: l.licenseType, expiresOn: l.expiresOn })
  for (const l of licences) await asAdmin('DELETE', `/physicians/${l.id}/licenses/${STATE}`)
  try {
    const made = await submit(form(STATE))
    const c = await reaches(made.case_id, 'awaiting_provider')
    const a = await until('a refusal', async () => { const r = await asAdmin('POST', '/cases/assign-provider', { case_id: c.case_id }); return r.json.code !== 'voucher_pending' && r })
    assert.deepEqual([a.status, a.json.code], [409, 'no_provider'])
    const items = async () => (await asAdmin('GET', '/api/work-items?kind=case.no_provider')).json.items.filter(i => i.subject === c.case_id)
    await until('a work item', async () => (await items()).length === 1)
    const [first] = licences.filter(l => l.expiresOn > '2026')
    await restore(first)
    assert.equal((await reaches(c.case_id, 'provider_assigned')).provider.provider_id, first.id)
    await until('the end of the work item', async () => (await items()).length === 0)
  } finally {
    for (const l of licences) await restore(l)
  }
})
