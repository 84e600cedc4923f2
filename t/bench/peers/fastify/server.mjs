// server.mjs: the peer of ./telerx bench. Three of the registry's endpoints as a Fastify application with pg would have them: schema validation and
// compiled reply serialisers, named (prepared) statements, one process per core, a line per request by Fastify's own logger, written before the next as
// ours are. The statements are those of the C sources (PEER_STATEMENTS, a JSON file that bench.mjs makes of them), in the same transactions.
// Under /peer the client waits for each answer, as pg does unless told otherwise; under /peer/pipelined its opt-in pipeline mode is on, and what needs no
// answer is not waited for.
import cluster from 'node:cluster'
import fs from 'node:fs'
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import Fastify, { LogController } from 'fastify'
import pg from 'pg'

const processes = Number(process.env.PEER_PROCESSES)
const connections = Number(process.env.PEER_CONNECTIONS)
const tenant = process.env.PEER_TENANT
const callers = new Map([[process.env.PEER_KEY, { caller: 'portal', secret: process.env.PEER_SECRET }]])
const text = JSON.parse(fs.readFileSync(process.env.PEER_STATEMENTS, 'utf8'))
const auditKey = randomBytes(32)

const statement = name => values => ({ name, text: text[name], values })
const begin = statement('begin_sql'), beginRead = statement('begin_read_sql'), commit = statement('commit_sql')
const scopeWrite = statement('scope_write_sql'), scope = statement('scope_sql')
const claimRow = statement('claim_sql'), publish = statement('publish_sql'), audit = statement('audit_sql'), show = statement('show_sql')
const rollback = { text: 'ROLLBACK' }

// UUIDv7: the time in front, so that new rows go to the end of an index.
let pool = randomBytes(4096), used = 0
const uuid7 = () => {
  if (used + 10 > pool.length) { pool = randomBytes(4096); used = 0 }
  const h = Date.now().toString(16).padStart(12, '0') + pool.toString('hex', used, used += 10)
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-7${h.slice(13, 16)}-a${h.slice(17, 20)}-${h.slice(20)}`
}

const problem = (status, code, detail) => Object.assign(new Error(detail), { statusCode: status, code, problem: true })

// The v2 signature of a calling service, as fcgi/crypto/signature.h has it.
const authenticate = async req => {
  const h = req.headers
  const known = callers.get(h['x-api-key'])
  if (!known) throw problem(401, 'unknown_key', 'this X-API-Key is not known here')
  const want = createHmac('sha256', known.secret)
    .update(`${h['x-timestamp']}.${h['x-nonce']}.${req.method}.${req.raw.url}.${req.rawBody ?? ''}`).digest('hex')
  const given = String(h['x-signature'])
  if (given.length !== 67 || !timingSafeEqual(Buffer.from(given), Buffer.from(`v2=${want}`))) throw problem(401, 'bad_signature', 'the signature does not belong to this message')
  if (!(Math.abs(Date.parse(h['x-timestamp']) - Date.now()) <= 300000)) throw problem(401, 'stale_timestamp', 'the timestamp is too far away')
  req.caller = known.caller
}

const macOf = parts => {
  const mac = createHmac('sha256', auditKey), n = Buffer.alloc(4)
  for (const p of parts) { n.writeUInt32BE(p === null ? 0xffffffff : Buffer.byteLength(p)); mac.update(n); if (p) mac.update(p) }
  return mac.digest()
}
const auditRow = (req, behalf, action, object, id) => {
  const row = [uuid7(), tenant, `service:${req.caller}`, behalf, action, object, id, 'success', null, req.id, req.headers['x-real-ip'] ?? null, '{}']
  return audit([...row, 'audit1', macOf(row)])
}

const uuid = { type: 'string', format: 'uuid' }
const string = { type: 'string' }
const time = { type: 'string', format: 'date-time' }
const object = (properties, required = Object.keys(properties)) => ({ type: 'object', required, properties, additionalProperties: false })

// Runs queries in order; waits for each, or sends them all first.
const inTurn = async (c, queries) => { const all = []; for (const q of queries) all.push(await c.query(q)); return all }
const atOnce = (c, queries) => Promise.all(queries.map(q => c.query(q)))

const physician = row => ({ physicianId: row.id, npi: row.npi, firstName: row.first_name, lastName: row.last_name,
  name: `${row.first_name} ${row.last_name}, ${row.credentials}`, credentials: row.credentials, email: row.email, platform: row.platform, active: row.active,
  licenses: row.licenses, routing: row.routing, createdAt: row.created_at })
const physicianReply = object({ physicianId: uuid, npi: string, firstName: string, lastName: string, name: string, credentials: string, email: string,
  platform: string, active: { type: 'boolean' },
  licenses: { type: 'array', items: object({ state: string, licenseNumber: string, licenseType: string, expiresOn: string }) },
  routing: { type: 'array', items: object({ platform: string, state: string, priority: { type: 'integer' } }) }, createdAt: time })
const claimReply = object({ assignmentId: uuid, submissionId: uuid, status: string, claimedBy: uuid, claimedAt: time })

const routes = (app, prefix, db, queries) => {
  const inTransaction = async work => {
    const c = await db.connect()
    try {
      const answer = await work(c)
      c.release()
      return answer
    } catch (e) {
      await c.query(rollback).catch(() => {})
      c.release(!e.problem)
      throw e
    }
  }
  const scoped = req => [tenant, `service:${req.caller}`, req.id]

  app.get(`${prefix}/physicians/:id`, { preValidation: authenticate, schema: { params: object({ id: uuid }), response: { 200: physicianReply } } }, async req => {
    const row = await inTransaction(async c => (await queries(c, [beginRead(), scope(scoped(req)), show([req.params.id]), commit()]))[2].rows[0])
    if (!row) throw problem(404, 'not_found', 'no such physician')
    return physician(row)
  })

  app.post(`${prefix}/route/claim`, { preValidation: authenticate, schema: { body: object({ assignmentId: uuid, physicianId: uuid }), response: { 200: claimReply } } }, async req => {
    const { assignmentId, physicianId } = req.body
    const row = await inTransaction(async c => {
      const won = (await queries(c, [begin(), scopeWrite(scoped(req)), claimRow([assignmentId, physicianId])]))[2].rows[0]
      if (!won) throw problem(409, 'claim_conflict', 'another physician has claimed the case')
      const payload = JSON.stringify({ assignmentId, submissionId: won.submission_id, patientId: won.patient_id, physicianId })
      await queries(c, [publish([tenant, 'assignment.claimed', assignmentId, payload, req.id, '{portal}']),
        auditRow(req, `physician:${physicianId}`, 'assignment.claim', 'prescription_assignments', assignmentId), commit()])
      return won
    })
    return { assignmentId, submissionId: row.submission_id, status: 'claimed', claimedBy: physicianId, claimedAt: row.claimed_at }
  })
}

const serve = async () => {
  const settings = { connectionString: process.env.PEER_DATABASE, max: Math.max(1, Math.floor(connections / processes)), idleTimeoutMillis: 0 }
  const app = Fastify({ logger: true, logController: new LogController({ disableRequestLogging: true }), requestIdHeader: 'x-request-id', genReqId: () => uuid7(), bodyLimit: 262144 })

  app.addContentTypeParser('application/json', { parseAs: 'string' }, (req, body, done) => {
    req.rawBody = body
    try { done(null, JSON.parse(body)) } catch (e) { done(problem(400, 'malformed_json', e.message)) }
  })
  app.decorateRequest('rawBody')
  app.decorateRequest('caller')
  app.addHook('onResponse', async (req, reply) => {
    req.log.info({ method: req.method, route: req.routeOptions.url, status: reply.statusCode, ms: reply.elapsedTime, actor: req.caller }, 'request')
  })
  app.setErrorHandler((e, req, reply) => {
    const status = e.statusCode ?? 500
    if (status >= 500) req.log.error(e)
    reply.code(status).type('application/problem+json').send({ type: `/problems/${e.code}`, title: 'refused', status, code: e.code, detail: e.message, instance: req.id })
  })
  app.get('/peer/health/live', { schema: { response: { 200: object({ status: string, service: string }) } } }, async () => ({ status: 'ok', service: 'peer' }))
  routes(app, '/peer', new pg.Pool(settings), inTurn)
  routes(app, '/peer/pipelined', new pg.Pool({ ...settings, pipeline: true }), atOnce)
  await app.listen({ path: process.env.PEER_SOCKET })
}

if (processes > 1 && cluster.isPrimary) {
  process.title = 'peer-primary'
  for (let i = 0; i < processes; i++) cluster.fork()
  process.on('SIGTERM', () => { for (const w of Object.values(cluster.workers)) w.kill(); process.exit(0) })
} else {
  await serve()
}
