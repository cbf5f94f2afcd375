import { afterAll, beforeAll, expect, test } from "bun:test"
import type * as v from "valibot"
import type { DatasetDiff, DatasetFrozen, DatasetSample, DatasetVersion } from "#contract/dataset"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { newLabel, storeParts } from "../support/parts.ts"

let hub: TestHub
let engineer: Browser & { userId: string }
let parts: string[] = []
const json = async <T>(answer: Response | Promise<Response>) => (await (await answer).json()) as T
const freeze = () => json<v.InferOutput<typeof DatasetFrozen>>(engineer.post("/api/datasets"))
const versions = async () => (await json<{ items: DatasetVersion[] }>(engineer.get("/api/datasets"))).items
const judge = (id: string, kind?: string) =>
  engineer.post("/api/labels", newLabel(id, kind === undefined ? {} : { verdict: "ng", kinds: [kind] }))

beforeAll(async () => {
  hub = await startTestHub()
  engineer = await hub.as("engineer")
  for (const key of ["dent", "scratch"])
    await engineer.post("/api/defect-classes", { key, names: { ko: key, en: key } })
  parts = storeParts(hub, 30)
  for (const [i, id] of parts.slice(0, 20).entries()) await judge(id, i % 4 === 0 ? "dent" : undefined)
})
afterAll(() => hub.stop())

test("what is labelled is frozen into two versions with their balance, and again into the same ones", async () => {
  const first = await freeze()
  expect([first.training.fresh, first.golden.fresh, first.leaks]).toEqual([true, true, 0])
  const [again, list] = [await freeze(), await versions()]
  expect(again.training).toEqual({ digest: first.training.digest, fresh: false })
  expect(list).toHaveLength(2)
  const [training, golden] = [
    list.find(({ role }) => role === "training")!,
    list.find(({ role }) => role === "golden")!,
  ]
  expect(training.samples + golden.samples).toBe(20)
  expect(training.summary.total.ng + golden.summary.total.ng).toBe(5)
  expect(training.summary.by_split.train!.ok + training.summary.by_split.calib!.ok).toBe(
    training.summary.total.ok,
  )
  expect(Object.keys(golden.summary.by_split)).toEqual(["golden"])
  expect(training.parent).toBeNull()
})

test("a version after it names what came, what went, and what is said otherwise now; nothing changes sides", async () => {
  const before = (await versions()).find(({ role }) => role === "training")!
  const { items } = await json<{ items: DatasetSample[] }>(
    engineer.get(`/api/datasets/${before.digest}/samples`),
  )
  expect(items).toHaveLength(before.samples)
  expect(items[0]?.said?.by).toBe(engineer.userId)
  const changed = items.find(({ label }) => label.verdict === "ok")!
  const withdrawn = items.find(({ id }) => id !== changed.id)!
  await judge(changed.id, "scratch")
  await engineer.post("/api/labels", newLabel(withdrawn.id, { verdict: "withdrawn" }))
  for (const id of parts.slice(20)) await judge(id)
  const { training } = await freeze()
  const now = await json<DatasetVersion>(engineer.get(`/api/datasets/${training.digest}`))
  expect(now.parent).toBe(before.digest)
  const diff = await json<DatasetDiff>(engineer.get(`/api/datasets/${training.digest}/diff/${before.digest}`))
  expect(diff).toMatchObject({ added: now.samples - before.samples + 1, removed: 1, relabelled: 1, moved: 0 })
  expect(diff.examples.removed[0]?.id).toBe(withdrawn.id)
  expect(diff.examples.relabelled[0]).toMatchObject({
    now: { id: changed.id, label: { verdict: "ng", kinds: ["scratch"] } },
    before: { verdict: "ok" },
  })
  // The old one stands as it was.
  expect(await json<DatasetVersion>(engineer.get(`/api/datasets/${before.digest}`))).toEqual(before)
})

test("samples come page by page, each once", async () => {
  const { digest, samples } = (await versions()).find(({ role }) => role === "training")!
  const seen: string[] = []
  let after: string | null = ""
  while (after !== null) {
    const query: string = after === "" ? "" : `&after=${after}`
    const page: { items: DatasetSample[]; next: string | null } = await json(
      engineer.get(`/api/datasets/${digest}/samples?limit=5${query}`),
    )
    seen.push(...page.items.map(({ image }) => image))
    after = page.next
  }
  expect(seen).toHaveLength(samples)
  expect(seen).toEqual([...new Set(seen)].sort())
})

test("golden and training have no difference, an unknown version is not found, and workers do not freeze", async () => {
  const list = await versions()
  const [training, golden] = [
    list.find(({ role }) => role === "training")!,
    list.find(({ role }) => role === "golden")!,
  ]
  const odd = await engineer.get(`/api/datasets/${training.digest}/diff/${golden.digest}`)
  expect([odd.status, ((await odd.json()) as { key: string }).key]).toEqual([400, "dataset_roles"])
  expect((await engineer.get(`/api/datasets/${"0".repeat(64)}`)).status).toBe(404)
  expect((await (await hub.as("worker")).post("/api/datasets")).status).toBe(403)
})
