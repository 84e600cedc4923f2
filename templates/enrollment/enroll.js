// enroll.js: the page behind the link. It asks for the birth date, sends each photo as it is chosen (made smaller first, which also drops where it was
// taken), keeps the signature that is drawn, and submits once. The token is in the address and goes out in a body or a header only.
'use strict'

const token = location.pathname.split('/').pop()
const main = document.getElementById('enroll')
const $ = id => document.getElementById(id)
const api = '/api/v1/enrollment'
const urls = { card_front: null, card_back: null }
const sending = { card_front: null, card_back: null }
const LONGEST_SIDE = 2000
const MOST_BYTES = 5 * 1024 * 1024
const MOST_CHOSEN = 25 * 1024 * 1024
const LEAST_SIDE = 200
const LINK_PROBLEMS = ['unknown_link', 'already_used', 'link_expired', 'link_revoked', 'link_locked', 'not_validated']

async function call(path, options) {
  let res
  try { res = await fetch(api + path, { method: 'POST', cache: 'no-store', credentials: 'omit', ...options }) } catch { return { status: 0, body: {} } }
  const body = await res.json().catch(() => ({}))
  return { status: res.status, body }
}
const send = (path, body) => call(path, { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })

const trouble = answer => answer.status === 0 ? 'We could not reach our server. Please check your connection and try again.'
  : answer.status === 429 || answer.status >= 500 ? 'We are very busy just now. Please try again in a minute.'
  : 'Something went wrong. Please try again.'

// The server's own page says best what is wrong with a link.
const linkIsOver = answer => LINK_PROBLEMS.includes(answer.body.code)

function say(id, text) {
  const field = $(id)
  $(`${id}-error`).textContent = text || ''
  if (field && field.matches('input')) field.setAttribute('aria-invalid', text ? 'true' : 'false')
}

function step(name) {
  let past = true
  for (const li of document.querySelectorAll('.steps li')) {
    const here = li.dataset.step === name
    if (here) past = false
    li.classList.toggle('past', past)
    here ? li.setAttribute('aria-current', 'step') : li.removeAttribute('aria-current')
  }
}

// ---- birth date

const birth = ['birth-month', 'birth-day', 'birth-year'].map($)

birth.forEach((input, i) => input.addEventListener('input', () => {
  input.value = input.value.replace(/\D/g, '')
  input.removeAttribute('aria-invalid')
  if (i < 2 && input.value.length === 2) birth[i + 1].focus()
}))

function birthDate() {
  const [m, d, y] = birth.map(i => Number(i.value))
  const date = new Date(Date.UTC(y, m - 1, d))
  const real = y >= 1900 && date.getUTCMonth() === m - 1 && date.getUTCDate() === d && date <= new Date()
  return real ? date.toISOString().slice(0, 10) : null
}

function birthTrouble(text) {
  $('birth-error').textContent = text
  birth.forEach(i => i.setAttribute('aria-invalid', text ? 'true' : 'false'))
  if (text) birth[0].focus()
}

$('verify').addEventListener('submit', async event => {
  event.preventDefault()
  const button = $('verify').querySelector('button')
  const date = birthDate()
  if (!date) { birthTrouble('Please enter a date, for example 04 / 17 / 1986.'); return }
  birthTrouble('')
  button.disabled = true
  const answer = await send('/confirm', { token, birth_date: date })
  button.disabled = false
  if (linkIsOver(answer)) { location.reload(); return }
  if (answer.body.code === 'wrong_birth_date') { birthTrouble('This date does not match our records. Please check it and try again.'); return }
  if (answer.status !== 200) { birthTrouble(trouble(answer)); return }
  reveal(answer.body)
})

function reveal(known) {
  $('for-name').textContent = [known.patient.first_name, known.patient.last_name].filter(Boolean).join(' ')
  if (known.drug_name) {
    $('for-drug').querySelector('b').textContent = known.drug_name
    $('for-drug').hidden = false
  }
  for (const [id, value] of Object.entries(known.insurance || {})) if ($(id) && !$(id).value) $(id).value = value
  $('insurance-hint').textContent = known.insurance?.member_id ? 'Please check what your prescriber sent us, as printed on your card.' : 'As printed on your insurance card.'
  $('signature_name').value = $('for-name').textContent
  $('verify').hidden = true
  $('details').hidden = false
  sizePad()
  step('insurance')
  $('payer_name').focus()
}

for (const name of ['insurance', 'cards', 'sign']) $(name).addEventListener('focusin', () => step(name))

// ---- photos

async function smaller(file) {
  const picture = await createImageBitmap(file, { imageOrientation: 'from-image' })
  if (Math.min(picture.width, picture.height) < LEAST_SIDE) throw new Error('small')
  const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.round(picture.width * scale)
  canvas.height = Math.round(picture.height * scale)
  canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height)
  picture.close()
  const blob = await new Promise(done => canvas.toBlob(done, 'image/jpeg', 0.86))
  if (!blob || blob.size > MOST_BYTES) throw new Error('large')
  return blob
}

const PHOTO_TROUBLE = {
  type: 'Please choose a photo (JPEG or PNG).',
  large: 'This photo is too large. Please take it again.',
  small: 'This photo is too small to read. Please take it again.',
  broken: 'This photo cannot be read. Please take it again.',
}

async function upload(id, file) {
  if (!['image/jpeg', 'image/png'].includes(file.type)) return PHOTO_TROUBLE.type
  if (file.size > MOST_CHOSEN) return PHOTO_TROUBLE.large
  let blob
  try { blob = await smaller(file) } catch (e) { return PHOTO_TROUBLE[e.message] || PHOTO_TROUBLE.broken }
  const side = id === 'card_front' ? 'front' : 'back'
  const answer = await call(`/cards?side=${side}`, { headers: { Authorization: `Bearer ${token}`, 'Content-Type': blob.type }, body: blob })
  if (linkIsOver(answer)) { location.reload(); return '' }
  if (answer.status !== 201) return answer.status === 422 ? PHOTO_TROUBLE.broken : trouble(answer)
  urls[id] = answer.body.url
  show(id, blob)
  return ''
}

function show(id, blob) {
  const label = document.querySelector(`label[for=${id}]`), img = label.querySelector('img')
  if (img.src) URL.revokeObjectURL(img.src)
  img.src = URL.createObjectURL(blob)
  img.alt = id === 'card_front' ? 'Front of your card' : 'Back of your card'
  img.hidden = false
  label.classList.add('has')
}

for (const id of Object.keys(urls)) $(id).addEventListener('change', async () => {
  const label = document.querySelector(`label[for=${id}]`), state = label.querySelector('.state'), file = $(id).files[0]
  if (!file) return
  corrected(id)
  label.classList.remove('bad')
  state.textContent = 'Sending…'
  sending[id] = upload(id, file)
  const wrong = await sending[id]
  sending[id] = null
  $(id).value = ''
  say(id, wrong)
  label.classList.toggle('bad', wrong !== '')
  state.textContent = urls[id] ? '✓ Added' : 'Add photo'
})

// ---- signature: lines between the points of one pointer, kept as points, so that a turned screen draws them again

const pad = $('signature'), pen = pad.getContext('2d')
let strokes = [], stroke = null, points = 0

function draw() {
  pen.clearRect(0, 0, pad.width, pad.height)
  pen.lineWidth = 2.4 * pad.width / pad.clientWidth
  pen.lineCap = pen.lineJoin = 'round'
  pen.strokeStyle = '#10243f'
  for (const s of strokes) {
    pen.beginPath()
    s.forEach(([x, y], i) => i ? pen.lineTo(x * pad.width, y * pad.height) : pen.moveTo(x * pad.width, y * pad.height))
    if (s.length === 1) pen.lineTo(s[0][0] * pad.width + 0.1, s[0][1] * pad.height)
    pen.stroke()
  }
  $('signature-hint').hidden = strokes.length > 0
}

function sizePad() {
  if (!pad.clientWidth) return
  pad.width = Math.round(pad.clientWidth * 2)
  pad.height = Math.round(pad.clientHeight * 2)
  draw()
}

function point(event) {
  const box = pad.getBoundingClientRect()
  stroke.push([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height])
  points++
  draw()
}

pad.addEventListener('pointerdown', event => {
  if (stroke || event.button !== 0) return
  event.preventDefault()
  step('sign')
  pad.setPointerCapture(event.pointerId)
  strokes.push(stroke = [])
  point(event)
})
pad.addEventListener('pointermove', event => { if (stroke) point(event) })
// Only now may the marks go: nothing moves under a finger that draws.
for (const end of ['pointerup', 'pointercancel']) pad.addEventListener(end, () => {
  stroke = null
  corrected('signature')
  pad.parentElement.classList.remove('bad')
})
$('clear').addEventListener('click', () => { strokes = []; stroke = null; points = 0; draw() })
window.addEventListener('resize', sizePad)

// White behind the ink, and small enough for any form.
function signature() {
  const out = document.createElement('canvas'), to = out.getContext('2d')
  out.width = 700
  out.height = Math.round(700 * pad.height / pad.width)
  to.fillStyle = '#fff'
  to.fillRect(0, 0, out.width, out.height)
  to.drawImage(pad, 0, 0, out.width, out.height)
  return out.toDataURL('image/png')
}

// ---- the whole

const text = id => $(id).value.trim()
const plan = () => document.querySelector('input[name=plan_type]:checked')

function wrongs() {
  const found = {}
  if (text('payer_name').length < 2) found.payer_name = 'Please enter the name of your insurance company.'
  if (text('member_id').length < 2) found.member_id = 'Please enter your member ID.'
  if (!/^\d{6}$/.test(text('bin'))) found.bin = 'The BIN has 6 digits.'
  if (!plan()) found.plan_type = 'Please choose one.'
  if (!urls.card_front) found.card_front = 'Please add a photo of the front.'
  if (!urls.card_back) found.card_back = 'Please add a photo of the back.'
  if (text('signature_name').length < 2) found.signature_name = 'Please enter your full name.'
  if (points < 6) found.signature = 'Please sign in the box.'
  return found
}

function point_out(found) {
  for (const id of ['payer_name', 'member_id', 'group_number', 'bin', 'pcn', 'plan_type', 'card_front', 'card_back', 'authorization_text', 'signature_name', 'signature']) say(id, found[id])
  for (const id of Object.keys(urls)) document.querySelector(`label[for=${id}]`).classList.toggle('bad', Boolean(found[id]))
  pad.parentElement.classList.toggle('bad', Boolean(found.signature))
  const first = Object.keys(found)[0]
  $('form-error').textContent = first ? 'Please check what is marked above.' : ''
  if (first) (first === 'plan_type' ? document.querySelector('input[name=plan_type]') : $(first) || $('sign')).focus()
  return !first
}

// What is corrected is no longer marked; the summary goes with the last of them.
function corrected(id) {
  say(id, '')
  if (![...$('details').querySelectorAll('.error:not(.summary)')].some(e => e.textContent)) $('form-error').textContent = ''
}
for (const input of $('details').querySelectorAll('input:not(.file)')) {
  input.addEventListener('input', () => corrected(input.type === 'radio' ? input.name : input.id))
}

function answers() {
  const insurance = { payer_name: text('payer_name'), member_id: text('member_id'), bin: text('bin'), plan_type: plan().value,
    card_front_url: urls.card_front, card_back_url: urls.card_back }
  if (text('group_number')) insurance.group_number = text('group_number')
  if (text('pcn')) insurance.pcn = text('pcn')
  return { prescription_id: main.dataset.prescription, token, insurance,
    hipaa_consent: { authorization_text: $('authorization').textContent, signature: signature(), signature_name: text('signature_name'),
      signature_date: new Date().toISOString() } }
}

// errors[].field is insurance.bin: the last part is the field's id here.
function refused(answer) {
  const found = {}
  for (const e of answer.body.errors || []) found[e.field.split('.').pop().replace(/_url$/, '')] = 'Please check this.'
  if (Object.keys(found).length === 0) $('form-error').textContent = trouble(answer)
  else point_out(found)
}

$('details').addEventListener('submit', async event => {
  event.preventDefault()
  await Promise.all(Object.values(sending))
  if (!point_out(wrongs())) return
  const button = $('send')
  button.disabled = true
  button.textContent = 'Sending…'
  const answer = await send('/submit', answers())
  button.disabled = false
  button.textContent = 'Submit my enrollment'
  // What was sent twice, since the first answer got lost, is complete all the same.
  if (answer.status === 200 || answer.body.code === 'already_used') finish()
  else if (linkIsOver(answer)) location.reload()
  else refused(answer)
})

function finish() {
  $('details').hidden = true
  document.querySelector('.lead').hidden = document.querySelector('h1').hidden = true
  document.querySelectorAll('.steps li').forEach(li => { li.classList.add('past'); li.removeAttribute('aria-current') })
  $('done').hidden = false
  $('done').focus()
  window.scrollTo(0, 0)
}

for (const t of document.querySelectorAll('time')) {
  t.textContent = new Date(t.dateTime).toLocaleString('en-US', { weekday: 'long', hour: 'numeric', minute: '2-digit' })
}
