// What patients send passes through nginx and leaves nothing there (rule E10): no temporary file is ever made, no log holds a value, whatever was wrong with
// the request. Canaries go into bodies up to and past the limit, into queries, paths and headers, by HTTP/1.1 and HTTP/2, whole and broken off.
import test, { after } from 'node:test'
import assert from 'node:assert/strict'
import fs from 'node:fs'
import http2 from 'node:http2'
import path from 'node:path'
import tls from 'node:tls'
import { randomBytes } from 'node:crypto'
import { asAdmin, call, close, env, sleep } from '../contract/client.mjs'

after(close)

const state = path.resolve(process.env.TELERX_LOGS, '..')
const mark = `canary${randomBytes(8).toString('hex')}`
let n = 0
const canary = () => `${mark}x${n++}`
const KIB = 1024
const filled = size => { const c = canary(); return `{"envelope":"${c}${'A'.repeat(size - c.length - 15)}"}` }

const files = folder => fs.readdirSync(folder, { withFileTypes: true }).flatMap(e => e.isDirectory() ? files(path.join(folder, e.name)) : e.isFile() ? [path.join(folder, e.name)] : [])
const folders = folder => [folder, ...fs.readdirSync(folder, { withFileTypes: true }).filter(e => e.isDirectory()).flatMap(e => folders(path.join(folder, e.name)))]
// A file made in a folder, and be it gone again, leaves its time behind.
const touched = () => Object.fromEntries(folders(path.join(state, 'tmp')).map(f => [f, fs.statSync(f).mtimeNs ?? fs.statSync(f).mtimeMs]))

const raw = (text, after = 300) => new Promise(done => {
  const url = new URL(env.url)
  const s = tls.connect({ host: '127.0.0.1', port: url.port, ca: env.ca, servername: 'localhost', ALPNProtocols: ['http/1.1'] }, () => { s.write(text); setTimeout(() => s.destroy(), after) })
  s.on('error', () => {})
  s.on('close', done)
})

// Without a length, as browsers stream; resolves to the status, 0 when the stream was cut.
const stream = size => new Promise(done => {
  const session = http2.connect(`https://127.0.0.1:${new URL(env.url).port}`, { ca: env.ca, servername: 'localhost' })
  session.on('error', () => done(0))
  const r = session.request({ ':method': 'POST', ':path': '/intake/submit', 'content-type': 'application/json', 'x-canary': canary() })
  let status = 0
  r.on('response', h => { status = h[':status'] })
  r.on('error', () => {})
  r.on('close', () => { session.close(); done(status) })
  r.resume()
  r.end(filled(size))
})

test('E10 nothing of a request reaches a file', async () => {
  const before = touched()
  const expected = async (status, ...request) => assert.equal((await call(...request)).status, status, request.slice(0, 2).join(' ').slice(0, 60))

  for (const size of [4, 16, 64, 200, 255]) await expected(401, 'POST', '/intake/submit', { body: filled(size * KIB), headers: { 'x-canary': canary(), 'idempotency-key': canary() } })
  await expected(413, 'POST', '/intake/submit', { body: filled(257 * KIB) })
  await expected(400, 'POST', '/billing/webhooks/stripe', { body: filled(200 * KIB), headers: { 'stripe-signature': canary() } })
  for (const size of [100, 255]) assert.ok([401, 413].includes(await stream(size * KIB)))
  assert.ok([0, 413].includes(await stream(300 * KIB)))
  await Promise.all(Array.from({ length: 20 }, () => call('POST', '/intake/submit', { body: filled(250 * KIB) })))

  await expected(400, 'GET', `/intake/plans?patient=${canary()}&x=%ff`)
  await expected(404, 'GET', `/nowhere?name=${canary()}`)
  await expected(401, 'GET', `/api/rx-queue/1?name=${canary()}`, { headers: { authorization: `Bearer ${canary()}`, cookie: `s=${canary()}` } })
  await raw(`GET /intake/plans?${canary()} HTTP/1.1\r\nHost: localhost\r\nbad header ${canary()}\r\n\r\n`)
  await raw(`GET /intake/plans?${canary()}${'a'.repeat(20 * KIB)} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await raw(`GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${canary()}${'a'.repeat(70 * KIB)}\r\n\r\n`)
  await raw(`POST /intake/submit HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\r\n{"envelope":"${canary()}${'a'.repeat(100 * KIB)}`)
  await raw(`POST /intake/submit?${canary()} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz${canary()}\r\n`)
  await raw(`${canary()}\r\n\r\n`)

  await sleep(1500) // the access log leaves within a second
  assert.deepEqual(touched(), before, 'nginx made a temporary file')
  const holding = ['log', 'tmp', 'run', 'nginx'].flatMap(d => files(path.join(state, d))).filter(f => fs.readFileSync(f).includes(mark))
  assert.deepEqual(holding, [])
})

test('E10 a large answer to a slow reader waits in memory', async () => {
  const before = touched()
  const big = await asAdmin('GET', '/sandbox/outbox')
  assert.equal(big.status, 200)
  const path_ = big.raw.length > 200 * KIB ? '/sandbox/outbox' : '/sandbox/canvas/ledger'
  await Promise.all(Array.from({ length: 8 }, () => raw(`GET ${path_} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${env.admin}\r\nConnection: close\r\n\r\n`, 500)))
  assert.deepEqual(touched(), before, 'nginx made a temporary file')
})
