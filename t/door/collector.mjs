// collector.mjs PORT FILE: a log collector for t/door/forward.sh: takes frames as RFC 6587 counts them and writes each message as a line.
import net from 'node:net'
import fs from 'node:fs'
const [port, file] = process.argv.slice(2)
const server = net.createServer(socket => {
  let rest = Buffer.alloc(0)
  socket.on('error', () => {})
  socket.on('data', data => {
    rest = Buffer.concat([rest, data])
    for (let space; (space = rest.indexOf(0x20)) > 0;) {
      const count = Number(rest.subarray(0, space))
      if (!Number.isInteger(count) || count <= 0) { fs.appendFileSync(file, `no frame: ${rest.subarray(0, 60)}\n`); process.exit(1) }
      if (rest.length < space + 1 + count) break
      fs.appendFileSync(file, `${rest.subarray(space + 1, space + 1 + count)}\n`)
      rest = rest.subarray(space + 1 + count)
    }
  })
})
server.listen(Number(port), '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
