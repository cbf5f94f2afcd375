import { createServer, type Socket } from "node:net"

/**
 * A network camera on this machine: moving pictures made and packed into RTP by a real ffmpeg, handed out over RTSP
 * with interleaved TCP to whoever knows user and password (Basic). `hang` stops the pictures and keeps the connection.
 */
export async function startRtspCamera(login: { user: string; password: string }) {
  const players = new Set<Socket>()
  const sockets = new Set<Socket>()
  let hanging = false
  let refused = 0
  const rtp = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (_socket, packet) => {
        if (hanging) return
        const head = Buffer.from([0x24, 0, packet.length >> 8, packet.length & 255])
        for (const player of players) player.write(Buffer.concat([head, packet]))
      },
    },
  })
  const source = "testsrc=size=160x120:rate=20"
  const ffmpeg = Bun.spawn(
    [
      ...["ffmpeg", "-hide_banner", "-loglevel", "error", "-re", "-f", "lavfi", "-i", source],
      ...["-c:v", "mpeg4", "-g", "5", "-f", "rtp", `rtp://127.0.0.1:${rtp.port}`],
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  )
  // ffmpeg prints the description of the stream and then only works.
  let sdp = ""
  for await (const chunk of ffmpeg.stdout) {
    sdp += new TextDecoder().decode(chunk)
    if (/a=fmtp/.test(sdp)) break
  }
  sdp = `${sdp.slice(sdp.indexOf("v=0")).trim().replace(/\r?\n/g, "\r\n")}\r\na=control:track0\r\n`

  const expected = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString("base64")}`
  const answer = (request: string, socket: Socket) => {
    const [method = "", url = ""] = request.split(" ")
    const cseq = /^CSeq: *(\d+)/im.exec(request)?.[1] ?? "0"
    const reply = (status: string, headers: string[] = [], body = "") => {
      const length = body === "" ? [] : ["Content-Type: application/sdp", `Content-Length: ${body.length}`]
      socket.write(
        `RTSP/1.0 ${status}\r\nCSeq: ${cseq}\r\n${[...headers, ...length].map((h) => `${h}\r\n`).join("")}\r\n${body}`,
      )
    }
    if (method === "OPTIONS") return reply("200 OK", ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"])
    if (/^Authorization: *(.+)$/im.exec(request)?.[1] !== expected) {
      refused += 1
      return reply("401 Unauthorized", ['WWW-Authenticate: Basic realm="camera"'])
    }
    if (method === "DESCRIBE") return reply("200 OK", [`Content-Base: ${url}/`], sdp)
    if (method === "SETUP") {
      return reply("200 OK", ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"])
    }
    reply("200 OK", ["Session: 1"])
    if (method === "PLAY") players.add(socket)
  }

  const server = createServer((socket) => {
    let text = ""
    sockets.add(socket)
    socket.on("error", () => {})
    socket.on("close", () => {
      players.delete(socket)
      sockets.delete(socket)
    })
    socket.on("data", (chunk) => {
      // Receiver reports of the player come interleaved; requests are all this camera reads.
      if (chunk[0] === 0x24) return
      text += chunk.toString("latin1")
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        answer(text.slice(0, end), socket)
        text = text.slice(end + 4)
      }
    })
  })
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)),
  )
  return {
    port,
    refused: () => refused,
    players: () => players.size,
    hang: () => {
      hanging = true
    },
    goOn: () => {
      hanging = false
    },
    stop: () => {
      ffmpeg.kill("SIGKILL")
      rtp.close()
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
