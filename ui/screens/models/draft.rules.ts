import { decodings, type ModelContract } from "#contract/model"

export type Decoding = keyof typeof decodings
export const isDecoding = (type: string): type is Decoding => Object.hasOwn(decodings, type)

const tasks: Record<Decoding, ModelContract["task"]> = {
  softmax: "classification",
  sigmoid: "multilabel",
  probs: "classification",
  yolo_v8: "detection",
  yolo_v5: "detection",
  yolo_e2e: "detection",
  yolox: "detection",
  detr: "detection",
  rfdetr: "detection",
  mmdet: "detection",
  anomaly: "anomaly",
  anomaly_map: "anomaly",
  semantic: "segmentation",
  semantic_sigmoid: "segmentation",
}

/** The contract read another way: each output the way needs is one that had this role before, or the next that is free. */
export function readAs(contract: ModelContract, type: Decoding, ends: readonly string[]): ModelContract {
  const had = new Map(contract.outputs.map(({ role, name }) => [role, name] as const))
  const taken = new Set<string>()
  const outputs = decodings[type].map((role) => {
    const free = ends.filter((name) => !taken.has(name))
    const before = had.get(role)
    const name = (before !== undefined && free.includes(before) ? before : free[0]) ?? ends[0] ?? ""
    taken.add(name)
    return { name, role }
  })
  return { ...contract, task: tasks[type], outputs, decode: { ...contract.decode, type } }
}

/** Numbers as people type a row of them; undefined while they type. */
export function readNumbers(text: string, count: readonly number[]): number[] | undefined {
  const words = text.split(/[\s,;]+/).filter((word) => word !== "")
  const numbers = words.map(Number)
  return count.includes(numbers.length) && numbers.every(Number.isFinite) ? numbers : undefined
}

/** As many classes as there are numbers in an answer; those that are there keep their names. */
export function classesUpTo(contract: ModelContract, count: number): ModelContract {
  const classes = Array.from(
    { length: Math.max(1, Math.min(1_000, count)) },
    (_, id) =>
      contract.classes.find((one) => one.id === id) ?? { id, key: `class-${id}`, verdict: "NG" as const },
  )
  return { ...contract, classes }
}
