// The OpenAPI document: valid, complete, and true of itself. Needs the built programs and the npm packages, no server.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { document, load, routes, telerx } from './tools.mjs'

const doc = document()
const services = doc.tags.map(t => t.name)
const operations = d => Object.entries(d.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, op]) => ({ name: `${method.toUpperCase()} ${path}`, method, path, op })))
const everywhere = new Set(['/health/live', '/health/ready', '/metrics'])
const at = (d, ref) => ref.slice(2).split('/').reduce((o, k) => o?.[k], d)

test('the merged document, with and without the sandbox, and each service\'s own are valid OpenAPI 3.1', async () => {
  const { Validator } = await load('@seriousme/openapi-schema-validator')
  for (const d of [doc, document('--sandbox'), ...services.map(s => document(s))]) {
    assert.match(d.openapi, /^3\.1\./)
    const r = await new Validator().validate(structuredClone(d))
    assert.ok(r.valid, `${d.info.title}: ${JSON.stringify(r.errors)?.slice(0, 2000)}`)
  }
  const broken = structuredClone(doc)
  broken.components.securitySchemes.adminSecret.type = 'magic'
  assert.ok(!(await new Validator().validate(broken)).valid, 'the validator takes anything')
})

test('it has every row of every service\'s table and nothing else; the sandbox only when asked for', () => {
  const has = new Set(operations(doc).map(o => o.name))
  const rows = new Set()
  for (const s of services) {
    for (const [method, path] of routes(s)) rows.add(`${method} ${path.replace(/:([A-Za-z_]+)/g, '{$1}').replace(/\*$/, '{rest}')}`)
  }
  for (const path of everywhere) rows.delete(`GET ${path}`)
  assert.deepEqual([...has].sort(), [...rows].sort())
  assert.ok(!services.includes('sandbox'))
  assert.ok(document('--sandbox').tags.some(t => t.name === 'sandbox'))
  for (const path of everywhere) assert.ok(!(path in doc.paths), `${path} is no path of the routing table`)
})

test('every operation has a name of its own, a description, a service, and an outcome', () => {
  const names = new Set()
  for (const { name, op } of operations(document('--sandbox'))) {
    assert.match(op.operationId, /^[a-z][A-Za-z0-9]+$/, name)
    assert.ok(!names.has(op.operationId), `${op.operationId} is the name of two operations`)
    names.add(op.operationId)
    assert.ok(op.summary && op.description, `${name} is not described`)
    assert.equal(op.tags.length, 1, name)
    assert.equal(Object.keys(op.responses).filter(s => s.startsWith('2')).length, 1, name)
  }
})

test('what is not for everybody says who may call it, by a scheme that is defined', () => {
  const open = []
  for (const { name, op } of operations(doc)) {
    for (const alternative of op.security) {
      for (const scheme of Object.keys(alternative)) assert.ok(scheme in doc.components.securitySchemes, `${name}: ${scheme}`)
    }
    if (op.security.length === 0) open.push(name)
  }
  const tables = services.flatMap(s => routes(s).filter(r => r[2] === 'PUBLIC').map(r => `${r[0]} ${r[1].replace(/:([A-Za-z_]+)/g, '{$1}')}`))
  assert.deepEqual(open.sort(), tables.filter(n => !everywhere.has(n.slice(4))).sort())
  const v2 = Object.keys(doc.paths['/route/claim'].post.security[0])
  assert.deepEqual(v2, ['serviceKey', 'serviceTimestamp', 'serviceNonce', 'serviceSignature'])
  assert.deepEqual(doc.paths['/rx/webhooks/boothwyn'].post.security, [{ boothwynWebhook: [] }])
})

test('every refusal is a problem document, with an example of each code', () => {
  for (const { name, op } of operations(doc)) {
    for (const [status, r] of Object.entries(op.responses).filter(([s]) => !s.startsWith('2'))) {
      const content = r.content['application/problem+json']
      assert.equal(content.schema.$ref, '#/components/schemas/Problem', name)
      for (const [code, { $ref }] of Object.entries(content.examples ?? {})) {
        const { value } = at(doc, $ref)
        assert.equal(value.code, code, name)
        assert.equal(String(value.status), status, name)
      }
    }
    assert.ok(op.responses.default, name)
  }
  assert.ok('claim_conflict' in doc.paths['/route/claim'].post.responses['409'].content['application/problem+json'].examples)
})

test('every example is what its schema takes', async () => {
  const { default: Ajv } = await load('ajv/dist/2020.js')
  const { default: formats } = await load('ajv-formats')
  const ajv = new (Ajv.default ?? Ajv)({ strict: false, allErrors: true })
  ;(formats.default ?? formats)(ajv)
  const takes = (schema, value, what) => {
    const check = ajv.compile(schema.$ref ? at(doc, schema.$ref) : schema)
    assert.ok(check(value), `${what}: ${JSON.stringify(value)}: ${ajv.errorsText(check.errors)}`)
  }
  for (const { name, op } of operations(document('--sandbox'))) {
    for (const p of op.parameters) if ('example' in p) takes(p.schema, p.example, `${name} ${p.name}`)
    for (const c of [op.requestBody?.content, ...Object.values(op.responses).map(r => r.content)]) {
      for (const m of Object.values(c ?? {})) if ('example' in m) takes(m.schema, m.example, name)
    }
  }
  for (const [name, e] of Object.entries(doc.components.examples)) takes(doc.components.schemas.Problem, e.value, name)
})

test('the call graph agrees with itself, and is a graph', () => {
  const text = telerx('callgraph')
  for (const s of services) assert.match(text, new RegExp(`^${s}$`, 'm'))
  assert.match(text, /called by +portal[^]*?POST \/route\/claim/)
  assert.match(text, /tells +registry +intake\.submitted/)
  const dot = telerx('callgraph', '--dot')
  assert.match(dot, /^digraph telerx \{\n[^]*\n\}\n$/)
  assert.match(dot, /"intake" -> "billing" \[style=solid/)
  assert.match(dot, /"intake" -> "registry" \[style=dashed/)
})
