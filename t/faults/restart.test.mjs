// restart.test.mjs: processes are replaced under load with kept connections and nobody notices: every pool five times (SIGHUP to its master), other programs in
// their place and the old ones back, the workers, nginx; and all of it every five seconds. TELERX_RATE says how many requests a second (200), TELERX_ROLLING
// how many seconds the last test takes (10); ./telerx check --long asks for 2000 and 60.
//
// A pool's replacement fails no request at all. A reload of nginx closes kept connections that are idle; a client that is just sending on one sees it end before
// a byte of an answer and sends again on another, as RFC 9112 9.3.1 has it for safe methods: that once, on a connection that was kept, and nothing else.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { asAdmin, call, close, sleep } from '../contract/client.mjs'

const need = name => { const v = process.env[name]; if (!v) throw new Error(`${name} is not set`); return v }
const status = `${need('TELERX_DATABASE_SOCKET')}/status`
const rate = Number(process.env.TELERX_RATE ?? 200)
const rolling = Number(process.env.TELERX_ROLLING ?? 10)
const rounds = 5
const sources = Math.max(8, Math.ceil(rate / 50))

const rows = () => fs.readFileSync(status, 'utf8').trim().split('\n').map(line => line.split(/\s+/)).map(([name, state, pid]) => ({ name, state, pid: Number(pid) }))
const workers = () => rows().filter(({ name }) => name.endsWith('-work'))
// A pool is what has a worker beside it.
const masters = () => { const all = rows(); return all.filter(({ name }) => all.some(other => other.name === `${name}-work`)) }
const children = pid => { try { return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number) } catch { return [] } }
const alive = pid => { try { return !/^\d+ \(.*\) Z/.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8')) } catch { return false } }
// By name: what runs may have lost its place to another file.
const program = pid => fs.readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '')
const until = async (what, seconds, condition) => {
  for (const end = Date.now() + seconds * 1000; !condition(); await sleep(50)) assert.ok(Date.now() < end, what)
}

// ---- the load: telerx-load, which gives each connection an address of its own where nginx counts by address

let targets, list, running
const start = () => {
  running?.child.kill('SIGKILL') // of a test that failed
  const child = spawn(`${need('TELERX_BUILD')}/t/bench/telerx-load`, ['--port', new URL(need('TELERX_URL')).port, '--ca', need('TELERX_CA'), '--key', need('KEY_PORTAL'),
    '--connections', String(Math.min(256, 2 * sources)), '--sources', String(sources), '--rate', String(rate), '--seconds', '900', '--again', list],
  { env: { ...process.env, LOAD_SECRET: need('SECRET_PORTAL') }, stdio: ['ignore', 'pipe', 'pipe'] })
  running = { child, out: '', said: '', began: Date.now() }
  child.stdout.on('data', d => { running.out += d })
  child.stderr.on('data', d => { running.said += d })
  running.end = once(child, 'close')
}
// Ends the load; `again` says how many may have been sent a second time.
const stop = async (t, again) => {
  await sleep(500)
  running.child.kill('SIGTERM')
  await running.end
  assert.notEqual(running.out, '', running.said)
  const seen = JSON.parse(running.out)
  t.diagnostic(`${seen.taken} asked in ${seen.seconds.toFixed(1)} s, ${(seen.taken / seen.seconds).toFixed(0)} a second, ${seen.refused + seen.failed} failed, ${seen.again} sent again, ` +
    `p50 ${(seen.p50 / 1000).toFixed(1)} p99 ${(seen.p99 / 1000).toFixed(1)} slowest ${(seen.slowest / 1000).toFixed(0)} ms`)
  const { said } = running
  running = undefined
  assert.equal(seen.failed, 0, `${seen.failed} of ${seen.taken} got no answer`)
  assert.equal(seen.refused, 0, `${seen.refused} of ${seen.taken} were refused: ${said}`)
  assert.equal(seen.ok, seen.taken)
  assert.ok(seen.again <= again, `${seen.again} of ${seen.taken} were sent again`)
  assert.ok(seen.taken >= 0.95 * rate * seen.seconds, `${seen.taken} in ${seen.seconds} s are not ${rate} a second`)
}

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

// Reads its files again and the old workers have gone.
const reloadNginx = async () => {
  const { pid } = rows().find(({ name }) => name === 'nginx')
  const old = children(pid)
  process.kill(pid, 'SIGHUP')
  await until('an old nginx process stays', 20, () => !old.some(alive))
  assert.ok(alive(pid))
}

before(async () => {
  const physicians = await asAdmin('GET', '/physicians')
  assert.equal(physicians.status, 200, `${physicians.raw}`)
  targets = [...masters().map(({ name }) => `/health/${name}/live`),
    ...Array(4).fill([`/physicians/${physicians.json.physicians[0].physicianId}`, '/health/registry/live']).flat()]
  list = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'telerx-restart.')), 'requests')
  fs.writeFileSync(list, targets.map(target => `GET ${target}\n`).join(''))
})
after(() => {
  running?.child.kill('SIGKILL')
  fs.rmSync(path.dirname(list), { recursive: true })
  close()
})

test('a pool without load lets its old process go at once, although nginx keeps connections to it', { timeout: 60000 }, async t => {
  for (const { name } of masters()) assert.equal((await call('GET', `/health/${name}/live`)).status, 200)
  const began = Date.now()
  await replacePools()
  assert.ok(Date.now() - began < 10000, `${Date.now() - began} ms`)
  t.diagnostic(`${Date.now() - began} ms`)
})

test('every pool is replaced five times and no request fails', { timeout: 240000 }, async t => {
  start()
  await sleep(500)
  for (let i = 0; i < rounds; i++) await replacePools()
  await stop(t, 0)
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
  await stop(t, 0)
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
  await stop(t, 0)
})

test('workers are replaced one after the other', { timeout: 120000 }, async t => {
  start()
  for (const { name, pid } of workers()) {
    process.kill(pid, 'SIGTERM')
    await until(`${name} does not come back`, 30, () => rows().some(r => r.name === name && r.state === 'running' && r.pid !== pid && alive(r.pid)))
  }
  await stop(t, 0)
})

test('nginx reads its files again five times and no request fails', { timeout: 120000 }, async t => {
  start()
  await sleep(500)
  for (let i = 0; i < rounds; i++) await reloadNginx()
  await sleep(3000) // what fell behind while connections were made anew is caught up with
  await stop(t, rounds * 2 * sources)
})

test('nginx and every pool, every five seconds: no request fails', { timeout: (rolling + 120) * 1000 }, async t => {
  start()
  const end = Date.now() + rolling * 1000
  let n = 0
  for (; Date.now() < end; n++) {
    const next = Date.now() + 5000
    await Promise.all([reloadNginx(), replacePools()])
    await sleep(Math.max(0, next - Date.now()))
  }
  await stop(t, n * 2 * sources)
  assert.ok(n >= Math.floor(rolling / 5) - 1, `${n} times in ${rolling} s`)
})

test('after ./telerx up with a newer program no older process serves', { timeout: 240000 }, async t => {
  const old = masters().map(({ pid }) => ({ pid, children: children(pid) }))
  const programs = old.map(o => program(o.children[0]))
  for (const path of programs) fs.utimesSync(path, new Date(), new Date())
  start()
  await promisify(execFile)(`${need('TELERX_TOP')}/telerx`, ['up', '--no-journey'])
  const left = old.flatMap(o => o.children).filter(alive)
  await stop(t, 4 * sources * 2)
  assert.deepEqual(left, [])
})
