import { type ReadonlySignal, signal } from "@preact/signals"
import type * as v from "valibot"
import { DeedReceipt, type NewDeed } from "#contract/flow"
import { LabelReceipt, type NewLabel } from "#contract/labelling"
import { LabelPass } from "#contract/tablets"
import { type Api, asTrouble, mayRetry, type Trouble } from "../../api.ts"
import type { Entry, Kept } from "./kept.ts"

type Receipt = v.InferOutput<typeof LabelReceipt>
/** Something said about a part. */
type Saying = { id: string; inspection_id: string; text: string }

/** One tab at a time sends; without Web Locks (plain http on a LAN address) the label's id makes a repeat harmless. */
export type OneAtATime = (work: () => Promise<void>) => Promise<void>

export type Outbox = {
  /** Of the signed-in person. */
  unsent: ReadonlySignal<number>
  /** Of everybody else who has used this tablet. */
  unsentOfOthers: ReadonlySignal<number>
  refused: ReadonlySignal<number>
  /** Whether the counts are those of the disk yet. */
  isRead: ReadonlySignal<boolean>
  lastTrouble: ReadonlySignal<Trouble | undefined>
  /** Parts the signed-in person is done with and the hub does not know it yet: they need not come again. */
  judged: () => string[]
  /** Comments of the signed-in person that are still on their way, oldest first. */
  saying: ReadonlySignal<readonly Saying[]>
  /** What the hub answered in this visit, by label. */
  receipts: ReadonlySignal<ReadonlyMap<string, Receipt>>
  add: (label: NewLabel) => Promise<void>
  /** What is done with a part beside judging it, kept and sent like a label and in its turn. */
  addDeed: (deed: NewDeed) => Promise<void>
  flush: () => Promise<void>
  /** The person goes: with nothing left unsent the tablet needs no pass of theirs any more. */
  leave: () => Promise<void>
  stop: () => void
}

/** A label and its way to the tablet's disk. */
type Fresh = { entry: Entry; lies: Promise<void> }

const longestRetryMs = 30_000
/** A dead network may hold a request for ever, and with it everything behind it. */
const longestSendMs = 60_000
/** A pass is fetched anew after a day, so that it always lasts for a holiday. */
const passAgeMs = 86_400_000

/**
 * Sends verdicts, and what else was done with parts, in the order they were given. Each is stored on the tablet and removed after the hub's receipt;
 * the label's own id makes a repeat harmless. What the hub refuses for good is kept and counted, never dropped. What
 * other people left unsent here goes out in their names, by the pass they left with it; `user` null: nobody is signed in.
 */
export function createOutbox(deps: {
  store: Kept
  api: Api
  user: string | null
  oneAtATime?: OneAtATime
  /** Tells the other tabs that something has changed. */
  channel?: Pick<BroadcastChannel, "postMessage" | "addEventListener" | "removeEventListener">
  retryMs?: number
}): Outbox {
  const { store, api, user, channel } = deps
  const oneAtATime = deps.oneAtATime ?? ((work) => work())
  const unsent = signal(0)
  const unsentOfOthers = signal(0)
  const refused = signal(0)
  const isRead = signal(false)
  const lastTrouble = signal<Trouble | undefined>(undefined)
  const saying = signal<readonly Saying[]>([])
  const receipts = signal<ReadonlyMap<string, Receipt>>(new Map())
  /** Parts of labels that are just being written to the disk, and of those that lie there. */
  const arriving = new Set<string>()
  let lying: string[] = []
  let running: Promise<void> | undefined
  let again = false
  let failures = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let stopped = false

  const isMine = (entry: Entry) => entry.user === user
  const partOf = (entry: Entry) => ("label" in entry ? entry.label : entry.deed).inspection_id
  /** A comment leaves the part in the hand, and taking a skip back brings it there. */
  const endsPart = (entry: Entry) => "label" in entry || entry.deed.do === "skip" || entry.deed.do === "ask"

  /** What waits, the signed-in person's first, each person's in order. */
  async function waiting(): Promise<Entry[]> {
    const entries = await store.all()
    const open = entries.filter((entry) => entry.refused === undefined)
    const mine = open.filter(isMine)
    lying = mine.filter(endsPart).map(partOf)
    saying.value = mine.flatMap((entry) =>
      "deed" in entry && entry.deed.do === "comment"
        ? [{ id: entry.id, inspection_id: partOf(entry), text: String(entry.deed.text) }]
        : [],
    )
    unsent.value = mine.length
    unsentOfOthers.value = open.length - unsent.value
    refused.value = entries.filter((entry) => entry.refused !== undefined && isMine(entry)).length
    isRead.value = true
    return open.sort(
      (a, b) =>
        Number(isMine(b)) - Number(isMine(a)) || a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
    )
  }

  async function post(entry: Entry, token: string | undefined): Promise<Receipt | DeedReceipt> {
    const signal = AbortSignal.timeout(longestSendMs)
    const headers: Record<string, string> =
      token === undefined ? { "crux-user": entry.user } : { "crux-label-pass": token }
    const kept = token === undefined ? "" : "/kept"
    return "label" in entry
      ? api.post(`/api/labels${kept}`, entry.label, LabelReceipt, { signal, headers })
      : api.post(`/api/labelling/deeds${kept}`, entry.deed, DeedReceipt, { signal, headers })
  }

  async function refreshPass(): Promise<void> {
    if (user === null) return
    const known = (await store.passes()).find((pass) => pass.user === user)
    if (known && Date.now() - known.made < passAgeMs) return
    const pass = await api.post("/api/session/label-pass", undefined, LabelPass, {
      headers: { "crux-user": user },
    })
    await store.putPass({ user, made: Date.now(), ...pass })
  }

  function tryLater(): void {
    failures += 1
    clearTimeout(timer)
    const wait = Math.min(longestRetryMs, (deps.retryMs ?? 1_000) * 2 ** failures)
    if (!stopped) timer = setTimeout(() => void flush(), wait)
  }

  /** All that lies on the disk; or a label that is just being laid there and goes ahead, because nothing else waits. */
  async function sendAll(fresh?: Fresh): Promise<void> {
    let passes: Promise<Map<string, string>> | undefined
    const passOf = async (owner: string) => {
      passes ??= store.passes().then((all) => new Map(all.map((pass) => [pass.user, pass.token])))
      return (await passes).get(owner)
    }
    const lies = fresh?.lies ?? Promise.resolve()
    const stuck = new Set<string>()
    let changed = false
    for (const entry of fresh ? [fresh.entry] : await waiting()) {
      if (stopped) break
      const token = isMine(entry) ? undefined : await passOf(entry.user)
      // Nobody may speak for that person: it stays until they sign in here again.
      if (stuck.has(entry.user) || (!isMine(entry) && token === undefined)) continue
      try {
        const receipt = await post(entry, token).catch(async (error: unknown) => {
          // The tablet has changed hands meanwhile, perhaps in another tab: the pass says whose it is.
          if (asTrouble(error).key !== "other_person") throw error
          const pass = await passOf(entry.user)
          if (pass === undefined) throw error
          return post(entry, pass)
        })
        await lies
        failures = 0
        if (isMine(entry)) {
          lastTrouble.value = undefined
          if ("revision" in receipt) receipts.value = new Map(receipts.value).set(entry.id, receipt)
        }
        await store.receive(entry.id, { user: entry.user, receipt })
        if (isMine(entry)) {
          if (endsPart(entry)) lying = lying.filter((part) => part !== partOf(entry))
          saying.value = saying.value.filter(({ id }) => id !== entry.id)
        }
        const count = isMine(entry) ? unsent : unsentOfOthers
        count.value = Math.max(0, count.value - 1)
        changed = true
      } catch (error) {
        // A disk that took nothing has been told to whoever gave the label.
        await lies.catch(() => {})
        const trouble = asTrouble(error)
        if (isMine(entry)) lastTrouble.value = trouble
        if (trouble.key === "label_pass" || trouble.key === "other_person") {
          if (trouble.key === "label_pass") await store.dropPass(entry.user)
          stuck.add(entry.user)
          continue
        }
        // An answer we cannot read may still be a receipt: sending the same id again is safe.
        if (mayRetry(trouble) || trouble.code === "answer") {
          tryLater()
          break
        }
        // Taken back after somebody else had judged: theirs stands, and there is nothing left to take back.
        if (trouble.key === "label_withdraw" && "label" in entry && entry.label.verdict === "withdrawn")
          await store.remove(entry.id)
        else await store.put({ ...entry, refused: trouble.key })
        changed = true
        await waiting()
      }
    }
    if (changed) channel?.postMessage("changed")
  }

  async function flush(fresh?: Fresh): Promise<void> {
    if (running) {
      again = true
      return running
    }
    let ahead = fresh
    running = (async () => {
      do {
        again = false
        const now = ahead
        ahead = undefined
        // What goes ahead asks no other tab: a repeat of it is harmless.
        await (now ? sendAll(now) : oneAtATime(() => sendAll()))
        // After the labels: a pass matters only for what is still to come.
        await refreshPass().catch((error: unknown) => console.info("label pass", asTrouble(error).key))
      } while (again && !stopped)
    })()
    try {
      await running
    } finally {
      running = undefined
    }
  }

  /** Whether nothing is under way and nothing lies on the disk: what is given now is the next to be sent. */
  const isIdle = () =>
    running === undefined && isRead.peek() && unsent.peek() === 0 && unsentOfOthers.peek() === 0

  async function keep(entry: Entry): Promise<void> {
    const part = partOf(entry)
    if (endsPart(entry)) arriving.add(part)
    try {
      const lies = store.put(entry)
      // The hub need not wait for the tablet's disk: its receipt is the better proof, and the same id twice is one label.
      const ahead = "label" in entry && isIdle()
      if (ahead) void flush({ entry, lies })
      await lies
      if (ahead) {
        lying = [...lying, part]
        unsent.value += 1
      } else await waiting()
      channel?.postMessage("changed")
      if (!ahead) void flush()
    } finally {
      arriving.delete(part)
    }
  }
  /** In the order they were done, also within a millisecond. */
  let latest = 0
  const signed = (id: string) => {
    latest = Math.max(Date.now(), latest + 0.001)
    return { id, user: user ?? "", at: latest }
  }

  const hear = () => void waiting()
  channel?.addEventListener("message", hear)

  return {
    unsent,
    unsentOfOthers,
    refused,
    isRead,
    lastTrouble,
    receipts,
    judged: () => [...new Set([...arriving, ...lying])],
    saying,
    add: (label) => keep({ ...signed(label.id), label }),
    addDeed: (deed) => keep({ ...signed(deed.id), deed }),
    flush: () => flush(),
    async leave() {
      if (user === null) return
      const left = (await store.all()).some(isMine)
      if (!left) await store.dropPass(user)
    },
    stop: () => {
      stopped = true
      clearTimeout(timer)
      channel?.removeEventListener("message", hear)
    },
  }
}

/** Across tabs, where the browser has it. */
export const webLock =
  (locks: LockManager): OneAtATime =>
  (work) =>
    locks.request("crux-outbox", work)
