// failpoints: every failpoint kills its process once (kill -9) while journeys run; all of them end right all the same
//
// A sample takes some of the names, by the seed. A name that no journey passes over is a failure of its own: a point nobody can reach proves nothing. What
// only trouble leads to gets some: PROVOKED says which other point fails where.
import { arm, claim, disarm, eventually, finish, fired, journeys, passes, pointNames, sample, settled, shortLeases, shuffled, databases } from './frame/prove.mjs'

const services = Object.keys(databases).filter(name => name !== 'sandbox')
const processes = services.flatMap(name => [name, `${name}-work`])
const names = pointNames()
const chosen = sample ? shuffled(names).slice(0, 3) : names

// A pool that dies before it answers: whoever asked it tries again.
const PROVOKED = { 'jobs.retry': ['router', 'web.reply=kill9@1'] }

const longLeases = await shortLeases(services)
try {
  for (const name of chosen) {
    await claim(`F1 ${name}=kill9`, async () => {
      const [where, what] = PROVOKED[name] ?? []
      for (const p of processes) arm(p, `${name}=kill9@${where ? 1 : 2}${p === where ? `,${what}` : ''}`)
      const said = await journeys('--count', '3')
      // Some are passed now and then only, such as a heartbeat.
      await eventually(() => fired(name) > 0, 15, 'the point to be passed').catch(() => {})
      for (const p of processes) disarm(p)
      await settled()
      if (fired(name) !== 1) throw new Error(`fired ${fired(name)} times in ${passes(name)} passes`)
      return said
    })
  }
} finally { await longLeases() }
finish()
