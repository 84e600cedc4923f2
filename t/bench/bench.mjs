// bench.mjs: runs the groups of figures.mjs and prints a line a figure: name: value | what stands behind it.
//
//	bench.mjs whole|parts|names [NAME]	whole: figures of the running tree with its workers; parts: figures without them
import { groups, wholes, statements } from './figures.mjs'
import { cpu, median, env } from './machine.mjs'
import { queueWholes } from './queue.mjs'
import fs from 'node:fs'

const [what, only] = process.argv.slice(2)
const wanted = name => only === undefined || name === only || /^[._]/.test(name.startsWith(only) ? name.slice(only.length) : '')
const digits = v => v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(3)

const measure = async (side, seconds, tries = 4) => {
  const r = side.round(seconds)
  const given = await r.prepare()
  const before = cpu(side.pool)
  const took = await r.go(given)
  const after = cpu(side.pool)
  if (!await r.check(given, took)) {
    if (tries === 0) throw new Error(`${took.count} were counted and something else was done`)
    return measure(side, seconds, tries - 1)
  }
  const each = Object.fromEntries(Object.keys(after).map(k => [k, (after[k] - before[k]) / took.count]))
  return { rate: took.count / took.seconds, p50: took.p50, p99: took.p99, client: took.client === undefined ? 0 : took.client * 1e6 / took.count, worker: took.worker === undefined ? 0 : took.worker * 1e6 / took.count, ...each }
}

const behind = (name, rounds) => {
  const of = key => median(rounds.map(r => r[name][key] ?? 0))
  const parts = ['nginx', 'pool', 'worker', 'postgres'].filter(k => of(k) >= 0.5).map(k => `${k} ${of(k).toFixed(0)}`)
  return `${name} ${of('rate').toFixed(0)}/s${parts.length ? `, us each: ${parts.join(' ')}` : ''}${of('p50') ? `, p50 ${of('p50').toFixed(0)} p99 ${of('p99').toFixed(0)} us` : ''}`
}

const compare = async group => {
  const names = Object.keys(group.figures).filter(wanted)
  if (names.length === 0) return
  const sides = [...new Set(names.flatMap(n => group.figures[n]))]
  if (group.setup) await group.setup()
  for (const s of sides) if (group.sides[s].setup) await group.sides[s].setup()
  for (const s of sides) await measure(group.sides[s], Math.min(1, group.seconds))   // statements prepared, pages in memory, code compiled
  if (group.settle) await group.settle()
  const rounds = []
  for (let i = 0; i < group.rounds; i++) {
    const round = {}
    // Whoever comes first after a pause gains or loses by it: each round starts with another side.
    for (let k = 0; k < sides.length; k++) { const s = sides[(i + k) % sides.length]; round[s] = await measure(group.sides[s], group.seconds) }
    rounds.push(round)
  }
  for (const n of names) {
    const [a, b] = group.figures[n]
    console.log(`${n}: ${digits(median(rounds.map(r => r[a].rate / r[b].rate)))} | ${behind(a, rounds)}; ${behind(b, rounds)}`)
  }
}

const printAll = async table => {
  for (const [n, f] of Object.entries(table)) if (wanted(n)) { const [v, note] = await f(); console.log(`${n}: ${digits(v)} | ${note}`) }
}

if (what === 'names') {
  for (const n of [...Object.keys(wholes), ...Object.keys(queueWholes), ...groups().flatMap(g => Object.keys(g.figures))]) if (wanted(n)) console.log(n in wholes ? `whole ${n}` : `part ${n}`)
} else if (what === 'statements') {
  fs.writeFileSync(`${env.work}/statements.json`, JSON.stringify(statements))
} else if (what === 'whole') {
  await printAll(wholes)
} else {
  for (const g of groups()) await compare(g)
  await printAll(queueWholes)
}
