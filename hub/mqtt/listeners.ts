import { createServer, type Server, type Socket } from "node:net"
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls"
import type { Log } from "#platform/log"
import type { createDoorkeeper } from "./doorkeeper.ts"
import type { Tally } from "./tally.ts"

/** What the TLS door shows, and which authority the certificates of stations must come from. */
export type TlsCredentials = { cert: string; key: string; clientCa: string }

const handshakeMs = 10_000

/** The broker's doors: plain TCP, and TLS 1.3 that asks for a station's certificate and does without. */
export function createListeners({
  door,
  tally,
  accept,
  log,
}: {
  door: ReturnType<typeof createDoorkeeper>
  tally: Tally
  accept: (socket: Socket) => void
  log: Log
}) {
  const servers: Server[] = []
  const secured: { server: TlsServer; credentials: () => TlsCredentials }[] = []
  const handshaking = new Set<Socket>()

  const enter = (socket: Socket): boolean => {
    // A peer may be gone before it is looked at; without a listener its error would end the process.
    socket.on("error", () => {})
    const address = socket.remoteAddress ?? ""
    const leave = door.enter(address)
    if (typeof leave === "string") {
      tally.note(leave, address)
      socket.destroy()
      return false
    }
    socket.once("close", leave)
    return true
  }

  const listen = (server: Server, port: number, host: string): Promise<{ port: number }> => {
    server.on("error", (error) => log.error("listener_error", { error: error.message }))
    servers.push(server)
    return new Promise((resolve, reject) => {
      server.once("error", reject)
      server.listen(port, host, () => {
        server.off("error", reject)
        const address = server.address()
        resolve({ port: typeof address === "object" && address ? address.port : port })
      })
    })
  }

  return {
    /** Starts to listen; port 0 picks a free one. Rejects when the port is taken. */
    plain: (port: number, host: string) =>
      listen(
        createServer((socket) => {
          if (enter(socket)) accept(socket)
        }),
        port,
        host,
      ),
    /** As `plain`, with TLS 1.3. `credentials` is asked again at `renew`. */
    tls: (port: number, host: string, credentials: () => TlsCredentials) => {
      const server = createTlsServer({
        ...contextOf(credentials()),
        requestCert: true,
        // Who brings none proves itself by its secret; who brings a foreign one is refused at CONNECT, and counted.
        rejectUnauthorized: false,
        handshakeTimeout: handshakeMs,
      })
      // Before the handshake: the costly part is only for those who may come in.
      server.on("connection", (socket: Socket) => {
        if (!enter(socket)) return
        handshaking.add(socket)
        socket.once("close", () => handshaking.delete(socket))
      })
      server.on("secureConnection", (socket: TLSSocket) => {
        handshaking.delete(socket)
        socket.on("error", () => {})
        if (!socket.destroyed) accept(socket)
      })
      server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
        tally.note("handshake", socket.remoteAddress ?? "", { error: error.message.slice(0, 128) })
        socket.destroy()
      })
      secured.push({ server, credentials })
      return listen(server, port, host)
    },
    /** New connections see the new certificate; those that are up stay up. */
    renew: (): void => {
      for (const { server, credentials } of secured) server.setSecureContext(contextOf(credentials()))
    },
    close: (): void => {
      for (const server of servers) server.close()
      for (const socket of handshaking) socket.destroy()
    },
  }
}

function contextOf({ cert, key, clientCa }: TlsCredentials) {
  return { cert, key, ca: clientCa, minVersion: "TLSv1.3", maxVersion: "TLSv1.3" } as const
}
