// client.mjs: an independent client of the public API, in Node's own modules and WebCrypto only. It shares no line with the C code, so what both agree on is
// the contract: signing, JWE, idempotency keys, problem documents.
import https from 'node:https'
import fs from 'node:fs'
import { createHmac, randomBytes, randomUUID, webcrypto } from 'node:crypto'

const need = name => { const v = process.env[name]; if (!v) throw new Error(`${name} is not set`); return v }
export const env = { url: need('TELERX_URL'), ca: fs.readFileSync(need('TELERX_CA')), admin: need('ADMIN_SECRET') }
const agent = new https.Agent({ keepAlive: true, ca: env.ca, maxSockets: 100 })

export const sleep = ms => new Promise(done => setTimeout(done, ms))

// One call. options: headers, body (object = JSON, string = as it is), source (local address), fresh (a connection of its own), retry (wait for 502/503/504 and lost connections).
export const call = async (method, path, options = {}) => {
  const until = Date.now() + 60000
  for (;;) {
    const a = await once(method, path, options).catch(e => ({ status: 0, error: e }))
    const busy = a.status === 0 || [429, 502, 503, 504].includes(a.status)
    if (!busy || !options.retry || Date.now() > until) return a
    await sleep(200)
  }
}

const once = (method, path, { headers = {}, body, source, fresh } = {}) => new Promise((done, fail) => {
  const url = new URL(env.url + path)
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
  // localhost may be ::1 to a resolver, or nothing at all on a bare machine; the platform listens on 127.0.0.1.
  const r = https.request({ host: url.hostname === 'localhost' ? '127.0.0.1' : url.hostname, port: url.port, path, method, agent: fresh ? new https.Agent({ ca: env.ca }) : agent, localAddress: source, servername: 'localhost', timeout: 30000,
    headers: { ...(text === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }), ...headers } }, res => {
    const parts = []
    res.on('data', d => parts.push(d))
    res.on('error', fail)
    res.on('end', () => {
      const raw = Buffer.concat(parts)
      let json = null
      try { json = JSON.parse(raw.toString()) } catch { /* not every answer is JSON */ }
      done({ status: res.statusCode, headers: res.headers, raw, json })
    })
  })
  r.on('error', e => { e.reused = r.reusedSocket; fail(e) })
  r.on('timeout', () => r.destroy(new Error('timeout')))
  r.end(text)
})

export const asAdmin = (method, path, body, more = {}) => call(method, path, { body, retry: true, headers: { Authorization: `Bearer ${env.admin}` }, ...more })

// Signature v1: lower-case hex HMAC-SHA256("<timestamp>.<raw body>").
export const signV1 = (service, text, timestamp = new Date().toISOString()) => ({
  'X-API-Key': need(`KEY_${service.toUpperCase()}`), 'X-Timestamp': timestamp,
  'X-Signature': createHmac('sha256', need(`SECRET_${service.toUpperCase()}`)).update(`${timestamp}.${text}`).digest('hex')
})

// Signature v2: method, target and a nonce are signed too.
export const signV2 = (service, method, path, text, timestamp = new Date().toISOString()) => {
  const nonce = randomBytes(24).toString('base64url')
  const mac = createHmac('sha256', need(`SECRET_${service.toUpperCase()}`)).update(`${timestamp}.${nonce}.${method}.${path}.${text}`).digest('hex')
  return { 'X-API-Key': need(`KEY_${service.toUpperCase()}`), 'X-Timestamp': timestamp, 'X-Nonce': nonce, 'X-Signature': `v2=${mac}` }
}

export const asService = (service, method, path, body, more = {}) => {
  const text = body === undefined ? '' : JSON.stringify(body)
  return call(method, path, { body: body === undefined ? undefined : text, retry: true, headers: signV2(service, method, path, text), ...more })
}

// Compact JWE, ECDH-ES on P-256 with A256GCM (RFC 7516, RFC 7518 4.6), by WebCrypto.
export const jweSeal = async (jwk, extra, plain) => {
  const { subtle } = webcrypto
  const theirs = await subtle.importKey('jwk', { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y }, { name: 'ECDH', namedCurve: 'P-256' }, false, [])
  const ours = await subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits'])
  const epk = await subtle.exportKey('jwk', ours.publicKey)
  const z = Buffer.from(await subtle.deriveBits({ name: 'ECDH', public: theirs }, ours.privateKey, 256))
  const u32 = n => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b }
  const named = s => Buffer.concat([u32(Buffer.byteLength(s)), Buffer.from(s)])
  const info = Buffer.concat([u32(1), z, named('A256GCM'), named(''), named(''), u32(256)])
  const key = await subtle.importKey('raw', await subtle.digest('SHA-256', info), 'AES-GCM', false, ['encrypt'])
  const header = Buffer.from(JSON.stringify({ alg: 'ECDH-ES', enc: 'A256GCM', kid: jwk.kid, epk: { kty: epk.kty, crv: epk.crv, x: epk.x, y: epk.y }, ...extra })).toString('base64url')
  const iv = randomBytes(12)
  const sealed = Buffer.from(await subtle.encrypt({ name: 'AES-GCM', iv, additionalData: Buffer.from(header), tagLength: 128 }, key, Buffer.from(plain)))
  return [header, '', iv.toString('base64url'), sealed.subarray(0, -16).toString('base64url'), sealed.subarray(-16).toString('base64url')].join('.')
}

// ---- a patient, step by step

let addresses = 0
export const newAddress = () => `127.${10 + Math.floor(Math.random() * 200)}.${Math.floor(Math.random() * 250)}.${1 + (addresses++ % 250)}`

export class Patient {
  constructor (file) {
    this.file = JSON.parse(fs.readFileSync(new URL(`../flows/patients/${file}.json`, import.meta.url)))
    this.form = this.file.form
    this.form.email = `${this.file.mailbox}.${randomUUID().slice(24)}@patients.example`
    this.source = newAddress()
  }

  call (method, path, body, headers = {}) {
    const auth = this.session ? { Authorization: `Bearer ${this.session}` } : {}
    return call(method, path, { body, source: this.source, retry: true, headers: { ...auth, ...headers } })
  }

  async plan () {
    const a = await this.call('GET', `/intake/plans?intakeType=${this.file.intakeType}`)
    this.planToken = a.json.plans[0].planToken
    return a.json.plans[0]
  }

  async verify () {
    const sent = await this.call('POST', '/intake/verify-email/send', { email: this.form.email })
    for (let i = 0; i < 300; i++) {
      const box = await this.call('GET', `/sandbox/outbox?to=${encodeURIComponent(this.form.email)}`)
      const code = box.json.messages.map(m => /code is (\d{6})/.exec(m.text)?.[1]).filter(Boolean).pop()
      if (code) {
        const checked = await this.call('POST', '/intake/verify-email/check', { verificationId: sent.json.verificationId, code })
        this.session = checked.json.sessionToken
        this.intakeId = checked.json.intakeId
        return checked
      }
      await sleep(100)
    }
    throw new Error('no verification code arrived')
  }

  paymentIntent (change = {}) {
    return this.call('POST', '/intake/payment-intent', { planToken: this.planToken, state: this.form.address.state, birthDate: this.form.birthDate, consents: this.form.consents, ...change })
  }

  async saveCard (clientSecret) {
    const form = new URLSearchParams({ client_secret: clientSecret, payment_method: this.file.card }).toString()
    return call('POST', `/sandbox/stripe/v1/setup_intents/${clientSecret.split('_secret_')[0]}/confirm`, { body: form, source: this.source, retry: true,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Bearer ${need('STRIPE_PUBLISHABLE_KEY')}` } })
  }

  async envelope (form = this.form, header = {}) {
    const keys = await this.call('GET', '/intake/keys')
    return jweSeal(keys.json.keys[0], { intakeId: this.intakeId, formVersion: '1', ...header }, JSON.stringify(form))
  }

  async submit (envelope, key = randomUUID()) {
    const a = await this.call('POST', '/intake/submit', { envelope }, { 'Idempotency-Key': key })
    if (a.status === 201) { this.submissionId = a.json.submissionId; this.patientId = a.json.patientId }
    return a
  }

  // Everything up to the moment before the form is sent.
  async ready () {
    await this.plan()
    await this.verify()
    const intent = await this.paymentIntent()
    if (intent.status !== 200) throw new Error(`payment-intent answered ${intent.status} ${intent.raw}`)
    await this.saveCard(intent.json.clientSecret)
    return this
  }

  async submitted () {
    await this.ready()
    const a = await this.submit(await this.envelope())
    if (a.status !== 201) throw new Error(`submit answered ${a.status} ${a.raw}`)
    return this
  }

  async assignment () {
    return until(async () => {
      const a = await asService('portal', 'GET', `/route/assignments?submissionId=${this.submissionId}`)
      return a.status === 200 ? a.json : null
    })
  }

  async task () {
    return until(async () => (await asAdmin('GET', `/api/tasks?submissionId=${this.submissionId}`)).json?.tasks[0])
  }

  ledger (vendor, type, key) {
    return asAdmin('GET', `/sandbox/${vendor}/ledger?type=${type}&key=${encodeURIComponent(key)}`).then(a => a.json.entries)
  }
}

export const until = async (ask, seconds = 60) => {
  const end = Date.now() + seconds * 1000
  while (Date.now() < end) {
    const found = await ask()
    if (found) return found
    await sleep(200)
  }
  throw new Error('waited in vain')
}

export const close = () => agent.destroy()
