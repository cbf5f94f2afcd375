import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import { jpegOf } from "../../models/kit.ts"
import { grey } from "./models.ts"
import type { Peer } from "./peer.ts"

/** Serves `POST /api/enrol` for a peer: the code `good-code` works once. */
export function serveEnrolment(peer: Peer) {
  let used = false
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const { code } = (await request.json()) as { code: string }
      if (code === "good-code" && !used) {
        used = true
        return Response.json(peer.identity())
      }
      const body = {
        type: "about:blank",
        title: "the code does not work",
        status: 403,
        code: "forbidden",
        key: "enrolment_code",
        params: {},
        request_id: "r",
      }
      return Response.json(body, { status: 403 })
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) }
}

/** A real `crux edge` process with a simulated line; its log lines are kept. */
export function spawnEdge(folder: string, args: readonly string[], env: Record<string, string> = {}) {
  const child = Bun.spawn([...selfCommand("edge"), "--data", join(folder, "station"), ...args], {
    env: { ...process.env, ...env },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  })
  const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return {
    child,
    /** Exit code and everything it wrote. */
    ended: async () => {
      const code = await child.exited
      const [out, err] = await output
      return { code, out, err }
    },
  }
}

/** Another vision system that writes a picture of a part into a folder every `everyMs`. */
export async function feedFolder(folder: string, everyMs: number) {
  await mkdir(folder, { recursive: true })
  const picture = await jpegOf(grey(128))
  let number = 0
  const timer = setInterval(() => {
    number += 1
    void writeFile(join(folder, `part-${number}.jpg`), picture)
  }, everyMs)
  return { folder, stop: () => clearInterval(timer) }
}
