import { setImmediate, setTimeout } from "node:timers/promises"
import canonicalize from "canonicalize"
import {
  mostParts,
  type NewPartAction,
  type PartAction,
  type PartChoice,
  type PartDeed,
  type PartPreview,
} from "#contract/parts"
import { Problem } from "#contract/problem"
import { type Role, roles, type User } from "#contract/users"
import type { Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import type { ActionRow, PartActionStore } from "./actions.store.ts"
import type { Deeds, Subject } from "./deeds.service.ts"
import type { Parts } from "./parts.service.ts"

/** Parts changed in one transaction; between two of them everybody else gets a turn. */
const slice = 50
/** An answer waits so long for the end; then the screen asks how far it is. */
const patienceMs = 1_500
const shown = 12

/** Marking what must stay, and what teaches and proves, is for engineers; judging and ordering work for reviewers. */
const needs: Record<PartDeed["kind"], Role> = {
  queue: "reviewer",
  label: "reviewer",
  hold: "engineer",
  dataset: "engineer",
}

export type PartActionsDeps = {
  db: Sqlite
  store: PartActionStore
  parts: Parts
  deeds: Deeds
  person: (id: string) => User | undefined
  audit: Audit
  events: Events
  clock: Clock
  log: Log
}

/** One thing done to many parts: shown before, recorded, done once however often it is sent, and taken back. */
export function createPartActions(deps: PartActionsDeps) {
  const { db, store, parts, deeds, person, audit, events, clock, log } = deps
  /** One at a time, so that two never meet at a part. */
  let queue: Promise<void> = Promise.resolve()
  const under = new Map<string, Promise<void>>()
  let stopping = false

  function demandRight(user: User, deed: PartDeed): void {
    const role = needs[deed.kind]
    if (roles.indexOf(user.role) < roles.indexOf(role))
      throw new Problem("forbidden", "role", `this needs the role ${role}`, { role })
  }

  /** Throws `invalid` for more parts than one action takes. */
  async function numbersOf(
    choice: PartChoice,
    through: number,
  ): Promise<{ numbers: number[]; isAll: boolean }> {
    if (choice.of === "ids") return { numbers: parts.numbersOf(choice.ids), isAll: true }
    const numbers: number[] = []
    for await (const some of parts.numbers(choice.filter, choice.through ?? through)) {
      numbers.push(...some)
      if (numbers.length > mostParts) return { numbers: numbers.slice(0, mostParts), isAll: false }
    }
    return { numbers, isAll: true }
  }

  const subjectsOf = (action: string, numbers: readonly number[]): Subject[] =>
    parts.rows(numbers).map((row) => ({ action, row }))

  function applySlice(row: ActionRow, by: User): boolean {
    const items = store.todo(row.id, slice)
    if (items.length === 0) return false
    const deed = deeds.of(JSON.parse(row.deed) as PartDeed)
    const subjects = subjectsOf(
      row.id,
      items.map(({ n }) => n),
    )
    const note = (outcomes: ReturnType<typeof deed.apply>) => {
      for (const [i, { n }] of items.entries()) {
        const outcome = outcomes[i] ?? { skip: "refused" as const }
        if ("skip" in outcome) store.setItem(row.id, n, { state: "skipped", why: outcome.skip })
        else store.setItem(row.id, n, { state: "changed", before: outcome.before })
      }
    }
    if (deed.ownTransaction) {
      const outcomes = deed.apply(by, subjects)
      db.transaction(() => note(outcomes))
    } else db.transaction(() => note(deed.apply(by, subjects)))
    return true
  }

  function undoSlice(row: ActionRow, by: User): boolean {
    const items = store.changed(row.id, slice)
    if (items.length === 0) return false
    const deed = deeds.of(JSON.parse(row.deed) as PartDeed)
    const subjects = subjectsOf(
      row.id,
      items.map(({ n }) => n),
    )
    const undo = () =>
      items.map((item, i) => {
        const subject = subjects[i]
        return subject !== undefined && deed.undo(by, subject, JSON.parse(item.before ?? "null"))
      })
    const note = (done: readonly boolean[]) => {
      for (const [i, { n }] of items.entries())
        store.setItem(row.id, n, { state: done[i] ? "undone" : "kept" })
    }
    if (deed.ownTransaction) {
      const done = undo()
      db.transaction(() => note(done))
    } else db.transaction(() => note(undo()))
    return true
  }

  /** Goes on with an action until it is done, in its turn. */
  function work(id: string): Promise<void> {
    const known = under.get(id)
    if (known) return known
    const run = queue.then(async () => {
      for (;;) {
        const row = store.get(id)
        if (stopping || !row || (row.state !== "running" && row.state !== "undoing")) return
        const isUndo = row.state === "undoing"
        const by = person(isUndo ? (row.undone_by ?? row.user_id) : row.user_id)
        if (!by) return
        const more = isUndo ? undoSlice(row, by) : applySlice(row, by)
        if (!more) {
          store.setState(id, isUndo ? "undone" : "done")
          // Screens read again what they show.
          events.announce("review", { action: id })
          return
        }
        await setImmediate()
      }
    })
    const told = run
      .catch((error: unknown) => log.error("part_action_failed", { action: id, error: String(error) }))
      .finally(() => under.delete(id))
    queue = told
    under.set(id, told)
    return told
  }

  async function viewSoon(id: string, working: Promise<void>): Promise<PartAction> {
    const patience = new AbortController()
    await Promise.race([
      working,
      setTimeout(patienceMs, undefined, { signal: patience.signal }).catch(() => undefined),
    ])
    patience.abort()
    return store.view(id)!
  }

  return {
    /** What an action would change, with a sample; nothing happens. */
    async preview(user: User, deed: PartDeed, choice: PartChoice): Promise<PartPreview> {
      demandRight(user, deed)
      const how = deeds.of(deed)
      const through = choice.of === "filter" && choice.through !== undefined ? choice.through : parts.newest()
      const { numbers, isAll } = await numbersOf(choice, through)
      const skips: Record<string, number> = {}
      const sample: PartPreview["sample"] = []
      let changes = 0
      for (let at = 0; at < numbers.length; at += 200) {
        for (const subject of subjectsOf("", numbers.slice(at, at + 200))) {
          const skip = how.check(subject)
          if (skip) skips[skip] = (skips[skip] ?? 0) + 1
          else {
            changes += 1
            if (sample.length < shown) sample.push(subject.row.inspection)
          }
        }
        await setImmediate()
      }
      return { parts: numbers.length, changes, skips, too_many: !isAll, sample, through }
    },

    /**
     * Does it, once per id. What is there at this moment counts; parts that come later, or after `through`, are not meant.
     * Goes on in the background when it takes longer, and after a restart. Throws `invalid`, `conflict`, `forbidden`.
     */
    async start(user: User, { id, deed, choice }: NewPartAction): Promise<PartAction> {
      demandRight(user, deed)
      deeds.of(deed)
      const asked = canonicalize({ deed, choice }) ?? ""
      const known = store.get(id)
      if (known) {
        if (known.asked !== asked || known.user_id !== user.id)
          throw new Problem("conflict", "parts_action_id", "this id was used for another action")
        return viewSoon(id, known.state === "running" ? work(id) : Promise.resolve())
      }
      const { numbers, isAll } = await numbersOf(choice, parts.newest())
      if (!isAll)
        throw new Problem(
          "invalid",
          "parts_too_many",
          "these are too many parts for one action; narrow the filter",
          {
            most: mostParts,
          },
        )
      const filter = choice.of === "filter" ? choice.filter : null
      db.transaction(() => {
        // The same request, sent twice at once.
        if (store.get(id)) return
        store.insert({ id, deed, filter, asked, user: user.id, at: clock.now() })
        store.addItems(id, numbers)
        audit.record({
          by: user,
          action: `parts.${deed.kind}`,
          subject: `part_action:${id}`,
          before: null,
          after: { deed, filter, parts: numbers.length },
        })
      })
      return viewSoon(id, work(id))
    },

    /** Puts back what nobody has changed since. Throws `not_found`, `conflict`, `forbidden`. */
    async undo(user: User, id: string): Promise<PartAction> {
      const row = store.get(id)
      if (!row) throw new Problem("not_found", "parts_action", "there is no such action")
      demandRight(user, JSON.parse(row.deed) as PartDeed)
      if (row.user_id !== user.id && roles.indexOf(user.role) < roles.indexOf("engineer"))
        throw new Problem("forbidden", "parts_action_other", "this was done by somebody else")
      if (row.state === "running")
        throw new Problem("conflict", "parts_action_running", "this action is not done yet; wait a moment")
      if (row.state === "done")
        db.transaction(() => {
          store.setUndone(id, user.id, clock.now())
          audit.record({
            by: user,
            action: "parts.undo",
            subject: `part_action:${id}`,
            before: null,
            after: null,
          })
        })
      return viewSoon(id, work(id))
    },

    /** Throws `not_found`. */
    get(id: string): PartAction {
      const action = store.view(id)
      if (!action) throw new Problem("not_found", "parts_action", "there is no such action")
      return action
    },
    /** The newest first. */
    list: (limit: number): PartAction[] => store.newest(limit),

    /** Goes on with what a stopped hub had not finished. */
    resume(): void {
      for (const { id } of store.unfinished()) void work(id)
    },
    async stop(): Promise<void> {
      stopping = true
      await queue
    },
  }
}
export type PartActions = ReturnType<typeof createPartActions>
