// stream.test.mjs: the console's stream through nginx (P-EVT-10): live lines in the order of each object, resumed where a client left off, and no thread of the
// pool behind it. What makes lines here is a rebuild of the portal's timeline from a service's kept messages, which are told again.
import test, { after } from 'node:test'
import assert from 'node:assert/strict'
import https from 'node:https'
import { randomUUID } from 'node:crypto'
import { Patient, asAdmin, asService, close, env, sleep } from '../contract/client.mjs'

after(close)

const open = []
after(() => { for (const s of open) s.close() })

// A console: what it got so far is in .messages.
const listen = (last, headers = { Authorization: `Bearer ${env.admin}` }) => new Promise((done, fail) => {
  const url = new URL(env.url)
  const r = https.get({ host: '127.0.0.1', port: url.port, servername: 'localhost', ca: env.ca, path: '/console/stream', agent: new https.Agent({ ca: env.ca }),
    headers: { ...headers, ...(last === undefined ? {} : { 'Last-Event-ID': last }) } }, res => {
    const s = { status: res.statusCode, type: res.headers['content-type'], messages: [], comments: 0, ended: false, close: () => r.destroy() }
    open.push(s)
    let text = ''
    res.setEncoding('utf8')
    res.on('error', () => {})
    res.on('end', () => { s.ended = true })
    res.on('data', d => {
      text += d
      for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
        const one = text.slice(0, end)
        if (one.startsWith(':')) s.comments++
        const m = /^id: (\d+)\nevent: (\S+)\ndata: (.*)$/.exec(one)
        if (m) s.messages.push({ id: Number(m[1]), event: m[2], ...JSON.parse(m[3]) })
      }
    })
    done(s)
  })
  r.on('error', fail)
})

const until = async (what, f) => { for (let i = 0; i < 200; i++) { if (await f()) return; await sleep(100) } assert.fail(what) }
const aDayAgo = () => new Date(Date.now() - 86400000).toISOString()
// Its lines are forgotten and made again: as many messages as there were.
const tellAgain = async service => {
  const from = aDayAgo()
  const forgotten = await asAdmin('POST', '/console/rebuild', { source: service, from })
  const prefix = { intake: '/intake', orchestrator: '/orchestrator' }[service]
  const replayed = await asAdmin('POST', `${prefix}/replay`, { consumer: 'portal', from, rebuild: true })
  assert.equal(replayed.status, 200)
  assert.ok(replayed.json.replayed >= forgotten.json.forgotten)
  return replayed.json.replayed
}

test('a stream is an administrator\'s', async () => {
  assert.equal((await listen(undefined, {})).status, 401)
})

test('lines come live, once, and in order; who comes back gets what was missed', async () => {
  const p = await new Patient('a-gmp').submitted()
  const live = await listen()
  assert.equal(live.status, 200)
  assert.equal(live.type, 'text/event-stream')
  await sleep(1200)
  const before = live.messages.length
  const n = await tellAgain('intake')
  await until('the lines of a rebuild', () => live.messages.filter(m => m.service === 'intake').length >= n)
  assert.ok(live.messages.some(m => m.submissionId === p.submissionId && m.event === 'intake.submitted'))
  live.messages.forEach((m, i) => assert.ok(i === 0 || m.id > live.messages[i - 1].id, 'ids grow'))

  const middle = live.messages[Math.max(before, 0)].id
  const resumed = await listen(String(middle))
  await sleep(1500)
  const last = resumed.messages.at(-1)?.id ?? middle
  assert.deepEqual(resumed.messages.map(m => m.id), live.messages.map(m => m.id).filter(id => id > middle && id <= last))
  assert.ok(resumed.messages.length >= live.messages.filter(m => m.id > middle).length - 5)
})

test('forty consoles hold no thread of the pool', async () => {
  const many = []
  for (let i = 0; i < 40; i++) many.push(await listen())
  assert.ok(many.every(s => s.status === 200))
  const took = []
  for (let i = 0; i < 40; i++) {
    const began = performance.now()
    assert.equal((await asAdmin('GET', '/console/timelines?limit=1')).status, 200)
    took.push(performance.now() - began)
  }
  took.sort((a, b) => a - b)
  assert.ok(took[20] < 200, `a read took ${took[20].toFixed(1)} ms`)
  await sleep(1000)
  const n = await tellAgain('orchestrator')
  if (n > 0) await until('the lines on each console', () => many.every(s => s.messages.filter(m => m.service === 'orchestrator').length >= n))
  assert.ok(many.every(s => !s.ended))
})

test('a quiet stream is kept open by comments', async () => {
  const s = await listen()
  await until('a comment', async () => { await sleep(100); return s.comments > 0 })
  assert.equal(s.ended, false)
})

test('a work item is told as it is raised and as it ends, with what it is about', async () => {
  const live = await listen()
  await sleep(1200)
  const subject = `stream-${Date.now()}`
  const tell = async (topic, seq) => {
    const event = { id: randomUUID(), topic, version: 1, source: 'registry', aggregateId: about, seq, occurredAt: new Date().toISOString(), requestId: null,
      payload: { kind: 'proof', subject, code: 'test', detail: {} } }
    assert.equal((await asService('registry', 'POST', '/console/events', event)).status, 200)
  }
  const about = randomUUID()
  await tell('attention.raised', 1)
  await tell('attention.cleared', 2)
  const mine = () => live.messages.filter(m => m.attention?.subject === subject)
  await until('both', () => mine().length === 2)
  assert.deepEqual(mine().map(m => [m.event, m.attention.kind, m.submissionId]), [['attention.raised', 'proof', undefined], ['attention.cleared', 'proof', undefined]])
})
