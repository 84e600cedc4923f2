// prescriptions.js: the pharmacies that are recommended for a prescription, in a browser (P-RTE-06): ranked, with what each factor gave, distance, tier and
// capacity, and the staff's choice among them. It asks prescription and router for all that it shows, as the user who signed in by a code; the token stands in
// this tab's sessionStorage and in the Authorization header, never in an address.
'use strict'

const $ = id => document.getElementById(id)
const store = sessionStorage
let login

// ---- talking

class Refused extends Error {}

const call = async (method, path, body) => {
  const token = store.getItem('token')
  const r = await fetch(path, { method, cache: 'no-store', credentials: 'omit', body: body === undefined ? undefined : JSON.stringify(body),
    headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) } })
  if (r.status === 401) { store.removeItem('token'); go() }
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
const words = text => text.replaceAll('_', ' ')
const clock = text => new Date(text).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
const fact = (name, value) => $('facts').append(make('dt', name), make('dd', value))

// ---- the list

const showList = async status => {
  const { prescriptions } = await call('GET', `/api/v1/prescriptions?${new URLSearchParams({ status })}`)
  $('items').replaceChildren(...prescriptions.map(p => {
    const tr = make('tr'), link = make('a', `…${p.prescription_id.slice(-12)}`), what = make('td')
    link.href = `#/of/${p.prescription_id}`
    what.append(link)
    tr.append(make('td', clock(p.updated_at), 't'), what, make('td', p.drug_ndc || ''), make('td', words(p.status)))
    tr.onclick = () => { location.hash = link.hash }
    return tr
  }))
  $('none').hidden = prescriptions.length > 0
}

// ---- one

const factors = ['distance', 'tier', 'capacity', 'performance', 'speed']

const factorTable = b => {
  const list = make('dl')
  for (const f of factors) list.append(make('dt', words(f)), make('dd', `${b.factors[f].score} × ${b.factors[f].weight} = ${b.factors[f].points}`))
  return list
}

const pharmacyRow = (id, p, open) => {
  const tr = make('tr'), who = make('td'), how = make('td'), more = make('details'), choose = make('td'), now = p.capacity_now
  who.append(make('strong', p.pharmacy_name), make('span', `${p.city}, ${p.state} ${p.zip} · ${p.phone}`, 'soft'))
  more.append(make('summary', factors.map(f => p.breakdown.factors[f].points).join(' + ')), factorTable(p.breakdown))
  how.append(more)
  if (open) {
    const b = make('button', 'Select', p.rank === 1 ? 'main' : '')
    b.type = 'button'
    b.onclick = () => act(`${p.pharmacy_name} was selected.`, async () => {
      await call('POST', `/api/v1/prescriptions/${id}/select-pharmacy`, { pharmacy_id: p.pharmacy_id, selection_reason: $('reason').value })
      await showOne(id)
    })
    choose.append(b)
  }
  const miles = p.breakdown.distance_miles
  tr.append(make('td', `${p.rank}`), who, make('td', `${p.score}`), how, make('td', miles === null ? 'unknown' : `${miles} mi`), make('td', words(p.breakdown.network_tier)),
    make('td', `${now.current_daily_rx} of ${now.max_daily_rx}`), choose)
  return tr
}

const showOne = async id => {
  const r = await call('GET', `/api/v1/prescriptions/${id}/recommendations`)
  const open = r.status === 'recommended'
  $('says').textContent = `Prescription …${id.slice(-12)}: ${words(r.status)}`
  $('facts').replaceChildren()
  fact('Judged', r.routed_at ? clock(r.routed_at) : 'not yet')
  fact('Pharmacies judged', `${r.considered}, in round ${r.round}`)
  if (r.selected_pharmacy_id) fact('Selected', r.recommendations.find(p => p.pharmacy_id === r.selected_pharmacy_id)?.pharmacy_name ?? r.selected_pharmacy_id)
  $('pharmacies').replaceChildren(...r.recommendations.map(p => pharmacyRow(id, p, open)))
  $('why').hidden = !open
  $('excluded').replaceChildren(...r.excluded.map(p => make('li', `${p.pharmacy_name}: ${p.reasons.map(words).join(', ')}`)))
  $('out').hidden = r.excluded.length === 0
}

// ---- where we are

const go = async () => {
  const inside = store.getItem('token') !== null
  const [, , id] = location.hash.match(/^#\/(of\/)([0-9a-f-]{36})$/) ?? []
  const status = location.hash.slice(2) || 'awaiting_pharmacy_selection'
  $('door').hidden = inside
  $('who').hidden = !inside
  $('list').hidden = !inside || Boolean(id)
  $('item').hidden = !inside || !id
  if (!inside) return
  $('name').textContent = store.getItem('name')
  for (const a of $('filters').children) a.toggleAttribute('aria-current', (a.hash.slice(2) || 'awaiting_pharmacy_selection') === status)
  await act('', () => (id ? showOne(id) : showList(status)))
}

$('ask').onsubmit = e => {
  e.preventDefault()
  act('If the address is known, a code is on its way.', async () => {
    login = (await call('POST', '/auth/login', { email: $('email').value })).login_id
    $('ask').hidden = true
    $('sign').hidden = false
    $('code').focus()
  })
}
$('sign').onsubmit = e => {
  e.preventDefault()
  act('', async () => {
    const { token } = await call('POST', '/auth/login/check', { login_id: login, code: $('code').value })
    store.setItem('token', token)
    store.setItem('name', $('email').value)
    $('sign').reset()
    $('sign').hidden = true
    $('ask').hidden = false
  }).then(go)
}
$('leave').onclick = () => act('', async () => {
  await call('POST', '/auth/logout', {})
  store.clear()
}).then(go)
window.onhashchange = () => { say(''); go() }
go()
