import * as v from "valibot"
import { ActivationState, Envelope, type Sampling, Slot } from "#contract/release"
import type { Sqlite } from "#platform/sqlite"
import { firstSampling } from "../sampling.rules.ts"
import type { Target } from "./activation.rules.ts"

export type Entry = {
  at: number
  state: ActivationState
  rev: number
  line: string | null
  release: number | null
  manifest: string | null
  reason: string | null
  detail: string | null
}

/** Journal rows kept: enough to explain the last weeks, not enough to fill a disk. */
const keptEntries = 1_000

/** The only SQL of the activation: journal, slots, floors, refused manifests, and the few numbers around them. */
export function createActivationStore(sqlite: Sqlite) {
  const last = sqlite.prepare<Entry>("SELECT * FROM journal ORDER BY n DESC LIMIT 1")
  const append = sqlite.prepare(
    `INSERT INTO journal (at, state, rev, line, release, manifest, reason, detail)
     VALUES ($at, $state, $rev, $line, $release, $manifest, $reason, $detail)`,
  )
  const trim = sqlite.prepare(`DELETE FROM journal WHERE n <= (SELECT max(n) FROM journal) - ${keptEntries}`)
  const slot = sqlite.prepare("SELECT line, release, manifest, digest, since FROM slot WHERE name = $name")
  const putSlot = sqlite.prepare(
    `INSERT OR REPLACE INTO slot (name, line, release, manifest, digest, since)
     VALUES ($name, $line, $release, $manifest, $digest, $since)`,
  )
  const dropSlot = sqlite.prepare("DELETE FROM slot WHERE name = $name")
  const refuse = sqlite.prepare(
    "INSERT OR REPLACE INTO refused (manifest, reason, at) VALUES ($manifest, $reason, $at)",
  )
  const refused = sqlite.prepare<{ reason: string }>("SELECT reason FROM refused WHERE manifest = $manifest")
  const floor = sqlite.prepare<{ release: number }>("SELECT release FROM floor WHERE line = $line")
  const raise = sqlite.prepare(
    `INSERT INTO floor (line, release) VALUES ($line, $release)
     ON CONFLICT (line) DO UPDATE SET release = max(release, excluded.release)`,
  )
  const get = sqlite.prepare<{ value: string }>("SELECT value FROM setting WHERE key = $key")
  const put = sqlite.prepare("INSERT OR REPLACE INTO setting (key, value) VALUES ($key, $value)")

  const number = (key: string): number => Number(get.get({ key })?.value ?? 0)
  const setNumber = (key: string, value: number): void => void put.run({ key, value: String(value) })

  return {
    transaction: sqlite.transaction,
    last: (): Entry | undefined => {
      const row = last.get()
      return row && { ...row, state: v.parse(ActivationState, row.state) }
    },
    append: (
      at: number,
      state: ActivationState,
      target: Target | undefined,
      why: { reason?: string; detail?: string } = {},
    ): void => {
      append.run({
        at,
        state,
        rev: target?.rev ?? 0,
        line: target?.line ?? null,
        release: target?.wanted.release ?? null,
        manifest: target?.wanted.manifest.sha256 ?? null,
        reason: why.reason ?? null,
        detail: why.detail?.slice(0, 300) ?? null,
      })
      trim.run()
    },
    slot: (name: "current" | "previous"): Slot | undefined => {
      const row = slot.get({ name })
      return row && v.parse(Slot, row)
    },
    putSlot: (name: "current" | "previous", to: Slot | undefined): void => {
      if (to) putSlot.run({ name, ...to })
      else dropSlot.run({ name })
    },
    refuse: (manifest: string, reason: string, at: number): void => void refuse.run({ manifest, reason, at }),
    refusedFor: (manifest: string): string | undefined => refused.get({ manifest })?.reason,
    floor: (line: string): number => floor.get({ line })?.release ?? 0,
    raiseFloor: (line: string, release: number): void => void raise.run({ line, release }),

    revSeen: (): number => number("rev_seen"),
    revApplied: (): number => number("rev_applied"),
    setRevSeen: (rev: number): void => setNumber("rev_seen", rev),
    setRevApplied: (rev: number): void => setNumber("rev_applied", rev),
    /** Starts since the last healthy stretch. */
    starts: (): number => number("starts"),
    setStarts: (starts: number): void => setNumber("starts", starts),

    /** Starts with this shadow model since it last proved harmless; of any other none. */
    shadowStarts: (manifest: string): number => {
      const [of, starts] = get.get({ key: "shadow_starts" })?.value.split(" ") ?? []
      return of === manifest ? Number(starts) : 0
    },
    setShadowStarts: (manifest: string, starts: number): void =>
      void put.run({ key: "shadow_starts", value: `${manifest} ${starts}` }),

    /** The accepted desired envelope: after a restart the station goes on without the hub. */
    desired: (): Envelope | undefined => {
      const row = get.get({ key: "desired" })
      return row && v.parse(v.pipe(v.string(), v.parseJson(), Envelope), row.value)
    },
    setDesired: (envelope: Envelope): void =>
      void put.run({ key: "desired", value: JSON.stringify(envelope) }),
    sampling: (): Sampling => {
      const row = get.get({ key: "sampling" })
      return row ? (JSON.parse(row.value) as Sampling) : firstSampling
    },
    setSampling: (sampling: Sampling): void =>
      void put.run({ key: "sampling", value: JSON.stringify(sampling) }),
  }
}
export type ActivationStore = ReturnType<typeof createActivationStore>
