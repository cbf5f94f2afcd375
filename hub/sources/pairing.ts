import type { SourceFacts, SourceNote, SourceProfile } from "#contract/source"
import { sha256Of } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { GroupCommit } from "#platform/group-commit"
import type { Log } from "#platform/log"
import { readFacts } from "./facts.rules.ts"
import type { HalfFiles } from "./half-files.ts"
import { idOfNamed } from "./identity.rules.ts"
import type { Message } from "./message.ts"
import type { Monitor } from "./monitor.ts"
import { headOf, type Picture } from "./picture.rules.ts"
import type { Reading } from "./reading.rules.ts"
import type { Half, SourceStore, StoredSource } from "./source.store.ts"
import type { Outcome, Storing } from "./storing.ts"

type PairProfile = Extract<SourceProfile, { kind: "pair" }>
type PictureContent = Omit<Picture, "bytes"> & { file: string }
type ReadHalf = Extract<Reading, { is: "picture_half" | "data_half" }>

/** More halves than this of one source do not wait: the eldest is stored alone. */
const mostWaiting = 512
const lookMs = 1_000
const rememberMs = 2 * 60 * 60_000
const purgeMs = 10 * 60_000

/**
 * Joins picture and data that come as two messages. Each half is on disk before it is acknowledged, so it survives the
 * hub; what finds no other half in time is stored alone, never dropped.
 */
export function createPairing({
  store,
  storing,
  monitor,
  files,
  commits,
  clock,
  log,
}: {
  store: SourceStore
  storing: Storing
  monitor: Monitor
  files: HalfFiles
  commits: GroupCommit
  clock: Clock
  log: Log
}) {
  const queues = new Map<string, Promise<unknown>>()
  let looking: ReturnType<typeof setInterval> | undefined
  let look: Promise<void> = Promise.resolve()
  let purgedAt = 0

  /** One after the other for each source: two halves that arrive together must find each other once. */
  const inTurn = <T>(source: string, work: () => Promise<T>): Promise<T> => {
    const turn = (queues.get(source) ?? Promise.resolve()).then(work)
    const settled = turn.catch(() => undefined)
    queues.set(source, settled)
    void settled.then(() => queues.get(source) === settled && queues.delete(source))
    return turn
  }

  const pictureOf = async (half: Half): Promise<Picture> => {
    const { file, mime, w, h } = JSON.parse(half.content) as PictureContent
    return { bytes: await files.read(file), mime, w, h }
  }
  const contentOf = async ({ bytes, mime, w, h }: Picture): Promise<PictureContent> => ({
    file: await files.put(bytes),
    mime,
    w,
    h,
  })
  const removeFile = async (half: Half | undefined): Promise<void> => {
    if (half?.side === "picture") await files.remove((JSON.parse(half.content) as PictureContent).file)
  }

  /** Stores what two halves, or one alone, say. The halves end only when that is on disk. */
  const storeHalves = async (
    source: StoredSource,
    picture: Half | undefined,
    data: Half | undefined,
  ): Promise<Outcome> => {
    const main = picture ?? data
    if (!main) throw new Error("no half to store")
    const beside = Object.assign({}, ...[data, picture].map((half) => (half ? JSON.parse(half.beside) : {})))
    const read: { facts: SourceFacts; notes: SourceNote[] } = data
      ? readFacts(
          source.profile.fields,
          { data: JSON.parse(data.content) as unknown, beside },
          Math.max(main.at, data.at),
        )
      : { facts: { verdict: { eval: "undecidable", code: "unpaired" } }, notes: [] }
    const notes = picture && data ? read.notes : [...read.notes, { code: "unpaired" }]
    const facts = { ...read.facts, ts: read.facts.ts ?? main.at }
    const shot = {
      source: source.id,
      topic: main.topic,
      picture: picture && (await pictureOf(picture)),
      facts,
    }
    const storeAs = (name: string, notes: SourceNote[]) =>
      storing.store({ ...shot, notes, identity: { id: idOfNamed(source.naming, name) } })
    const own = `half ${main.n}`
    let outcome = await storeAs(read.facts.key ?? own, notes)
    // A camera that uses an id for two pictures: both are kept, and it is said.
    if (outcome.code === "conflict") outcome = await storeAs(own, [...notes, { code: "id_reused" }])
    if (outcome.st !== "later") {
      await commits.commit(() => {
        for (const half of [picture, data]) if (half) store.endHalf(half.n, clock.now())
      })
      await removeFile(picture)
    }
    return outcome
  }

  const partners = (source: StoredSource, key: string) => {
    const newest = source.profile.kind === "pair" && source.profile.newest
    const pictures = store.sameHalves(source.id, "picture", key)
    return {
      picture: newest ? pictures.at(-1) : pictures[0],
      data: store.oldestHalf(source.id, "data", key),
    }
  }

  const storeOverdue = async (source: StoredSource, half: Half, why: SourceNote[] = []): Promise<void> => {
    const { picture, data } = partners(source, half.key)
    const outcome =
      picture && data
        ? await storeHalves(source, picture, data)
        : await storeHalves(
            source,
            half.side === "picture" ? half : undefined,
            half.side === "data" ? half : undefined,
          )
    monitor.note(source.id, {
      via: "mqtt",
      topic: half.topic,
      size: half.content.length,
      head: half.side === "data" ? headOf(Buffer.from(half.content)) : "",
      st: outcome.st,
      ...(outcome.code !== undefined && { code: outcome.code }),
      ...(outcome.detail !== undefined && { detail: outcome.detail }),
      ...(outcome.id !== undefined && { inspection_id: outcome.id }),
      ...(outcome.sha256 !== undefined && { sha256: outcome.sha256 }),
      ...(outcome.facts && { facts: outcome.facts }),
      notes: [...(outcome.notes ?? []), ...why],
    })
  }

  const lookForOverdue = async (): Promise<void> => {
    for (const id of store.sourcesWaiting()) {
      const present = store.get(id)
      const source = present ?? store.removed(id)
      if (!source) continue
      // A profile that joins no more has nothing to wait for, nor has a camera that was taken away.
      const waitMs = present && source.profile.kind === "pair" ? source.profile.wait_s * 1000 : 0
      await inTurn(id, async () => {
        for (const half of store.expiredHalves(id, clock.now() - waitMs)) {
          // Its partner's turn may have ended it.
          if (!store.sameHalves(id, half.side, half.key).some(({ n }) => n === half.n)) continue
          await storeOverdue(source, half, present ? [] : [{ code: "source_removed" }])
        }
      })
    }
    if (clock.now() - purgedAt < purgeMs) return
    purgedAt = clock.now()
    await commits.commit(() => store.purgeHalves(clock.now() - rememberMs))
  }

  return {
    /** Takes one half; resolves when it is on disk, and joined if the other was there. */
    take: (
      source: StoredSource,
      profile: PairProfile,
      message: Message,
      reading: ReadHalf,
    ): Promise<Outcome> =>
      inTurn(source.id, async () => {
        const side = reading.is === "picture_half" ? ("picture" as const) : ("data" as const)
        const { key } = reading
        const sha256 = sha256Of(message.bytes)
        // Data alone may be the same for every part ("OK"): only its own id, or the broker, makes it a repeat.
        const nameable = reading.is === "picture_half" || reading.facts.key !== undefined || message.again
        const since = clock.now() - profile.repeat_s * 1000
        if (nameable && store.hasHalf(source.id, { side, key, sha256 }, since))
          return { st: "repeated", ...(side === "picture" && { sha256 }) }
        const content = JSON.stringify(
          reading.is === "picture_half" ? await contentOf(reading.picture) : reading.data,
        )
        const replaced = profile.newest && side === "picture" ? store.sameHalves(source.id, side, key) : []
        await commits.commit(() => {
          for (const half of replaced) store.endHalf(half.n, clock.now())
          const beside = JSON.stringify(reading.beside)
          const at = clock.now()
          store.insertHalf(source.id, { side, key, at, topic: message.topic, sha256, content, beside })
        })
        for (const half of replaced) {
          await removeFile(half)
          monitor.note(source.id, {
            via: "mqtt",
            topic: half.topic,
            size: 0,
            head: "",
            st: "replaced",
            notes: [],
          })
        }
        const { picture, data } = partners(source, key)
        if (picture && data) {
          const outcome = await storeHalves(source, picture, data)
          // Both halves are on disk, so the camera is done with them even if the disk is full for the pair.
          return outcome.st === "later" ? { ...outcome, st: "held" } : outcome
        }
        const eldest = store.waiting(source.id) > mostWaiting ? store.eldestHalf(source.id) : undefined
        if (eldest) await storeOverdue(source, eldest)
        return {
          st: "held",
          ...(reading.is === "data_half" && { facts: reading.facts }),
        }
      }),

    start: async (): Promise<void> => {
      await files.sweep()
      let busy = false
      looking = setInterval(() => {
        if (busy) return
        busy = true
        look = lookForOverdue()
          .catch((error) => log.error("halves_not_stored", { error: String(error) }))
          .finally(() => {
            busy = false
          })
      }, lookMs)
    },
    close: async (): Promise<void> => {
      clearInterval(looking)
      await look
      await Promise.all(queues.values())
    },
  }
}
export type Pairing = ReturnType<typeof createPairing>
