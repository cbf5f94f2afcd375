import { expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { defectKinds } from "../../../edge/simulator/defect.ts"
import { createPartPainter, type PartPlan, plainLighting } from "../../../edge/simulator/part.ts"
import { productIds } from "../../../edge/simulator/product.ts"

// A third of the real size draws the same shapes and keeps the file quick.
const size = { width: 640, height: 480 }
const painter = createPartPainter(size)

function planOf(change: Partial<PartPlan> = {}): PartPlan {
  return {
    serial: "P1-L1-000001",
    product: "plate",
    lighting: plainLighting,
    defects: [],
    marking: "1",
    ...change,
  }
}

const digest = (data: Uint8Array) => createHash("sha256").update(data).digest("hex")

test("one plan gives the same bytes from two painters, and another serial gives other bytes", () => {
  const plan = planOf({ defects: [{ kind: "scratch", severity: 0.5 }] })
  const first = painter.draw(plan)
  painter.draw(planOf({ serial: "in between", product: "flange" }))
  const again = createPartPainter(size).draw(plan)
  expect(digest(again.frame.data)).toBe(digest(first.frame.data))
  expect(again.truth).toEqual(first.truth)
  expect(digest(painter.draw({ ...plan, serial: "P1-L1-000002" }).frame.data)).not.toBe(
    digest(first.frame.data),
  )
})

test("the bytes are the same on every machine", () => {
  // Pinned: a robot on another machine recomputes truth from a part's id. Change it only with the drawing itself.
  const all = createHash("sha256")
  const small = createPartPainter({ width: 320, height: 240 })
  for (const product of productIds) {
    const defects = defectKinds.map((kind) => ({ kind, severity: 0.5 }))
    const drawn = small.draw(planOf({ product, defects }))
    all.update(drawn.frame.data).update(JSON.stringify(drawn.truth))
  }
  expect(all.digest("hex")).toBe("77cbe5f41bcabad9f194d1c5f676b72ff54930f67319a0c47cf8325cd4538de4")
})

test("a drawn part is a full RGB frame with a bright part on a dark tray", () => {
  for (const product of productIds) {
    const { frame, truth } = painter.draw(planOf({ product }))
    expect(truth).toEqual({ verdict: "ok", defects: [] })
    expect(frame.data.length).toBe(size.width * size.height * 3)
    const bright = frame.data.filter((value) => value > 90).length / frame.data.length
    expect(bright).toBeGreaterThan(0.2)
    expect(bright).toBeLessThan(0.7)
    expect(frame.data.filter((value) => value === 255).length / frame.data.length).toBeLessThan(0.01)
  }
})

for (const kind of defectKinds) {
  test(`the box of a ${kind} holds every pixel the ${kind} changed, and is no larger than that`, () => {
    for (const product of productIds) {
      for (const severity of [0, 0.4, 1]) {
        const serial = `box-${kind}-${product}-${severity}`
        const good = painter.draw(planOf({ serial, product }))
        const bad = painter.draw(planOf({ serial, product, defects: [{ kind, severity }] }))
        expect(bad.truth.verdict).toBe("ng")
        const [x, y, w, h] = bad.truth.defects[0]!.box
        const changed = changedBounds(good.frame.data, bad.frame.data, 6)
        expect(changed.count).toBeGreaterThan(12)
        expect(changed.left).toBeGreaterThanOrEqual(x)
        expect(changed.top).toBeGreaterThanOrEqual(y)
        expect(changed.right).toBeLessThan(x + w)
        expect(changed.bottom).toBeLessThan(y + h)
        // Faint margins may lie between "can be seen" and the six levels asked for here.
        expect(changed.right - changed.left + 1).toBeGreaterThan(w * 0.5)
        expect(changed.bottom - changed.top + 1).toBeGreaterThan(h * 0.5)
      }
    }
  })
}

test("a weaker lamp darkens the picture and a warm one reddens it", () => {
  const mean = (data: Uint8Array, channel: number) => {
    let sum = 0
    for (let i = channel; i < data.length; i += 3) sum += data[i]!
    return sum / (data.length / 3)
  }
  const plain = painter.draw(planOf()).frame.data
  const weak = painter.draw(planOf({ lighting: { ...plainLighting, gain: 0.7 } })).frame.data
  const warm = painter.draw(planOf({ lighting: { ...plainLighting, warmth: 1 } })).frame.data
  expect(mean(weak, 1) / mean(plain, 1)).toBeCloseTo(0.7, 1)
  expect(mean(warm, 0) - mean(warm, 2)).toBeGreaterThan(mean(plain, 0) - mean(plain, 2) + 5)
})

/** Bounds of the pixels of which a channel differs by at least `least` levels. */
function changedBounds(a: Uint8Array, b: Uint8Array, least: number) {
  const bounds = { left: 1e9, top: 1e9, right: -1, bottom: -1, count: 0 }
  for (let i = 0; i < a.length; i++) {
    if (Math.abs(a[i]! - b[i]!) < least) continue
    const pixel = Math.floor(i / 3)
    const x = pixel % size.width
    const y = Math.floor(pixel / size.width)
    bounds.left = Math.min(bounds.left, x)
    bounds.right = Math.max(bounds.right, x)
    bounds.top = Math.min(bounds.top, y)
    bounds.bottom = Math.max(bounds.bottom, y)
    bounds.count++
  }
  return bounds
}
