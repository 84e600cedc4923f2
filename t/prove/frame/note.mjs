// note.mjs: an act whose doubles can be seen: a note at a work item. No table would refuse a second one; only the Idempotency-Key makes it one.
import http from 'node:http'
import { randomUUID } from 'node:crypto'
import { need, sql, eventually } from './prove.mjs'
import { signV2 } from '../../contract/client.mjs'

const agent = new http.Agent({ keepAlive: true, maxSockets: 200 })

// One call through nginx's internal listener, which has the same routes and no rate limits. Status 0: the connection was lost.
export const internal = (method, path, { headers = {}, body, timeout = 30000 } = {}) => new Promise(done => {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const began = Date.now()
  const end = (status, headers = {}, raw = Buffer.alloc(0)) => {
    let json = null
    try { json = JSON.parse(raw.toString()) } catch { /* not every answer is JSON */ }
    done({ status, headers, raw, json, ms: Date.now() - began })
  }
  const r = http.request({ socketPath: need('TELERX_INTERNAL_SOCKET'), method, path, agent, timeout,
    headers: { Host: 'telerx.internal', ...(text === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }), ...headers } }, res => {
    const parts = []
    res.on('data', d => parts.push(d))
    res.on('error', () => end(0))
    res.on('end', () => end(res.statusCode, res.headers, Buffer.concat(parts)))
  })
  r.on('error', () => end(0))
  r.on('timeout', () => r.destroy())
  r.end(text)
})
const admin = () => ({ Authorization: `Bearer ${need('ADMIN_SECRET')}` })

// So many work items, each with an id of its own.
export const items = async count => {
  const mark = randomUUID()
  const queue = Array.from({ length: count }, (_, i) => i)
  const one = async i => {
    const event = { id: randomUUID(), topic: 'attention.raised', version: 1, source: 'portal', aggregateId: randomUUID(), seq: 1, occurredAt: new Date().toISOString(),
      requestId: null, payload: { kind: 'proof', subject: `${mark}/${i}`, code: 'proof', detail: {} } }
    await eventually(async () => {
      const a = await internal('POST', '/cases/events', { body: event, headers: signV2('portal', 'POST', '/cases/events', JSON.stringify(event)) })
      if (a.status !== 200) throw new Error(`${a.status} ${a.raw}`)
      return true
    }, 30, 'a work item')
  }
  await Promise.all(Array.from({ length: 8 }, async () => { while (queue.length > 0) await one(queue.shift()) }))
  const rows = sql('case', `SELECT id FROM work_item WHERE subject LIKE '${mark}/%'`)
  if (rows.length !== count) throw new Error(`${rows.length} work items instead of ${count}`)
  return rows.map(([id]) => id)
}

export const note = (item, key, text = 'seen') =>
  internal('POST', `/api/work-items/${item}/notes`, { body: { note: text }, headers: { ...admin(), 'Idempotency-Key': key } })

// How many notes an item has got, and how many audit rows say so.
export const notes = list => {
  const all = []
  for (let i = 0; i < list.length; i += 500) all.push(...some(list.slice(i, i + 500)))
  return all
}
const some = list => {
  const within = `(${list.map(id => `'${id}'`).join(',')})`
  const written = Object.fromEntries(sql('case', `SELECT item_id, count(*) FROM work_item_history WHERE what = 'note' AND item_id IN ${within} GROUP BY 1`))
  const audited = Object.fromEntries(sql('case', `SELECT object_id, count(*) FROM audit WHERE action = 'work_item.note' AND outcome = 'success' AND object_id IN ${within} GROUP BY 1`))
  return list.map(id => ({ id, written: Number(written[id] ?? 0), audited: Number(audited[id] ?? 0) }))
}

// The items leave the inbox again.
export const resolve = async list => {
  const queue = [...list]
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (queue.length > 0) await internal('POST', `/api/work-items/${queue.shift()}/resolve`, { body: { reason: 'proof' }, headers: admin() })
  }))
}
