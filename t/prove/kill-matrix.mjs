// kill-matrix: every step of a run and every compensation, at five points, under three faults: each ends as if nothing had happened
//
// A point is passed by one run first: there the worker is killed (kill -9), or PostgreSQL is stopped at once and started, or the worker's connections are
// cut, while the step stands still. The points are before transaction A, after it, after the call, before the commit of B, after it (rule M5); of a step
// that calls nobody there are the last two. A wave is many points and as many patients, one per point: whoever is hit, all of them must end as the
// undisturbed run did within 60 s of the last hit, with one authorisation, one capture (or one refund), one prescription and one label at the vendors.
// FedEx and Boothwyn offer neither key nor look-up: there a label or an order whose answer is lost waits for a person, once its time is over with a work
// item, and two never are.
import { claim as told, eventually, arm, disarmAll, fired, finish, need, pick, replaceWorkers, run, sample, say, settled, shortLeases, shuffled, sleep, sql, top, variable, asUser } from './frame/prove.mjs'
import { databaseSocket, proxyBefore } from './frame/proxy.mjs'
import { Patient, asAdmin, asService, close } from '../contract/client.mjs'

const wheres = ['before_a', 'after_a', 'after_send', 'before_b', 'after_b']
const last = ['before_b', 'after_b']
const workers = { saga: 'orchestrator-work', stripe: 'billing-work', pioneerrx: 'router-work', boothwyn: 'router-work', fedex: 'shipping-work', canvas: 'integration-work' }
const ownerOf = point => workers[point.startsWith('saga.') ? 'saga' : point.split('.')[1]]
const points = (names, at = wheres) => names.flatMap(name => at.map(where => `${name}.${where}`))

// ---- what a run may go through: the way there, also to a pharmacy that ships itself and to one that holds what it got until it is paid; everything back
// again, and a prescription that its pharmacy refuses
const holds = yes => psql('router', `UPDATE router_pharmacy_config SET holds = ${yes} WHERE code = 'gmp'`)
const scenarios = {
  forward: {
    file: 'a-gmp',
    points: [...points(['medication_config', 'schedule_refills'].map(s => `saga.${s}`), last),
      ...points(['patient_lookup', 'verify_claim', 'verify_licence', 'resolve_prescriber', 'route_pharmacy', 'authorise', 'submit_rx', 'hp_note', 'charge',
        'notify', 'notify_payment', 'create_shipment'].map(s => `saga.${s}`)),
      ...points(['stripe.authorize', 'stripe.capture', 'pioneerrx.order', 'canvas.note', 'fedex.ship'].map(e => `effect.${e}`))]
  },
  boothwyn: {
    file: 'b-boothwyn',
    points: [...points(['submit_rx', 'hp_note', 'charge'].map(s => `saga.${s}`)), ...points(['effect.boothwyn.order'])]
  },
  held: {
    file: 'a-gmp',
    around: holds,
    points: [...points(['submit_rx', 'authorise_held', 'charge', 'release_rx'].map(s => `saga.${s}`)),
      ...points(['effect.pioneerrx.order', 'effect.pioneerrx.release'])]
  },
  back: {
    file: 'a-gmp',
    zip: '99906',
    then: patients => psql('sandbox', `UPDATE object SET data = data || '{"MedicationNDC":"99999000001"}' WHERE vendor = 'pioneerrx' AND type = 'rx'
      AND subject IN (${patients.map(p => `'${p.router}'`).join(',')})`),
    points: [...points(['saga.undo_schedule_refills', 'saga.undo_submit_rx', 'saga.undo_authorise'], last),
      ...points(['create_shipment', 'notify', 'charge', 'hp_note'].map(s => `saga.undo_${s}`)),
      ...points(['effect.fedex.cancel', 'effect.stripe.refund'])]
  },
  refused: {
    file: 'b-boothwyn',
    dosage: 'refused by the pharmacy',
    points: [...points(['saga.undo_authorise']), ...points(['effect.stripe.cancel'])]
  }
}

// ---- patients
const psql = async (service, text) => {
  const r = await run(`${top}/telerx`, ['psql', service, '-q', '-v', 'ON_ERROR_STOP=1', '-c', text])
  if (r.code !== 0) throw new Error(r.out)
}

// Claimed, with everything in the chart: nothing but the approval is missing.
const ready = async scenario => {
  const p = new Patient(scenario.file)
  if (scenario.zip) p.form.address = { ...p.form.address, zip: scenario.zip }
  await p.submitted()
  const { assignmentId, physicians } = await p.assignment()
  const physicianId = physicians[0].physicianId
  const claimed = await asService('portal', 'POST', '/route/claim', { assignmentId, physicianId })
  if (claimed.status !== 200) throw new Error(`the claim was answered ${claimed.status} ${claimed.raw}`)
  const { taskId } = await p.task()
  p.approval = { taskId, action: 'approve', practitionerId: physicianId, medication: 'semaglutide', dosage: scenario.dosage ?? '0.25 mg' }
  return p
}
const gathered = async (scenario, n) => {
  const all = []
  let left = n
  await Promise.all(Array.from({ length: Math.min(n, 6) }, async () => { while (left-- > 0) all.push(await ready(scenario)) }))
  return all
}
const approved = patients => Promise.all(patients.map(async p => {
  const a = await asAdmin('POST', '/api/task-action', p.approval)
  if (a.status !== 202) throw new Error(`the approval was answered ${a.status} ${a.raw}`)
  p.run = a.json.runId
}))

// ---- how a run stands: with us, and in the vendors' own books
const one = (service, text) => sql(service, text)[0] ?? []
const standing = p => {
  const [runStatus, reason, money, paid] = one('orchestrator', `SELECT status, coalesce(reason, ''), coalesce(payment_status, ''), coalesce(payment_id::text, '') FROM orchestration_runs WHERE id = '${p.run}'`)
  const [steps] = one('orchestrator', `SELECT string_agg(name || ':' || state, ' ' ORDER BY position) FROM run_steps WHERE run_id = '${p.run}'`)
  const [refill] = one('orchestrator', `SELECT coalesce(string_agg(status, ' '), 'none') FROM refill_schedules WHERE run_id = '${p.run}'`)
  p.router = one('router', `SELECT id FROM router_submissions WHERE external_id = '${p.run}'`)[0]
  const [parcel, parcelState] = one('shipping', `SELECT id, status FROM shipments WHERE external_id = '${p.run}'`)
  const [ship] = parcel ? one('shipping', `SELECT state FROM effect WHERE kind = 'fedex.ship' AND subject = '${parcel}'`) : []
  const [intents] = one('sandbox', `SELECT coalesce(string_agg(data ->> 'status', ' '), 'none') FROM object WHERE vendor = 'stripe' AND type = 'payment_intent' AND data -> 'metadata' ->> 'run_id' = '${p.run}'`)
  const [refunds] = paid ? one('sandbox', `SELECT count(*) FROM object WHERE vendor = 'stripe' AND type = 'refund' AND data -> 'metadata' ->> 'payment_id' = '${paid}'`) : ['0']
  const [onHold] = one('sandbox', `SELECT coalesce(string_agg(data ->> 'HoldUntilReleased', ' '), 'none') FROM object WHERE vendor = 'pioneerrx' AND type = 'rx' AND subject = '${p.router ?? ''}'`)
  const [order] = p.router ? one('router', `SELECT state FROM effect WHERE kind = 'boothwyn.order' AND subject = '${p.router}'`) : []
  const [orders] = one('sandbox', `SELECT count(*) FROM object WHERE (vendor = 'pioneerrx' AND type = 'rx' AND subject = '${p.router ?? ''}') OR (vendor = 'boothwyn' AND type = 'case' AND data ->> 'caseId' = '${p.router ?? ''}')`)
  const [labels] = parcel ? one('sandbox', `SELECT coalesce(string_agg(data ->> 'cancelled', ' '), 'none') FROM object WHERE vendor = 'fedex' AND type = 'label' AND refs @> ARRAY['${parcel}']`) : ['none']
  const [notes] = one('integration', `SELECT coalesce(string_agg(status, ' '), 'none') FROM ehr_entries WHERE run_id = '${p.run}'`)
  const print = parcel ? one('shipping', `SELECT coalesce(string_agg(status, ' '), 'none') FROM print_queue WHERE shipment_id = '${parcel}'`)[0] : 'none'
  return { run: runStatus, reason, money, steps, refill, intents, refunds, orders, onHold, notes, parcel: { state: parcelState ?? 'none', labels, print }, ship, order }
}
const open = state => ['sent', 'unknown', 'manual'].includes(state)
const same = (p, reference) => {
  const { ship, order, parcel, ...rest } = standing(p)
  const { ship: _s, order: _o, parcel: as, ...wanted } = reference
  const ends = JSON.stringify(rest) === JSON.stringify(wanted)
  p.stands = JSON.stringify({ ...rest, parcel, ship, order })
  if (ends && JSON.stringify(parcel) === JSON.stringify(as)) return true
  // Neither key nor look-up: it waits for a person, with at most one label bought, or with the order not at the pharmacy (else its webhook would tell) and
  // no money taken.
  const waits = ends ? open(ship) && !parcel.labels.includes(' ') && ['fedex.ship', p.run, 'shipping']
    : open(order) && rest.orders === '0' && rest.intents === 'requires_capture' && rest.run !== 'failed' && ['boothwyn.order', p.run, 'router']
  if (!waits) { p.since = undefined; return false }
  // What is only on its way looks like that, too.
  p.since ??= Date.now()
  p.waits = waits
  return Date.now() - p.since > 15000
}
// The time of those that wait is over: each is a person's, who finds it in the inbox, and still at most one was made.
const becomeManual = async patients => {
  const waiting = patients.filter(p => p.right && p.since)
  const found = p => {
    const [kind, , service] = p.waits
    const subject = kind === 'boothwyn.order' ? p.router : one('shipping', `SELECT id FROM shipments WHERE external_id = '${p.run}'`)[0]
    return one(service, `SELECT id, state FROM effect WHERE kind = '${kind}' AND subject = '${subject}'`)
  }
  for (const p of waiting) {
    const [id] = found(p)
    await psql(p.waits[2], `UPDATE effect SET deadline = now() WHERE id = '${id}' AND state IN ('sent', 'unknown'); UPDATE job SET run_at = now() WHERE args ->> 'effectId' = '${id}' AND state = 'ready'`)
  }
  for (const p of waiting) {
    await eventually(() => found(p)[1] === 'manual', 45, `${p.waits[0]} of run ${p.run} to be a person's`)
    await eventually(() => one(p.waits[2], `SELECT count(*) FROM attention a JOIN outbox o ON o.topic = 'attention.raised' AND o.payload ->> 'subject' = a.subject
      JOIN outbox_delivery d ON d.outbox_id = o.id AND d.subscriber = 'case' AND d.state = 'sent' WHERE a.kind = 'effect.manual' AND a.subject = '${found(p)[0]}'`)[0] === '1', 30, 'its work item')
    const s = standing(p)
    if (Number(s.orders) > 1 || s.parcel.labels.includes(' ')) throw new Error(`run ${p.run}: ${JSON.stringify(s)}`)
  }
  return waiting.length
}

// ---- faults
let between
const crash = async () => {
  const [program, args] = asUser(`${need('TELERX_POSTGRES')}/pg_ctl`, ['-D', `${variable}/pg`, '-m', 'immediate', '-w', 'stop'])
  await run(program, args)
  await eventually(() => sql('orchestrator', 'SELECT 1'), 60, 'the database')
}
const faults = {
  'kill -9': { action: 'kill9' },
  'connection cut': { action: 'sleep:1500', strike: () => between.drop() },
  'database stop': { action: 'sleep:2500', strike: crash }
}

// Strikes while somebody stands at a point; a strike serves all who stand at one by then.
const watching = (cases, strike) => {
  let going = true
  const seen = new Set()
  const loop = (async () => {
    while (going) {
      const now = cases.filter(c => !seen.has(c) && fired(c) > 0)
      now.forEach(c => seen.add(c))
      if (now.length > 0 && strike) { await sleep(150); await strike().catch(e => say(`${e.message}`)) }
      await sleep(20)
    }
  })()
  return { seen, stop: () => { going = false; return loop } }
}

// A wave: the points as cases, a patient each. What is wrong with whom is every case's failure.
const wave = async (name, fault, cases, reference) => {
  const scenario = scenarios[name]
  const { action, strike } = faults[fault]
  let watch, patients, at, trouble, manual = 0
  try {
    await scenario.around?.(true)
    patients = await gathered(scenario, cases.length)
    // How long PostgreSQL takes to read again what nobody wrote down for minutes is not this proof's business.
    if (strike === crash) await psql('orchestrator', 'CHECKPOINT')
    const armed = () => { for (const w of new Set(cases.map(ownerOf))) arm(w, cases.filter(c => ownerOf(c) === w).map(c => `${c}=${action}`).join(',')) }
    if (scenario.then) {
      await approved(patients)
      await eventually(() => patients.every(p => { const s = standing(p); return s.run === 'completed' && s.parcel.labels === 'false' }), 60, 'the way there')
      armed()
      watch = watching(cases, strike)
      await scenario.then(patients)
    } else {
      armed()
      watch = watching(cases, strike)
      await approved(patients)
    }
    await eventually(() => watch.seen.size === cases.length, 120, 'every point').catch(() => {})
    const hit = Date.now()
    // Looking at everybody takes a while itself: how long the runs took is the database's word.
    await eventually(() => patients.every(p => p.right ||= same(p, reference)), 90, 'the end of every run').catch(() => {})
    const ends = one('orchestrator', `SELECT (1000 * extract(epoch FROM max(finished_at)))::bigint FROM orchestration_runs WHERE id IN (${patients.map(p => `'${p.run}'`).join(',')})`)
    at = Math.max(0, Number(ends[0]) - hit)
    if (at > 60000) throw new Error(`the last run ended ${at} ms after the last hit`)
    disarmAll()
    manual = await becomeManual(patients)
  } catch (e) { trouble = e }
  await watch?.stop()
  disarmAll()
  await scenario.around?.(false)
  const wrong = patients?.filter(p => !p.right) ?? []
  for (const [i, c] of cases.entries()) {
    await told(`${fault} at ${c}`, () => {
      if (trouble) throw trouble
      if (!watch.seen.has(c)) throw new Error('no run passed there')
      if (wrong.length > 0 && (i < wrong.length)) throw new Error(`a run ended otherwise: ${wrong[i].run} ${wrong[i].stands}`)
      if (wrong.length > cases.length) throw new Error('runs ended otherwise')
    })
  }
  say(`wave ${name}, ${fault}: ${cases.length} points, ${(patients ?? []).length} patients, ${wrong.length} otherwise, ${manual} a person's, the last run ended ${at} ms after the last hit`)
  await settled()
}

// ---- the tree
const longLeases = await shortLeases([...new Set(Object.values(workers))].map(w => w.replace(/-work$/, '')))
try {
  await psql('orchestrator', `INSERT INTO medication_configs (tenant_id, intake_type, medication, dosage, position, price_cents, sku, ndc, quantity, supply_days, refills, directions)
    SELECT tenant_id, intake_type, medication, 'refused by the pharmacy', 90, price_cents, 'REJECT-1', ndc, quantity, supply_days, refills, directions
    FROM medication_configs WHERE intake_type = 'glp1' AND medication = 'semaglutide' AND dosage = '0.25 mg' ON CONFLICT DO NOTHING`)

  const references = {}
  const only = process.env.KILL_MATRIX_RUNS?.split(',')
  const there = s => s.run === 'completed' && s.parcel.labels === 'false' && s.parcel.print === 'pending' && s.notes === 'created'
  const ends = { forward: there, held: s => there(s) && s.onHold === 'false', boothwyn: s => s.run === 'completed' && s.notes === 'created' && s.parcel.state === 'delivered',
    back: s => s.run === 'compensated' && s.notes === 'created created', refused: s => s.run === 'compensated' }
  const other = pick(Object.keys(scenarios).filter(name => name !== 'forward'))
  for (const name of Object.keys(scenarios)) {
    if ((sample && name !== 'forward' && name !== other) || (only && !only.includes(name))) continue
    await told(`undisturbed: ${name}`, async () => {
      await scenarios[name].around?.(true)
      const [p] = await gathered(scenarios[name], 1)
      await approved([p])
      if (scenarios[name].then) {
        await eventually(() => { const s = standing(p); return s.run === 'completed' && s.parcel.labels === 'false' }, 60, 'the way there')
        await scenarios[name].then([p])
      }
      references[name] = await eventually(() => { const s = standing(p); p.stands = JSON.stringify(s); return ends[name](s) && s }, 60, `the end: ${p.stands}`)
        .catch(e => { throw new Error(`${e.message} ${p.stands}`) })
      await scenarios[name].around?.(false)
      return JSON.stringify(references[name])
    })
  }

  const size = sample ? 4 : 14
  // KILL_MATRIX=FAULT: that one alone; KILL_MATRIX_RUNS=boothwyn,held: these kinds of runs alone.
  for (const [i, fault] of Object.keys(faults).entries()) {
    if (process.env.KILL_MATRIX && process.env.KILL_MATRIX !== fault) continue
    // A server that starts again makes its socket anew, and the proxy would be behind nobody.
    if (fault === 'connection cut') {
      between = await proxyBefore(databaseSocket())
      await replaceWorkers()
    }
    for (const name of Object.keys(references)) {
      let all = shuffled(scenarios[name].points)
      if (sample) { if (name !== 'forward' && i !== 0) continue; all = all.slice(0, size) }
      while (all.length > 0) await wave(name, fault, all.splice(0, size), references[name])
    }
    if (fault === 'connection cut') {
      await between.stop()
      between = undefined
      await replaceWorkers()
    }
  }
} finally {
  disarmAll()
  await between?.stop()
  await longLeases()
  await psql('orchestrator', "DELETE FROM medication_configs WHERE sku = 'REJECT-1'")
  await holds(false)
  close()
}
finish()
