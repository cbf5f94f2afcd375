import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { packTar, type TarHeader, unpackTar } from "modern-tar"
import { selfCommand } from "#models/child"
import { createAsker } from "#models/infer/asker"
import type { ExportOperations } from "../../../hub/exchange/export.worker.ts"
import type { HubPorts } from "../../../hub/hub.ts"
import { theHub } from "../../../hub/platform/audit.ts"
import { createProver } from "../../../hub/registry/prover.ts"
import { serveHttp } from "../../../hub/serve.bun.ts"
import { type Browser, startTestHub, type TestHub, testPassword } from "../support/hub.ts"
import { frozenSets } from "../support/parts.ts"
import { fillHub, hire, jobIn, jobOf, recipe, resultOf, sha, startJob, type TestTrainer } from "./kit.ts"

setDefaultTimeout(240_000)

let plant: TestHub
let engineer: Browser
let folder: string
/** How often a process was started that makes what goes out. */
let children = 0
const exporter: NonNullable<HubPorts["exporter"]> = (database) => {
  children++
  return createAsker<ExportOperations>({ command: selfCommand("worker", "export", database) })
}
const ports: Partial<HubPorts> = {}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "crux-paper-"))
  // A busy machine is no failure of a model.
  const prover = createProver({ command: selfCommand("worker", "infer"), timeoutMs: 60_000 })
  plant = await startTestHub({ ports: Object.assign(ports, { prover, exporter }) })
  engineer = await plant.as("engineer")
  await fillHub(engineer)
})
afterAll(async () => {
  await plant.stop()
  rmSync(folder, { recursive: true, force: true })
})

const offline = {
  recipe: { id: "vendor.net", version: 3, params: { depth: 4 } },
  offline: { task: "anomaly" },
}
const tarOf = async (id: string) => {
  const answer = await engineer.get(`/api/training/jobs/${id}/bundle.tar`)
  expect(answer.status).toBe(200)
  return new Uint8Array(await answer.arrayBuffer())
}
type Entry = { header: TarHeader; data?: Uint8Array | undefined }
const named = (entries: Entry[], name: string) => entries.find(({ header }) => header.name === name)?.data
/** A result as a tar; `extra` comes last. */
const resultTar = (
  result: ReturnType<typeof resultOf>,
  extra: { name: string; type?: TarHeader["type"]; linkname?: string; body?: Uint8Array }[] = [],
) =>
  packTar([
    ...[...Object.entries(result.files), ["manifest.json", result.manifest] as const].map(([name, body]) => ({
      header: { name, size: body.length },
      body,
    })),
    ...extra.map(({ name, type, linkname, body = new Uint8Array() }) => ({
      header: { name, size: body.length, ...(type && { type }), ...(linkname && { linkname }) },
      body,
    })),
  ])
const bring = (tar: Uint8Array) => engineer.post("/api/training/results", tar)
const bundleOf = async (id: string) => (await jobOf(engineer, id)).bundle ?? ""

describe("a job that is carried to its trainer", () => {
  test("is a tar with a ticket, every file by its digest, and no part of the golden set", async () => {
    const { id, place } = await startJob(engineer, offline)
    expect(place).toBe("paper")
    const tar = await tarOf(id)
    expect(sha(await tarOf(id))).toBe(sha(tar))
    const entries = (await unpackTar(tar)) as Entry[]
    const text = (name: string) => new TextDecoder().decode(named(entries, name))
    const ticket = JSON.parse(text("ticket.json"))
    expect(ticket).toEqual({ v: 1, job_id: id, bundle: sha(text("bundle.json")) })
    expect(JSON.parse(text("job.json"))).toMatchObject({
      recipe: { id: "vendor.net", version: 3, params: { depth: 4 } },
    })
    for (const { path, sha256, size } of JSON.parse(text("bundle.json")).files)
      expect([sha(named(entries, path)!), named(entries, path)!.length]).toEqual([sha256, size])
    const blobs = entries.filter(({ header }) => header.name.startsWith("blobs/"))
    expect(blobs).toHaveLength(10)
    for (const { header, data } of blobs) expect(header.name).toBe(`blobs/${sha(data!)}`)
    for (const { image } of (await frozenSets(plant)).golden.samples)
      expect(tar.includes(0) && Buffer.from(tar).includes(image)).toBe(false)
  })

  test("is made by a child, to the byte as the hub itself would make it, and by nobody for whom only the head is", async () => {
    const { id } = await startJob(engineer, offline)
    await tarOf(id)
    children = 0
    const byChild = sha(await tarOf(id))
    expect(children).toBe(1)
    const head = await engineer.send("HEAD", `/api/training/jobs/${id}/bundle.tar`)
    expect([head.status, children]).toEqual([200, 1])
    expect(plant.hub.exports.list()).toEqual([])
    delete ports.exporter
    await plant.restart()
    expect([sha(await tarOf(id)), children]).toEqual([byChild, 1])
    ports.exporter = exporter
    await plant.restart()
  })

  test("is seen while it is made, and broken off like any other export", async () => {
    const { id } = await startJob(engineer, offline)
    const answer = await engineer.get(`/api/training/jobs/${id}/bundle.tar`)
    const [one] = plant.hub.exports.list()
    expect(one).toMatchObject({ name: `job-${id}.tar` })
    expect((await engineer.post(`/api/exports/${one!.id}/cancel`)).status).toBe(200)
    await expect(answer.arrayBuffer()).rejects.toThrow()
    expect(plant.hub.exports.list()).toEqual([])
  })

  test("is claimed by nobody over the network, and its result is proved like any other", async () => {
    const trainer = await hire(plant, engineer, "gpu-1")
    const params = [{ key: "depth", type: "int", default: 1 }]
    await trainer.register({ recipes: [{ ...recipe, id: "vendor.net", version: 3, params }] })
    const { id } = await startJob(engineer, offline)
    expect(await trainer.claim()).toBeNull()
    await tarOf(id)
    const result = resultOf({ id, bundle: await bundleOf(id) })
    const tar = await resultTar(result)
    expect((await bring(tar)).status).toBe(202)
    const done = await jobIn(engineer, id, "succeeded", "failed")
    expect(done).toMatchObject({ state: "succeeded", model: result.model, gate_pass: true })
    // Brought again: the same job, nothing twice.
    const again = await bring(tar)
    expect([again.status, await again.json()]).toEqual([
      202,
      expect.objectContaining({ id, model: result.model }),
    ])
  })

  test("takes the job from a trainer that has it, which may not write to it any more", async () => {
    const trainer: TestTrainer = await hire(plant, engineer, "gpu-2")
    await trainer.register()
    const { id } = await startJob(engineer)
    const { lease } = (await trainer.claim())!
    expect((await bring(await resultTar(resultOf({ id, bundle: await bundleOf(id) })))).status).toBe(202)
    expect((await trainer.beat(id, lease.epoch)).status).toBe(409)
  })

  test("is refused when its tar is not what it says, and nothing of it is kept or written elsewhere", async () => {
    const { id } = await startJob(engineer, offline)
    await tarOf(id)
    const bundle = await bundleOf(id)
    const good = resultOf({ id, bundle })
    const bytes = new TextEncoder().encode("owned")
    const wrongs: [string, Uint8Array][] = [
      ["a path that leads out", await resultTar(good, [{ name: "../../owned", body: bytes }])],
      ["an absolute path", await resultTar(good, [{ name: "/tmp/crux-owned", body: bytes }])],
      ["a link", await resultTar(good, [{ name: "link", type: "symlink", linkname: "/etc/passwd" }])],
      ["a hard link", await resultTar(good, [{ name: "link", type: "link", linkname: "model.onnx" }])],
      ["a path twice", await resultTar(good, [{ name: "model.onnx", body: bytes }])],
      [
        "too many files",
        await resultTar(
          good,
          Array.from({ length: 400 }, (_, i) => ({ name: `f${i}` })),
        ),
      ],
      ["a file that is another", await resultTar({ ...good, files: { ...good.files, "model.onnx": bytes } })],
      ["a file that lacks", await resultTar({ ...good, files: { "crux.json": good.files["crux.json"]! } })],
      ["no manifest", await packTar([{ header: { name: "a.txt", size: 5 }, body: bytes }])],
      ["the bundle of another job", await resultTar(resultOf({ id, bundle: "0".repeat(64) }))],
      ["cut off", (await resultTar(good)).slice(0, 3_000)],
      ["no tar", new TextEncoder().encode("PK\u0003\u0004 this is no tar at all".repeat(40))],
      ["nothing", new Uint8Array()],
    ]
    for (const [name, tar] of wrongs) expect([name, (await bring(tar)).status]).toEqual([name, 400])
    expect(existsSync("/tmp/crux-owned")).toBe(false)
    expect(existsSync(join(plant.folder, "owned"))).toBe(false)
    const incoming = join(plant.folder, "trainers", "incoming")
    expect(readdirSync(incoming)).toEqual([])
    expect(await jobOf(engineer, id)).toMatchObject({ state: "queued", model: null })
    expect((await bring(await resultTar(good))).status).toBe(202)
  })

  test("is no job of the hub itself, and only an engineer carries it", async () => {
    const own = await engineer.post("/api/training/jobs", {})
    const { id } = (await own.json()) as { id: string }
    expect((await engineer.get(`/api/training/jobs/${id}/bundle.tar`)).status).toBe(409)
    await engineer.post(`/api/training/jobs/${id}/cancel`)
    const worker = await plant.as("worker")
    expect((await worker.get(`/api/training/jobs/${id}/bundle.tar`)).status).toBe(403)
    expect((await worker.post("/api/training/results", new Uint8Array([1]))).status).toBe(403)
  })

  test("goes out and comes back by the commands", async () => {
    const served = serveHttp({ host: "127.0.0.1", port: 0, fetch: plant.hub.fetch })
    await plant.hub.users.create(theHub, {
      login: "porter",
      name: "Porter",
      role: "engineer",
      language: "en",
      password: testPassword,
    })
    const crux = async (...args: string[]) => {
      const login = ["--login", "porter", "--hub", `http://127.0.0.1:${served.port}`]
      const child = Bun.spawn(["bun", join(import.meta.dir, "../../../hub/main.ts"), ...args, ...login], {
        env: { ...process.env, CRUX_PASSWORD: testPassword },
        stdout: "pipe",
        stderr: "pipe",
      })
      const said = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text())
      return { code: await child.exited, said }
    }
    try {
      const { id } = await startJob(engineer, offline)
      const out = join(folder, "job.tar")
      expect(await crux("training", "export-job", id, out)).toMatchObject({ code: 0 })
      expect(
        named((await unpackTar(new Uint8Array(readFileSync(out)))) as Entry[], "ticket.json"),
      ).toBeDefined()
      const back = join(folder, "result.tar")
      writeFileSync(back, await resultTar(resultOf({ id, bundle: await bundleOf(id) })))
      expect(await crux("training", "import-result", back)).toMatchObject({ code: 0 })
      expect((await jobOf(engineer, id)).state).not.toBe("queued")
      const token = await crux("trainer", "add", "lab")
      expect(token.said).toMatch(/^ct_lab_[\w-]{32}\n$/)
      expect(await crux("trainer", "revoke", "lab")).toMatchObject({ code: 0 })
    } finally {
      await served.stop()
    }
  })
})
