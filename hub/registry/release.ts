import { type CheckImage, type Manifest, type ObjectRef, payloadTypes } from "#contract/release"
import { chunkSize } from "#contract/topics"
import type { Blobs } from "#platform/blobs"
import type { Signer } from "#platform/signing"
import type { Dataset } from "../dataset/dataset.service.ts"
import { checkTolerance, pickChecks } from "./checks.rules.ts"
import type { Prover } from "./prover.ts"
import type { RegisteredModel } from "./registry.store.ts"

const checkCount = 6
/** Pictures shown to the model to pick the checks from. */
const checkPool = 24
/** A JPEG of this size stays below one chunk, the longest a check image may be. */
const checkSide = 640

/**
 * Measures the model on labelled pictures of the training set and picks those that go with it. Golden pictures never
 * leave the hub. A picture longer than one chunk goes as a smaller copy, and it is the copy that is measured.
 */
export async function makeChecks(
  { blobs, prover, dataset }: { blobs: Blobs; prover: Prover; dataset: Pick<Dataset, "frozen"> },
  model: RegisteredModel,
): Promise<CheckImage[]> {
  if (model.dataset === null) return []
  const samples = dataset.frozen(model.dataset).samples
  // Calibration parts first: the model was never fitted on them.
  const ranked = [...samples].sort((a, b) => (a.split < b.split ? -1 : a.split > b.split ? 1 : 0))
  const some = (truth: "ok" | "ng") => ranked.filter((s) => s.label.verdict === truth).slice(0, checkPool / 2)
  const pool: { image: string; truth: "ok" | "ng"; mime: string; size: number }[] = []
  for (const sample of [...some("ok"), ...some("ng")]) {
    const truth = sample.label.verdict
    if (sample.size <= chunkSize) {
      pool.push({ image: sample.image, truth, mime: sample.mime, size: sample.size })
      continue
    }
    const copy = await prover.shrink(await blobs.file(sample.image), checkSide)
    if (copy.length <= chunkSize)
      pool.push({ image: await blobs.put(copy), truth, mime: "image/jpeg", size: copy.length })
  }
  // By the limits for all parts, as the station judges them: a check says nothing of a product.
  const judged = await prover.judge(
    blobs.path(model.digest),
    await Promise.all(pool.map(async (p) => ({ path: await blobs.file(p.image) }))),
  )
  const candidates = pool.flatMap((p, i) => (judged[i] ? [{ ...p, judged: judged[i] }] : []))
  const byImage = new Map(pool.map((p) => [p.image, p]))
  return pickChecks(candidates, model.contract.thresholds, checkCount).map(
    ({ image, judged: { eval: verdict }, score }) => {
      const { mime, size } = byImage.get(image)!
      return { image: { sha256: image, size }, mime, expect: { eval: verdict, score, tol: checkTolerance } }
    },
  )
}

/** Signs a manifest and stores the envelope; the digest of its bytes is the name stations are told to run. */
export async function storeManifest(
  blobs: Pick<Blobs, "put">,
  signer: Signer,
  manifest: Manifest,
): Promise<ObjectRef> {
  const payload = new TextEncoder().encode(JSON.stringify(manifest))
  const envelope = new TextEncoder().encode(JSON.stringify(signer.sign(payloadTypes.manifest, payload)))
  return { sha256: await blobs.put(envelope), size: envelope.length }
}
