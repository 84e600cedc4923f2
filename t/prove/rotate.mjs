// rotate: all key-encryption keys change while journeys run and workers and the keyholder are killed; nothing becomes unreadable, nobody is failed
import { asAdmin, asService, call } from '../contract/client.mjs'
import { arm, claim, databases, disarm, eventually, finish, journeys, kill, pidOf, poolOf, random, run, sample, seed, settled, sleep, sql, top, value } from './frame/prove.mjs'

console.log(`seed ${seed}`)
const services = Object.keys(databases)
const telerx = async (...args) => {
  const r = await run(`${top}/telerx`, args)
  if (r.code !== 0) throw new Error(`telerx ${args.join(' ')}: ${r.out}`)
  return r.out
}
const patients = () => sql('integration', 'SELECT patient_id, submission_id FROM patient_records ORDER BY patient_id')
const readable = async ([patient, submission]) => {
  const answers = [await asAdmin('GET', `/api/patient-records/${patient}`, undefined, { retry: false }),
    await asService('orchestrator', 'GET', `/intake/submissions/${submission}`, undefined, { retry: false })]
  return answers.map(a => a.status)
}
// What pools remember would hide what they cannot read: the processes are replaced by fresh ones.
const forget = async () => {
  for (const name of ['intake', 'integration']) for (const pid of poolOf(name)) kill(pid)
  await eventually(async () => (await readable(patients()[0])).every(s => s === 200 || s === 410), 30, 'fresh pools')
}

// ---- load: whole journeys, and reads of patients' data that must all be answered
let running = true
let reads = 0
const bad = []
const reader = async () => {
  const list = patients()
  while (running) {
    const statuses = await readable(list[random(list.length)])
    reads += statuses.length
    if (statuses.some(s => s !== 200)) bad.push(statuses.join(' '))
    await sleep(200) // nginx limits what one address asks of the intake
  }
}
let kills = 0
const killer = async () => {
  let last = 0
  while (running) {
    await sleep(100 + random(1500))
    // A killed worker's job runs again when its lease is over, so a sample kills few of them and early.
    const name = random(3) === 0 || kills > (sample ? 6 : 200) ? 'keyholder' : `${services[random(services.length)]}-work`
    // Who falls again and again is started after ever longer pauses: that is the supervisor's wisdom, and not what is proven here.
    if (name === 'keyholder' && Date.now() - last < 4000) continue
    if (name === 'keyholder') last = Date.now()
    const pid = pidOf(name)
    if (pid && running && kill(pid)) kills++
  }
}

await claim('journeys before', () => journeys('--count', '6'))
const before = patients().length
const rotations = sample ? 1 : 3
await claim(`E6 ${rotations} rotations of every service under load, with kills of workers and keyholder`, async () => {
  const readers = [reader(), reader()]
  const load = journeys('--count', sample ? '8' : '60')
  const killing = killer()
  const began = Date.now()
  let last
  try {
    for (let i = 0; i < rotations; i++) await telerx('keys', 'rotate', '--kek', '--intake')
    if (!sample && Date.now() - began < 20000) await sleep(20000)
  } catch (e) { last = e }
  running = false
  await Promise.all([killing, ...readers])
  await settled()
  await load
  if (last) throw last
  const broken = services.reduce((n, s) => n + Number(value(s, "SELECT count(*) FROM job WHERE kind = 'keys.rewrap' AND errors::text LIKE '%lease expired%'")), 0)
  return `${kills} kills, ${broken} rotations broken off and gone on with, ${Math.round((Date.now() - began) / 1000)} s`
})
await claim('E6 no request failed', async () => {
  if (bad.length > 0 || reads === 0) throw new Error(`${bad.length} of ${reads}: ${bad.slice(0, 5).join('; ')}`)
  return `${reads} reads of patients' data`
})
await claim('E6 no row is on an old key, and none of those is left', async () => {
  let rows = 0
  for (const s of services) {
    const keks = (await telerx('keys', 'status', s)).split('\n').map(l => l.match(/^\S+ kek (\d+)$/)?.[1]).filter(Boolean)
    if (keks.length !== 1 || Number(keks[0]) < 1 + rotations) throw new Error(`${s} has keys ${keks}`)
    const old = Number(value(s, `SELECT count(*) FROM dek WHERE wrapped IS NOT NULL AND kek_version <> ${keks[0]}`))
    if (old > 0) throw new Error(`${s}: ${old} rows on old keys`)
    rows += Number(value(s, 'SELECT count(*) FROM dek'))
  }
  return `${rows} data keys`
})
await claim('E6 every row opens in processes that remember nothing', async () => {
  await forget()
  for (const p of patients()) {
    const statuses = await readable(p)
    if (statuses.some(s => s !== 200)) throw new Error(`${p[0]}: ${statuses}`)
  }
  const unreadable = services.reduce((n, s) => n + Number(value(s, "SELECT count(*) FROM audit WHERE reason LIKE 'unreadable%'")), 0)
  if (unreadable > 0) throw new Error(`${unreadable} audit rows of unreadable data`)
  return `${patients().length} patients, ${before} of them from before`
})
await claim('journeys after', () => journeys('--count', '3'))

await claim('E1 an erased patient is 410, the others are not', async () => {
  const [gone, kept] = patients()
  await telerx('keys', 'erase', gone[0], '--reason', 'prove-rotate')
  await forget()
  const of = { gone: await readable(gone), kept: await readable(kept) }
  if (of.gone.some(s => s !== 410) || of.kept.some(s => s !== 200)) throw new Error(JSON.stringify(of))
  const trails = ['intake', 'integration'].map(s => value(s, `SELECT count(*) FROM audit WHERE action = 'patient.erase' AND object_id = '${gone[0]}' AND reason = 'prove-rotate'`))
  if (trails.some(n => n !== '1')) throw new Error(`trails ${trails}`)
})

await claim('E4 without random bytes a request fails and nothing is written', async () => {
  const rows = () => value('intake', 'SELECT count(*) FROM intake_verification_codes')
  const send = n => call('POST', '/intake/verify-email/send', { body: { email: `random${n}@patients.example` } })
  const was = rows()
  arm('intake', 'crypto.random=errno:EIO@1+')
  const refused = await send(1)
  disarm('intake')
  if (refused.status < 500) throw new Error(`answered ${refused.status}`)
  if (rows() !== was) throw new Error('a row was written')
  const fine = await eventually(async () => { const a = await send(2); return a.status === 202 && a }, 20, 'an answer')
  return `${refused.status}, then ${fine.status}`
})
finish()
