import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import type { ImportView } from "#contract/exchange"
import { theHub } from "../../../hub/platform/audit.ts"
import { type Served, serveHttp } from "../../../hub/serve.bun.ts"
import { crux, expectRefusal, newFolder } from "../../system/support/crux.ts"
import { noisePng } from "../support/device.ts"
import { startTestHub, type TestHub, testPassword } from "../support/hub.ts"

let hub: TestHub
let served: Served
let talk: string[]
const env = { CRUX_PASSWORD: testPassword }
beforeAll(async () => {
  hub = await startTestHub()
  served = serveHttp({
    host: "127.0.0.1",
    port: 0,
    fetch: (request, client) => hub.hub.fetch(request, client),
  })
  await hub.hub.users.create(theHub, {
    login: "vision",
    name: "Vision",
    role: "engineer",
    language: "en",
    password: testPassword,
  })
  talk = ["--hub", `http://127.0.0.1:${served.port}`, "--login", "vision"]
})
afterAll(async () => {
  await served.stop()
  await hub.stop()
})

test("a folder of pictures comes in from the command line, and goes out again as another format", async () => {
  using folder = newFolder()
  for (const path of [
    "lid/train/good/1.png",
    "lid/test/good/2.png",
    "lid/test/scratch/3.png",
    "lid/test/hole/4.png",
  ])
    await Bun.write(join(folder.path, "in", path), noisePng(40, 30))
  const brought = await crux(["import", join(folder.path, "in"), "--json", "--new-classes", ...talk], { env })
  expect(brought.err).toBe("")
  const job = JSON.parse(brought.out) as ImportView
  expect(job.report).toMatchObject({ format: "mvtec", new_parts: 4, new_labels: 4, refused: 0 })

  const target = join(folder.path, "out")
  const written = await crux(["export", "coco", target, ...talk], { env })
  expect([written.code, written.err]).toEqual([0, ""])
  const pictures = await readdir(join(target, "images", "default"))
  expect(pictures).toHaveLength(4)
  const again = await crux(["export", "coco", target, ...talk], { env })
  expectRefusal(again, 1, "is there already")

  // A folder of names alone has no classes that the hub knows: each is told, and the code says so.
  await Bun.write(join(folder.path, "odd", "blister", "5.png"), noisePng(40, 30))
  expectRefusal(await crux(["import", join(folder.path, "odd"), ...talk], { env }), 10, "1 were refused")
}, 60_000)

test("a wrong password, no password and a hub that is not there end with a sentence", async () => {
  using folder = newFolder()
  const target = join(folder.path, "out.zip")
  expectRefusal(
    await crux(["export", "yolo", target, ...talk], { env: { CRUX_PASSWORD: "not the password" } }),
    8,
    "hub says",
  )
  expectRefusal(
    await crux(["export", "yolo", target, ...talk], { env: { CRUX_PASSWORD: "" } }),
    2,
    "password is missing",
  )
  expectRefusal(
    await crux(["export", "yolo", target, "--hub", "http://127.0.0.1:9", "--login", "a"], { env }),
    1,
    "does not answer",
  )
  expectRefusal(await crux(["export", "word", target, ...talk], { env }), 2, 'no format "word"')
  expect(existsSync(target)).toBe(false)
}, 60_000)
