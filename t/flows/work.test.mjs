// work.test.mjs: the inbox of the staff as a browser meets it, through nginx: a page without data, whose script may load and call this origin alone, and
// the interface behind it, which opens to an administrator only.
import test, { after } from 'node:test'
import assert from 'node:assert/strict'
import https from 'node:https'
import { execFileSync } from 'node:child_process'
import { asAdmin, close, env } from '../contract/client.mjs'
import { telerx } from '../contract/tools.mjs'

after(close)

const fetched = path => new Promise((done, fail) => {
  const url = new URL(env.url)
  https.get({ host: '127.0.0.1', port: url.port, servername: 'localhost', ca: env.ca, path, agent: new https.Agent({ ca: env.ca }) }, res => {
    let text = ''
    res.setEncoding('utf8')
    res.on('data', d => { text += d })
    res.on('end', () => done({ status: res.statusCode, headers: res.headers, text }))
  }).on('error', fail)
})

test('the page, its script and its looks come from their own routes under a strict policy', async () => {
  const page = await fetched('/console/work')
  assert.equal(page.status, 200)
  assert.match(page.headers['content-type'], /^text\/html/)
  const loaded = [...page.text.matchAll(/(?:src|href)="([^"#]+)"/g)].map(m => m[1]).filter(u => u !== '/' && !u.startsWith('data:'))
  assert.deepEqual(loaded.sort(), ['/console/work.css', '/console/work.js'])
  for (const [path, type] of [['/console/work.js', /^text\/javascript/], ['/console/work.css', /^text\/css/]]) {
    const file = await fetched(path)
    assert.equal(file.status, 200)
    assert.match(file.headers['content-type'], type)
  }
  const policy = page.headers['content-security-policy']
  assert.match(policy, /default-src 'none'.*connect-src 'self'/)
  assert.doesNotMatch(policy, /unsafe/)
  assert.equal(page.headers['x-content-type-options'], 'nosniff')
})

test('P-RTE-06: so does the page of the recommended pharmacies; its script signs in by a code and asks prescription and router', async () => {
  const page = await fetched('/console/prescriptions')
  assert.deepEqual([page.status, /^text\/html/.test(page.headers['content-type'])], [200, true])
  const loaded = [...page.text.matchAll(/(?:src|href)="([^"#]+)"/g)].map(m => m[1]).filter(u => u !== '/' && !u.startsWith('data:'))
  assert.deepEqual(loaded.sort(), ['/console/prescriptions.js', '/console/work.css'])
  assert.doesNotMatch(page.headers['content-security-policy'], /unsafe/)
  const script = (await fetched('/console/prescriptions.js')).text
  for (const path of ['/auth/login', '/recommendations', '/select-pharmacy', '/api/v1/prescriptions?']) assert.ok(script.includes(path), path)
  assert.doesNotMatch(script, /innerHTML|localStorage|[?&]token=/)
  assert.equal((await fetched('/api/v1/prescriptions?status=awaiting_pharmacy_selection')).status, 401)
  assert.ok(Array.isArray((await asAdmin('GET', '/api/v1/prescriptions?status=awaiting_pharmacy_selection')).json.prescriptions))
})

test('what the script asks for is there for an administrator and for nobody else', async () => {
  const script = (await fetched('/console/work.js')).text
  for (const path of ['/api/work-items?limit=50', '/api/work-items?state=done&limit=50', '/api/work-items?owner=ops.lee&limit=50']) {
    assert.ok(script.includes(path.split('?')[0]))
    assert.equal((await fetched(path)).status, 401)
    const list = await asAdmin('GET', path)
    assert.equal(list.status, 200)
    assert.ok(Array.isArray(list.json.items))
  }
  const one = await asAdmin('GET', '/api/work-items/00000000-0000-7000-8000-0000000000ff')
  assert.equal(one.status, 404)
  assert.doesNotMatch(script, /innerHTML|localStorage|[?&]secret=/)
})

test('P-WRK-01: `jobs workers` shows the seven queues and how often each is looked through; each can be read by its name', () => {
  const lines = telerx('jobs', 'workers').split('\n').map(l => /^(\w+) +(\w+_jobs) +every (\d+)s {2}\w+, by default (\w+)$/.exec(l)).filter(Boolean)
  assert.deepEqual(lines.map(([, service, name, , dflt]) => [service, name, dflt]).sort(), [['adjudication', 'adjudication_jobs', '15s'], ['billing', 'payment_jobs', '30s'],
    ['enrollment', 'enrollment_jobs', '30s'], ['prescription', 'validation_jobs', '10s'], ['router', 'routing_jobs', '20s'], ['shipping', 'shipping_jobs', '30s'], ['shipping', 'tracking_jobs', '60s']])
  for (const [, , , every] of lines) assert.ok(Number(every) > 0)
  const database = { adjudication: 'adjudication', billing: 'billing', enrollment: 'enrollment', prescription: 'prescription', router: 'pharmacy_router', shipping: 'shipping_service' }
  for (const [, service, name] of lines)
    assert.match(execFileSync('psql', ['-X', '-At', '-h', process.env.TELERX_DATABASE_SOCKET, '-U', 'telerx_inspect', '-d', database[service], '-c', `SELECT count(status) FROM ${name}`],
      { env: { ...process.env, PGPASSWORD: process.env.TELERX_INSPECT_PASSWORD }, encoding: 'utf8' }), /^\d+\n$/)
})
