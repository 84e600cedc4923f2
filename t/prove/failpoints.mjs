// failpoints: every failpoint kills its process once (kill -9) while journeys run; all of them end right all the same
//
// A sample takes some of the names, by the seed. A name that no journey passes over is a failure of its own: a point nobody can reach proves nothing.
import { arm, claim, disarm, finish, fired, journeys, passes, pointNames, sample, settled, shuffled, databases } from './frame/prove.mjs'

const processes = Object.keys(databases).filter(name => name !== 'sandbox').flatMap(name => [name, `${name}-work`])
const names = pointNames()
const chosen = sample ? shuffled(names).slice(0, 3) : names

for (const name of chosen) {
  await claim(`F1 ${name}=kill9`, async () => {
    for (const p of processes) arm(p, `${name}=kill9@2`)
    const said = await journeys('--count', '3')
    for (const p of processes) disarm(p)
    await settled()
    if (fired(name) !== 1) throw new Error(`fired ${fired(name)} times in ${passes(name)} passes`)
    return said
  })
}
finish()
