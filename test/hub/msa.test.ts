import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import type { LabelTask, NewLabel } from "#contract/labelling"
import type { MsaReport, Study } from "#contract/msa"
import { type Browser, startTestHub, type TestHub } from "./support/hub.ts"
import { newLabel, storeParts } from "./support/parts.ts"

type Person = Browser & { userId: string }
let hub: TestHub
let engineer: Person
let reviewer: Person
let workers: [Person, Person]
/** Parts with a known answer: the first half NG with a scratch. */
let known: string[]
const scratched = { verdict: "ng", kinds: ["scratch"] } as const
const truth = (id: string) => (known.indexOf(id) < 5 ? scratched : ({ verdict: "ok", kinds: [] } as const))

beforeAll(async () => {
  hub = await startTestHub()
  engineer = await hub.as("engineer")
  reviewer = await hub.as("reviewer")
  workers = [await hub.as("worker"), await hub.as("worker")]
  await engineer.post("/api/defect-classes", { key: "scratch", names: { ko: "긁힘", en: "Scratch" } })
  known = storeParts(hub, 10, (i) => ({ eval: i < 4 ? "ng" : "ok" }))
  for (const id of known) {
    await label(reviewer, id, { ...truth(id), kinds: [...truth(id).kinds] })
    expect((await reviewer.send("PUT", `/api/known-parts/${id}`, truth(id))).status).toBe(204)
  }
  const limits = await read(engineer, "/api/msa/limits")
  await engineer.send("PUT", "/api/msa/limits", { ...limits, min_parts: 10 })
}, 60_000)
afterAll(() => hub.stop())

const read = async (browser: Browser, path: string) => (await browser.get(path)).json()
async function label(browser: Browser, id: string, more: Partial<NewLabel> = {}): Promise<void> {
  const answer = await browser.post("/api/labels", newLabel(id, more))
  if (answer.status >= 300) throw new Error(await answer.text())
}
async function next(browser: Browser): Promise<LabelTask | null> {
  const answer = await browser.post("/api/labelling/next", { holding: [] })
  return answer.status === 204 ? null : answer.json()
}
/** Judges all that comes, as the truth has it but where `wrong` says otherwise on the how-manieth time. */
async function judgeAll(person: Person, wrong: (id: string, time: number) => Partial<NewLabel> | undefined) {
  const times = new Map<string, number>()
  const order: string[] = []
  for (let task = await next(person); task; task = await next(person)) {
    const { id } = task.inspection
    expect(task.inspection).toMatchObject({ label: null, verdict: { eval: "undefined" }, findings: [] })
    const time = (times.get(id) ?? 0) + 1
    times.set(id, time)
    order.push(id)
    const said = wrong(id, time) ?? { ...truth(id), kinds: [...truth(id).kinds] }
    await label(person, id, { ...said, lease_id: task.lease.id })
  }
  return order
}

describe("a study", () => {
  let study: Study
  test("gives every person every part so many times, in an order of their own, and counts what is left", async () => {
    const asked = { name: "=Line 1", parts: known, people: workers.map((w) => w.userId), trials: 2 }
    expect((await reviewer.post("/api/msa/studies", asked)).status).toBe(403)
    const unknown = { ...asked, people: [crypto.randomUUID()] }
    expect(await (await engineer.post("/api/msa/studies", unknown)).json()).toMatchObject({
      key: "study_person",
    })
    const answer = await engineer.post("/api/msa/studies", asked)
    expect(answer.status).toBe(201)
    study = await answer.json()
    expect(study.people.map((p) => p.left)).toEqual([20, 20])
    // The first misses a scratched part once and is unsure once, the second calls one good part NG both times.
    const first = await judgeAll(workers[0], (id, time) =>
      time === 2 && id === known[0]
        ? { verdict: "ok" }
        : time === 2 && id === known[1]
          ? { verdict: "unsure" }
          : undefined,
    )
    const second = await judgeAll(workers[1], (id) =>
      id === known[9] ? { verdict: "ng", kinds: ["unknown"] } : undefined,
    )
    for (const order of [first, second]) {
      expect(order).toHaveLength(20)
      expect(new Set(order.slice(0, 10)).size).toBe(10)
    }
    expect(first).not.toEqual(second)
    const [now] = (await read(reviewer, "/api/msa/studies")).items as Study[]
    expect(now?.people.map((p) => p.left)).toEqual([0, 0])
  }, 60_000)

  test("says how far each is right, with themselves and with each other", async () => {
    const report: MsaReport = await read(reviewer, `/api/msa/studies/${study.id}/report`)
    expect(report).toMatchObject({ parts: 10, known: { ok: 5, ng: 5 }, study: study.id })
    const [a, b] = workers.map((w) => report.appraisers.find(({ id }) => id === w.userId)!)
    expect(a).toMatchObject({
      effectiveness: { n: 18, of: 20 },
      miss: { n: 1, of: 10 },
      false_alarm: { n: 0, of: 10 },
      within: { n: 8, of: 10 },
      unsure: 1,
      grades: { effectiveness: "acceptable", miss: "unacceptable", overall: "unacceptable" },
    })
    expect(b).toMatchObject({
      effectiveness: { n: 18, of: 20 },
      miss: { n: 0, of: 10 },
      false_alarm: { n: 2, of: 10 },
      within: { n: 10, of: 10 },
    })
    expect(report.between).toMatchObject({ n: 7, of: 10 })
    expect(report.pairs).toHaveLength(1)
    expect(report.kinds.find(({ kind }) => kind === "scratch")).toMatchObject({
      parts: 5,
      named: { n: 18, of: 20 },
    })
    // Not one of the forty answers has become a label.
    expect(hub.hub.labelling.current()).toHaveLength(10)
    for (const id of known) expect(hub.hub.labelling.revisions(id)).toHaveLength(1)
  })

  test("is a PDF with the words of either language, to be read by any program", async () => {
    const python = join(import.meta.dir, "../../.python/bin/python")
    const read = async (query: string) => {
      const answer = await reviewer.get(`/api/msa/studies/${study.id}/report.pdf${query}`)
      expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/pdf"])
      const path = join(hub.folder, "report.pdf")
      await Bun.write(path, await answer.arrayBuffer())
      const child = Bun.spawn([python, join(import.meta.dir, "../peers/read_pdf.py"), path], {
        stderr: "pipe",
      })
      const [out, err] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ])
      if ((await child.exited) !== 0)
        throw new Error(`the peers of the tests cannot run (scripts/test installs them):\n${err}`)
      return JSON.parse(out)
    }
    const ko = await read("")
    for (const word of ["일치도 분석 보고서", "긁힘", "미검률", "정확도", "승인"])
      expect(ko.text).toContain(word)
    expect(ko.title).toContain(study.name)
    expect(ko.fonts.map((font: string) => font.replace(/^\/[A-Z]+\+/, ""))).toEqual([
      "Pretendard-Bold embedded",
      "Pretendard-Regular embedded",
    ])
    const en = await read("?language=en")
    for (const word of ["Attribute agreement report", "Scratch", "Miss rate", "Approved by"])
      expect(en.text).toContain(word)
    // What the page and the table say, the print says too.
    const report: MsaReport = await (await reviewer.get(`/api/msa/studies/${study.id}/report`)).json()
    for (const { name, kind, effectiveness } of report.appraisers) {
      if (kind === "person") expect(en.text).toContain(name)
      if (effectiveness.share === null || !effectiveness.exact) continue
      const percent = (value: number) => `${(value * 100).toFixed(1)} %`
      expect(en.text).toContain(percent(effectiveness.share))
      expect(en.text).toContain(
        `exact ${percent(effectiveness.exact.low)} – ${percent(effectiveness.exact.high)}`,
      )
    }
    expect((await workers[0].get(`/api/msa/studies/${study.id}/report.pdf`)).status).toBe(403)
    expect((await reviewer.get("/api/msa/ongoing.pdf?language=fr")).status).toBe(400)
  }, 60_000)

  test("is a file for Korean Excel without formulas", async () => {
    const answer = await reviewer.get(`/api/msa/studies/${study.id}/report.csv`)
    expect(answer.headers.get("content-type")).toStartWith("text/csv")
    const bytes = new Uint8Array(await answer.arrayBuffer())
    expect([...bytes.slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf])
    const lines = new TextDecoder().decode(bytes).trim().split("\r\n")
    expect(lines[0]).toBe("figure,who,with,kind,n,of,value,low,high,grade,exact_low,exact_high")
    const columns = new Set(lines.map((line) => line.split(",").length))
    expect(columns).toEqual(new Set([12]))
    expect(lines.filter((line) => line.startsWith("miss,"))).toHaveLength(2)
    expect((await workers[0].get(`/api/msa/studies/${study.id}/report`)).status).toBe(403)
  })

  test("that has ended asks nobody any more", async () => {
    const asked = { name: "short", parts: known.slice(0, 2), people: [workers[0].userId], trials: 1 }
    const short: Study = await (await engineer.post("/api/msa/studies", asked)).json()
    const ended: Study = await (await engineer.post(`/api/msa/studies/${short.id}/close`)).json()
    expect(ended.closed_at).toBeGreaterThan(0)
    expect(await next(workers[0])).toBeNull()
    const model = await engineer.post(`/api/msa/studies/${short.id}/model`)
    expect([model.status, (await model.json()).key]).toEqual([409, "study_model"])
  })
})

describe("the ongoing analysis", () => {
  test("gathers second judgements, repeats and the model's word by itself, and each person's figures", async () => {
    const plan = await read(engineer, "/api/labelling/checks")
    await engineer.send("PUT", "/api/labelling/checks", { ...plan, second: 1 })
    const [one, two] = workers
    const fresh = storeParts(hub, 2)
    const first = (await next(one))!
    await label(one, first.inspection.id, { ...scratched, kinds: ["scratch"], lease_id: first.lease.id })
    const other = (await next(one))!
    await label(one, other.inspection.id, { lease_id: other.lease.id })
    for (let i = 0; i < 2; i++) {
      const task = (await next(two))!
      expect(fresh).toContain(task.inspection.id)
      await label(two, task.inspection.id, { ...scratched, kinds: ["scratch"], lease_id: task.lease.id })
    }
    const report: MsaReport = await read(reviewer, "/api/msa/ongoing?days=30")
    expect(report.parts).toBe(2)
    expect(report.between).toMatchObject({ n: 1, of: 2 })
    expect(report.appraisers.map(({ grades }) => grades.overall)).toEqual(["too_few", "too_few"])
    const { items } = await read(reviewer, "/api/msa/people?days=30")
    for (const { userId } of workers)
      expect(items).toContainEqual(
        expect.objectContaining({ id: userId, second: expect.objectContaining({ n: 1, of: 2 }) }),
      )
  })

  test("limits are the engineer's, and acceptable is never wider than marginal", async () => {
    const limits = await read(engineer, "/api/msa/limits")
    expect((await engineer.send("PUT", "/api/msa/limits", { ...limits, miss: [0.1, 0.05] })).status).toBe(400)
    expect((await reviewer.send("PUT", "/api/msa/limits", limits)).status).toBe(403)
  })
})
