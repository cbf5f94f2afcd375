import { afterEach, expect, test } from "bun:test"
import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { NewLabel } from "#contract/labelling"
import { createApi } from "../../ui/api.ts"
import { createMemoryStore, createOutbox, type Outbox } from "../../ui/screens/label/outbox.ts"

type Answer = "stored" | "down" | "refused" | "cut"
const open: (() => void)[] = []
afterEach(() => {
  for (const close of open.splice(0)) close()
})

/** A hub that answers as told, over real HTTP. */
function startHub() {
  const got: NewLabel[] = []
  const state: { answer: Answer } = { answer: "stored" }
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const label = v.parse(NewLabel, await request.json())
      const problem = (status: number, code: string, key: string) =>
        Response.json(
          { type: "about:blank", title: key, status, code, key, params: {}, request_id: "r1" },
          { status },
        )
      if (state.answer === "down") return problem(503, "unavailable", "busy")
      if (state.answer === "refused") return problem(400, "invalid", "label_kind")
      const duplicate = got.some((known) => known.id === label.id)
      if (!duplicate) got.push(label)
      // "cut": the label is stored and the receipt is lost on its way.
      if (state.answer === "cut") return new Response("", { status: 502 })
      return Response.json({
        id: label.id,
        inspection_id: label.inspection_id,
        revision: 1,
        stored_at: 1,
        duplicate,
      })
    },
  })
  open.push(() => void server.stop(true))
  const api = createApi({
    fetch: (path, init) => fetch(new URL(path, server.url), init),
    onSignedOut: () => {},
  })
  return { got, state, api }
}

const label = (): NewLabel => ({
  id: uuidv7(),
  inspection_id: uuidv7(),
  verdict: "ok",
  kinds: [],
  boxes: [],
  accepted: false,
  shown_at: 1,
  decided_at: 2,
  active_ms: 1,
})

async function until(what: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000
  while (!what()) {
    if (Date.now() > deadline) throw new Error("it did not come true within 5 s")
    await Bun.sleep(5)
  }
}

function openOutbox(hub: ReturnType<typeof startHub>, store = createMemoryStore(), user = "u1"): Outbox {
  const outbox = createOutbox({ store, api: hub.api, user, retryMs: 5 })
  open.push(outbox.stop)
  return outbox
}

test("verdicts given while the hub is down are sent in order when it is back", async () => {
  const hub = startHub()
  hub.state.answer = "down"
  const outbox = openOutbox(hub)
  const labels = [label(), label(), label()]
  for (const one of labels) await outbox.add(one)
  expect(outbox.unsent.value).toBe(3)
  hub.state.answer = "stored"
  await until(() => outbox.unsent.value === 0)
  expect(hub.got.map((l) => l.id)).toEqual(labels.map((l) => l.id))
})

test("a lost receipt leads to the same label again, and the hub has it once", async () => {
  const hub = startHub()
  hub.state.answer = "cut"
  const outbox = openOutbox(hub)
  await outbox.add(label())
  await until(() => hub.got.length === 1)
  expect(outbox.unsent.value).toBe(1)
  hub.state.answer = "stored"
  await until(() => outbox.unsent.value === 0)
  expect(hub.got).toHaveLength(1)
})

test("what was unsent when the page closed is sent by the next visit", async () => {
  const hub = startHub()
  hub.state.answer = "down"
  const store = createMemoryStore()
  const before = openOutbox(hub, store)
  await before.add(label())
  before.stop()
  hub.state.answer = "stored"
  const after = openOutbox(hub, store)
  await after.flush()
  await until(() => hub.got.length === 1)
  expect(after.unsent.value).toBe(0)
})

test("a verdict is only sent in the name of the person who gave it", async () => {
  const hub = startHub()
  hub.state.answer = "down"
  const store = createMemoryStore()
  const first = openOutbox(hub, store, "u1")
  await first.add(label())
  first.stop()
  hub.state.answer = "stored"
  const other = openOutbox(hub, store, "u2")
  await other.flush()
  expect(other.unsent.value).toBe(0)
  expect(hub.got).toHaveLength(0)
  expect(await store.all()).toHaveLength(1)
})

test("a verdict the hub refuses for good is kept and counted, and does not hold up the next", async () => {
  const hub = startHub()
  hub.state.answer = "refused"
  const store = createMemoryStore()
  const outbox = openOutbox(hub, store)
  await outbox.add(label())
  await until(() => outbox.refused.value === 1)
  hub.state.answer = "stored"
  await outbox.add(label())
  await until(() => hub.got.length === 1 && outbox.unsent.value === 0)
  expect((await store.all()).map((entry) => entry.refused)).toEqual(["label_kind"])
})
