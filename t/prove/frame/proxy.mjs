// proxy.mjs: the fault proxy (t/faults/proxy/proxy.h lists its modes) before a socket of the tree.
import fs from 'node:fs'
import net from 'node:net'
import { asUser, background, build, need, sleep, variable } from './prove.mjs'

const program = `${build}/t/faults/proxy/telerx-fault-proxy`
let number = 0

const ask = (path, line) => new Promise((done, fail) => {
  const s = net.connect(path, () => s.write(`${line}\n`))
  let answer = ''
  s.on('error', fail)
  s.on('data', d => { answer += d; if (answer.endsWith('\n')) s.destroy() })
  s.on('close', () => answer.startsWith('ok') ? done(answer.trim()) : fail(new Error(`${line}: ${answer.trim() || 'no answer'}`)))
})

// listen and to: unix:PATH or ADDRESS:PORT. The result's set('server', 'cut-before COMMIT 1') and so on change what it does.
export const proxy = async (listen, to) => {
  const control = `${variable}/run/proxy-${process.pid}-${++number}`
  const [run, args] = asUser(program, [control, listen, to])
  const child = background(run, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const address = await new Promise((done, fail) => {
    child.child.stdout.once('data', d => done(/^ready (\S+)/.exec(d)?.[1]))
    child.ended.then(code => fail(new Error(`the fault proxy ended: ${code}`)))
  })
  return {
    address,
    set: (direction, mode) => ask(control, `set ${direction} ${mode}`),
    drop: () => ask(control, 'drop'),
    stats: async () => Object.fromEntries((await ask(control, 'stats')).split(' ').slice(1).reduce((all, w, i) => { i % 2 ? all.at(-1).push(Number(w)) : all.push([w]); return all }, [])),
    stop: () => child.stop()
  }
}

// Takes the place of a unix socket of the tree: whoever connects from now on meets the proxy; the server itself notices nothing. stop() puts all back.
export const proxyBefore = async path => {
  const behind = `${path}.behind`
  fs.renameSync(path, behind)
  const back = () => { if (fs.existsSync(behind)) fs.renameSync(behind, path) }
  process.on('exit', back)
  const p = await proxy(`unix:${path}`, `unix:${behind}`).catch(e => { back(); throw e })
  return { ...p, stop: async () => { await p.stop(); back(); process.off('exit', back); await sleep(10) } }
}
export const databaseSocket = () => `${need('TELERX_DATABASE_SOCKET')}/.s.PGSQL.5432`
export const poolSocket = service => `${variable}/run/${service}.sock`
