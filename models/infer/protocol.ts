import type { ModelContract } from "#contract/model"
import type { Looked } from "../adapters/look.ts"
import type { Probe, Thumbnail } from "../image-ops.ts"
import type { ModelErrorCode } from "../model-error.ts"
import type { Frame } from "../preprocess.ts"
import type { Inspection, InspectOptions } from "./session.ts"
import type { SharedFrame } from "./shared-frame.ts"

/** What a parent may ask of an inference child, and what comes back. Both ends are this same program. */
export type Operations = {
  load: { ask: { model: string }; answer: ModelContract }
  infer: { ask: { frame: Frame } & InspectOptions; answer: Inspection }
  thumbnail: { ask: { frame: Frame; max: number }; answer: Thumbnail }
  /** Paths: of the image, and of a folder to work in. */
  tiles: { ask: { image: string; folder: string }; answer: { path: string; tiles: number } }
  /** An ONNX file from elsewhere: what it is taken for, without opening it. */
  look: { ask: { file: string }; answer: Looked }
  /** Writes it with a contract to `into`; without one that is given it keeps its own, or gets what its form suggests. */
  stamp: {
    ask: { file: string; contract?: ModelContract | undefined; into: string }
    answer: { contract: ModelContract; stamped: boolean }
  }
  probe: { ask: { frame: { path: string } | { bytes: Uint8Array } }; answer: Probe }
}
export type Operation = keyof Operations
/** What any kind of child is asked and answers, by operation. */
export type Asked = Record<string, { ask: object; answer: unknown }>
export type AskOf<Ops extends Asked, Op extends keyof Ops = keyof Ops> = {
  [K in Op]: { op: K } & Ops[K]["ask"]
}[Op]
export type Ask<Op extends Operation = Operation> = AskOf<Operations, Op>
/** `frame` stands in for the pixels of a large raw frame. */
export type Request = { id: number; ask: Ask; frame?: SharedFrame }
export type Reply<Ops extends Asked = Operations> =
  | { id: number; answer: Ops[keyof Ops]["answer"] }
  | { id: number; code: ModelErrorCode; message: string }
