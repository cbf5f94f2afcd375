import type { StoredImage } from "#contract/labelling"
import { Problem } from "#contract/problem"
import type {
  NewSegmenter,
  OutlineAnswer,
  Pointing,
  SegmenterLayout,
  SegmenterView,
} from "#contract/segmenter"
import type { AssistOperations } from "#models/assist/protocol"
import type { Asker } from "#models/infer/asker"
import { codeOf } from "#models/model-error"
import { houseLayout, makeHouseSegmenter } from "#models/segment/house"
import type { Actor, Audit } from "#platform/audit"
import type { Blobs } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Shelf } from "#platform/shelf"
import type { Sqlite } from "#platform/sqlite"
import type { EncodedCache } from "./encoded-cache.ts"
import type { Segmenter, SegmenterStore } from "./segmenter.store.ts"

/** Cuts out what people point at, with the pair of models that an engineer has chosen. */
export function createSegmenters({
  db,
  store,
  blobs,
  shelf,
  audit,
  clock,
  ids,
  child,
  cache,
  image,
}: {
  db: Sqlite
  store: SegmenterStore
  blobs: Blobs
  /** Files that were sent and may never become a pair. */
  shelf: Shelf
  audit: Audit
  clock: Clock
  ids: Ids
  child: Asker<AssistOperations> | undefined
  cache: () => Promise<EncodedCache>
  image: (sha256: string) => StoredImage | undefined
}) {
  let builtin: Promise<void> | undefined

  /** The one this program makes itself is there as soon as somebody asks for any. */
  const ensureBuiltin = (): Promise<void> => {
    builtin ??= (async () => {
      const made = makeHouseSegmenter()
      const [encoder, decoder] = [await blobs.put(made.encoder), await blobs.put(made.decoder)]
      if (store.byFiles(encoder, decoder)) return
      db.transaction(() => {
        const id = ids.uuid()
        const before = store.active()
        store.insert({
          id,
          name: "CRUX",
          active: false,
          builtin: true,
          layout: houseLayout,
          encoder: { sha256: encoder, inputs: ["image"], outputs: ["image_embeddings"] },
          decoder: {
            sha256: decoder,
            inputs: ["image_embeddings", "point_coords", "point_labels"],
            outputs: ["masks"],
          },
          licence: null,
          created_at: clock.now(),
        })
        store.dropBuiltin(id)
        if (!before || before.builtin) store.activate(id)
      })
    })().catch((error: unknown) => {
      builtin = undefined
      throw error
    })
    return builtin
  }
  const helper = (): Asker<AssistOperations> => {
    if (!child) throw new Problem("unavailable", "segment_off", "outlines are not made on this hub")
    return child
  }
  const existing = (id: string): Segmenter => {
    const found = store.get(id)
    if (!found) throw new Problem("not_found", "segmenter", "there is no such pair of models")
    return found
  }
  const filesOf = async (encoder: string, decoder: string) => {
    const pathOf = async (sha: string) => {
      const lying = await shelf.path(sha)
      if (lying !== undefined) return lying
      if (!(await blobs.has(sha)))
        throw new Problem("not_found", "segmenter_file", `the file ${sha} is not here: send it first`)
      return blobs.path(sha)
    }
    return { encoder: await pathOf(encoder), decoder: await pathOf(decoder) }
  }
  /** Does what an engineer asked for, and says what the child says. */
  const tried = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (error) {
      if (error instanceof Problem) throw error
      const why = error instanceof Error ? error.message : String(error)
      throw new Problem("invalid", "segmenter_invalid", `these models cannot be used: ${why}`, { why }, error)
    }
  }
  const rehearse = async (encoder: string, decoder: string, layout: SegmenterLayout) =>
    tried(helper().ask({ op: "rehearse", ...(await filesOf(encoder, decoder)), layout }))

  return {
    async list(): Promise<SegmenterView[]> {
      await ensureBuiltin()
      return store.all().map(viewOf)
    },
    /** Takes one file of a pair; it is kept once the pair is added. */
    storeFile: (source: AsyncIterable<Uint8Array>) => shelf.put(source),

    /** Registers a pair: looked into and run once in a child that may be killed. Throws `not_found`, `invalid`, `conflict`. */
    async add(by: Actor, asked: NewSegmenter): Promise<SegmenterView> {
      await ensureBuiltin()
      if (store.byFiles(asked.encoder, asked.decoder))
        throw new Problem("conflict", "segmenter_known", "this pair of models is here already")
      const files = await filesOf(asked.encoder, asked.decoder)
      const seen = await tried(helper().ask({ op: "examine", ...files }))
      const layout = asked.layout ?? seen.layout
      if (layout) await rehearse(asked.encoder, asked.decoder, layout)
      const made: Segmenter = {
        id: ids.uuid(),
        name: asked.name,
        active: false,
        builtin: false,
        layout,
        encoder: { sha256: asked.encoder, ...seen.encoder },
        decoder: { sha256: asked.decoder, ...seen.decoder },
        licence: asked.licence ?? seen.licence,
        created_at: clock.now(),
      }
      for (const path of Object.values(files)) await blobs.putFile(path)
      db.transaction(() => {
        store.insert(made)
        audit.record({
          by,
          action: "segmenter.add",
          subject: `segmenter:${made.id}`,
          before: null,
          after: { name: made.name, encoder: asked.encoder, decoder: asked.decoder },
        })
      })
      return viewOf(made)
    },

    /** Says how a pair is fed and read. It is run once that way before it counts. */
    async describe(by: Actor, id: string, layout: SegmenterLayout): Promise<SegmenterView> {
      const { encoder, decoder, layout: before } = existing(id)
      await rehearse(encoder.sha256, decoder.sha256, layout)
      db.transaction(() => {
        store.describe(id, layout)
        audit.record({
          by,
          action: "segmenter.describe",
          subject: `segmenter:${id}`,
          before,
          after: layout,
        })
      })
      return viewOf(existing(id))
    },

    /** From now on pointing uses this pair. */
    activate(by: Actor, id: string): SegmenterView {
      if (!existing(id).layout)
        throw new Problem("conflict", "segmenter_unknown", "say first how these models are fed and read")
      db.transaction(() => {
        const before = store.active()?.id ?? null
        store.activate(id)
        audit.record({
          by,
          action: "segmenter.activate",
          subject: `segmenter:${id}`,
          before: { active: before },
          after: { active: id },
        })
      })
      return viewOf(existing(id))
    },

    /**
     * What was pointed at on a picture; without `pointing` the picture is only made ready. Throws `not_found`,
     * `unavailable`.
     */
    async outline(sha256: string, pointing?: Pointing): Promise<OutlineAnswer> {
      if (!image(sha256)) throw new Problem("not_found", "image", "there is no such image")
      await ensureBuiltin()
      const used = store.active()
      if (!used?.layout) throw new Problem("unavailable", "segment_off", "outlines are not made on this hub")
      const { encoder, decoder, layout } = used
      const kept = await cache()
      const encoded = kept.path(sha256, encoder.sha256)
      const ask = async (bytes?: Uint8Array) =>
        await helper().ask({
          op: "outline",
          encoder: blobs.path(encoder.sha256),
          decoder: blobs.path(decoder.sha256),
          layout,
          encoded,
          ...(bytes && { bytes }),
          ...(pointing && { pointing }),
        })
      try {
        const answer = kept.has(sha256, encoder.sha256)
          ? await ask().catch(async (error: unknown) => {
              if (codeOf(error) !== "model_missing") throw error
              await kept.forget(sha256, encoder.sha256)
              return await ask(await blobs.read(sha256))
            })
          : await ask(await blobs.read(sha256))
        await kept.used(sha256, encoder.sha256)
        return {
          mask: answer.region?.mask ?? null,
          polygon: answer.region?.polygon ?? null,
          segmenter: used.id,
          ms: answer.ms,
        }
      } catch (error) {
        if (error instanceof Problem) throw error
        throw new Problem(
          "unavailable",
          "segment_failed",
          "no outline could be made; nothing is lost, draw by hand or try again",
          { code: codeOf(error) },
          error,
        )
      }
    },
    close: async () => await child?.close(),
  }
}
export type Segmenters = ReturnType<typeof createSegmenters>

const viewOf = (segmenter: Segmenter): SegmenterView => ({
  ...segmenter,
  state: segmenter.layout ? "ready" : "unknown",
})
