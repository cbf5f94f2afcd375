import { setImmediate } from "node:timers/promises"
import type { DefectClass } from "#contract/catalogue"
import type { ExchangeFormat, ExchangeItem } from "#contract/exchange"
import type { InspectionView } from "#contract/labelling"
import type { Blobs } from "#platform/blobs"
import type { ExportSource } from "../exchange/entry.format.ts"
import { readResults } from "../exchange/label-studio.format.ts"
import { sizeOfResults } from "../exchange/label-studio-task.format.ts"
import type { LabelConfig } from "./config.rules.ts"
import { dialectOf } from "./dialect.ts"
import type { ProjectRow } from "./projects.store.ts"
import type { TaskRow, TasksStore } from "./tasks.store.ts"

/** What Label Studio calls the formats that the hub writes as archives. */
export const archiveFormats: Readonly<
  Record<string, { format: ExchangeFormat; title: string; pictures: boolean }>
> = {
  COCO: { format: "coco", title: "COCO", pictures: false },
  COCO_WITH_IMAGES: { format: "coco", title: "COCO with Images", pictures: true },
  YOLO: { format: "yolo", title: "YOLO", pictures: false },
  YOLO_WITH_IMAGES: { format: "yolo", title: "YOLO with Images", pictures: true },
  YOLO_OBB: { format: "yolo-obb", title: "YOLOv8 OBB", pictures: false },
  YOLO_OBB_WITH_IMAGES: { format: "yolo-obb", title: "YOLOv8 OBB with Images", pictures: true },
  VOC: { format: "voc", title: "Pascal VOC XML", pictures: false },
}

/** Writes an archive in one of the hub's formats, piece by piece. */
export type WriteArchive = (format: ExchangeFormat, source: ExportSource) => AsyncIterable<Uint8Array>

const atOnce = 200

/**
 * The tasks of a project as labelled pictures with Label Studio's words and numbers: classes in alphabetical order over
 * all controls of the config. Of several annotations the newest counts; there each one counts, and the last written wins.
 */
export function createArchiving({
  store,
  partOf,
  classes,
  blobs,
  write,
}: {
  store: Pick<TasksStore, "after" | "annotationsOf" | "uploadById">
  partOf: (inspection: string) => InspectionView | undefined
  classes: () => DefectClass[]
  blobs: Pick<Blobs, "read">
  write: WriteArchive
}) {
  const itemOf = (row: TaskRow, dialect: ReturnType<typeof dialectOf>): ExchangeItem | null => {
    const said = store.annotationsOf(row.id).find(({ was_cancelled }) => was_cancelled === 0)
    const results = said ? (JSON.parse(said.result) as unknown[]) : []
    const image = row.picture === "stored" ? partOf(row.inspection_id)?.image : null
    const size = image ?? sizeOfResults(results)
    if (!size) return null
    const upload = row.upload === null ? undefined : store.uploadById(row.upload)
    const { verdict, drawing } = readResults(results, size, dialect)
    const kinds = [...new Set(drawing.regions.flatMap((region) => region.kinds))]
    return {
      v: 1,
      id: row.inspection_id,
      image: {
        file: `images/${upload?.name ?? `${row.inspection_id}.${extensions[image?.mime ?? "image/png"]}`}`,
        mime: image?.mime ?? "image/png",
        w: size.w,
        h: size.h,
        ...(image && { sha256: image.sha256 }),
      },
      label: said ? { verdict: verdict ?? (kinds.length > 0 ? "ng" : "ok"), kinds, drawing } : null,
    }
  }

  return {
    /** The archive's bytes; what cannot be placed because nobody knows its picture's size is left out. */
    stream(
      project: ProjectRow,
      config: LabelConfig,
      name: keyof typeof archiveFormats,
      all: boolean,
      pictures: boolean,
    ) {
      const { format, pictures: always } = archiveFormats[name]!
      // Words stay as the config has them, known to the catalogue or not.
      const dialect = { ...dialectOf(config, classes()), kindOf: (label: string) => label }
      const items = async function* () {
        let after = 0
        for (;;) {
          const rows = store.after(project.id, after, { sql: "1", params: {} }, atOnce)
          for (const row of rows) {
            const item = all || row.annotations > 0 ? itemOf(row, dialect) : null
            if (item) yield item
          }
          const last = rows.at(-1)
          if (!last) return
          after = last.id
          await setImmediate()
        }
      }
      const words = new Set(config.controls.flatMap(({ labels }) => labels))
      const source: ExportSource = {
        items,
        classes: [...words].sort(),
        splits: [undefined],
        profile: "ls-exact",
        ...((pictures || always) && { picture: ({ image }: ExchangeItem) => blobs.read(image.sha256 ?? "") }),
      }
      return write(format, source)
    },
  }
}
export type Archiving = ReturnType<typeof createArchiving>

const extensions = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" } as const
