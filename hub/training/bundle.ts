import { mkdir, open, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import type { TrainingJobSpec, TrainingSample } from "#contract/training"
import { syncDirectory } from "#platform/blobs.files"

/**
 * Writes a job bundle {job.json, samples.jsonl} as `dir`, whole or not at all: it is built beside and renamed.
 * A bundle of an earlier attempt is replaced.
 */
export async function writeBundle(
  dir: string,
  spec: TrainingJobSpec,
  samples: readonly TrainingSample[],
): Promise<void> {
  const building = `${dir}.new`
  await rm(building, { recursive: true, force: true })
  await mkdir(building, { recursive: true })
  await writeSynced(join(building, "job.json"), JSON.stringify(spec, null, 2))
  await writeSynced(join(building, "samples.jsonl"), samples.map((s) => `${JSON.stringify(s)}\n`).join(""))
  await rm(dir, { recursive: true, force: true })
  await rename(building, dir)
  await syncDirectory(join(dir, ".."))
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, "w", 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}
