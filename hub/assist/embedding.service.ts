import type { EmbeddingStatus } from "#contract/assist"
import type { AssistOperations, BackboneFiles } from "#models/assist/protocol"
import type { Asker } from "#models/infer/asker"
import { codeOf } from "#models/model-error"
import { createAfterBurst } from "#platform/after-burst"
import type { Blobs } from "#platform/blobs"
import { type Calm, longestSwarmMs } from "#platform/calm"
import type { Events } from "#platform/events"
import type { Log } from "#platform/log"
import type { EmbeddingStore, Picture, Space, Stretch } from "./embedding.store.ts"

/** Pictures between two commits: a commit is a sync of the disk. */
const batchSize = 16
/** A picture that the child could not do with at all is tried no more; a child that fails at this many is broken. */
const failuresInRow = 20
/** Pictures that the child is given at a time: enough that it never waits for one, few enough that memory does not count. */
const together = 4

/**
 * Looks at every picture once, newest first, in a child of the lowest priority, and takes as long a rest after each as it
 * took: a line that runs loses at most half a core that nobody else wanted. Where it stands is in the database.
 */
export function createEmbeddings({
  store,
  blobs,
  events,
  calm,
  log,
  child,
  backbone,
  onMade,
}: {
  store: EmbeddingStore
  blobs: Pick<Blobs, "read">
  events: Events
  calm: Calm
  log: Log
  child: Asker<AssistOperations> | undefined
  backbone: BackboneFiles | undefined
  /** Some more parts can be compared now. */
  onMade: () => void
}) {
  let spaceName: string | undefined
  let state: EmbeddingStatus["state"] = child && backbone ? "idle" : "off"
  let running: Promise<void> | undefined
  let stopping = false
  let inRow = 0

  const embed = async (sha256: string) => {
    if (!child || !backbone) throw new Error("embeddings are off")
    return await child.ask({ op: "embed", backbone, bytes: await blobs.read(sha256) })
  }
  const embedAll = async (pictures: Uint8Array[]) => {
    if (!child || !backbone) throw new Error("embeddings are off")
    return await child.ask({ op: "embedAll", backbone, pictures })
  }
  /** The child opens each picture while it looks at the one before. */
  const embedSome = async (pictures: readonly Picture[]) => {
    const read: { n: number; bytes: Uint8Array }[] = []
    for (const { n, image_sha256 } of pictures) {
      const bytes = await blobs.read(image_sha256).catch((error: unknown) => {
        log.debug("picture_not_embedded", { n, error: String(error) })
      })
      if (bytes) read.push({ n, bytes })
    }
    const made = new Map<number, Uint8Array>()
    try {
      const { vectors } = await embedAll(read.map(({ bytes }) => bytes))
      for (const [i, vector] of vectors.entries()) if (vector) made.set(read[i]!.n, vector)
    } catch {
      // One that ends the child must not take the others with it: each by itself.
      for (const { n, bytes } of stopping ? [] : read) {
        const alone = await embedAll([bytes]).catch((error: unknown) => {
          log.debug("picture_not_embedded", { n, code: codeOf(error) })
        })
        if (alone?.vectors[0]) made.set(n, alone.vectors[0])
      }
    }
    return pictures.map(({ n }) => ({ n, vector: made.get(n) }))
  }
  const spaceOf = (): Space | undefined => (spaceName === undefined ? undefined : store.space(spaceName))

  const findSpace = async (): Promise<Space | undefined> => {
    if (!child || !backbone) return undefined
    spaceName ??= await child.ask({ op: "space", backbone })
    return spaceOf()
  }

  async function lookAt(space: Space, { pictures, end }: Stretch): Promise<void> {
    const vectors: { n: number; vector: Uint8Array }[] = []
    let unreadable = 0
    const fresh: Picture[] = []
    for (const picture of pictures) {
      const known = store.vector(space, picture.n)
      if (known) vectors.push({ n: picture.n, vector: known })
      else fresh.push(picture)
    }
    for (let from = 0; from < fresh.length; from += together) {
      await calm.wait(longestSwarmMs, () => stopping)
      if (stopping) return
      const started = performance.now()
      const some = await embedSome(fresh.slice(from, from + together))
      if (stopping) return
      for (const { n, vector } of some) {
        if (vector) vectors.push({ n, vector })
        // Given up to make room, damaged, or no picture at all: the part goes without.
        else unreadable += 1
        inRow = vector ? 0 : inRow + 1
      }
      if (inRow >= failuresInRow) throw new Error(`no picture of ${inRow} in a row could be looked at`)
      await rest(performance.now() - started)
    }
    store.keep(space, vectors, unreadable, end)
    if (vectors.length > 0) onMade()
  }

  async function work(): Promise<void> {
    state = "working"
    try {
      await calm.wait(longestSwarmMs, () => stopping)
      const first = await findSpace()
      for (let space = first; space && !stopping; space = spaceOf()) {
        const stretch = store.newer(space, batchSize) ?? store.older(space, batchSize)
        if (!stretch) break
        await lookAt(space, stretch)
      }
      state = "idle"
    } catch (error) {
      state = "failed"
      if (!stopping) log.error("embeddings_failed", { error: String(error) })
    }
  }
  const wake = () => {
    if (stopping || running || state === "off" || state === "failed") return
    running = work().finally(() => {
      running = undefined
    })
  }
  const burst = createAfterBurst({ name: "embeddings", quietMs: 1_000, log, work: wake })
  let deaf = () => {}

  return {
    /** Vector of one part, made now if it has not had its turn; undefined for a part without a picture. */
    async vectorOf(id: string): Promise<{ space: string; vector: Uint8Array; image: string } | undefined> {
      const place = store.place(id)
      const space = await findSpace()
      if (!place || !space) return undefined
      const known = store.vector(space, place.n)
      if (known) return { space: space.name, vector: known, image: place.image_sha256 ?? "" }
      if (place.image_sha256 === null) return undefined
      const { vector } = await embed(place.image_sha256)
      store.keepOne(space, place.n, vector)
      return { space: space.name, vector, image: place.image_sha256 }
    },
    /** Name of the space that all vectors lie in; undefined before the first and without helpers. */
    space: (): string | undefined => (state === "off" ? undefined : spaceName),
    status(): EmbeddingStatus {
      const space = spaceOf()
      return {
        state,
        made: space?.made ?? 0,
        unreadable: space?.unreadable ?? 0,
        waiting: space ? store.waiting(space) : 0,
      }
    },
    start(): void {
      deaf = events.listen("embeddings", ({ type }) => {
        if (type === "inspection") burst.poke()
      })
      burst.poke()
    },
    async stop(): Promise<void> {
      stopping = true
      deaf()
      burst.stop()
      await child?.close()
      await running
    },
  }
}
export type Embeddings = ReturnType<typeof createEmbeddings>

const rest = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.min(ms, 1_000)))
