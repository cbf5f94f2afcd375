import { afterEach, beforeAll, beforeEach, expect, test } from "bun:test"
import { createApi } from "../../ui/api.ts"
import { wholePicture } from "../../ui/editor/picture.ts"
import { documentOf } from "../../ui/editor/state.ts"
import { createMemoryKept } from "../../ui/screens/label/kept.ts"
import { createLabelling } from "../../ui/screens/label/labelling.ts"
import { createOutbox } from "../../ui/screens/label/outbox.ts"
import { createQueue } from "../../ui/screens/label/queue.ts"
import { fixturePassword, startFixture } from "./support/fixture.ts"
import { type Picture, paintPictures } from "./support/pictures.ts"

let fixture: Awaited<ReturnType<typeof startFixture>>
let cookie = ""
let painted: Picture[]

beforeAll(async () => {
  painted = await paintPictures(10, 320)
}, 30_000)
// Every test has a full queue of its own.
beforeEach(async () => {
  fixture = await startFixture({ ui: "dist/ui", painted })
  const answer = await fetch(`${fixture.url}/api/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ login: "worker1", password: fixturePassword }),
  })
  cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? ""
})
/** One that is left running would send its labels to the hub of the next test. */
const open: (() => void)[] = []
afterEach(async () => {
  for (const stop of open.splice(0)) stop()
  await fixture.stop()
})

async function until(what: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000
  while (!what()) {
    if (Date.now() > deadline) throw new Error("it did not come true within 5 s")
    await Bun.sleep(5)
  }
}

/** A tablet at work over real HTTP; its clock is ours, its pictures are not decoded. */
async function startWork(
  isKnown: (kind: string) => boolean = () => true,
  afterFrame?: (then: () => void) => void,
) {
  const clock = { now: Date.now() }
  const api = createApi({
    fetch: (path, init) =>
      fetch(fixture.url + path, {
        ...init,
        headers: { ...(init.headers as Record<string, string>), cookie },
      }),
    onSignedOut: () => {},
  })
  const outbox = createOutbox({ store: createMemoryKept(), api, user: "worker1" })
  const queue = createQueue({ api, decode: async ({ w, h }) => wholePicture({ w, h }, []) })
  const frame = afterFrame ? { afterFrame } : {}
  const work = createLabelling({ queue, outbox, now: () => clock.now, isKnown, ...frame })
  open.push(outbox.stop)
  work.start()
  await until(() => work.held.value !== null)
  clock.now += 1_000
  return { work, outbox, clock, id: () => work.held.value?.task.inspection.id }
}

test("the next part is there at once, and is another one", async () => {
  const { work, clock, id } = await startWork()
  await Bun.sleep(0)
  await until(() => work.supply.value.state === "ready")
  const first = id()
  await work.decide("ok")
  await until(() => work.held.value !== null)
  expect(id()).not.toBe(first)
  clock.now += 1_000
  work.stop()
})

test("a double tap does not judge the part that has just come", async () => {
  const { work, clock, id } = await startWork()
  await work.decide("unsure")
  await until(() => work.held.value !== null)
  const second = id()
  clock.now += 100
  await work.decide("unsure")
  expect(id()).toBe(second)
  clock.now += 60
  await work.decide("unsure")
  expect(id()).not.toBe(second)
  work.stop()
})

test("a verdict is told first; whatever is done before the next part is shown judges nothing twice", async () => {
  const frames: (() => void)[] = []
  const { work, clock, id } = await startWork(undefined, (then) => frames.push(then))
  const first = id()
  const before = fixture.labels.length
  const decided = work.decide("ok")
  expect(work.last.value?.verdict).toBe("ok")
  expect(id()).toBe(first)
  // A finger that was quicker than the frame.
  clock.now += 1_000
  await work.decide("ng")
  expect(id()).not.toBe(first)
  await decided
  for (const frame of frames.splice(0)) frame()
  await until(() => work.held.value !== null)
  const second = id()
  clock.now += 1_000
  // Taken back before the next one was shown: the part is in the hand once, and not also in front of the others.
  const again = work.decide("unsure")
  await work.undo()
  await again
  for (const frame of frames.splice(0)) frame()
  expect(id()).toBe(second)
  await until(() => fixture.labels.length === before + 3)
  expect(fixture.labels.slice(before).map(({ verdict, inspection_id }) => [verdict, inspection_id])).toEqual([
    ["ok", first!],
    ["unsure", second!],
    ["withdrawn", second!],
  ])
  clock.now += 1_000
  await work.decide("ok")
  for (const frame of frames.splice(0)) frame()
  expect(id()).not.toBe(second)
  work.stop()
})

test("NG without a kind asks for it once, and the kind that is pressed is the answer", async () => {
  const { work } = await startWork()
  for (const shape of documentOf(work.editor.value).shapes) work.dispatch({ type: "remove", id: shape.id })
  const before = fixture.labels.length
  await work.decide("ng")
  expect(work.asking.value).toBe(true)
  await work.pick("dent")
  await until(() => fixture.labels.length === before + 1)
  expect(fixture.labels.at(-1)).toMatchObject({ verdict: "ng", kinds: ["dent"] })
  work.stop()
})

test("a box the model cannot name gets the kind that is pressed", async () => {
  const { work, clock } = await startWork(() => false)
  while (documentOf(work.editor.value).shapes.length === 0) {
    await work.decide("ok")
    await until(() => work.held.value !== null)
    clock.now += 1_000
  }
  expect(documentOf(work.editor.value).shapes[0]?.kind).toBe("unknown")
  await work.decide("ng")
  expect(work.asking.value).toBe(true)
  await work.pick("crack")
  await until(() => fixture.labels.at(-1)?.verdict === "ng")
  expect(fixture.labels.at(-1)).toMatchObject({ verdict: "ng", kinds: ["crack"], accepted: false })
  expect(fixture.labels.at(-1)?.boxes.map((box) => box.kind)).toEqual(["crack"])
  work.stop()
})

test("undo shows the part as it was left and withdraws its verdict", async () => {
  const { work, clock, id } = await startWork()
  const first = id()
  work.dispatch({ type: "mode", mode: "box" })
  await work.pick("chip")
  await work.decide("ng")
  await until(() => work.held.value !== null && id() !== first)
  clock.now += 1_000
  await work.undo()
  expect(id()).toBe(first)
  expect(work.picked.value).toEqual(["chip"])
  await until(() => fixture.labels.at(-1)?.verdict === "withdrawn")
  expect(fixture.labels.at(-1)?.inspection_id).toBe(first)
  work.stop()
})
