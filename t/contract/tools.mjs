// tools.mjs: what the tests of the OpenAPI document share: the document as the services print it, and the npm packages that package-lock.json pins, which
// `./telerx check` installs beside the build (TELERX_BUILD), never into the sources.
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const need = name => { const v = process.env[name]; if (!v) throw new Error(`${name} is not set`); return v }

export const source = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
export const tools = path.join(need('TELERX_BUILD'), 't/contract')
const require = createRequire(path.join(tools, 'package.json'))

export const load = name => import(pathToFileURL(require.resolve(name)))
// A program of a package: the file that its package.json names.
export const bin = (name, program) => {
  const file = path.join(tools, 'node_modules', name, 'package.json')
  const { bin } = require(file)
  return path.join(path.dirname(file), typeof bin === 'string' ? bin : bin[program])
}
export const telerx = (...args) => execFileSync(path.join(source, 'telerx'), args, { encoding: 'utf8', maxBuffer: 64 << 20 })
export const document = (...args) => JSON.parse(telerx('openapi', ...args))
// What a service's program says of its own table: method, path, access, callers, ...
export const routes = service => execFileSync(path.join(process.env.TELERX_BUILD, 'handlers', service, `telerx-${service}`), ['routes'], { encoding: 'utf8', env: {} })
  .trim().split('\n').map(line => line.split('\t'))
