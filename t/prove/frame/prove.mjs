// prove.mjs: what proofs share. A proof is a script of cases; each is told as it ends, and finish() closes with `N passed, N failed`.
//
// It runs in a tree of its own (./telerx prove) or, as a sample, in one that all samples of ./telerx check use one after the other: so it disarms what it
// armed and starts again what it stopped, whatever happened. Environment: dev.env's names, and TELERX_TOP, TELERX_BUILD, TELERX_VAR, TELERX_FAULTS,
// TELERX_POSTGRES (the server's programs), TELERX_USER (as whom the tree runs), TELERX_WORK (a directory that is removed).
import fs from 'node:fs'
import { spawn, spawnSync, execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'

export const need = name => { const v = process.env[name]; if (!v) throw new Error(`${name} is not set`); return v }
export const top = need('TELERX_TOP')
export const build = need('TELERX_BUILD')
export const variable = need('TELERX_VAR')
export const sleep = ms => new Promise(done => setTimeout(done, ms))

// ---- arguments: --sample, --seed N. The same seed makes the same choices.
const argument = name => { const i = process.argv.indexOf(name); return i < 0 ? undefined : process.argv[i + 1] ?? '' }
export const sample = process.argv.includes('--sample')
export const seed = Number(argument('--seed') || process.env.TELERX_SEED || randomInt(1, 2 ** 31))
let state = seed >>> 0
// xorshift32: every bit of it is fit for small ranges.
export const random = n => {
  state ^= state << 13; state >>>= 0; state ^= state >>> 17; state ^= state << 5; state >>>= 0
  return state % n
}
export const pick = list => list[random(list.length)]
export const shuffled = list => list.map(v => [random(2 ** 30), v]).sort((a, b) => a[0] - b[0]).map(([, v]) => v)

// ---- cases
let passed = 0
let failed = 0
const began = Date.now()
export const say = text => console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)}s  ${text}`)

// One case: what it claims, and a function that throws when it is not so.
export const claim = async (what, f) => {
  const start = Date.now()
  try {
    const more = await f()
    passed++
    say(`ok      ${what} (${Date.now() - start} ms)${typeof more === 'string' ? `: ${more}` : ''}`)
    return true
  } catch (e) {
    failed++
    say(`FAILED  ${what}: ${e.stack ?? e}`)
    return false
  }
}
export const finish = () => {
  disarmAll()
  if (failed > 0) console.log(`the same choices again: --seed ${seed}`)
  console.log(`${passed} passed, ${failed} failed`)
  process.exit(failed === 0 && passed > 0 ? 0 : 1)
}
const stop = signal => { disarmAll(); for (const child of children) child.kill('SIGKILL'); process.exit(signal === 'SIGINT' ? 130 : 143) }
process.on('SIGINT', stop)
process.on('SIGTERM', stop)

// Asks until it says something; the question may fail meanwhile.
export const eventually = async (ask, seconds = 60, what = 'it') => {
  const end = Date.now() + seconds * 1000
  let last
  while (Date.now() < end) {
    try {
      const found = await ask()
      if (found) return found
      last = undefined
    } catch (e) { last = e }
    await sleep(100)
  }
  throw new Error(`waited ${seconds} s in vain for ${what}${last ? `: ${last.message}` : ''}`)
}

// ---- failpoints. A process is named as in var/run/status: billing is billing's pool, billing-work its worker.
const faults = need('TELERX_FAULTS')
const points = []
export const pointNames = () => execFileSync(`${top}/t/lint/failpoints.sh`, ['--list'], { encoding: 'utf8', env: { ...process.env, TELERX_SOURCE: top } }).trim().split('\n')

// arm('billing', 'db.commit.sent=kill9@3'): from the next pass on, counted anew, once in the whole process group. Nothing is restarted.
export const arm = (name, list) => {
  for (const item of list.split(/[,\n]/)) forget(item.split('=')[0])
  const file = `${faults}/${name}.fail`
  fs.writeFileSync(`${file}.new`, `${list}\n`)
  fs.renameSync(`${file}.new`, file)
  points.push(name)
}
export const disarm = name => fs.rmSync(`${faults}/${name}.fail`, { force: true })
export const disarmAll = () => { for (const name of points.splice(0)) disarm(name) }
const forget = point => { for (const end of ['', '.fired']) fs.rmSync(`${faults}/passed/${point}${end}`, { force: true }) }
const length = file => { try { return fs.statSync(file).size } catch { return 0 } }
export const passes = point => length(`${faults}/passed/${point}`)
export const fired = point => length(`${faults}/passed/${point}.fired`)

// ---- processes
export const status = () => fs.readFileSync(`${variable}/run/status`, 'utf8').trim().split('\n').map(line => line.split(/\s+/))
  .map(([name, now, pid]) => ({ name, running: now === 'running', pid: Number(pid) }))
export const pidOf = name => status().find(row => row.name === name && row.running)?.pid
const childrenOf = pid => { try { return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number) } catch { return [] } }
// The processes that answer requests of a service, without their master.
export const poolOf = name => childrenOf(pidOf(name))
export const kill = (pid, signal = 'SIGKILL') => { try { process.kill(pid, signal); return true } catch { return false } }
export const settled = (seconds = 40) => eventually(() => status().every(row => row.running), seconds, 'all processes')

// A worker's death shows when its lease is over: with short ones a proof of many deaths takes minutes. The result puts all back.
export const shortLeases = async (services, seconds = 5) => {
  const files = services.map(s => `${variable}/etc/${s}.env`)
  const kept = files.map(file => fs.readFileSync(file, 'utf8'))
  files.forEach((file, i) => fs.writeFileSync(file, `${kept[i].trimEnd()}\nJOB_LEASE=${seconds}s\n`))
  await replaceWorkers()
  return async () => { files.forEach((file, i) => fs.writeFileSync(file, kept[i])); await replaceWorkers() }
}
export const replaceWorkers = async () => {
  for (const row of status()) if (row.name.endsWith('-work')) kill(row.pid)
  await sleep(500)
  await settled()
}

const children = new Set()
// Runs a program as the tree's user when root proves; resolves to { code, out }. It does not outlive the proof.
export const asUser = (program, args) => process.getuid() === 0
  ? ['setpriv', ['--reuid', need('TELERX_USER'), '--regid', gid(), '--clear-groups', '--', program, ...args]]
  : [program, args]
const gid = () => execFileSync('id', ['-g', need('TELERX_USER')], { encoding: 'utf8' }).trim()
export const run = (program, args, options = {}) => new Promise(done => {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/', ...options })
  children.add(child)
  let out = ''
  child.stdout?.on('data', d => { out += d })
  child.stderr?.on('data', d => { out += d })
  child.on('error', e => { out += e.message })
  child.on('close', code => { children.delete(child); done({ code, out }) })
})
// A program that keeps running until stop() or the end of the proof.
export const background = (program, args, options = {}) => {
  const child = spawn(program, args, { stdio: 'ignore', cwd: '/', ...options })
  children.add(child)
  const ended = new Promise(done => child.on('close', code => { children.delete(child); done(code) }))
  return { child, ended, stop: async (signal = 'SIGTERM') => { child.kill(signal); await ended } }
}

// ---- database: rows as arrays of text, read by the role that may read all
export const databases = Object.fromEntries(fs.readFileSync(`${top}/door/services`, 'utf8').split('\n').filter(l => l && !l.startsWith('#')).map(l => l.split(/\s+/)).map(([n, , d]) => [n, d]))
export const sql = (service, text) => {
  const r = spawnSync('psql', ['-X', '-q', '-At', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-d', need('TELERX_INSPECT_URL').replace('/postgres?', `/${databases[service]}?`), '-c', text], { encoding: 'utf8', maxBuffer: 64 << 20 })
  if (r.status !== 0) throw new Error(r.stderr)
  return r.stdout.split('\n').filter(Boolean).map(line => line.split('\t'))
}
export const value = (service, text) => sql(service, text)[0]?.[0]

// ---- whole journeys, judged by the journey's own judge
export const journeys = async (...args) => {
  const r = await run(`${top}/telerx`, ['journey', '--quiet', ...args], { timeout: 600000, killSignal: 'SIGKILL' })
  if (r.code !== 0) throw new Error(`journey ${args.join(' ')}: ${r.out}`)
  return r.out.trim().split('\n').pop()
}
// The same while workers are killed: a label or an order whose answer died with its worker is a person's, since neither FedEx nor Boothwyn has a key or a
// look-up; such a parcel never comes to the print queue, and such a run waits. Everything else must end as ever.
const unknowable = {
  'the print queue': id => ['shipping', `SELECT e.state FROM effect e JOIN shipments s ON s.id = e.subject WHERE e.kind = 'fedex.ship' AND s.submission_id = '${id}'`],
  'the run to end': id => ['router', `SELECT e.state FROM effect e JOIN router_submissions s ON s.id = e.subject WHERE e.kind = 'boothwyn.order' AND s.submission_id = '${id}'`]
}
export const killedJourneys = (...args) => journeys(...args).catch(e => {
  const failures = e.message.split('\n').filter(line => /^ {5}\S/.test(line)), count = (e.message.match(/^FAIL /gm) ?? []).length
  const waits = line => {
    const [, what, id] = /waited in vain for (.*) \(submission (\S+)\)/.exec(line) ?? []
    return unknowable[what] !== undefined && ['sent', 'unknown', 'manual'].includes(value(...unknowable[what](id)))
  }
  if (count === 0 || failures.length !== count || !failures.every(waits)) throw e
  return `${count} of them wait for a person`
})
