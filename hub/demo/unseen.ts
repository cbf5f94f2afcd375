import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import { createInferChild, type InferChild } from "#models/infer/child"
import { confusionOf, type Judgement } from "../registry/gate.rules.ts"
import type { HubClient } from "./client.ts"
import type { Material } from "./material.ts"

type Seen = { truth: "ok" | "ng"; newKind: boolean; said: Pick<Judgement, "eval" | "score"> }

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
        truth: meta.label.verdict === "ng" ? ("ng" as const) : ("ok" as const),
        newKind: meta.label.kinds.includes(material.newKind.key),
      }
      const [a, b] = await Promise.all(models.map((model) => judge(model, image, meta.product_id)))
      before.push({ ...truth, said: a! })
      after.push({ ...truth, said: b! })
    }
    return { ...rates("before", before), ...rates("after", after), ...sizes(before) }
  } finally {
    await Promise.all(models.map((model) => model.close()))
  }
}

async function judge(
  model: InferChild,
  image: Uint8Array,
  product: string | undefined,
): Promise<Seen["said"]> {
  const { verdict } = await model.inspect({ bytes: image }, { product })
  return { score: verdict.score ?? null, eval: verdict.eval }
}

function rates<W extends "before" | "after">(when: W, parts: Seen[]) {
  const all = figuresOf(parts)
  const fresh = figuresOf(parts.filter((p) => p.newKind))
  return {
    [`escape_${when}`]: all.escape,
    [`overkill_${when}`]: all.overkill,
    [`undecidable_${when}`]: all.undecidable,
    [`auroc_${when}`]: all.auroc ?? Number.NaN,
    [`new_kind_escape_${when}`]: fresh.escape,
  } as Record<`${"escape" | "overkill" | "undecidable" | "auroc" | "new_kind_escape"}_${W}`, number>
}

const sizes = (parts: Seen[]) => ({
  unseen_ok: parts.filter((p) => p.truth === "ok").length,
  unseen_ng: parts.filter((p) => p.truth === "ng").length,
})

/** Counted as the gate counts. */
const figuresOf = (parts: Seen[]) =>
  confusionOf(
    parts,
    parts.map(({ said }) => said),
  )
