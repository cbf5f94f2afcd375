import type { ExchangeFormat } from "#contract/exchange"
import { coco, cocoKeypoints } from "./coco.format.ts"
import { csvFormat } from "./csv.format.ts"
import { datumaro } from "./datumaro.format.ts"
import type { Format, Tree } from "./entry.format.ts"
import { imageFolder, mvtec, yoloClassify } from "./folders.format.ts"
import { jsonlFormat } from "./jsonl.format.ts"
import { masks } from "./masks.format.ts"
import { parquetFormat } from "./parquet.format.ts"
import { labelStudioJson, labelStudioMin } from "./tasks.format.ts"
import { voc } from "./voc.format.ts"
import { yoloDetect, yoloObb, yoloPose, yoloSegment } from "./yolo.format.ts"

export const formats: Readonly<Record<ExchangeFormat, Format>> = {
  "crux-jsonl": jsonlFormat,
  csv: csvFormat,
  parquet: parquetFormat,
  "label-studio": labelStudioJson,
  "label-studio-min": labelStudioMin,
  coco,
  "coco-keypoints": cocoKeypoints,
  yolo: yoloDetect,
  "yolo-segment": yoloSegment,
  "yolo-obb": yoloObb,
  "yolo-pose": yoloPose,
  "yolo-classify": yoloClassify,
  voc,
  "image-folder": imageFolder,
  mvtec,
  masks,
  datumaro,
}

/** Those that are told from each other by what lies there; the surer signs first, a folder of pictures last. */
const recognised: readonly ExchangeFormat[] = [
  ...([
    "masks",
    "label-studio",
    "label-studio-min",
    "datumaro",
    "coco",
    "voc",
    "yolo",
    "crux-jsonl",
  ] as const),
  ...(["parquet", "csv", "mvtec", "image-folder"] as const),
]

/** What a folder or archive is; undefined when nothing in it is known. */
export async function recogniseFormat(tree: Tree): Promise<ExchangeFormat | undefined> {
  for (const name of recognised) if (await formats[name].recognises(tree)) return name
  return undefined
}
