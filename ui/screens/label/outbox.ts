import { type ReadonlySignal, signal } from "@preact/signals"
import type * as v from "valibot"
import { LabelReceipt, type NewLabel } from "#contract/labelling"
import { LabelPass } from "#contract/tablets"
import { type Api, asTrouble, mayRetry, type Trouble } from "../../api.ts"
import type { Entry, Kept } from "./kept.ts"

type Receipt = v.InferOutput<typeof LabelReceipt>

/** One tab at a time sends; without Web Locks (plain http on a LAN address) the label's id makes a repeat harmless. */
export type OneAtATime = (work: () => Promise<void>) => Promise<void>

export type Outbox = {
  /** Of the signed-in person. */
  unsent: ReadonlySignal<number>
  /** Of everybody else who has used this tablet. */
  unsentOfOthers: ReadonlySignal<number>
  refused: ReadonlySignal<number>
  lastTrouble: ReadonlySignal<Trouble | undefined>
  /** Parts the signed-in person has judged and the hub has not confirmed yet: nobody needs to judge them again. */
  judged: () => string[]
  /** What the hub answered in this visit, by label. */
  receipts: ReadonlySignal<ReadonlyMap<string, Receipt>>
  add: (label: NewLabel) => Promise<void>
  flush: () => Promise<void>
  /** The person goes: with nothing left unsent the tablet needs no pass of theirs any more. */
  leave: () => Promise<void>
  stop: () => void
}

const longestRetryMs = 30_000
/** A dead network may hold a request for ever, and with it everything behind it. */
const longestSendMs = 60_000
/** A pass is fetched anew after a day, so that it always lasts for a holiday. */
const passAgeMs = 86_400_000

/**
 * Sends verdicts in the order they were given. Each is stored on the tablet first and removed after the hub's receipt;
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
  const lastTrouble = signal<Trouble | undefined>(undefined)
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

  /** What waits, the signed-in person's first, each person's in order. */
  async function waiting(): Promise<Entry[]> {
    const entries = await store.all()
    const open = entries.filter((entry) => entry.refused === undefined)
    const mine = open.filter(isMine)
    lying = mine.map(({ label }) => label.inspection_id)
    unsent.value = mine.length
    unsentOfOthers.value = open.length - unsent.value
    refused.value = entries.filter((entry) => entry.refused !== undefined && isMine(entry)).length
    return open.sort(
      (a, b) =>
        Number(isMine(b)) - Number(isMine(a)) || a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
    )
  }

  async function post(entry: Entry, token: string | undefined): Promise<Receipt> {
    const signal = AbortSignal.timeout(longestSendMs)
    return token === undefined
      ? api.post("/api/labels", entry.label, LabelReceipt, { signal, headers: { "crux-user": entry.user } })
      : api.post("/api/labels/kept", entry.label, LabelReceipt, {
          signal,
          headers: { "crux-label-pass": token },
        })
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

  async function sendAll(): Promise<void> {
    const passes = new Map((await store.passes()).map((pass) => [pass.user, pass.token]))
    const stuck = new Set<string>()
    let changed = false
    for (const entry of await waiting()) {
      if (stopped) break
      const token = isMine(entry) ? undefined : passes.get(entry.user)
      // Nobody may speak for that person: it stays until they sign in here again.
      if (stuck.has(entry.user) || (!isMine(entry) && token === undefined)) continue
      try {
        const receipt = await post(entry, token).catch((error: unknown) => {
          // The tablet has changed hands meanwhile, perhaps in another tab: the pass says whose it is.
          const pass = passes.get(entry.user)
          if (asTrouble(error).key !== "other_person" || pass === undefined) throw error
          return post(entry, pass)
        })
        failures = 0
        if (isMine(entry)) {
          lastTrouble.value = undefined
          receipts.value = new Map(receipts.value).set(entry.id, receipt)
        }
        await store.receive(entry.id, { user: entry.user, receipt })
        if (isMine(entry)) lying = lying.filter((part) => part !== entry.label.inspection_id)
        const count = isMine(entry) ? unsent : unsentOfOthers
        count.value = Math.max(0, count.value - 1)
        changed = true
      } catch (error) {
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
        if (trouble.key === "label_withdraw" && entry.label.verdict === "withdrawn")
          await store.remove(entry.id)
        else await store.put({ ...entry, refused: trouble.key })
        changed = true
        await waiting()
      }
    }
    if (changed) channel?.postMessage("changed")
  }

  async function flush(): Promise<void> {
    if (running) {
      again = true
      return running
    }
    running = (async () => {
      do {
        again = false
        await oneAtATime(sendAll)
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

  const hear = () => void waiting()
  channel?.addEventListener("message", hear)

  return {
    unsent,
    unsentOfOthers,
    refused,
    lastTrouble,
    receipts,
    judged: () => [...new Set([...arriving, ...lying])],
    async add(label) {
      arriving.add(label.inspection_id)
      try {
        await store.put({ id: label.id, user: user ?? "", at: Date.now(), label })
        await waiting()
      } finally {
        arriving.delete(label.inspection_id)
      }
      channel?.postMessage("changed")
      void flush()
    },
    flush,
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
