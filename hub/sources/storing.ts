import { encodeFrame } from "#contract/cxf1"
import type { Finding, InspectionHeader } from "#contract/inspection"
import type { SourceFacts, SourceNote, SourceOutcome } from "#contract/source"
import type { InspectionAck } from "#contract/topics"
import { sha256Of } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { Picture } from "./picture.rules.ts"

/** What became of a message. */
export type Outcome = {
  st: SourceOutcome
  code?: string | undefined
  detail?: string | undefined
  id?: string | undefined
  sha256?: string | undefined
  facts?: SourceFacts | undefined
  notes?: SourceNote[] | undefined
}

/** A shot that is understood, ready to become an inspection. */
export type Shot = {
  readonly source: string
  readonly topic: string
  readonly picture: Picture | undefined
  readonly facts: SourceFacts
  readonly notes: SourceNote[]
  /** What a model that is not ours says is on it. */
  readonly findings?: readonly Finding[]
  /** `before`: the id the same content would have had in the span before. */
  readonly identity: { readonly id: string; readonly before?: string }
}

/** The hub's one way in for inspections, as stations use it. */
export type Ingest = {
  readonly receive: (device: string, topic: string, bytes: Uint8Array) => Promise<InspectionAck | undefined>
}
export type KnownInspection = (
  id: string,
) => { device: string; header: InspectionHeader; imageState: string } | undefined

/**
 * Makes inspections of shots, through the same ingest as stations: image on disk, then the row, then the answer. A shot
 * that is known is answered and not stored again.
 */
export function createStoring({
  ingest,
  known,
  clock,
  boot,
}: {
  ingest: Ingest
  known: KnownInspection
  clock: Clock
  /** Random per hub start: cameras do not count their shots, so the hub does. */
  boot: string
}) {
  const sequences = new Map<string, { next: number; free: number[] }>()
  const underWay = new Map<string, Promise<unknown>>()

  /** A number that was not used in the end is used by the next shot, so that no gap looks like a lost part. */
  const sequenceOf = (source: string) => {
    const sequence = sequences.get(source) ?? { next: 1, free: [] }
    sequences.set(source, sequence)
    const seq = sequence.free.pop() ?? sequence.next++
    return { seq, giveBack: () => void sequence.free.push(seq) }
  }

  const store = async (shot: Shot): Promise<Outcome> => {
    const { source, picture, facts, notes, identity } = shot
    const sha256 = picture && sha256Of(picture.bytes)
    const told = { facts, notes, sha256 }
    const id = identity.before !== undefined && known(identity.before) ? identity.before : identity.id
    const stored = known(id)
    if (stored && (stored.device !== source || stored.header.parts[0]?.sha256 !== sha256)) {
      const detail = `"${facts.key ?? id}" is stored already, with another picture`
      return { st: "quarantined", code: "conflict", detail, ...told }
    }
    // The disk had no room for the picture: its record is there, and the picture comes now.
    if (stored?.imageState === "waiting") return send(stored.header, shot, told)
    if (stored) return { st: "repeated", id, ...told }
    const { seq, giveBack } = sequenceOf(source)
    const header: InspectionHeader = {
      v: 1,
      id,
      boot,
      seq,
      ts: facts.ts ?? clock.now(),
      ...(facts.part_id !== undefined && { part_id: facts.part_id }),
      ...(facts.product_id !== undefined && { product_id: facts.product_id }),
      ...(facts.recipe_id !== undefined && { recipe_id: facts.recipe_id }),
      ...(facts.job_id !== undefined && { job_id: facts.job_id }),
      verdict: facts.verdict,
      findings: [...(shot.findings ?? [])],
      policy: { why_sent: "source", image: picture ? "full" : "none" },
      parts:
        picture && sha256
          ? [
              {
                name: "image",
                mime: picture.mime,
                len: picture.bytes.length,
                sha256,
                w: picture.w,
                h: picture.h,
              },
            ]
          : [],
    }
    const outcome = await send(header, shot, told)
    // What was put off may have its record already.
    if (outcome.st !== "stored" && known(id)?.header.seq !== seq) giveBack()
    return outcome
  }

  const send = async (
    header: InspectionHeader,
    { source, topic, picture }: Shot,
    told: Pick<Outcome, "facts" | "notes" | "sha256">,
  ): Promise<Outcome> => {
    const { id } = header
    const ack = await ingest.receive(
      source,
      topic,
      encodeFrame({ header, parts: picture ? [picture.bytes] : [] }),
    )
    if (ack?.st === "stored") return { st: "stored", id, ...told }
    if (ack?.st === "dup") return { st: "repeated", id, ...told }
    if (ack?.st === "bad")
      return { st: "quarantined", code: ack.code ?? "bad", detail: "the hub's ingest refused it", ...told }
    return { st: "later", code: ack?.code ?? "store_failed", ...told }
  }

  return {
    /** Two copies of one shot at the same time: the second waits and finds the first. */
    store: async (shot: Shot): Promise<Outcome> => {
      const { id } = shot.identity
      const before = underWay.get(id)
      const work = (before ?? Promise.resolve()).then(() => store(shot))
      const settled = work.catch(() => undefined)
      underWay.set(id, settled)
      try {
        return await work
      } finally {
        if (underWay.get(id) === settled) underWay.delete(id)
      }
    },
  }
}
export type Storing = ReturnType<typeof createStoring>
