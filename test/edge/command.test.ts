import { afterAll, describe, expect, test } from "bun:test"
import { rmSync, statSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { openSqlite } from "#platform/sqlite.bun"
import { tempFolder, until } from "./support/kit.ts"
import { keysOfHub, startPeer } from "./support/peer.ts"
import { serveEnrolment, spawnEdge } from "./support/process.ts"

const cleanups: (() => unknown)[] = []
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

/** A station that has been enrolled and stopped again. */
async function enrolled() {
  const folder = tempFolder()
  await mkdir(join(folder, "line"))
  const peer = await startPeer(keysOfHub())
  const enrolment = serveEnrolment(peer)
  cleanups.push(peer.stop, enrolment.stop)
  const camera = ["--camera", "folder", "--folder", join(folder, "line")]
  const start = (...args: string[]) => {
    const edge = spawnEdge(folder, [...camera, ...args])
    cleanups.push(() => edge.child.kill("SIGKILL"))
    return edge
  }
  const first = start("--hub", enrolment.url, "--enrol", "good-code", "--device", "line-1")
  await until("a birth", () => peer.states.length === 1)
  return { folder, peer, start, first, hub: enrolment.url, data: join(folder, "station") }
}

describe("crux edge", () => {
  test("enrols once, keeps its secret to itself and later starts without a code", async () => {
    const { peer, start, first, data } = await enrolled()
    expect(statSync(join(data, "identity.json")).mode & 0o777).toBe(0o600)
    first.child.kill("SIGTERM")
    const { code, out } = await first.ended()
    expect(code).toBe(0)
    expect(out).not.toContain("s3cret")
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).event),
    ).toContain("station_started")

    const second = start()
    await until("a second birth", () => peer.states.filter(({ online }) => online).length === 2)
    second.child.kill("SIGTERM")
    expect((await second.ended()).code).toBe(0)
  }, 30_000)

  test("says with its exit code what keeps it from starting", async () => {
    const { folder, start, first, hub, data } = await enrolled()
    const running = await start().ended()
    expect([running.code, running.err]).toEqual([4, expect.stringContaining("Another edge")])
    first.child.kill("SIGKILL")
    await first.ended()

    const stranger = await start("--device", "line-9").ended()
    expect([stranger.code, stranger.err]).toEqual([3, expect.stringContaining("belongs to line-1")])

    const db = openSqlite(join(data, "edge.db"))
    db.exec("PRAGMA user_version = 99")
    db.close()
    expect((await start().ended()).code).toBe(5)

    for (const suffix of ["", "-wal", "-shm"]) rmSync(join(data, `edge.db${suffix}`), { force: true })
    expect((await start().ended()).code).toBe(6)

    const other = (...args: string[]) => spawnEdge(join(folder, "other"), args).ended()
    const unknown = await other()
    expect([unknown.code, unknown.err]).toEqual([3, expect.stringContaining("has not been enrolled")])
    const used = await other("--hub", hub, "--enrol", "good-code", "--device", "line-1")
    expect([used.code, used.err]).toEqual([3, expect.stringContaining("the code does not work")])
    expect((await other("--camera", "webcam")).code).toBe(2)
    expect((await other("--enrol", "x", "--device", "y")).code).toBe(2)
    const away = await other("--hub", "http://127.0.0.1:9", "--enrol", "x", "--device", "y")
    expect([away.code, away.err]).toEqual([3, expect.stringContaining("does not answer")])
  }, 60_000)
})
