// kill.test.mjs: while twenty patients, and then prescriptions from outside (10; TELERX_PRESCRIPTIONS says how many, ./telerx check --long 200), are on their way a
// random process of ours is killed -9 every second and a half (TELERX_KILL_MS): a pool's process, its master, a worker.
// It must come back, and all must end right: the journey's own judge compares ledgers, rows and audit (I1 to I3, rule M4 for `manual`).
import test, { after } from 'node:test'
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { asAdmin, close, sleep } from '../contract/client.mjs'

const need = name => { const v = process.env[name]; if (!v) throw new Error(`${name} is not set`); return v }
const top = need('TELERX_TOP')
const status = `${need('TELERX_DATABASE_SOCKET')}/status`
const prescriptions = Number(process.env.TELERX_PRESCRIPTIONS ?? 10)
const ours = /^(?!sandbox|postgres|nginx)/

after(close)

// The supervisor's own list, and the children of each master.
const processes = () => {
  const rows = fs.readFileSync(status, 'utf8').trim().split('\n').map(line => line.split(/\s+/)).filter(([name, state]) => ours.test(name) && state === 'running')
  return rows.flatMap(([name, , pid]) => {
    let children = []
    try { children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean) } catch { /* just ended */ }
    return [{ name, pid: Number(pid) }, ...children.map(child => ({ name: `${name} process`, pid: Number(child) }))]
  })
}

// The same choices again: TELERX_SEED=…
const seed = Number(process.env.TELERX_SEED ?? randomInt(1, 2 ** 31))
let state = seed
const random = n => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return state % n }

// Plays so many, killing on the way.
const underKills = async (args, count, most) => {
  const journey = spawn(`${top}/telerx`, ['journey', ...args, '--count', `${count}`, '--quiet'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  journey.stdout.on('data', d => { output += d })
  journey.stderr.on('data', d => { output += d })
  const ended = new Promise(done => journey.on('close', done))
  const killed = []
  const timer = setInterval(() => {
    const all = processes()
    if (killed.length >= most || all.length === 0) return
    const victim = all[random(all.length)]
    try { process.kill(victim.pid, 'SIGKILL'); killed.push(victim.name) } catch { /* it ended by itself */ }
  }, Number(process.env.TELERX_KILL_MS ?? 1500))
  const code = await ended
  clearInterval(timer)
  assert.equal(code, 0, `killed: ${killed.join(', ')}\n${output}`)
  assert.ok(killed.length >= 5, `only ${killed.length} were killed`)
  assert.match(output, new RegExp(`${count} passed, 0 failed`))
}

// Everything is back.
const allRun = async () => {
  const end = Date.now() + 40000
  for (;;) {
    const rows = fs.readFileSync(status, 'utf8').trim().split('\n').map(line => line.split(/\s+/))
    if (rows.every(([, s]) => s === 'running')) break
    assert.ok(Date.now() < end, rows.filter(([, s]) => s !== 'running').join('; '))
    await sleep(200)
  }
}

test(`twenty journeys under kill -9 (TELERX_SEED=${seed})`, { timeout: 600000 }, async () => {
  await underKills([], 20, 25)
  await allRun()
})

test(`${prescriptions} prescriptions from outside under kill -9: each paid and shipped once, no pharmacy over its capacity`, { timeout: 900000 }, async () => {
  await underKills(['ncpdp'], prescriptions, 25 + prescriptions)
  await allRun()
  const { pharmacies } = (await asAdmin('GET', '/api/v1/pharmacies')).json
  assert.ok(pharmacies.length > 0)
  for (const p of pharmacies) {
    const day = (await asAdmin('GET', `/api/v1/pharmacies/${p.pharmacy_id}/capacity`)).json
    assert.ok(day.current_daily_rx <= day.max_daily_rx, `${p.name}: ${day.current_daily_rx} of ${day.max_daily_rx}`)
  }
})
