import { afterAll, beforeAll, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createShelf } from "#platform/shelf"
import { systemIds } from "../../../hub/platform/ids.ts"
import { config, programOf } from "../label-studio/kit.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"
import { brightnessModel } from "../support/models.ts"

const hour = 3_600_000
let folder: string
let hub: TestHub
/** How full the hub finds its disk. */
let free = Number.POSITIVE_INFINITY
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "crux-shelf-"))
  const marks = { tight: 300, low: 200, full: 100 }
  hub = await startTestHub({
    ports: { disk: { look: async () => ({ level: "fine", total: 1_000, free, marks }) } },
  })
})
afterAll(async () => {
  await hub.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function* pieces(...texts: string[]) {
  for (const text of texts) yield new TextEncoder().encode(text)
}

test("a file is kept under its digest for a day after it was last asked for, and half a file not at all", async () => {
  let now = 1_000_000_000_000
  const shelf = createShelf({ folder: join(folder, "a"), clock: { now: () => now }, ids: systemIds })
  const { sha256, size } = await shelf.put(pieces("hello ", "there"))
  expect([sha256, size]).toEqual([createHash("sha256").update("hello there").digest("hex"), 11])
  const broken = (async function* () {
    yield new Uint8Array(5)
    throw new Error("the sender went away")
  })()
  await expect(shelf.put(broken)).rejects.toThrow("the sender went away")
  expect(readdirSync(join(folder, "a"))).toEqual([sha256])
  now += 20 * hour
  await shelf.sweep()
  expect(await shelf.path(sha256)).toBe(join(folder, "a", sha256))
  now += 20 * hour
  await shelf.sweep()
  expect(existsSync(join(folder, "a", sha256))).toBe(true)
  now += 25 * hour
  await shelf.sweep()
  expect(await shelf.path(sha256)).toBeUndefined()
  expect(await shelf.path("../../etc/passwd")).toBeUndefined()
})

test("a model that was only looked at is in no store of objects, and is kept there once it is registered", async () => {
  const engineer = await hub.as("engineer")
  const look = async (stamp: string) =>
    (await (await engineer.post("/api/models/look", brightnessModel({ stamp }))).json()) as { file: string }
  const { file } = await look("looked at")
  expect(await hub.hub.blobs.has(file)).toBe(false)
  const made = await engineer.post(`/api/models/files/${file}`, {})
  const { digest } = (await made.json()) as { digest: string }
  expect(await hub.hub.blobs.has(digest)).toBe(true)
  expect(existsSync(join(hub.folder, "looked-at", file))).toBe(false)
  await hub.hub.registry.idle()
})

test("a disk that is nearly full takes no uploads, says so before it has read one, and goes on judging", async () => {
  const engineer = await hub.as("engineer")
  const model = brightnessModel({ stamp: "too much" })
  const meta = encodeURIComponent(
    JSON.stringify({ part_id: "p", label: { verdict: "ok", kinds: [], boxes: [] } }),
  )
  const length = (bytes: number) => ({ "content-length": String(bytes) })
  free = 1_000
  // Room for now, and none behind it.
  expect((await engineer.post("/api/models", model, length(900))).status).toBe(507)
  free = 150
  for (const path of [
    "/api/models",
    "/api/models/look",
    "/api/imports?name=a.zip",
    `/api/golden?meta=${meta}`,
    "/api/segmenters/files",
    "/api/training/results",
  ]) {
    const answer = await engineer.post(path, model)
    expect([path, answer.status]).toEqual([path, 507])
    expect(await answer.json()).toMatchObject({ code: "no_space", key: "no_room" })
  }
  expect(
    (await engineer.post("/api/defect-classes", { key: "dent", names: { ko: "찍힘", en: "Dent" } })).status,
  ).toBe(201)
  // Nor does it take pictures of programs that were written for Label Studio; what is said of parts it does.
  const program = await programOf(hub, "engineer")
  const project = (await program.post("/api/projects/", { title: "line", label_config: config })).body.id
  for (const path of [
    `/api/projects/${project}/import`,
    `/api/projects/${project}/media?name=a.png`,
    "/api/tasks/",
  ]) {
    const { status, body } = await program.post(path, [{ image: "data:image/png;base64,AAAA" }])
    expect([path, status, body.detail]).toEqual([path, 507, expect.stringContaining("nearly full")])
    expect((await program.send("POST", path, [{}], "Token 0")).status).toBe(401)
  }
  // Nor is a text made that would lie there until it is sent; what streams is.
  const exported = (kind: string) =>
    program.get(`/api/projects/${project}/export?export_type=${kind}&download_all_tasks=true`)
  expect(await exported("JSON")).toMatchObject({
    status: 507,
    body: { detail: expect.stringContaining("nearly full") },
  })
  expect((await exported("COCO")).status).toBe(200)
  free = 200
  expect((await exported("JSON")).status).toBe(200)
  free = 150
  // Whoever may not upload learns nothing of the disk.
  expect((await hub.browser().post("/api/models", model)).status).toBe(401)
})
