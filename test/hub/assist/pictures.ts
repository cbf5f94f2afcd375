import { createHash } from "node:crypto"
import type { InspectionHeader } from "#contract/inspection"
import { createInspectionStore } from "../../../hub/inspection/inspection.store.ts"
import { systemIds } from "../../../hub/platform/ids.ts"
import type { TestHub } from "../support/hub.ts"
import { greyPng } from "../support/png.ts"

export const pictureSide = 96

/** A plate with noise of its own: `mark` says what is on it, and where. */
export function plate(seed: number, mark?: { kind: "blob" | "scratch"; x: number; y: number }): Uint8Array {
  let state = seed * 2654435761
  const noise = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 24) / 16
  }
  const side = pictureSide
  const rows = Buffer.alloc((side + 1) * side)
  for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) rows[y * (side + 1) + x + 1] = 150 + noise()
  const dark = (x: number, y: number) => {
    if (x >= 0 && y >= 0 && x < side && y < side) rows[y * (side + 1) + x + 1] = 20 + noise()
  }
  if (mark?.kind === "blob")
    for (let dy = -9; dy <= 9; dy++)
      for (let dx = -9; dx <= 9; dx++) if (dx * dx + dy * dy <= 81) dark(mark.x + dx, mark.y + dy)
  if (mark?.kind === "scratch")
    for (let i = -30; i <= 30; i++)
      for (let w = 0; w < 3; w++) dark(mark.x + i, mark.y + Math.round(i / 3) + w)
  return greyPng(side, side, rows)
}

/** Stores a part with a picture that is really there; returns its id. */
export async function storePicture(
  test: TestHub,
  picture: Uint8Array,
  more: {
    product?: string
    eval?: "ok" | "ng" | "undecidable"
    findings?: InspectionHeader["findings"]
  } = {},
): Promise<string> {
  const { db, blobs } = test.hub
  db.exec(
    "INSERT OR IGNORE INTO device (id, name, enrolled_at, secret_hash) VALUES ('cam-1', 'Cam 1', 0, '')",
  )
  const sha256 = createHash("sha256").update(picture).digest("hex")
  await blobs.put(picture)
  const header: InspectionHeader = {
    v: 1,
    id: systemIds.uuid(),
    boot: systemIds.random(8),
    seq: 1,
    ts: test.clock.now(),
    ...(more.product !== undefined && { product_id: more.product }),
    verdict: { eval: more.eval ?? "ng", score: 0.9, t_low: 0.4, t_high: 0.6 },
    findings: more.findings ?? [],
    policy: { why_sent: "all", image: "full" },
    parts: [{ name: "main", mime: "image/png", len: picture.length, sha256, w: pictureSide, h: pictureSide }],
  }
  const store = createInspectionStore({ sqlite: db })
  db.transaction(() =>
    store.insert({
      header,
      headerText: JSON.stringify(header),
      device: "cam-1",
      receivedAt: test.clock.now(),
    }),
  )
  return header.id
}
