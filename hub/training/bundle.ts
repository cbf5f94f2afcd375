import { mkdir, open, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import type { TrainingJobSpec, TrainingSample } from "#contract/training"
import { syncDirectory } from "#platform/blobs.files"

/** Lines that are written together. */
const together = 500

/**
 * Writes a job bundle {job.json, samples.jsonl} as `dir`, whole or not at all: it is built beside and renamed. `spec` is asked
 * when all samples have been seen. A bundle of an earlier attempt is replaced.
 */
export async function writeBundle(
  dir: string,
  samples: AsyncIterable<TrainingSample>,
  spec: () => TrainingJobSpec,
): Promise<void> {
  const building = `${dir}.new`
  await rm(building, { recursive: true, force: true })
  await mkdir(building, { recursive: true })
  await writeSynced(join(building, "samples.jsonl"), linesOf(samples))
  await writeSynced(join(building, "job.json"), [JSON.stringify(spec(), null, 2)])
  await rm(dir, { recursive: true, force: true })
  await rename(building, dir)
  await syncDirectory(join(dir, ".."))
}

async function* linesOf(samples: AsyncIterable<TrainingSample>): AsyncGenerator<string> {
  let held: string[] = []
  for await (const sample of samples) {
    held.push(`${JSON.stringify(sample)}\n`)
    if (held.length < together) continue
    yield held.join("")
    held = []
  }
  yield held.join("")
}

async function writeSynced(path: string, pieces: AsyncIterable<string> | Iterable<string>): Promise<void> {
  const file = await open(path, "w", 0o600)
  try {
    for await (const piece of pieces) await file.writeFile(piece)
    await file.sync()
  } finally {
    await file.close()
  }
}
