// machine.mjs: what the figures of ./telerx bench stand on: programs to run, CPU time of process trees, statements out of the C sources.
import fs from 'node:fs'
import path from 'node:path'
import { execFile, execFileSync } from 'node:child_process'

const need = name => { const v = process.env[name]; if (!v) throw new Error(`${name} is not set`); return v }
export const env = {
  top: need('TELERX_TOP'), build: need('TELERX_BUILD'), state: need('BENCH_VAR'), work: need('BENCH_WORK'), port: need('BENCH_PORT'),
  asUser: (process.env.BENCH_AS_USER ?? '').split(' ').filter(Boolean), nginx: Number(process.env.BENCH_NGINX ?? 0), peer: Number(process.env.BENCH_PEER ?? 0), queue: process.env.BENCH_QUEUE ?? '',
  keys: Object.fromEntries(fs.readFileSync(`${need('BENCH_VAR')}/dev.env`, 'utf8').split('\n').filter(l => /^[A-Z]/.test(l)).map(l => [l.slice(0, l.indexOf('=')), l.slice(l.indexOf('=') + 1)]))
}
export const tenant = '00000000-0000-7000-8000-000000000001'
export const median = list => { const s = [...list].sort((a, b) => a - b); return s.length % 2 ? s[(s.length - 1) / 2] : (s[s.length / 2 - 1] + s[s.length / 2]) / 2 }

// ---- programs

export const run = (program, args, more = {}) => new Promise((done, fail) => {
  const child = execFile(program, args, { maxBuffer: 1 << 28, cwd: '/', ...more }, (e, out, said) => {
    if (e && !(more.mayFail && out !== '')) fail(new Error(`${path.basename(program)}: ${said || out || e.message}`.slice(0, 2000)))
    else done(out)
  })
  if (more.input !== undefined) child.stdin.end(more.input)
})

export const settingOf = (service, name) => fs.readFileSync(`${env.state}/etc/${service}.env`, 'utf8').match(new RegExp(`^${name}=(.*)$`, 'm'))[1]

// psql as the cluster's superuser.
export const psql = (database, text) => run(env.asUser[0] ?? 'psql', [...env.asUser.slice(1), ...(env.asUser.length ? ['psql'] : []),
  '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', `${env.state}/run`, '-U', 'postgres', '-d', database], { input: text })

// A round of load through nginx: what telerx-load says of it.
export const load = async (file, { seconds, connections, caller, admin, fresh, from, once, rate, sources, port = env.port }) => {
  const args = ['--port', port, '--ca', `${env.state}/tls/ca.pem`, '--connections', String(connections), '--seconds', String(seconds)]
  const secrets = {}
  if (caller) { args.push('--key', env.keys[`KEY_${caller}`]); secrets.LOAD_SECRET = env.keys[`SECRET_${caller}`] }
  if (admin) { args.push('--bearer'); secrets.LOAD_TOKEN = env.keys.ADMIN_SECRET }
  if (fresh) args.push('--fresh')
  if (once) args.push('--once')
  if (rate) args.push('--rate', String(rate))
  if (sources) args.push('--sources', String(sources))
  if (from !== undefined) args.push('--from', String(from))
  const said = JSON.parse(await run(`${env.build}/t/bench/telerx-load`, [...args, file], { env: { ...process.env, ...secrets }, mayFail: true }))
  if (said.ok === 0 || said.conflict + said.refused + said.failed > said.ok / 1000) throw new Error(`the load met refusals: ${JSON.stringify(said)}`)
  return { count: said.ok, seconds: said.seconds, p50: said.p50, p99: said.p99, client: said.cpu, taken: said.taken }
}

// A round of pgbench with the application's own role and settings.
export const pgbench = async (script, { seconds, connections, service, variables = {} }) => {
  const args = ['-n', '-M', 'prepared', '-f', script, '-T', String(seconds), '-c', String(connections), '-j', String(Math.min(2, connections))]
  for (const [name, value] of Object.entries(variables)) args.push('-D', `${name}=${value}`)
  const out = await run('pgbench', [...args, settingOf(service, 'DATABASE_URL')],
    { env: { ...process.env, PGOPTIONS: `-c app.tenant=${tenant} -c jit=off -c client_connection_check_interval=1000 -c statement_timeout=5000 -c lock_timeout=2000` } })
  const count = Number(out.match(/number of transactions actually processed: (\d+)/)[1]), rate = Number(out.match(/^tps = ([0-9.]+)/m)[1])
  const failed = out.match(/number of failed transactions: (\d+)/)
  if (count === 0 || (failed && Number(failed[1]) > 0)) throw new Error(`pgbench: ${out}`)
  return { count, seconds: count / rate }
}

// ---- CPU time, in microseconds, of everything below some processes; that of ended children included

const ticks = 1e6 / Number(execFileSync('getconf', ['CLK_TCK']))
export const processes = () => fs.readdirSync('/proc').filter(n => /^[0-9]+$/.test(n)).flatMap(pid => {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    const f = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return [{ pid: Number(pid), parent: Number(f[1]), us: (Number(f[11]) + Number(f[12]) + Number(f[13]) + Number(f[14])) * ticks }]
  } catch { return [] }   // it ended meanwhile
})
export const treeOf = (all, root) => {
  const found = all.filter(p => p.pid === root)
  for (let i = 0; i < found.length; i++) found.push(...all.filter(p => p.parent === found[i].pid))
  return found
}
const supervised = () => Object.fromEntries(fs.readFileSync(`${env.state}/run/status`, 'utf8').trim().split('\n').map(l => l.split(' ')).map(w => [w[0], Number(w[2])]))

// The groups whose CPU time stands beside a figure: nginx, the pool (or the peer), PostgreSQL.
export const cpu = pool => {
  const all = processes(), table = supervised()
  const sum = pid => treeOf(all, pid).reduce((n, p) => n + p.us, 0)
  return { nginx: env.nginx ? sum(env.nginx) : 0, pool: pool === 'peer' ? sum(env.peer) : pool ? sum(table[pool]) : 0, postgres: sum(table.postgres) }
}

// PSS of all pools and workers, the keyholder, the sealer; the sandbox is pretended vendors and no part of an installation.
export const pssMib = () => {
  const all = processes()
  let kib = 0
  for (const [name, pid] of Object.entries(supervised())) {
    if (['postgres', 'nginx', 'sandbox', 'sandbox-work'].includes(name)) continue
    for (const p of treeOf(all, pid)) kib += Number(fs.readFileSync(`/proc/${p.pid}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+) kB/m)[1])
  }
  return kib / 1024
}

// ---- statements: the constants of the C sources, so that every side runs what the services run

const sources = new Map()
export const statement = (file, name) => {
  if (!sources.has(file)) sources.set(file, fs.readFileSync(`${env.top}/${file}`, 'utf8'))
  const text = sources.get(file)
  const value = source => [...source.matchAll(/"((?:[^"\\]|\\.)*)"|([A-Za-z_]\w*)/g)].map(m => m[2] === undefined ? m[1].replace(/\\(.)/g, '$1') : macro(m[2])).join('')
  const macro = word => {
    const m = text.match(new RegExp(`^#define ${word}\\b((?:.*\\\\\\n)*.*)$`, 'm'))
    if (!m) throw new Error(`${file}: ${word} of ${name} is no macro of strings`)
    return value(m[1].replace(/\\\n/g, ' '))
  }
  const found = text.match(new RegExp(`\\b${name}\\[\\]\\s*=([^;]*);`))
  if (!found) throw new Error(`${file} has no ${name}`)
  return value(found[1])
}

// $1 .. become what a pgbench script calls them.
export const bind = (text, ...values) => text.replace(/\$(\d+)/g, (_, n) => values[n - 1])
