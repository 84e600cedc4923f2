// phi.test.mjs: what a thief of dumps and logs would find of a patient: nothing (I12, X-SEC-03, A-SEC-07). The sandbox's database stands for other companies.
import test, { after } from 'node:test'
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { execFileSync } from 'node:child_process'
import { Patient, asAdmin, close, sleep } from '../contract/client.mjs'

after(close)

const databases = ['intake_gateway', 'physician_registry', 'orchestrator', 'pharmacy_router', 'notification_service', 'shipping_service', 'billing', 'hisera', 'portal']

const files = dir => fs.readdirSync(dir, { withFileTypes: true }).flatMap(e => e.isDirectory() ? files(path.join(dir, e.name)) : e.isFile() ? [path.join(dir, e.name)] : [])

test('no dump and no log holds a name, an address, a number or an answer of a patient', async () => {
  const p = await new Patient('a-gmp').submitted()
  await p.task()
  const read = await asAdmin('GET', `/api/patient-records/${p.patientId}`)
  assert.equal(read.json.record.lastName, p.form.lastName)	// the platform itself can read it
  await sleep(1500)

  const words = ['Quillonia', 'Brambleworth', 'quillonia.', p.form.email, 'Marigold', '5045550142', 'zanthorel', 'Thaddeon', 'Oxmoorley', 'Heronbrook',
    'quibberley', 'Barnabeth', 'Kestrelwick', 'Osgrim', 'Valdershaw', p.session]
  const found = (text, where) => {
    const lower = text.toLowerCase()
    for (const w of words) assert.ok(!lower.includes(w.toLowerCase()), `${where} holds "${w}"`)
    for (const w of words) assert.ok(!lower.includes(Buffer.from(w).toString('hex')), `${where} holds "${w}" in hex`)
  }
  for (const d of databases) {
    const dump = execFileSync('pg_dump', ['-h', process.env.TELERX_DATABASE_SOCKET, '-U', 'telerx_inspect', d],
      { env: { ...process.env, PGPASSWORD: process.env.TELERX_INSPECT_PASSWORD }, maxBuffer: 1 << 30 }).toString('latin1')
    assert.ok(dump.length > 10000, `${d} was dumped`)
    found(dump, `the dump of ${d}`)
  }
  const logs = files(process.env.TELERX_LOGS)
  assert.ok(logs.length > 5, 'there are logs')
  for (const f of logs) found(fs.readFileSync(f, 'latin1'), f)
})
