import type { DefectClass, NewProduct } from "#contract/catalogue"
import type { InspectionView } from "#contract/labelling"
import type { ReferenceMeta } from "#contract/registry"
import type { SampleLabel } from "#contract/training"

/** One picture with its ground truth. `image` is an encoded file. */
export type KnownPart = { image: Uint8Array; mime: string; meta: ReferenceMeta }

/**
 * Where a demo's parts come from: drawn, or read from a folder of photographs. Its four pools never share a
 * physical part: `references` (a few good ones for the first model), the line, `golden` and `unseen`.
 */
export type Material = {
  /** Settings of the demo's hub that depend on how many parts there are. */
  policy: {
    gate: { max_escape: number; max_overkill: number; max_undecidable: number }
    /** Labels of a kind unknown to the running model that start a training. */
    newKindLabels: number
    /** Shift of the NG share a station bears in probation. */
    maxNgShift: number
  }
  products: NewProduct[]
  /** In the catalogue before the line starts. */
  knownKinds: DefectClass[]
  /** Appears on the line later; nobody and nothing knows it at the start. */
  newKind: DefectClass
  references(): AsyncIterable<KnownPart>
  /** Golden parts with the kinds known at the start, and those of the new kind, which an engineer adds once it has been seen. */
  golden(which: "known" | "new"): AsyncIterable<KnownPart>
  /** Only for the figures; never shown to the hub. */
  unseen(): AsyncIterable<KnownPart>
  /** Options of `crux edge` for the camera of station `index` of `count`; `dir` is the station's data folder. */
  cameraArgs(index: number, count: number, dir: string): Promise<string[]>
  /** What a person would say of this inspection; null when the picture is not one of ours. */
  truthOf(inspection: InspectionView): SampleLabel | null
}

/**
 * Limits of the gate where the golden set is too small to prove anything: the comparison with the running model
 * decides, and these only keep out what is useless.
 */
export const fewGoldenParts = { max_escape: 0.9, max_overkill: 0.6, max_undecidable: 0.8 }
