// events: 16 writers with commits of 0 to 5 ms, 3 dispatchers, one of them killed each half second; taken = committed, in order per object
//
// The race has a database of its own and the worker's own code (outbox_race.c); the tree stands by for what follows the race: each projection of it, made
// again from the messages that are kept, is what it was.
import { execFileSync } from 'node:child_process'
import { build, claim, eventually, finish, journeys, need, sample, top } from './frame/prove.mjs'

await claim('O1 O2 O3 taken is what was committed, of each object in order', () => {
  const said = execFileSync(`${build}/t/prove/outbox_race`, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 400000,
    env: { ...process.env, TELERX_SOURCE: top, RACE_SECONDS: sample ? '8' : '60', TELERX_TEST_LOG: 'ERROR' } })
  return said.match(/\d+ committed;.*/)[0]
})

const telerx = (...args) => execFileSync(`${top}/telerx`, args, { encoding: 'utf8', env: process.env })
const delivered = () => eventually(() => telerx('events').includes('nothing waits, nothing is dead'), 60, 'all deliveries')
const lines = () => execFileSync('psql', ['-X', '-At', '-h', need('TELERX_DATABASE_SOCKET'), '-U', 'telerx_inspect', '-d', 'portal', '-c',
  'SELECT submission_id, at, service, topic, what, event_id FROM timeline_entries ORDER BY at, event_id'],
{ encoding: 'utf8', env: { ...process.env, PGPASSWORD: need('TELERX_INSPECT_PASSWORD') } })

await claim('P-EVT-10 a rebuilt timeline is equal, a replay alone changes nothing', async () => {
  await journeys('--count', '1')
  await delivered()
  const before = lines()
  if (before.length < 1000) throw new Error('the timeline is too short to prove anything')
  const producers = [...new Set(before.trim().split('\n').map(l => l.split('|')[2]))]
  for (const how of [[], ['--rebuild']])
    for (const p of producers) telerx('events', 'replay', p, '--consumer', 'portal', '--from', '1 day ago', ...how)
  await delivered()
  if (lines() !== before) throw new Error('the timeline is another one')
  return `${before.trim().split('\n').length} lines of ${producers.length} services`
})
finish()
