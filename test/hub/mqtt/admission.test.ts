import { expect, test } from "bun:test"
import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"
import { createAdmission } from "../../../hub/mqtt/admission.ts"

/** Both ends of `count` real connections. */
async function connections(count: number) {
  const accepted: Socket[] = []
  const server = createServer((socket) => void accepted.push(socket))
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  const port = typeof address === "object" && address ? address.port : 0
  const clients = Array.from({ length: count }, () => connect(port, "127.0.0.1"))
  await Promise.all(clients.map((client) => once(client, "connect")))
  while (accepted.length < count) await Bun.sleep(1)
  const end = () => {
    for (const socket of [...accepted, ...clients]) socket.destroy()
    server.close()
  }
  return { accepted, end }
}

test("a crowd is let in over many turns of the loop, in its order, and whoever has given up is left out", async () => {
  const { accepted, end } = await connections(100)
  const turns: number[] = []
  let turn = 0
  const count = () => {
    turn += 1
    if (turn < 200) setImmediate(count)
  }
  const inside: Socket[] = []
  const admission = createAdmission({
    letIn: (socket) => {
      inside.push(socket)
      turns.push(turn)
    },
  })
  for (const socket of accepted) admission.enter(socket)
  accepted[70]!.destroy()
  setImmediate(count)
  while (inside.length < 99) await Bun.sleep(1)
  expect(inside).toEqual(accepted.filter((_, i) => i !== 70))
  expect(new Set(turns).size).toBeGreaterThan(5)
  end()
})

test("whoever still waits when the hub ends is cut", async () => {
  const { accepted, end } = await connections(40)
  const inside: Socket[] = []
  const admission = createAdmission({ letIn: (socket) => void inside.push(socket) })
  for (const socket of accepted) admission.enter(socket)
  admission.close()
  expect(accepted.every(({ destroyed }) => destroyed)).toBe(true)
  await Bun.sleep(5)
  expect(inside).toEqual([])
  end()
})
