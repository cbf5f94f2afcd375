import { createHash } from "node:crypto"
import type { FramePart, InspectionHeader } from "#contract/inspection"
import type { NewLabel } from "#contract/labelling"
import { sniffImage } from "#models/image-header"
import { createInspectionStore } from "../../../hub/inspection/inspection.store.ts"
import { systemIds } from "../../../hub/platform/ids.ts"
import type { TestHub } from "./hub.ts"

type PartSketch = {
  eval?: InspectionHeader["verdict"]["eval"]
  score?: number
  picture?: string
  /** The digest of a picture that is stored. */
  sha256?: string
  /** A picture that is really there. */
  image?: Omit<FramePart, "name">
  /** What the model found, and the line of that model. */
  kind?: string
  line?: string
  product?: string
  /** Placed in the queue as this hub does, and not as one without settings. */
  throughHub?: boolean
}

/** Stores parts of one station as the hub would after their frames came in; returns their ids, oldest first. */
export function storeParts(
  test: TestHub,
  count: number,
  of: (i: number) => PartSketch = () => ({}),
): string[] {
  const { db } = test.hub
  db.exec(
    "INSERT OR IGNORE INTO device (id, name, enrolled_at, secret_hash) VALUES ('cam-1', 'Cam 1', 0, '')",
  )
  const plain = createInspectionStore({ sqlite: db })
  const boot = systemIds.random(4)
  return db.transaction(() =>
    Array.from({ length: count }, (_, i) => {
      const sketch = of(i)
      const {
        eval: verdict = "ng",
        score = 0.9,
        picture = systemIds.uuid(),
        image,
        kind,
        line,
        product,
        throughHub,
      } = sketch
      const store = throughHub ? test.hub.inspectionStore : plain
      const header: InspectionHeader = {
        v: 1,
        id: systemIds.uuid(),
        boot,
        seq: i + 1,
        ts: test.clock.now(),
        part_id: `P-${i}`,
        ...(product !== undefined && { product_id: product }),
        verdict: { eval: verdict, score, t_low: 0.4, t_high: 0.6 },
        findings: kind === undefined ? [] : [{ kind, score: 0.8 }],
        ...(line !== undefined && { model: { line, release: 1, digest: "0".repeat(64) } }),
        policy: { why_sent: "all", image: "full" },
        parts: [
          {
            name: "main",
            mime: "image/png",
            len: 100,
            sha256: sketch.sha256 ?? createHash("sha256").update(picture).digest("hex"),
            w: 640,
            h: 480,
            ...image,
          },
        ],
      }
      const receivedAt = test.clock.now()
      store.insert({ header, headerText: JSON.stringify(header), device: "cam-1", receivedAt })
      return header.id
    }),
  )
}

/** Stores parts with these pictures, which are really there; returns their ids. */
export async function storePictures(test: TestHub, pictures: readonly Uint8Array[]): Promise<string[]> {
  const images = await Promise.all(
    pictures.map(async (bytes) => ({
      sha256: await test.hub.blobs.put(bytes),
      len: bytes.length,
      ...sniffImage(bytes)!,
    })),
  )
  const ids = storeParts(test, images.length, (i) => ({ image: images[i]! }))
  test.hub.events.announce("inspection", {})
  return ids
}

/** A label as a tablet sends it. */
export function newLabel(inspection_id: string, more: Partial<NewLabel> = {}): NewLabel {
  return {
    id: systemIds.uuid(),
    inspection_id,
    verdict: "ok",
    kinds: [],
    boxes: [],
    accepted: false,
    shown_at: 1_000,
    decided_at: 2_500,
    active_ms: 1_400,
    ...more,
  }
}

/** Stores one part with a real picture, as the hub would after its frame came in. */
export async function storePicture(
  test: TestHub,
  bytes: Uint8Array,
  size: { w: number; h: number },
  more: Partial<InspectionHeader> = {},
): Promise<{ id: string; sha256: string }> {
  const { db, blobs } = test.hub
  const sha256 = await blobs.put(bytes)
  db.exec(
    "INSERT OR IGNORE INTO device (id, name, enrolled_at, secret_hash) VALUES ('cam-1', 'Cam 1', 0, '')",
  )
  const header: InspectionHeader = {
    v: 1,
    id: systemIds.uuid(),
    boot: systemIds.random(4),
    seq: 1,
    ts: test.clock.now(),
    part_id: "P-1",
    verdict: { eval: "ng", score: 0.9, t_low: 0.4, t_high: 0.6 },
    findings: [],
    policy: { why_sent: "all", image: "full" },
    parts: [{ name: "main", mime: "image/jpeg", len: bytes.length, sha256, ...size }],
    ...more,
  }
  createInspectionStore({ sqlite: db }).insert({
    header,
    headerText: JSON.stringify(header),
    device: "cam-1",
    receivedAt: test.clock.now(),
  })
  return { id: header.id, sha256 }
}

/** Both sets of what is labelled now, frozen and read back. */
export async function frozenSets({ hub }: TestHub) {
  const { training, golden } = await hub.freezes.freeze({ grouping: "part", near: "allow" })
  return { training: hub.dataset.frozen(training.digest), golden: hub.dataset.frozen(golden.digest) }
}
