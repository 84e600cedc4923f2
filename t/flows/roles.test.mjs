// roles.test.mjs: every row of every service, asked by nobody, by each role, by the ADMIN_SECRET and by a token that was taken back (A-SEC-02, P-HIPAA-06, I-AUTH-06). What
// a row admits is read from the document that it is printed in; what it does is told by its answer. An unknown name in the query, or an id that is none, is refused
// right behind the gate, so that who is let in changes nothing. Through the internal listener, which limits no rates.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import http from 'node:http'
import { asAdmin, call, close, env, sleep } from '../contract/client.mjs'
import { document } from '../contract/tools.mjs'

const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
after(() => { agent.destroy(); close() })

const ask = (method, path, token) => new Promise((done, fail) => {
  const r = http.request({ socketPath: process.env.TELERX_INTERNAL_SOCKET, method, path, agent, headers: token === undefined ? {} : { Authorization: `Bearer ${token}` } }, res => {
    const parts = []
    res.on('data', d => parts.push(d))
    res.on('error', fail)
    res.on('end', () => { let code; try { code = JSON.parse(Buffer.concat(parts).toString()).code } catch { /* no JSON */ } done({ status: res.statusCode, code }) })
  })
  r.on('error', fail)
  r.end()
})

const roles = ['admin', 'ops_manager', 'ops_agent', 'provider', 'patient']
const mail = role => `matrix.${role}@telerx.example`
const token = {}
let revoked

// As a person logs in: the code comes by mail.
const login = async role => {
  const body = { email: mail(role), name: 'Matrix Sample', role }
  assert.ok([201, 409].includes((await asAdmin('POST', '/auth/users', body)).status))
  const seen = new Set(((await asAdmin('GET', `/sandbox/outbox?to=${encodeURIComponent(mail(role))}`)).json.messages ?? []).map(m => JSON.stringify(m)))
  const started = await call('POST', '/auth/login', { body: { email: mail(role) }, retry: true })
  assert.equal(started.status, 202)
  for (let i = 0; i < 100; i++) {
    const box = (await asAdmin('GET', `/sandbox/outbox?to=${encodeURIComponent(mail(role))}`)).json.messages
    const fresh = box.find(m => !seen.has(JSON.stringify(m)))
    const code = fresh && /code is (\d{6})/.exec(JSON.stringify(fresh))
    if (code) {
      const opened = await call('POST', '/auth/login/check', { body: { login_id: started.json.login_id, code: code[1] }, retry: true })
      assert.equal(opened.status, 200)
      assert.equal(opened.json.role, role)
      return opened.json.token
    }
    await sleep(100)
  }
  assert.fail(`no code was mailed to the ${role}`)
}

before(async () => {
  for (const role of roles) token[role] = await login(role)
  revoked = await login('admin')
  assert.equal((await ask('POST', '/auth/logout', revoked)).status, 204)
})

const rows = Object.entries(document().paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, op]) => ({
  name: `${method.toUpperCase()} ${path}`,
  method: method.toUpperCase(),
  target: `${path.replace(/\{[^}]+\}/g, '00000000-0000-7000-8000-00000000dead')}?no_row_reads_this=1`,
  roles: new Set((op.security ?? []).flatMap(s => s.userToken ?? [])),
  secret: (op.security ?? []).some(s => s.adminSecret),
  guarded: (op.security ?? []).some(s => s.userToken || s.adminSecret)
}))).filter(r => r.guarded)

test('the tables say who may do what: agents change no money and no settings', () => {
  assert.ok(rows.length > 100, `${rows.length} rows`)
  const of = name => rows.find(r => r.name === name)?.roles
  for (const name of ['POST /auth/users', 'PATCH /auth/users/{id}', 'PUT /notify/channels/{type}', 'POST /physicians']) {
    assert.ok(of(name)?.has('admin'), name)
    for (const role of roles.slice(1)) assert.ok(!of(name).has(role), `${name} admits the ${role}`)
  }
})

test('every row takes its roles and no other', async () => {
  const wrong = []
  for (const r of rows) {
    const expect = async (who, bearer, good) => {
      const a = await ask(r.method, r.target, bearer)
      if (!good(a)) wrong.push(`${r.name} by ${who}: ${a.status} ${a.code}`)
    }
    const through = a => (a.status === 400 && a.code === 'unknown_field') || (a.status === 422 && a.code === 'validation_failed')
    await expect('nobody', undefined, a => a.status === 401)
    await expect('a revoked admin', revoked, a => a.status === 401 && a.code === 'revoked_token')
    for (const role of roles) await expect(`the ${role}`, token[role], r.roles.has(role) ? through : a => a.status === 403 && a.code === 'role_not_allowed')
    await expect('the secret', env.admin, r.secret ? through : a => a.status === 403 && a.code === 'role_not_allowed')
  }
  assert.deepEqual(wrong, [])
})
