// A client that an npm generator makes from the document that a running tree serves makes the first calls of the journey. Needs a running tree (dev.env) and the
// npm packages of package-lock.json beside the build.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import { bin, document, source, tools } from './tools.mjs'

const ca = fs.readFileSync(process.env.TELERX_CA)
const get = target => new Promise((done, fail) => https.get(process.env.TELERX_URL + target, { ca }, res => {
  const parts = []
  res.on('data', d => parts.push(d))
  res.on('error', fail)
  res.on('end', () => done({ status: res.statusCode, headers: res.headers, text: Buffer.concat(parts).toString() }))
}).on('error', fail))
const work = fs.mkdtempSync(path.join(tools, 'generated-'))
process.on('exit', () => fs.rmSync(work, { recursive: true, force: true }))
const program = (name, command, ...args) => {
  const r = spawnSync(process.execPath, [bin(name, command), ...args], { cwd: work, encoding: 'utf8' })
  assert.equal(r.status, 0, `${command}: ${r.stdout}${r.stderr}`)
}

test('the page at /docs needs nothing but this host, and all that it needs is there', async () => {
  const page = await get('/docs')
  assert.equal(page.status, 200)
  assert.match(page.headers['content-type'], /^text\/html/)
  const wanted = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(m => m[1])
  assert.ok(wanted.includes('/docs/openapi.json') && wanted.includes('/docs/swagger-ui-bundle.js'), wanted.join(' '))
  for (const target of wanted) {
    assert.match(target, /^\/docs\//)
    const part = await get(target)
    assert.equal(part.status, 200, target)
    assert.match(part.headers['content-security-policy'], /default-src 'none'; script-src 'self';/)
    assert.doesNotMatch(part.headers['content-security-policy'], /https?:|\*|unsafe-eval|script-src[^;]*unsafe-inline/)
  }
  assert.ok(!/<script(?![^>]*src=)/.test(page.text), 'an inline script')
  assert.equal((await get('/docs/nothing')).status, 404)
})

test('what is served is what the services print', async () => {
  const served = await get('/docs/openapi.json')
  assert.match(served.headers['content-type'], /^application\/json/)
  assert.deepEqual(JSON.parse(served.text), document())
  fs.writeFileSync(path.join(work, 'openapi.json'), served.text)
})

test('a client generated from it makes the first calls of the journey', () => {
  program('@hey-api/openapi-ts', 'openapi-ts', '-i', 'openapi.json', '-o', 'client', '-c', '@hey-api/client-fetch')
  fs.copyFileSync(path.join(source, 't/contract/first_calls.ts'), path.join(work, 'first_calls.ts'))
  fs.writeFileSync(path.join(work, 'tsconfig.json'), JSON.stringify({
    compilerOptions: { strict: true, target: 'ES2022', module: 'NodeNext', moduleResolution: 'NodeNext', lib: ['ES2022', 'DOM', 'DOM.Iterable'], types: [], skipLibCheck: true, outDir: 'js' },
    files: ['first_calls.ts']
  }))
  program('typescript', 'tsc', '-p', '.')
  const said = JSON.parse(execFileSync(process.execPath, ['js/first_calls.js'], { cwd: work, encoding: 'utf8', env: { ...process.env, NODE_EXTRA_CA_CERTS: process.env.TELERX_CA } }))
  assert.equal(typeof said.plan.planId, 'string')
  assert.ok(said.plan.amountCents > 0)
  assert.equal(said.plan.currency.toUpperCase(), 'USD')
  assert.ok(said.keys >= 1)
  assert.equal(said.sent, 202)
  assert.deepEqual(said.refused, { status: 422, code: 'wrong_code' })
  assert.equal(said.checked.status, 200)
  assert.ok(said.checked.session)
  assert.match(said.checked.intakeId, /^[0-9a-f-]{36}$/)
  assert.equal(said.physicians, 1)
})
