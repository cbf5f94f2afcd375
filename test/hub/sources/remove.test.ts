import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { addSource, camera, engineerOf, jpeg, presetOf } from "./kit.ts"

let hub: TestHub
let engineer: Browser
beforeAll(async () => {
  hub = await startTestHub()
  engineer = await engineerOf(hub)
})
afterAll(() => hub.stop())

const remove = async (id: string) => (await engineer.send("DELETE", `/api/sources/${id}`)).status
const pictures = (id: string) => ({
  kind: "picture" as const,
  topics: [`crux/v1/in/${id}/#`],
  fields: { id: "$topic.shot" },
})

describe("a camera that is taken away", () => {
  test("is cut off and let in no more; its parts stay, and it is gone from the list", async () => {
    const source = await addSource(hub, engineer, "gone", pictures("gone"))
    const client = await camera(hub, source)
    await client.publishAsync("crux/v1/in/gone/a", await jpeg(), { qos: 1 })
    const [before] = source.stored()
    let closed = false
    client.on("close", () => {
      closed = true
    })
    expect(await remove("gone")).toBe(204)
    await until("the cut", () => closed)
    await expect(camera(hub, source)).rejects.toThrow()
    const posted = await hub.browser().send("POST", "/api/in/gone", await jpeg(), {
      authorization: `Bearer ${source.token}`,
      "content-type": "image/jpeg",
    })
    expect(posted.status).toBe(401)
    expect((await engineer.get("/api/sources/gone")).status).toBe(404)
    expect(await (await engineer.get("/api/sources")).text()).not.toContain('"gone"')
    expect(source.stored().map(({ id }) => id)).toEqual([before!.id])
    const task = await (await hub.as("worker")).get(`/api/inspections/${before!.id}`)
    expect(task.status).toBe(200)
    expect(await remove("gone")).toBe(404)
    const trail = hub.hub.db
      .prepare<{ n: number }>("SELECT count(*) AS n FROM audit WHERE action = 'source.remove'")
      .get()
    expect(trail?.n).toBe(1)
  })

  test("its name can be used again, for a camera that counts its shots from one again", async () => {
    const profile = { ...pictures("twice"), topics: ["crux/v1/in/twice/{shot}"] }
    const first = await addSource(hub, engineer, "twice", profile)
    const one = await camera(hub, first)
    await one.publishAsync("crux/v1/in/twice/1", await jpeg(), { qos: 1 })
    await one.endAsync(true)
    expect(await remove("twice")).toBe(204)
    const second = await addSource(hub, engineer, "twice", profile)
    expect(second.token).not.toBe(first.token)
    expect(await second.view()).toMatchObject({ state: "new", counts: { stored: 0, quarantined: 0 } })
    await expect(camera(hub, first)).rejects.toThrow()
    const two = await camera(hub, second)
    await two.publishAsync("crux/v1/in/twice/1", await jpeg(), { qos: 1 })
    await two.endAsync(true)
    expect(second.stored()).toHaveLength(2)
    expect((await second.view()).counts).toMatchObject({ stored: 1, quarantined: 0 })
    // A station cannot have the name: whose parts are whose stays clear.
    const admin = await hub.as("admin")
    const code = await admin.post("/api/enrolment-codes", { device: "twice", name: "x", pre_approved: true })
    expect(code.status).toBe(409)
  })

  test("what waited for its other half is stored alone, with the reason", async () => {
    const source = await addSource(hub, engineer, "halved", {
      kind: "pair",
      picture_topic: "crux/v1/in/halved/{part}/image",
      data_topic: "crux/v1/in/halved/{part}/data",
      join: { by: "key", picture: ["$topic.part"], data: ["$topic.part"] },
      wait_s: 600,
    })
    const client = await camera(hub, source)
    await client.publishAsync("crux/v1/in/halved/p1/image", await jpeg(), { qos: 1 })
    await client.endAsync(true)
    expect((await source.view()).waiting).toBe(1)
    expect(await remove("halved")).toBe(204)
    const [alone] = await until("the half", () => source.stored().length === 1 && source.stored())
    expect(alone).toMatchObject({ verdict: { eval: "undecidable", code: "unpaired" } })
    expect(alone!.parts).toHaveLength(1)
    const waiting = hub.hub.db.prepare("SELECT 1 FROM source_half WHERE done_at IS NULL")
    await until("nothing that waits", () => waiting.get() === undefined)
  })

  test("its drop folder is not looked into any more, and what lies there stays", async () => {
    const { profile } = await presetOf(engineer, "cognex-folder")
    const source = await addSource(hub, engineer, "dropped", profile)
    const folder = join(hub.folder, "drop", "dropped")
    await until("the folder", () => existsSync(folder))
    expect(await remove("dropped")).toBe(204)
    writeFileSync(join(folder, "late.jpg"), await jpeg())
    writeFileSync(join(folder, "late.txt"), "result=PASS\n")
    // Another camera may use the same folder now, and finds the files: so long nobody has touched them.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(readdirSync(folder).sort()).toEqual(["late.jpg", "late.txt"])
    expect(source.stored()).toEqual([])
    const other = await addSource(hub, engineer, "heir", { ...profile, folder: "dropped" } as typeof profile)
    await until("the file", () => other.stored().length === 1)
  })

  test("only engineers take cameras away", async () => {
    await addSource(hub, engineer, "kept", pictures("kept"))
    expect((await (await hub.as("worker")).send("DELETE", "/api/sources/kept")).status).toBe(403)
    expect((await engineer.get("/api/sources/kept")).status).toBe(200)
  })
})
