import { setImmediate } from "node:timers/promises"
import type { DatasetSample } from "#contract/dataset"
import type { ExchangeItem } from "#contract/exchange"
import { extensionOf, type Split, splitOf } from "./entry.format.ts"
import { drawingOfBoxes } from "./survey.ts"

/** What an export needs of the labels. */
export type LabelledSnapshot = {
  now: () => number
  numbers: (after: { receivedAt: number; n: number }, limit: number) => { n: number; received_at: number }[]
  /** Those of these parts that have a picture; `label` is what was said of them then, null for nothing. */
  parts: (
    of: readonly number[],
    upTo: number,
  ) => {
    id: string
    device: string
    partId: string | null
    productId: string | null
    capturedAt: number
    image: { sha256: string; mime: ExchangeItem["image"]["mime"]; w: number; h: number }
    label: {
      verdict: NonNullable<ExchangeItem["label"]>["verdict"]
      kinds: string[]
      boxes: { kind: string; box: [number, number, number, number] }[]
      drawing: NonNullable<ExchangeItem["label"]>["drawing"] | null
      by: string
      at: number
    } | null
  }[]
}

const page = 200

/** A frozen version as an export goes through it. */
export type FrozenVersion = {
  page: (digest: string, after: string, limit: number) => DatasetSample[]
  drawingAt: (id: string, at: number) => NonNullable<ExchangeItem["label"]>["drawing"] | null
}

/** The pictures of a frozen version, in their order, with the labels they were frozen with. */
export async function* itemsOfVersion(version: FrozenVersion, digest: string): AsyncGenerator<ExchangeItem> {
  for (let after = "0".repeat(64); ; ) {
    const some = version.page(digest, after, page)
    for (const { id, image, mime, w, h, split, product, label, said } of some) {
      const drawing = said ? version.drawingAt(id, said.at) : null
      const known = splitOf(split)
      yield {
        v: 1,
        id,
        image: { file: `images/${id}.${extensionOf(mime)}`, sha256: image, mime, w, h },
        ...(known !== undefined && { split: known }),
        ...(product !== null && { product_id: product }),
        label: {
          verdict: label.verdict,
          kinds: label.kinds,
          drawing: drawing ?? drawingOfBoxes(label.boxes),
          ...(said && { at: said.at }),
        },
      }
    }
    const last = some.at(-1)
    if (!last) return
    after = last.image
    await setImmediate()
  }
}

/**
 * Labelled parts as they stood at a moment, or chosen ones with whatever was said of them, to be gone through several times
 * with the same result while people go on labelling. Between pages everybody else gets a turn.
 */
export async function snapshotOf(
  labels: Omit<LabelledSnapshot, "now">,
  splitOf: (part: string | null, image: string) => Split,
  upTo: number,
  chosen?: readonly number[],
): Promise<() => AsyncIterable<ExchangeItem>> {
  const numbers = chosen ?? (await labelledNumbers(labels))
  return async function* () {
    for (let at = 0; at < numbers.length; at += page) {
      for (const part of labels.parts(numbers.slice(at, at + page), upTo)) {
        const { id, image, device, partId, productId, label } = part
        if (label === null && !chosen) continue
        const split = splitOf(partId, image.sha256)
        yield {
          v: 1,
          id,
          image: { file: `images/${id}.${extensionOf(image.mime)}`, ...image },
          ...(split !== undefined && { split }),
          station: device,
          ...(partId !== null && { part_id: partId }),
          ...(productId !== null && { product_id: productId }),
          captured_at: part.capturedAt,
          label: label && {
            verdict: label.verdict,
            kinds: label.kinds,
            drawing: label.drawing ?? drawingOfBoxes(label.boxes),
            by: label.by,
            at: label.at,
          },
        }
      }
      await setImmediate()
    }
  }
}

async function labelledNumbers(labels: Pick<LabelledSnapshot, "numbers">): Promise<number[]> {
  const numbers: number[] = []
  let after = { receivedAt: -1, n: 0 }
  for (;;) {
    const some = labels.numbers(after, 5_000)
    for (const { n } of some) numbers.push(n)
    const last = some.at(-1)
    if (!last) return numbers
    after = { receivedAt: last.received_at, n: last.n }
    await setImmediate()
  }
}
