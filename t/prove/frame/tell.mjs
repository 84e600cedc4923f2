// tell.mjs: the invariants of a tree, a line each, for ./telerx invariants.
import { invariants } from './invariants.mjs'

const only = process.argv.slice(2)
let failed = 0
const found = invariants({ only: only.length > 0 ? only : undefined })
for (const { id, says, bad } of found) {
  console.log(`${bad.length === 0 ? 'ok     ' : 'FAILED '} ${id} ${says}`)
  for (const row of bad.slice(0, 50)) console.log(`          ${row}`)
  if (bad.length > 50) console.log(`          and ${bad.length - 50} more`)
  failed += bad.length === 0 ? 0 : 1
}
console.log(`${found.length - failed} passed, ${failed} failed`)
process.exit(failed === 0 && found.length > 0 ? 0 : 1)
