import { randomBytes } from "node:crypto"
import { createServer } from "node:net"
import { chunkSize } from "#contract/topics"

/**
 * The transport with nothing on top: `raw-sender.child.ts DATA SIZE` sends SIZE bytes to whoever connects, in chunks,
 * as fast as the socket takes them. Prints { port } and ends when its standard input does.
 */
const size = Number(process.argv[3])
const bytes = randomBytes(size)
const server = createServer((socket) => {
  let at = 0
  const more = () => {
    while (at < size) {
      const chunk = bytes.subarray(at, at + chunkSize)
      at += chunk.length
      if (!socket.write(chunk)) return void socket.once("drain", more)
    }
    socket.end()
  }
  more()
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  console.log(JSON.stringify({ port: typeof address === "object" && address ? address.port : 0 }))
})
process.stdin.resume()
process.stdin.once("end", () => process.exit(0))
