import { embeddingSize } from "#models/embed/embedder"
import { createVectorIndex } from "#models/embed/vector-index"
import { type BenchRow, inTurns, median } from "./row.ts"

const parts = 100_000
const searches = 20
/** What a person does not notice. */
const limitMs = 50

/**
 * Exact search among 100,000 embeddings of one byte a number, and a plain scan of the same vectors as 32-bit numbers, turn
 * by turn; one thread each.
 */
export async function benchSimilar(): Promise<BenchRow[]> {
  const bytes = randomBytes(parts * embeddingSize)
  const floats = Float32Array.from(bytes)
  const index = createVectorIndex(embeddingSize)
  for (let i = 0; i < parts; i++) index.add(i, bytes.subarray(i * embeddingSize, (i + 1) * embeddingSize))
  const query = (i: number) => i * 997 * embeddingSize
  const each = (search: (from: number) => void): Promise<number> => {
    const started = performance.now()
    for (let i = 0; i < searches; i++) search(query(i))
    return Promise.resolve((performance.now() - started) / searches)
  }
  const ours = () =>
    each(
      (from) => void index.nearest(bytes.subarray(from, from + embeddingSize), 24, (keys) => new Set(keys)),
    )
  const reference = () => each((from) => void plainScan(floats, floats.subarray(from, from + embeddingSize)))
  await ours()
  const rounds = await inTurns(5, { ours, reference })
  const [ms, plain] = [median(rounds.ours), median(rounds.reference)]
  const name = `similar parts among ${parts.toLocaleString("en")}`
  return [
    {
      name,
      value: ms,
      unit: "ms",
      reference: plain,
      ratio: plain / ms,
      against: "a plain scan of 32-bit numbers",
    },
    { name, value: ms, unit: "ms", reference: limitMs, ratio: limitMs / ms, against: "the limit" },
  ]
}

function plainScan(vectors: Float32Array, query: Float32Array): number {
  let [best, place] = [-Infinity, 0]
  for (let i = 0, at = 0; at < vectors.length; i++) {
    let sum = 0
    for (let j = 0; j < query.length; j++, at++) sum += vectors[at]! * query[j]!
    if (sum > best) [best, place] = [sum, i]
  }
  return place
}

function randomBytes(length: number): Int8Array {
  const bytes = new Int8Array(length)
  for (let from = 0; from < length; from += 65_536)
    crypto.getRandomValues(bytes.subarray(from, from + 65_536))
  return bytes
}
