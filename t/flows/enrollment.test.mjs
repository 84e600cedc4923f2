// enrollment.test.mjs: a patient enrols on a phone (P-ENR-04 to 12, E10): the link from the mail, the page in Chromium at a phone's width, two photos, a
// signature that is drawn, one submit. The second is 409, the token is in no log and no dump, a picture that is large touches no disk of nginx's.
// Needs a running tree (dev.env), chromium, and the npm packages of t/contract beside the build. TELERX_SHOTS: a folder that keeps what the page looked like.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import fs from 'node:fs'
import https from 'node:https'
import os from 'node:os'
import path from 'node:path'
import { asAdmin, call, close, env, sleep } from '../contract/client.mjs'
import { load, source } from '../contract/tools.mjs'

const { chromium } = (await load('playwright-core')).default
const letters = n => Array.from({ length: n }, () => String.fromCharCode(97 + randomInt(26))).join('')
const capital = s => s[0].toUpperCase() + s.slice(1)
const shots = process.env.TELERX_SHOTS || fs.mkdtempSync(path.join(os.tmpdir(), 'telerx-shots-'))
const MIB = 1 << 20
const person = { first: capital(letters(7)), last: capital(letters(9)), email: `${letters(9)}@mail.example`, phone: `617555${randomInt(1000, 9999)}` }
let browser, page, prescription, link, token

const until = async (what, look, ms = 30000) => {
  for (const end = Date.now() + ms; ;) {
    const found = await look()
    if (found) return found
    assert.ok(Date.now() < end, `${what} within ${ms} ms`)
    await sleep(200)
  }
}

const newRx = () => fs.readFileSync(path.join(source, 't/flows/prescriptions/seed.xml'), 'utf8')
  .replace('SEED-COPAY-0001', `ENR-${letters(12)}`).replace('ORDER-0001', `ORDER-${letters(8)}`).replace('MRN-0001', `MRN-${letters(8)}`)
  .replace(/<LastName>Sample</, `<LastName>${person.last}<`).replace(/<FirstName>Ada</, `<FirstName>${person.first}<`)
  .replace('6175550100', person.phone).replace('ada.sample@mail.example', person.email)

// A body of bytes, with its length and without nothing else.
const send = (target, body, headers) => new Promise((done, fail) => {
  const url = new URL(env.url)
  const r = https.request({ host: '127.0.0.1', port: url.port, servername: 'localhost', ca: env.ca, agent: new https.Agent({ ca: env.ca }), method: 'POST', path: target,
    headers: { 'Content-Length': body.length, ...headers } }, res => {
    const parts = []
    res.on('data', d => parts.push(d))
    res.on('end', () => { let json = null; try { json = JSON.parse(Buffer.concat(parts)) } catch { /* not every answer is JSON */ } done({ status: res.statusCode, json }) })
  })
  r.on('error', fail)
  r.end(body)
})

before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage'] })
})
after(async () => {
  await browser?.close()
  if (!process.env.TELERX_SHOTS) fs.rmSync(shots, { recursive: true, force: true })
  close()
})

test('P-ENR-01, P-ENR-04 staff invite, and mail and text carry the link', async () => {
  const taken = await asAdmin('POST', '/api/v1/prescriptions/intake', newRx(), { headers: { Authorization: `Bearer ${env.admin}`, 'Content-Type': 'application/xml' } })
  assert.equal(taken.status, 201, taken.raw.toString())
  prescription = taken.json.prescription_id
  const invited = await until('an invitation', async () => {
    const a = await asAdmin('POST', '/api/v1/enrollment/initiate', { prescription_id: prescription })
    return a.status === 200 ? a.json : undefined
  })
  link = invited.magic_link
  token = link.split('/').pop()
  const told = to => until(`a message to ${to}`, async () => {
    const box = await asAdmin('GET', `/sandbox/outbox?to=${encodeURIComponent(to)}`)
    return box.raw.toString().includes(token) && box
  })
  for (const to of [person.email, `+1${person.phone}`]) assert.doesNotMatch((await told(to)).raw.toString(), /humira|pen kit/i)
})

const photo = async (words, colour) => Buffer.from(await page.evaluate(([words, colour]) => {
  const canvas = document.createElement('canvas'), c = canvas.getContext('2d')
  canvas.width = 2600
  canvas.height = 1640
  c.fillStyle = colour
  c.fillRect(0, 0, canvas.width, canvas.height)
  c.fillStyle = '#fff'
  c.font = '150px sans-serif'
  c.fillText(words, 180, 420)
  c.font = '90px sans-serif'
  c.fillText('Member ID ABC123456789', 180, 820)
  c.fillText('Rx BIN 610014   Rx PCN MEDDCO', 180, 980)
  return canvas.toDataURL('image/png').split(',')[1]
}, [words, colour]), 'base64')

const sign = async () => {
  const pad = page.locator('#signature')
  await pad.scrollIntoViewIfNeeded()
  const box = await pad.boundingBox()
  const at = i => [box.x + 30 + i * 4.2, box.y + 70 + Math.sin(i / 3.1) * 34 * (1 - i / 90)]
  await page.mouse.move(...at(0))
  await page.mouse.down()
  for (let i = 1; i < 62; i++) await page.mouse.move(...at(i))
  await page.mouse.up()
}

test('P-ENR-05 to P-ENR-11 the page takes a patient through at a phone’s width', async () => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true })
  const said = []
  page = await context.newPage()
  page.on('pageerror', e => said.push(e.message))
  page.on('console', m => { if (m.type() === 'error' && !/422/.test(m.text())) said.push(m.text()) })
  page.on('request', r => { assert.ok(!r.headers().referer, 'an address with a token is sent on'); assert.ok(!/\?.*token/.test(r.url())) })
  await page.goto(link)
  assert.ok(!(await page.content()).includes(person.last), 'before the birth date only a first name')
  await page.screenshot({ path: path.join(shots, 'enroll-1-start.png'), fullPage: true })

  for (const [id, text] of [['month', '03'], ['day', '01'], ['year', '1984']]) await page.fill(`#birth-${id}`, text)
  await page.click('#verify button')
  await page.waitForFunction(() => document.getElementById('birth-error').textContent !== '')
  for (const [id, text] of [['month', '02'], ['day', '29']]) await page.fill(`#birth-${id}`, text)
  await page.click('#verify button')
  await page.waitForSelector('#details:not([hidden])')
  assert.match(await page.textContent('#for-name'), new RegExp(person.last))

  await page.fill('#bin', '12')
  await page.click('#send')
  assert.equal(await page.textContent('#bin-error'), 'The BIN has 6 digits.')
  assert.equal(await page.getAttribute('#bin', 'aria-invalid'), 'true')
  for (const id of ['plan_type', 'card_front', 'card_back', 'signature']) assert.notEqual(await page.textContent(`#${id}-error`), '', id)
  await page.screenshot({ path: path.join(shots, 'enroll-2-wrong.png'), fullPage: true })
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 390), 'nothing is wider than the phone')
  assert.equal(await page.evaluate(() => [...document.querySelectorAll('input')].filter(i => i.labels.length === 0).length), 0, 'every input has a label')

  for (const [id, text] of [['payer_name', 'Blue Sample Shield'], ['member_id', 'ABC123456789'], ['group_number', '12345'], ['bin', '610014'], ['pcn', 'MEDDCO']]) await page.fill(`#${id}`, text)
  await page.check('input[value=commercial]')
  await page.setInputFiles('#card_front', { name: 'front.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') })
  await page.waitForFunction(() => /JPEG or PNG/.test(document.getElementById('card_front-error').textContent))
  await page.setInputFiles('#card_front', { name: 'front.png', mimeType: 'image/png', buffer: await photo('SAMPLE INSURANCE', '#1f4f8f') })
  await page.setInputFiles('#card_back', { name: 'back.png', mimeType: 'image/png', buffer: await photo('BACK OF CARD', '#6a3d8f') })
  await page.waitForFunction(() => document.querySelectorAll('.photo.has').length === 2)
  await sign()
  await page.screenshot({ path: path.join(shots, 'enroll-3-filled.png'), fullPage: true })
  await page.click('#send')
  await page.waitForSelector('#done:not([hidden])')
  await page.screenshot({ path: path.join(shots, 'enroll-4-done.png'), fullPage: true })
  await page.goto(link)
  assert.match(await page.textContent('h1'), /all set/)
  await page.screenshot({ path: path.join(shots, 'enroll-5-used.png'), fullPage: true })
  assert.deepEqual(said.filter(s => !/409/.test(s)), [])
})

test('P-ENR-11, P-ENR-12 what was sent is kept, once, and the prescription goes on', async () => {
  const state = await asAdmin('GET', `/api/v1/enrollment/prescriptions/${prescription}`)
  assert.deepEqual([state.json.status, state.json.insurance_verified], ['completed', true])
  assert.equal((await call('GET', `/api/v1/enrollment/validate/${token}`)).status, 409)
  const again = await call('POST', '/api/v1/enrollment/submit', { body: { prescription_id: prescription, token, insurance: { payer_name: 'Another', member_id: 'X1', bin: '610014' },
    hipaa_consent: { authorization_text: 'x', signature: `data:image/png;base64,${'A'.repeat(80)}`, signature_name: 'Nobody' } } })
  assert.deepEqual([again.status, again.json.code], [409, 'already_used'])
  await until('the prescription enrolled', async () => {
    const history = await asAdmin('GET', `/api/v1/prescriptions/${prescription}/history`)
    return JSON.stringify(history.json).includes('"enrolled"')
  })
})

const files = folder => fs.readdirSync(folder, { withFileTypes: true }).flatMap(e => e.isDirectory() ? files(path.join(folder, e.name)) : e.isFile() ? [path.join(folder, e.name)] : [])

test('the token is in no log and no dump; the access log has its path without it', async () => {
  await sleep(1500) // the access log leaves within a second
  const logs = files(process.env.TELERX_LOGS)
  for (const f of logs) assert.ok(!fs.readFileSync(f).includes(token), `${f} holds the token`)
  assert.ok(logs.some(f => /"uri":"\/enroll\/-"/.test(fs.readFileSync(f, 'latin1'))), 'the page was logged')
  assert.ok(logs.some(f => /"uri":"\/api\/v1\/enrollment\/validate\/-"/.test(fs.readFileSync(f, 'latin1'))), 'validate was logged')
  for (const database of ['enrollment', 'notification_service']) {
    const dump = execFileSync('pg_dump', ['-h', process.env.TELERX_DATABASE_SOCKET, '-U', 'telerx_inspect', database],
      { env: { ...process.env, PGPASSWORD: process.env.TELERX_INSPECT_PASSWORD }, maxBuffer: 1 << 30 }).toString('latin1')
    for (const word of [token, person.last, 'ABC123456789', person.email]) {
      assert.ok(!dump.includes(word) && !dump.includes(Buffer.from(word).toString('hex')), `the dump of ${database} holds ${word}`)
    }
  }
})

test('E10, P-ENR-08 a large picture waits in memory, and one that is larger is refused', async () => {
  const tmp = path.resolve(process.env.TELERX_LOGS, '..', 'tmp')
  const touched = () => fs.readdirSync(tmp, { withFileTypes: true }).filter(e => e.isDirectory()).map(e => `${e.name} ${fs.statSync(path.join(tmp, e.name)).mtimeMs}`)
  const jpeg = size => Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 1, 0x90, 2, 0x80, 1, 0, 0, 0, 0xff, 0xda, 0, 2]), randomBytes(size - 21), Buffer.from([0xff, 0xd9])])
  const again = await asAdmin('POST', '/api/v1/prescriptions/intake', newRx().replace(person.last, capital(letters(9))).replace(person.phone, `617555${randomInt(1000, 9999)}`),
    { headers: { Authorization: `Bearer ${env.admin}`, 'Content-Type': 'application/xml' } })
  const other = await until('another invitation', async () => {
    const a = await asAdmin('POST', '/api/v1/enrollment/initiate', { prescription_id: again.json.prescription_id })
    return a.status === 200 ? a.json.magic_link.split('/').pop() : undefined
  })
  const before = touched()
  const upload = (size, bearer) => send('/api/v1/enrollment/cards?side=back', jpeg(size), { Authorization: `Bearer ${bearer}`, 'Content-Type': 'image/jpeg' })
  const kept = await upload(5 * MIB, other)
  assert.equal(kept.status, 201, JSON.stringify(kept.json))
  assert.equal((await upload(5 * MIB + 1, other)).status, 413)
  assert.equal((await upload(1000, token)).status, 409)
  assert.equal((await upload(1000, 'nobody')).status, 404)
  assert.deepEqual(touched(), before, 'nginx made a temporary file')
  assert.equal((await call('GET', new URL(kept.json.url).pathname)).status, 401)
  const seen = await asAdmin('GET', new URL(kept.json.url).pathname)
  assert.deepEqual([seen.status, seen.headers['content-type'], seen.raw.length], [200, 'image/jpeg', 5 * MIB])
})
