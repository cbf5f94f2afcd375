import { afterEach, expect, test } from "bun:test"
import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { NewDeed } from "#contract/flow"
import { NewLabel } from "#contract/labelling"
import { createApi } from "../../ui/api.ts"
import { createMemoryKept, type Entry } from "../../ui/screens/label/kept.ts"
import { createOutbox, type OneAtATime, type Outbox } from "../../ui/screens/label/outbox.ts"

type Answer = "stored" | "down" | "refused" | "cut" | "withdrawn"
const open: (() => void)[] = []
afterEach(() => {
  for (const close of open.splice(0)) close()
})

/** A hub that answers as told, over real HTTP. */
function startHub() {
  const got: NewLabel[] = []
  const deeds: NewDeed[] = []
  /** Ids in the order they were stored, labels and deeds alike. */
  const stored: string[] = []
  const state: { answer: Answer; posts: number; signedIn: string | null } = {
    answer: "stored",
    posts: 0,
    signedIn: null,
  }
  /** The passes that labels came with. */
  const passes: string[] = []
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const problem = (status: number, code: string, key: string) =>
        Response.json(
          { type: "about:blank", title: key, status, code, key, params: {}, request_id: "r1" },
          { status },
        )
      const named = request.headers.get("crux-user")
      if (named !== null && state.signedIn !== null && named !== state.signedIn)
        return problem(409, "conflict", "other_person")
      if (new URL(request.url).pathname === "/api/session/label-pass") {
        const token = `pass of ${request.headers.get("x-user")}`
        return Response.json({ token, expires_at: Date.now() + 60_000 }, { status: 201 })
      }
      const body = await request.json()
      const isDeed = new URL(request.url).pathname.startsWith("/api/labelling/deeds")
      const label = isDeed ? v.parse(NewDeed, body) : v.parse(NewLabel, body)
      const pass = request.headers.get("crux-label-pass")
      if (pass !== null) passes.push(pass)
      state.posts += 1
      if (state.answer === "down") return problem(503, "unavailable", "busy")
      if (state.answer === "withdrawn") return problem(409, "conflict", "label_withdraw")
      if (state.answer === "refused") return problem(400, "invalid", "label_kind")
      const duplicate = stored.includes(label.id)
      if (!duplicate) {
        stored.push(label.id)
        if ("do" in label) deeds.push(label)
        else got.push(label)
      }
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
  const apiOf = (user: string) =>
    createApi({
      fetch: (path, init) =>
        fetch(new URL(path, server.url), {
          ...init,
          headers: { ...(init.headers as Record<string, string>), "x-user": user },
        }),
      onSignedOut: () => {},
    })
  return { got, deeds, stored, state, passes, apiOf }
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

function openOutbox(
  hub: ReturnType<typeof startHub>,
  store = createMemoryKept(),
  user = "u1",
  oneAtATime?: OneAtATime,
): Outbox {
  const outbox = createOutbox({
    store,
    api: hub.apiOf(user),
    user,
    retryMs: 5,
    ...(oneAtATime && { oneAtATime }),
  })
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

/** A disk that answers when it is told to. */
function slowDisk() {
  const store = createMemoryKept()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  return { store: { ...store, put: (entry: Entry) => promise.then(() => store.put(entry)) }, resolve, reject }
}

test("a label reaches the hub while the tablet's disk still takes it, and stays on it until the receipt is there", async () => {
  const hub = startHub()
  const { store, resolve } = slowDisk()
  const outbox = openOutbox(hub, store)
  await outbox.flush()
  const one = label()
  const added = outbox.add(one)
  await until(() => hub.got.length === 1)
  expect(outbox.judged()).toEqual([one.inspection_id])
  resolve()
  await added
  await until(() => outbox.receipts.value.has(one.id))
  await until(() => outbox.unsent.value === 0)
  expect(await store.all()).toEqual([])
  expect(hub.stored).toEqual([one.id])

  // Cut off: it lies there, is counted, and goes out later, once.
  hub.state.answer = "down"
  const two = label()
  await outbox.add(two)
  await until(() => hub.state.posts >= 2)
  expect(outbox.unsent.value).toBe(1)
  expect(await store.all()).toHaveLength(1)
  hub.state.answer = "stored"
  await until(() => outbox.unsent.value === 0)
  expect(hub.stored).toEqual([one.id, two.id])
})

test("a disk that takes nothing is told to whoever judged, and the hub has the label all the same", async () => {
  const hub = startHub()
  const { store, reject } = slowDisk()
  const outbox = openOutbox(hub, store)
  await outbox.flush()
  const added = outbox.add(label())
  await until(() => hub.got.length === 1)
  reject(new Error("no room"))
  expect(added).rejects.toThrow("no room")
  await until(() => outbox.lastTrouble.value?.code === "answer")
  expect(outbox.unsent.value).toBe(0)
})

test("giving back, asking and commenting wait with the verdicts, in order, and speak in their person's name", async () => {
  const hub = startHub()
  hub.state.answer = "down"
  const store = createMemoryKept()
  const outbox = openOutbox(hub, store)
  const deed = { inspection_id: uuidv7(), made_at: 5 }
  const skip = { ...deed, do: "skip" as const, id: uuidv7(), reason: "picture" as const }
  const said = { ...deed, do: "comment" as const, id: uuidv7(), text: "look at the edge" }
  const ask = { ...deed, do: "ask" as const, id: uuidv7(), inspection_id: uuidv7(), to: null }
  const one = label()
  await outbox.addDeed(said)
  await outbox.add(one)
  await outbox.addDeed(skip)
  await outbox.addDeed(ask)
  expect(outbox.unsent.value).toBe(4)
  // A comment leaves the part in the hand; the others end it.
  expect(outbox.judged().sort()).toEqual([one.inspection_id, skip.inspection_id, ask.inspection_id].sort())
  expect(outbox.saying.value).toEqual([
    { id: said.id, inspection_id: said.inspection_id, text: "look at the edge" },
  ])
  // The next person at the tablet sends them, by the pass their owner left.
  outbox.stop()
  await store.putPass({ user: "u1", made: Date.now(), token: "pass of u1", expires_at: Date.now() + 60_000 })
  hub.state.answer = "stored"
  const next = openOutbox(hub, store, "u2")
  await next.flush()
  await until(() => next.unsentOfOthers.value === 0)
  expect(hub.stored).toEqual([said.id, one.id, skip.id, ask.id])
  expect(hub.passes).toEqual(Array(4).fill("pass of u1"))
})

test("a comment the hub refuses for good is kept and counted, and what is behind it goes on", async () => {
  const hub = startHub()
  hub.state.answer = "refused"
  const outbox = openOutbox(hub)
  await outbox.addDeed({
    do: "comment",
    id: uuidv7(),
    inspection_id: uuidv7(),
    text: "to somebody who has left",
    made_at: 1,
  })
  await until(() => outbox.refused.value === 1)
  hub.state.answer = "stored"
  await outbox.add(label())
  await until(() => outbox.unsent.value === 0)
  expect(hub.got).toHaveLength(1)
  expect(outbox.refused.value).toBe(1)
})

test("a part counts as judged from the tap to the receipt, and no longer", async () => {
  const hub = startHub()
  hub.state.answer = "down"
  const store = createMemoryKept()
  const outbox = openOutbox(hub, store)
  const one = label()
  const added = outbox.add(one)
  expect(outbox.judged()).toEqual([one.inspection_id])
  await added
  expect(outbox.judged()).toEqual([one.inspection_id])
  outbox.stop()
  // Opened anew it is known from the disk.
  const again = openOutbox(hub, store)
  await again.flush()
  expect(again.judged()).toEqual([one.inspection_id])
  hub.state.answer = "stored"
  await until(() => again.unsent.value === 0)
  await until(() => again.judged().length === 0)
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
  const store = createMemoryKept()
  const before = openOutbox(hub, store)
  await before.add(label())
  before.stop()
  hub.state.answer = "stored"
  const after = openOutbox(hub, store)
  await after.flush()
  await until(() => hub.got.length === 1)
  expect(after.unsent.value).toBe(0)
})

test("what somebody left unsent goes out in that person's name, by the pass they left, whoever is signed in", async () => {
  const hub = startHub()
  const store = createMemoryKept()
  const first = openOutbox(hub, store, "u1")
  await first.flush()
  hub.state.answer = "down"
  await first.add(label())
  first.stop()
  hub.state.answer = "stored"
  const other = openOutbox(hub, store, "u2")
  await other.flush()
  await until(() => other.unsentOfOthers.value === 0)
  expect(hub.got).toHaveLength(1)
  expect(hub.passes).toEqual(["pass of u1"])
  expect(await store.all()).toHaveLength(0)
})

test("a tab that has not heard of a change of hands sends in the right name all the same", async () => {
  const hub = startHub()
  const store = createMemoryKept()
  const outbox = openOutbox(hub, store, "u1")
  await outbox.flush()
  hub.state.signedIn = "u2"
  await outbox.add(label())
  await until(() => hub.got.length === 1)
  expect(hub.passes).toEqual(["pass of u1"])
  await store.dropPass("u1")
  await outbox.add(label())
  await outbox.flush()
  expect(hub.got).toHaveLength(1)
  expect(outbox.unsent.value).toBe(1)
})

test("without a pass it waits for its owner, and holds up nobody else", async () => {
  const hub = startHub()
  const store = createMemoryKept()
  await store.put({ id: "left", user: "u1", at: 1, label: { ...label(), id: "left" } })
  const other = openOutbox(hub, store, "u2")
  await other.add(label())
  await until(() => hub.got.length === 1 && other.unsent.value === 0)
  expect(other.unsentOfOthers.value).toBe(1)
  expect((await store.all()).map(({ id }) => id)).toEqual(["left"])
})

test("two tabs send each verdict once", async () => {
  const hub = startHub()
  hub.state.answer = "down"
  const store = createMemoryKept()
  let last: Promise<void> = Promise.resolve()
  const oneAtATime = (work: () => Promise<void>) => {
    last = last.then(work, work)
    return last
  }
  const tabs = [openOutbox(hub, store, "u1", oneAtATime), openOutbox(hub, store, "u1", oneAtATime)]
  for (let i = 0; i < 6; i++) await tabs[i % 2]!.add(label())
  hub.state.answer = "stored"
  hub.state.posts = 0
  await Promise.all(tabs.map((tab) => tab.flush()))
  await until(() => hub.got.length === 6)
  expect(hub.state.posts).toBe(6)
  await Promise.all(tabs.map((tab) => tab.flush()))
  expect(tabs.map((tab) => tab.unsent.value)).toEqual([0, 0])
})

test("a label that an older build left behind is sent, and the hub decides", async () => {
  const hub = startHub()
  const store = createMemoryKept()
  const old = { ...label(), something: "of another age" }
  await store.put({ id: old.id, user: "u1", at: 1, label: old })
  const outbox = openOutbox(hub, store)
  await outbox.flush()
  expect(hub.got.map(({ id }) => id)).toEqual([old.id])
})

test("a verdict taken back after somebody else has judged lets the other stand", async () => {
  const hub = startHub()
  hub.state.answer = "withdrawn"
  const store = createMemoryKept()
  const outbox = openOutbox(hub, store)
  await outbox.add({ ...label(), verdict: "withdrawn" })
  await until(() => outbox.unsent.value === 0)
  expect(outbox.refused.value).toBe(0)
  expect(await store.all()).toEqual([])
})

test("a verdict the hub refuses for good is kept and counted, and does not hold up the next", async () => {
  const hub = startHub()
  hub.state.answer = "refused"
  const store = createMemoryKept()
  const outbox = openOutbox(hub, store)
  await outbox.add(label())
  await until(() => outbox.refused.value === 1)
  hub.state.answer = "stored"
  await outbox.add(label())
  await until(() => hub.got.length === 1 && outbox.unsent.value === 0)
  expect((await store.all()).map((entry) => entry.refused)).toEqual(["label_kind"])
})
