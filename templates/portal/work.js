// work.js: the inbox of the staff in a browser. Everything it shows comes from /api/work-items; the secret stands in this tab's
// sessionStorage and in the Authorization header, never in an address. The list is asked for again every few seconds while the tab is
// looked at; an item, whose reading leaves a line in the audit trail, only when the list says that it has news.
'use strict'

const EVERY_MS = 8000
const $ = id => document.getElementById(id)
const store = sessionStorage
let items = [], next, shown, asked = 0

// ---- talking

class Refused extends Error {}

const call = async (method, path, body, headers = {}) => {
  const r = await fetch(path, { method, cache: 'no-store', credentials: 'omit', body: body === undefined ? undefined : JSON.stringify(body),
    headers: { Authorization: `Bearer ${store.getItem('secret')}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers } })
  if (r.status === 401) { store.removeItem('secret'); go() }
  const answer = await r.json().catch(() => ({}))
  if (!r.ok) throw new Refused(answer.detail || answer.title || `The answer was ${r.status}.`)
  return answer
}

const say = (text, bad = false) => {
  $('said').textContent = text
  $('said').className = bad ? 'bad' : ''
  $('said').hidden = !text
}

// Runs an act, with every button at rest meanwhile.
const act = async (what, f) => {
  const buttons = [...document.querySelectorAll('button')].filter(b => !b.disabled)
  buttons.forEach(b => { b.disabled = true })
  try { await f(); say(what) } catch (e) { say(e.message, true) } finally { buttons.forEach(b => { b.disabled = false }) }
}

// ---- words

const make = (tag, text, name) => {
  const e = document.createElement(tag)
  if (text !== undefined) e.textContent = text
  if (name) e.className = name
  return e
}
const span = ms => {
  const min = Math.round(Math.abs(ms) / 60000)
  return min < 1 ? 'less than a minute' : min < 90 ? `${min} min` : min < 2880 ? `${Math.round(min / 60)} h` : `${Math.round(min / 1440)} days`
}
const due = i => {
  if (i.state === 'done') return 'done'
  const left = new Date(i.dueAt) - Date.now()
  return left < 0 ? `late by ${span(left)}` : `in ${span(left)}`
}
const clock = text => new Date(text).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })
const short = id => id.slice(-8)
const words = text => text.charAt(0).toUpperCase() + text.slice(1)

// ---- the list

const query = filter => {
  const q = new URLSearchParams({ limit: 50 })
  if (filter === 'mine') q.set('owner', store.getItem('owner'))
  else if (filter) q.set('state', filter)
  return q
}

const row = i => {
  const tr = make('tr'), what = make('td'), about = make('td'), link = make('a', words(i.says))
  link.href = `#/item/${i.itemId}`
  what.append(link, make('span', `${i.service} · ${i.kind}${i.times > 1 ? ` · ${i.times} times` : ''}`, 'soft'))
  if (i.submissionId) about.append(make('code', `case …${short(i.submissionId)}`))
  if (i.patientId) about.append(make('span', `patient …${short(i.patientId)}`, 'soft'))
  about.title = [i.submissionId, i.patientId].filter(Boolean).join(' ')
  const when = make('td', due(i), i.late ? 't late' : 't'), code = make('td')
  when.title = clock(i.dueAt)
  code.append(make('code', i.state === 'done' ? i.reason : i.code))
  tr.append(when, what, code, about, make('td', i.owner || ''))
  tr.onclick = () => { location.hash = link.hash }
  return tr
}

const showList = () => {
  $('items').replaceChildren(...items.map(row))
  $('none').hidden = items.length > 0
  $('more').hidden = !next
  $('fresh').textContent = `as of ${new Date().toLocaleTimeString('en-GB')}`
}

// As many pages as are open already.
const loadList = async filter => {
  const mine = ++asked, want = Math.max(items.length, 1)
  let got = [], after
  do {
    const q = query(filter)
    if (after) q.set('after', after)
    const page = await call('GET', `/api/work-items?${q}`)
    got = got.concat(page.items)
    after = page.next
  } while (after && got.length < want)
  if (mine !== asked) return
  items = got
  next = after
  showList()
}

// ---- an item

const fact = (name, text, code) => {
  if (text === undefined || text === '') return []
  const dd = make('dd')
  dd.append(code ? make('code', text) : text)
  return [make('dt', name), dd]
}

const showFacts = i => {
  $('says').textContent = words(i.says)
  $('badges').replaceChildren(make('span', i.state, 'badge'), make('span', i.kind, 'badge'))
  if (i.state !== 'done') $('badges').append(make('span', due(i), i.late ? 'badge late' : 'badge'))
  $('facts').replaceChildren(
    ...fact('Raised by', `${i.service}, ${clock(i.raisedAt)}${i.times > 1 ? `, ${i.times} times` : ''}`), ...fact('Why', i.code, true),
    ...fact('About', i.subject, true), ...fact('Case', i.submissionId, true), ...fact('Patient', i.patientId, true),
    ...Object.entries(i.detail).filter(([, v]) => typeof v !== 'boolean').flatMap(([k, v]) => fact(words(k), String(v), true)),
    ...fact('Due', clock(i.dueAt)), ...fact('Taken by', i.owner),
    ...fact('Ended', i.doneAt && `${clock(i.doneAt)}, ${i.endedBy === 'cause' ? 'its cause ended' : 'by a person'}: ${i.reason}`))
}

const showActs = i => {
  const me = store.getItem('owner'), other = i.owner && i.owner !== me
  $('doing').hidden = i.state === 'done'
  $('take').hidden = i.owner === me
  $('take').textContent = other ? `Take over from ${i.owner}` : 'Take it'
  $('release').hidden = !i.owner
  $('actions').replaceChildren(...i.actions.map(a => {
    const line = make('div', undefined, 'act'), b = make('button', words(a.action.replaceAll('-', ' ')), 'main')
    b.type = 'button'
    b.onclick = () => act('Asked for. The item ends when the service says that its cause has.', async () => {
      const note = $('note').value.trim()
      await call('POST', `/api/work-items/${i.itemId}/actions/${a.action}`, note ? { note } : {})
      await news(i.itemId)
    })
    line.append(b, make('span', a.says, 'soft'))
    return line
  }))
}

const line = (at, who, what, note) => {
  const tr = make('tr'), td = make('td', what)
  if (note) td.append(make('span', note, 'soft'))
  tr.append(make('td', clock(at), 't'), make('td', who, 's'), td)
  return tr
}

const showItem = i => {
  showFacts(i)
  showActs(i)
  $('history').replaceChildren(...i.history.map(h => line(h.at, h.actor, h.code ? `${h.what}: ${h.code}` : h.what, h.note)))
}

const showCase = async i => {
  $('case').hidden = true
  if (!i.submissionId) return
  const { entries } = await call('GET', `/console/timeline?submissionId=${i.submissionId}`)
  $('lines').replaceChildren(...entries.map(e => line(e.at, e.service, e.what)))
  $('case').hidden = entries.length === 0
}

const loadItem = async id => {
  const i = await call('GET', `/api/work-items/${id}`)
  if (place().id !== id) return
  shown = i
  showItem(i)
  $('item').hidden = false
  await showCase(i)
}

// After an act: what was typed is used up.
const news = async id => {
  $('note').value = $('reason').value = ''
  await loadItem(id)
}

// The list tells whether an item has news; one that left the list of what is to do has.
const look = async id => {
  if (shown.state === 'done') return
  const q = new URLSearchParams({ service: shown.service, kind: shown.kind, limit: 100 })
  const now = (await call('GET', `/api/work-items?${q}`)).items.find(i => i.itemId === id)
  if (now === undefined || now.updatedAt !== shown.updatedAt) await loadItem(id)
}

// ---- where one is

const place = () => {
  const [, what = '', id] = location.hash.split('/')
  return what === 'item' ? { id } : { filter: what }
}

const go = async () => {
  const { id, filter } = place(), known = store.getItem('secret') !== null
  $('door').hidden = known
  $('who').hidden = !known
  $('name').textContent = store.getItem('owner')
  $('list').hidden = !known || id !== undefined
  $('item').hidden = true
  shown = undefined
  items = []
  if (!known) return
  for (const a of $('filters').querySelectorAll('a')) a.hash === `#/${filter ?? ''}` ? a.setAttribute('aria-current', 'page') : a.removeAttribute('aria-current')
  try { await (id === undefined ? loadList(filter) : loadItem(id)) } catch (e) { say(e.message, true) }
}

const again = async () => {
  const { id, filter } = place()
  if (document.hidden || store.getItem('secret') === null) return
  try { await (id === undefined ? loadList(filter) : shown && look(id)) } catch (e) { say(e.message, true) }
}

$('sign').onsubmit = async e => {
  e.preventDefault()
  store.setItem('secret', $('secret').value)
  store.setItem('owner', $('owner').value.trim())
  $('secret').value = ''
  say('')
  await go()
}
$('leave').onclick = () => { store.clear(); say(''); go() }
$('more').onclick = () => act('', async () => {
  const q = query(place().filter)
  q.set('after', next)
  const page = await call('GET', `/api/work-items?${q}`)
  items = items.concat(page.items)
  next = page.next
  showList()
})
$('take').onclick = () => act('It is yours.', async () => {
  await call('POST', `/api/work-items/${shown.itemId}/take`, { owner: store.getItem('owner'), reassign: Boolean(shown.owner) })
  await loadItem(shown.itemId)
})
$('release').onclick = () => act('Put back.', async () => {
  await call('POST', `/api/work-items/${shown.itemId}/release`)
  await loadItem(shown.itemId)
})
$('comment').onclick = () => act('Noted.', async () => {
  const note = $('note').value.trim()
  if (!note) throw new Refused('There is no note.')
  await call('POST', `/api/work-items/${shown.itemId}/notes`, { note }, { 'Idempotency-Key': crypto.randomUUID() })
  await news(shown.itemId)
})
$('resolve').onsubmit = e => {
  e.preventDefault()
  const note = $('note').value.trim()
  act('Resolved.', async () => {
    await call('POST', `/api/work-items/${shown.itemId}/resolve`, { reason: $('reason').value, ...(note ? { note } : {}) })
    await news(shown.itemId)
  })
}
addEventListener('hashchange', () => { say(''); go() })
document.addEventListener('visibilitychange', again)
setInterval(again, EVERY_MS)
go()
