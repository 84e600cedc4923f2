// commit-loss: the database's answers to COMMIT are lost, or the COMMITs themselves: nothing is lost, nothing happens twice (rule D4)
import { randomUUID } from 'node:crypto'
import { claim, eventually, finish, journeys, kill, poolOf, sample, settled, sleep, status } from './frame/prove.mjs'
import { databaseSocket, proxyBefore } from './frame/proxy.mjs'
import { internal, items, note, notes, resolve } from './frame/note.mjs'

const replies = sample ? 100 : 1000
const commits = replies / 2
const lanes = 4

const ready = () => eventually(async () => (await internal('GET', '/health/case/ready')).status === 200, 30, 'case')

// One note at each item under one key each, repeated like a good client would until it is done. Returns how many were told so at once.
const write = async list => {
  const queue = [...list]
  let atOnce = 0
  await Promise.all(Array.from({ length: lanes }, async () => {
    while (queue.length > 0) {
      const item = queue.shift()
      const key = randomUUID()
      for (let i = 0; ; i++) {
        const a = await note(item, key)
        if (a.status >= 200 && a.status < 300) { if (i === 0) atOnce++; break }
        if (![0, 409, 502, 503].includes(a.status) || i === 200) throw new Error(`the note was answered ${a.status} ${a.raw}`)
        await sleep(50)
      }
    }
  }))
  return atOnce
}

const exact = list => {
  const wrong = notes(list).filter(n => n.written !== 1 || n.audited !== 1)
  if (wrong.length > 0) throw new Error(`${wrong.filter(n => n.written === 0).length} lost, ${wrong.filter(n => n.written > 1).length} doubled: ${JSON.stringify(wrong.slice(0, 3))}`)
}

const all = await items(replies + commits)
const [answered, unheard] = [all.slice(0, replies), all.slice(replies)]
const between = await proxyBefore(databaseSocket())
const through = async names => {
  for (const row of status().filter(r => names.test(r.name))) for (const pid of row.name.endsWith('-work') ? [row.pid] : poolOf(row.name)) kill(pid)
  await sleep(500)
  await settled()
  await ready()
}
try {
  await through(/^case$/)
  await claim(`D4 ${replies} answers to COMMIT are lost: each is found out to be a commit`, async () => {
    await between.set('server', 'cut-before COMMIT 1')
    const atOnce = await write(answered)
    const { fired } = await between.stats()
    await between.set('server', 'pass')
    exact(answered)
    if (fired < replies) throw new Error(`only ${fired} connections were cut`)
    if (atOnce < replies) throw new Error(`only ${atOnce} of ${replies} were told at once that it was done`)
    return `${fired} cut, ${atOnce} answered with success at once, 0 lost, 0 doubled`
  })
  await claim(`D4 of ${commits} notes each second COMMIT never reaches the database: it is not taken for one`, async () => {
    const { fired: earlier } = await between.stats()
    await between.set('client', 'cut-before COMMIT 2')
    const atOnce = await write(unheard)
    const { fired } = await between.stats()
    await between.set('client', 'pass')
    exact(unheard)
    if (fired - earlier < commits / 4) throw new Error(`only ${fired - earlier} connections were cut`)
    return `${fired - earlier} cut, ${atOnce} answered with success at once, 0 lost, 0 doubled`
  })
  await claim('D4 journeys end right while every service loses each ninth answer to COMMIT', async () => {
    await through(/^(?!postgres|nginx)/)
    const { fired: earlier } = await between.stats()
    await between.set('server', 'cut-before COMMIT 9')
    const said = await journeys('--count', sample ? '3' : '20')
    await between.set('server', 'pass')
    return `${said}; ${(await between.stats()).fired - earlier} cut`
  })
} finally {
  await between.stop()
  await eventually(async () => (await internal('GET', '/health/case/ready')).status === 200, 30, 'case')
  await resolve(all)
}
finish()
