// restart.test.mjs: processes are replaced under load with kept connections and nobody notices: every pool five times (SIGHUP to its master), other programs in
// their place and the old ones back, the workers, nginx. TELERX_RATE=2000 asks harder than two shared cores can promise next to other work.
//
// A pool's replacement fails no request at all. A reload of nginx closes kept connections that are idle; a client that is just sending on one sees it end before
// a byte of an answer and sends again on another, as RFC 9112 9.3.1 has it for safe methods: that once, on a connection that was kept, and nothing else.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { asAdmin, call, close, signV2, sleep } from '../contract/client.mjs'

const need = name => { const v = process.env[name]; if (!v) throw new Error(`${name} is not set`); return v }
const status = `${need('TELERX_DATABASE_SOCKET')}/status`
const rate = Number(process.env.TELERX_RATE ?? 200)
const rounds = 5
const sources = Math.max(8, Math.ceil(rate / 50)) // nginx counts by address

const rows = () => fs.readFileSync(status, 'utf8').trim().split('\n').map(line => line.split(/\s+/)).map(([name, state, pid]) => ({ name, state, pid: Number(pid) }))
const workers = () => rows().filter(({ name }) => name.endsWith('-work'))
const masters = () => rows().filter(({ name }) => !name.endsWith('-work') && !['postgres', 'nginx'].includes(name))
const children = pid => { try { return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number) } catch { return [] } }
const alive = pid => fs.existsSync(`/proc/${pid}/stat`) && !/^\d+ \(.*\) Z/.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
// By name: what runs may have lost its place to another file.
const program = pid => fs.readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '')
const until = async (what, seconds, condition) => {
  for (const end = Date.now() + seconds * 1000; !condition(); await sleep(50)) assert.ok(Date.now() < end, what)
}

// ---- the load

const seen = { asked: 0, again: 0, failed: [], slowest: 0, open: 0 }
let physician, targets, timer
const once = async (path, n, fresh = false) => {
  const headers = path.startsWith('/physicians/') ? signV2('portal', 'GET', path, '') : {}
  return call('GET', path, { headers, fresh, source: `127.9.${n % sources >> 8}.${n % sources + 1 & 255}` })
}
const ask = async (path, n) => {
  const began = Date.now()
  seen.asked++
  seen.open++
  let a = await once(path, n)
  if (a.status === 0 && a.error.reused && ['ECONNRESET', 'EPIPE'].includes(a.error.code)) { seen.again++; a = await once(path, n, true) }
  seen.open--
  seen.slowest = Math.max(seen.slowest, Date.now() - began)
  if (a.status !== 200) seen.failed.push(`${path}: ${a.status === 0 ? a.error.code ?? a.error.message : `${a.status} ${a.raw}`}`)
}
const start = () => {
  Object.assign(seen, { asked: 0, again: 0, failed: [], slowest: 0 })
  const began = performance.now()
  let n = 0
  timer = setInterval(() => {
    const due = (performance.now() - began) * rate / 1000
    for (; n < due && seen.open < 4 * sources; n++) ask(targets[n % targets.length], n)
  }, 5)
}
// Ends the load; `again` says how many may have been sent a second time.
const stop = async again => {
  await sleep(500)
  clearInterval(timer)
  await until('requests do not end', 30, () => seen.open === 0)
  assert.deepEqual(seen.failed.slice(0, 5), [], `${seen.failed.length} of ${seen.asked} failed`)
  assert.ok(seen.again <= again, `${seen.again} of ${seen.asked} were sent again`)
}
const told = t => t.diagnostic(`${seen.asked} asked, ${seen.failed.length} failed, ${seen.again} sent again, slowest ${seen.slowest} ms`)

// ---- what is replaced

// All pools at once, as `./telerx up` does it. A process is gone when nginx has closed its kept connections: a second, and what a slow call takes.
const replacePools = async () => {
  const pools = masters()
  const old = pools.flatMap(({ pid }) => children(pid))
  for (const { pid } of pools) process.kill(pid, 'SIGHUP')
  await until('an old process stays', 30, () => !old.some(alive))
  for (const { name, pid } of pools) {
    assert.ok(alive(pid), `the master of ${name} ended`)
    assert.ok(children(pid).length > 0, `${name} has no process`)
  }
}
// A file takes another's place by its name: what runs keeps the old one. Bytes behind the end of an ELF file make it another program that does the same.
const place = (path, content) => {
  const { mode, uid, gid } = fs.statSync(path)
  fs.writeFileSync(`${path}.new`, content, { mode })
  fs.chownSync(`${path}.new`, uid, gid)
  fs.renameSync(`${path}.new`, path)
}

before(async () => {
  const list = await asAdmin('GET', '/physicians')
  assert.equal(list.status, 200, `${list.raw}`)
  physician = list.json.physicians[0].physicianId
  targets = [...masters().map(({ name }) => `/health/${name}/live`), ...Array(4).fill([`/physicians/${physician}`, '/health/registry/live']).flat()]
})
after(() => { clearInterval(timer); close() })

test('a pool without load lets its old process go at once, although nginx keeps connections to it', { timeout: 60000 }, async t => {
  for (const { name } of masters()) assert.equal((await once(`/health/${name}/live`, 0)).status, 200)
  const began = Date.now()
  await replacePools()
  assert.ok(Date.now() - began < 10000, `${Date.now() - began} ms`)
  t.diagnostic(`${Date.now() - began} ms`)
})

test('every pool is replaced five times and no request fails', { timeout: 240000 }, async t => {
  start()
  await sleep(500)
  for (let i = 0; i < rounds; i++) await replacePools()
  await stop(0)
  told(t)
})

test('another program takes the place and the old one comes back: no request fails', { timeout: 240000 }, async t => {
  const programs = masters().map(({ pid }) => ({ pid, path: program(children(pid)[0]) }))
  const before = programs.map(({ path }) => fs.readFileSync(path))
  const runs = () => programs.map(({ pid }) => fs.statSync(`/proc/${children(pid)[0]}/exe`).size)
  start()
  await sleep(500)
  try {
    programs.forEach(({ path }, i) => place(path, Buffer.concat([before[i], Buffer.from('another')])))
    await replacePools()
    assert.deepEqual(runs(), before.map(b => b.length + 7))
  } finally {
    programs.forEach(({ path }, i) => place(path, before[i]))
    await replacePools()
  }
  assert.deepEqual(runs(), before.map(b => b.length))
  await stop(0)
  told(t)
})

test('a program that does not come up changes nothing', { timeout: 120000 }, async t => {
  const { pid } = masters().find(({ name }) => name === 'registry')
  const [old] = children(pid)
  const path = program(old)
  const before = fs.readFileSync(path)
  start()
  try {
    place(path, '#!/bin/sh\nexit 1\n')
    process.kill(pid, 'SIGHUP')
    await sleep(2000)
    assert.ok(alive(old))
    assert.deepEqual(children(pid), [old])
  } finally {
    place(path, before)
  }
  await stop(0)
  told(t)
})

test('workers are replaced one after the other', { timeout: 120000 }, async t => {
  start()
  for (const { name, pid } of workers()) {
    process.kill(pid, 'SIGTERM')
    await until(`${name} does not come back`, 30, () => rows().some(r => r.name === name && r.state === 'running' && r.pid !== pid && alive(r.pid)))
  }
  await stop(0)
  told(t)
})

test('nginx reads its files again five times and no request fails', { timeout: 120000 }, async t => {
  const { pid } = rows().find(({ name }) => name === 'nginx')
  start()
  await sleep(500)
  for (let i = 0; i < rounds; i++) {
    const old = children(pid)
    process.kill(pid, 'SIGHUP')
    await until('an old nginx process stays', 20, () => !old.some(alive))
    assert.ok(alive(pid))
  }
  await stop(rounds * 2 * 4 * sources)
  told(t)
})

test('after ./telerx up with a newer program no older process serves', { timeout: 240000 }, async t => {
  const old = masters().map(({ pid }) => ({ pid, children: children(pid) }))
  const programs = old.map(o => program(o.children[0]))
  for (const path of programs) fs.utimesSync(path, new Date(), new Date())
  start()
  await promisify(execFile)(`${need('TELERX_TOP')}/telerx`, ['up', '--no-journey'])
  const left = old.flatMap(o => o.children).filter(alive)
  await stop(4 * sources * 2)
  assert.deepEqual(left, [])
  told(t)
})
