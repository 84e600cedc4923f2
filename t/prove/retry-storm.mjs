// retry-storm: a vendor fails for minutes with a queue full of work for it: few attempts, spread out, and no rush when it is well again
//
// SendGrid's stand-in answers 429, then 503; each call that fails uses up a row of its faults, each that works leaves a message: both are counted each
// second in its own database. What may go out meanwhile (rule Q9): five failures open the breaker of the one worker process, whoever was on the wire then
// comes on top, and one probe each ten seconds. An undisturbed run of as many messages says how fast they go when all is well.
import { call, close, signV2, sleep } from '../contract/client.mjs'
import { internal } from './frame/note.mjs'
import { claim, eventually, finish, sample, sql, value } from './frame/prove.mjs'

const count = sample ? 120 : 1000
const downS = sample ? 15 : 180
const modes = sample ? ['error429'] : ['error429', 'error503']
const OPENS = 5, PROBE_S = 10
const mark = Date.now().toString(36)

const send = async (wave, i) => {
  const body = { type: 'verification_code', messageKey: `${mark}.${wave}.${i}`, recipient: { email: `${mark}.${wave}.${i}@storm.example` }, variables: { code: '123456', minutes: 10 } }
  const text = JSON.stringify(body)
  const a = await eventually(async () => {
    const r = await internal('POST', '/notify/send', { body, headers: signV2('intake', 'POST', '/notify/send', text) })
    if (![200, 202].includes(r.status)) throw new Error(`${r.status} ${r.raw}`)
    return r
  }, 30, 'a message to be taken')
  return a
}
const queue = async wave => {
  let i = 0
  await Promise.all(Array.from({ length: 8 }, async () => { while (i < count) await send(wave, i++) }))
}
const sent = wave => Number(value('sandbox', `SELECT count(*) FROM message WHERE recipient LIKE '${mark}.${wave}.%'`))
const left = () => Number(value('sandbox', "SELECT count(*) FROM fault WHERE vendor = 'sendgrid'"))
const fastest = wave => Number(value('sandbox', `SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM message WHERE recipient LIKE '${mark}.${wave}.%' GROUP BY date_trunc('second', at)) s`))
const takers = () => Number(value('notify', "SELECT coalesce(max(running), 0) FROM worker"))

let wellRate
await claim(`undisturbed: ${count} messages`, async () => {
  const began = Date.now()
  await queue('well')
  await eventually(() => sent('well') === count, 120, 'all of them')
  wellRate = fastest('well')
  return `${((Date.now() - began) / 1000).toFixed(1)} s, at most ${wellRate} in one second`
})

for (const mode of modes) {
  const faults = 10000
  let attempts, opened, seen
  await claim(`Q9 ${mode} for ${downS} s: bounded attempts`, async () => {
    await call('POST', '/sandbox/sendgrid/faults', { body: { mode, count: faults }, retry: true })
    await queue(mode)
    opened = Date.now()
    // Attempts at the end of each second.
    seen = [faults - left()]
    while (Date.now() - opened < downS * 1000) { await sleep(1000 - (Date.now() - opened) % 1000); seen.push(faults - left()) }
    attempts = seen.at(-1)
    const most = OPENS + Math.max(8, takers()) + Math.ceil((downS + 10) / PROBE_S) + 1
    if (attempts > most) throw new Error(`${attempts} attempts, more than ${most}; by second: ${seen.join(' ')}`)
    if (attempts < OPENS) throw new Error(`only ${attempts} attempts: the vendor was not asked`)
    if (sent(mode) > 0) throw new Error('a message got through')
    const later = seen.slice(3).map((n, i) => n - seen[i + 2])
    const burst = Math.max(...later)
    if (burst > 2) throw new Error(`${burst} attempts in one second while it was known to be down: ${seen.join(' ')}`)
    return `${attempts} attempts for ${count} messages (at most ${most}), ${(attempts / downS).toFixed(2)} a second, at most ${burst} in one second once it was known`
  })
  await claim(`Q8 ${mode}: those that wait do not come back together`, async () => {
    const due = sql('notify', "SELECT extract(epoch FROM run_at) FROM job WHERE state = 'ready' AND kind = 'sendgrid.send'").map(([t]) => Math.floor(Number(t) * 10))
    const tenth = {}
    for (const t of due) tenth[t] = (tenth[t] ?? 0) + 1
    const most = Math.max(...Object.values(tenth))
    if (due.length < count * 0.9) throw new Error(`${due.length} wait, of ${count}`)
    if (most > due.length / 4) throw new Error(`${most} of ${due.length} are due in the same tenth of a second`)
    return `${due.length} wait, at most ${most} due in the same tenth of a second`
  })
  await claim(`Q9 ${mode}: well again, all of it goes out once and no faster than ever`, async () => {
    const began = Date.now()
    await call('DELETE', '/sandbox/sendgrid/faults', { retry: true })
    await eventually(() => sent(mode) > 0, 30, 'the first')
    const first = Date.now() - began
    await eventually(() => sent(mode) >= count, 120, 'all of them')
    const all = Date.now() - began
    await sleep(2000)
    const twice = sql('sandbox', `SELECT recipient, count(*) FROM message WHERE recipient LIKE '${mark}.${mode}.%' GROUP BY 1 HAVING count(*) > 1`)
    if (twice.length > 0) throw new Error(`${twice.length} got it twice: ${twice[0]}`)
    if (fastest(mode) > wellRate * 1.5) throw new Error(`${fastest(mode)} in one second, undisturbed ${wellRate}`)
    const bad = value('notify', `SELECT count(*) FROM effect e JOIN notification_log l ON l.id = e.subject JOIN notification_messages m ON m.id = l.message_id
      WHERE m.message_key LIKE '${mark}.${mode}.%' AND e.state <> 'confirmed'`)
    if (bad !== '0') throw new Error(`${bad} are not confirmed`)
    const dead = value('notify', "SELECT count(*) FROM job WHERE state = 'dead' AND kind = 'sendgrid.send'")
    if (dead !== '0') throw new Error(`${dead} used up their attempts`)
    return `the first after ${(first / 1000).toFixed(1)} s, all after ${(all / 1000).toFixed(1)} s, at most ${fastest(mode)} in one second`
  })
}
close()
finish()
