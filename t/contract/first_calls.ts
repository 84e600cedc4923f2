// The first calls of the journey, made by the client that was generated from the document: it is compiled against the generated types, so a call that the
// document does not describe does not build. generated.test.mjs runs it; it prints what came back as JSON.
import { client } from './client/client.gen'
import { getIntakeKeys, getIntakePlans, getPhysicians, postIntakeVerifyEmailCheck, postIntakeVerifyEmailSend } from './client/sdk.gen'
import type { Problem } from './client/types.gen'

declare const process: { env: Record<string, string | undefined> }
declare const require: (name: string) => { randomUUID(): string }

const need = (name: string): string => {
  const v = process.env[name]
  if (!v) throw new Error(`${name} is not set`)
  return v
}
const base = need('TELERX_URL')
const sleep = (ms: number) => new Promise(done => setTimeout(done, ms))
const email = `${require('node:crypto').randomUUID()}@example.com`

// The code is in the message that was "sent".
const codeOf = async (to: string): Promise<string> => {
  for (let i = 0; i < 300; i++) {
    const box = await (await fetch(`${base}/sandbox/outbox?to=${encodeURIComponent(to)}`)).json() as { messages: { text: string }[] }
    const code = box.messages.map(m => /code is (\d{6})/.exec(m.text)?.[1]).filter(c => c !== undefined).pop()
    if (code) return code
    await sleep(100)
  }
  throw new Error('no code arrived')
}

const run = async () => {
  // One token for each scheme of the document: a bearer is all that this client holds.
  client.setConfig({ baseUrl: base, auth: scheme => scheme.type === 'http' ? need('ADMIN_SECRET') : undefined })
  const plans = await getIntakePlans({ throwOnError: true })
  const plan = plans.data.plans[0]
  const keys = await getIntakeKeys({ throwOnError: true })
  const sent = await postIntakeVerifyEmailSend({ throwOnError: true, body: { email } })
  const code = await codeOf(email)
  const wrong = await postIntakeVerifyEmailCheck({ body: { verificationId: sent.data.verificationId, code: code === '000000' ? '000001' : '000000' } })
  const refused: Problem | undefined = wrong.error
  const checked = await postIntakeVerifyEmailCheck({ throwOnError: true, body: { verificationId: sent.data.verificationId, code } })
  const physicians = await getPhysicians({ throwOnError: true, query: { limit: 1 } })
  console.log(JSON.stringify({
    plan: { planId: plan.planId, amountCents: plan.amountCents, currency: plan.currency },
    keys: keys.data.keys.length,
    sent: sent.response.status,
    refused: { status: wrong.response.status, code: refused?.code },
    checked: { status: checked.response.status, session: checked.data.sessionToken.length > 20, intakeId: checked.data.intakeId },
    physicians: physicians.data.physicians.length
  }))
}
void run()
