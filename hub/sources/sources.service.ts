import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import { Problem } from "#contract/problem"
import type { NewSource, SourcePatch, SourceProfile, SourceView } from "#contract/source"
import type { Actor, Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Sqlite } from "#platform/sqlite"
import type { Fleet } from "../fleet/fleet.service.ts"
import type { Monitor } from "./monitor.ts"
import type { SourceStore, StoredSource } from "./source.store.ts"

/** Which cameras of other makers there are, how each is read, and the secrets they come with. */
export function createSources({
  sqlite,
  store,
  fleet,
  monitor,
  audit,
  clock,
  mqtt,
  folderOf,
}: {
  sqlite: Sqlite
  store: SourceStore
  fleet: Pick<Fleet, "addSource">
  monitor: Monitor
  audit: Audit
  clock: Clock
  mqtt: () => { host: string; port: number; tls: boolean }
  /** Where a source's drop folder lies. */
  folderOf: (profile: SourceProfile) => string | undefined
}) {
  /** Closes a source's connections; the broker attaches it. */
  let disconnect: (source: string) => void = () => {}

  const stored = (id: string): StoredSource => {
    const source = store.get(id)
    if (!source) throw new Problem("not_found", "source", `there is no source ${id}`, { source: id })
    return source
  }

  const view = (source: StoredSource): SourceView => {
    const { id, name, preset, profile, enabled } = source
    const { counts, seenAt, trouble, connected, per_minute } = monitor.of(id)
    const folder = folderOf(profile)
    return {
      id,
      name,
      preset,
      profile,
      foreign_topics: source.foreignTopics,
      enabled,
      created_at: source.createdAt,
      state: !enabled ? "off" : trouble ? "trouble" : seenAt === undefined ? "new" : "ok",
      connected,
      per_minute,
      counts,
      waiting: store.waiting(id),
      connect: {
        mqtt: { ...mqtt(), topic: `crux/v1/in/${id}/` },
        http: `/api/in/${id}`,
        ...(folder !== undefined && { folder }),
      },
      ...(seenAt !== undefined && { seen_at: seenAt }),
      ...(trouble && { trouble }),
    }
  }

  /** Two sources in one folder would take each other's files. */
  const refuseSharedFolder = (id: string, profile: SourceProfile) => {
    const folder = folderOf(profile)
    if (folder === undefined) return
    const other = store.all().find((source) => source.id !== id && folderOf(source.profile) === folder)
    if (other)
      throw new Problem("conflict", "source_folder", `the folder belongs to the source ${other.id}`, {
        source: other.id,
      })
  }

  return {
    attach: (cut: (source: string) => void): void => {
      disconnect = cut
    },
    list: (): SourceView[] => store.all().map(view),
    /** Throws `not_found`. */
    get: (id: string): SourceView => view(stored(id)),
    /** Throws `not_found`. */
    profile: (id: string): SourceProfile => stored(id).profile,

    /** The token is shown once. Throws `conflict` when the name or the folder is taken. */
    create: (by: Actor, asked: NewSource): { source: SourceView; token: string } => {
      const { id, name, preset } = asked
      const fill = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll("{source}", id)) as T
      const profile = fill(asked.profile)
      const foreignTopics = fill(asked.foreign_topics)
      const token = newToken()
      sqlite.transaction(() => {
        refuseSharedFolder(id, profile)
        fleet.addSource(id, name, store.removed(id) !== undefined)
        store.insert({ id, name, preset, profile, foreignTopics }, clock.now(), hashOf(token))
        const after = { name, preset, profile, foreign_topics: foreignTopics }
        audit.record({ by, action: "source.create", subject: `source:${id}`, before: null, after })
      })
      monitor.forget(id)
      monitor.tell(id)
      return { source: view(stored(id)), token }
    },

    /**
     * Takes a source away: it is cut off at once, its drop folder is not looked into any more, and halves that wait are
     * stored alone. Its inspections stay, and what was not understood. Its name is free for another. Throws `not_found`.
     */
    remove: (by: Actor, id: string): void => {
      sqlite.transaction(() => {
        const { name, preset, profile, foreignTopics } = stored(id)
        store.remove(id, clock.now())
        const before = { name, preset, profile, foreign_topics: foreignTopics }
        audit.record({ by, action: "source.remove", subject: `source:${id}`, before, after: null })
      })
      disconnect(id)
      monitor.tell(id)
    },

    /** What is left out stays. A source that is switched off is cut off at once. Throws `not_found`, `conflict`. */
    change: (by: Actor, id: string, patch: SourcePatch): SourceView => {
      sqlite.transaction(() => {
        const before = stored(id)
        const after: StoredSource = {
          ...before,
          name: patch.name ?? before.name,
          profile: patch.profile ?? before.profile,
          foreignTopics: patch.foreign_topics ?? before.foreignTopics,
          enabled: patch.enabled ?? before.enabled,
        }
        refuseSharedFolder(id, after.profile)
        store.update(after)
        const told = ({ name, profile, foreignTopics, enabled }: StoredSource) => ({
          name,
          profile,
          foreign_topics: foreignTopics,
          enabled,
        })
        audit.record({
          by,
          action: "source.change",
          subject: `source:${id}`,
          before: told(before),
          after: told(after),
        })
      })
      if (patch.enabled === false || patch.foreign_topics) disconnect(id)
      monitor.tell(id)
      return view(stored(id))
    },

    /** A new token; the old one ends at once, and so do connections made with it. Throws `not_found`. */
    renewToken: (by: Actor, id: string): { source: SourceView; token: string } => {
      const token = newToken()
      sqlite.transaction(() => {
        stored(id)
        store.setToken(id, hashOf(token))
        audit.record({ by, action: "source.token", subject: `source:${id}`, before: null, after: null })
      })
      disconnect(id)
      return { source: view(stored(id)), token }
    },

    /** Whether this token is the source's own. Unknown sources and those that are off take the same time and fail. */
    isTokenOf: (id: string, token: Uint8Array): boolean => {
      const expected = store.tokenHash(id)
      const equal = timingSafeEqual(
        createHash("sha256").update(token).digest(),
        Buffer.from(expected ?? "0".repeat(64), "hex"),
      )
      return equal && expected !== undefined
    },
    /** Topics outside of its own corner that a source may publish to. */
    foreignTopics: (id: string): readonly string[] => store.get(id)?.foreignTopics ?? [],
    has: (id: string): boolean => store.get(id) !== undefined,
  }
}
export type Sources = ReturnType<typeof createSources>

const newToken = () => randomBytes(24).toString("base64url")
/** Plain SHA-256: the token is 192 random bits, there is no dictionary to slow down. */
const hashOf = (text: string) => createHash("sha256").update(text).digest("hex")
