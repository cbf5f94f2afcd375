import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import { createInferChild, type InferChild } from "#models/infer/child"
import { type Judged, qualityFigures } from "#models/metrics"
import type { HubClient } from "./client.ts"
import type { Material } from "./material.ts"

type Seen = Judged & { newKind: boolean }

/** Runs both models, downloaded from the hub, over the same parts no training and no gate has seen. */
export async function measureUnseen(context: {
  engineer: HubClient
  material: Material
  dir: string
  before: string
  after: string
}) {
  const { engineer, material, dir } = context
  await mkdir(join(dir, "unseen"), { recursive: true })
  const open = async (digest: string) => {
    const path = join(dir, "unseen", `${digest}.onnx`)
    await writeFile(path, await engineer.bytes(`/api/models/${digest}/onnx`))
    const child = createInferChild({ command: selfCommand("worker", "infer") })
    await child.load(path)
    return child
  }
  const models = await Promise.all([open(context.before), open(context.after)])
  try {
    const [before, after]: [Seen[], Seen[]] = [[], []]
    for await (const { image, meta } of material.unseen()) {
      const truth = {
        ng: meta.label.verdict === "ng",
        newKind: meta.label.kinds.includes(material.newKind.key),
      }
      const [a, b] = await Promise.all(models.map((model) => judge(model, image)))
      before.push({ ...truth, ...a! })
      after.push({ ...truth, ...b! })
    }
    return { ...rates("before", before), ...rates("after", after), ...sizes(before) }
  } finally {
    await Promise.all(models.map((model) => model.close()))
  }
}

async function judge(model: InferChild, image: Uint8Array): Promise<Pick<Judged, "score" | "eval">> {
  const { verdict } = await model.inspect({ bytes: image })
  return { score: verdict.score ?? 1, eval: verdict.eval }
}

function rates<W extends "before" | "after">(when: W, parts: Seen[]) {
  const all = qualityFigures(parts)
  const fresh = qualityFigures(parts.filter((p) => p.newKind))
  return {
    [`escape_${when}`]: all.escape.rate,
    [`overkill_${when}`]: all.overkill.rate,
    [`undecidable_${when}`]: all.undecidable.rate,
    [`auroc_${when}`]: all.auroc,
    [`new_kind_escape_${when}`]: fresh.escape.rate,
  } as Record<`${"escape" | "overkill" | "undecidable" | "auroc" | "new_kind_escape"}_${W}`, number>
}

const sizes = (parts: Seen[]) => ({
  unseen_ok: parts.filter((p) => !p.ng).length,
  unseen_ng: parts.filter((p) => p.ng).length,
})
