import fc from "fast-check"
import type { Answer, Drawing, Outline, Region } from "#contract/drawing"
import { encodeRuns } from "#contract/outline"

export const image = { w: 64, h: 48 }

/** Tenths of a pixel, as the editor stores them. */
const along = (most: number) => fc.integer({ min: 0, max: most * 10 }).map((n) => n / 10)
const point = fc.tuple(along(image.w), along(image.h))
const box = fc
  .tuple(along(image.w - 10), along(image.h - 10), along(99), along(99))
  .map(([x, y, w, h]): [number, number, number, number] => [x, y, w + 0.1, h + 0.1])
const angle = fc.integer({ min: -1799, max: 1800 }).map((n) => n / 10)
const turn = fc.oneof(
  fc.constant({}),
  angle.map((a) => (a === 0 ? {} : { angle: a })),
)

export const mask: fc.Arbitrary<Outline & { type: "mask" }> = fc
  .array(fc.tuple(fc.nat(image.w * image.h - 2), fc.integer({ min: 1, max: 90 })), {
    minLength: 1,
    maxLength: 12,
  })
  .map((runs) => {
    const total = image.w * image.h
    const spans: number[] = []
    for (const [start, length] of runs.sort((a, b) => a[0] - b[0])) {
      const end = Math.min(total, start + length)
      if (spans.length > 0 && start <= spans.at(-1)!) spans[spans.length - 1] = Math.max(end, spans.at(-1)!)
      else spans.push(start, end)
    }
    return {
      type: "mask" as const,
      size: [image.h, image.w] as const,
      counts: encodeRuns(Int32Array.from(spans), total),
    }
  })
  .map((m) => ({ ...m, size: [m.size[0], m.size[1]] as [number, number] }))

export const outlines = {
  box: fc.tuple(box, turn).map(([b, t]): Outline => ({ type: "box", box: b, ...t })),
  upright: box.map((b): Outline => ({ type: "box", box: b })),
  ellipse: fc.tuple(box, turn).map(([b, t]): Outline => ({ type: "ellipse", box: b, ...t })),
  polygon: fc
    .array(point, { minLength: 3, maxLength: 8 })
    .map((points): Outline => ({ type: "polygon", points })),
  line: fc.array(point, { minLength: 2, maxLength: 8 }).map((points): Outline => ({ type: "line", points })),
  point: point.map((at): Outline => ({ type: "point", at })),
  mask: mask as fc.Arbitrary<Outline>,
}
export const anyOutline = fc.oneof(...Object.values(outlines))

export const kind = fc.constantFrom("scratch", "dent", "stain", "burr-2", "a.b_c")
const text = fc.string({ maxLength: 20 })
const choice = fc.string({ minLength: 1, maxLength: 10 }).filter((t) => t !== "true" && t !== "false")
const answer: fc.Arbitrary<Answer> = fc.oneof(
  text,
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }).map((n) => n || 0),
  fc.boolean(),
  fc.array(choice, { maxLength: 3 }),
  fc.array(fc.array(choice, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
)
const answers = fc.dictionary(fc.constantFrom("note", "depth", "side", "cause.1"), answer, {
  minKeys: 1,
  maxKeys: 3,
})

/** A drawing of regions with these outlines, as rich as ours can be. */
export const drawings = (of: fc.Arbitrary<Outline> = anyOutline): fc.Arbitrary<Drawing> =>
  fc
    .record({
      regions: fc.array(
        fc.record(
          {
            kinds: fc.uniqueArray(kind, { minLength: 1, maxLength: 3 }),
            outline: of,
            by: fc.constantFrom("model" as const, "person" as const),
            score: fc.integer({ min: 0, max: 1000 }).map((n) => n / 1000),
            locked: fc.constant(true as const),
            hidden: fc.constant(true as const),
            answers,
          },
          { requiredKeys: ["kinds", "outline", "by"] },
        ),
        { maxLength: 6 },
      ),
      links: fc.array(fc.tuple(fc.nat(5), fc.nat(5), fc.option(fc.constantFrom("causes", "near"))), {
        maxLength: 3,
      }),
      answers: fc.option(answers),
    })
    .map(({ regions, links, answers: whole }) => {
      const relations = links
        .filter(([a, b]) => a !== b && a < regions.length && b < regions.length)
        .map(([a, b, of]) => ({ from: `r-${a}`, to: `r-${b}`, ...(of && { kind: of }) }))
      return {
        v: 1,
        regions: regions.map((region, i) => ({ id: `r-${i}`, ...region }) as Region),
        ...(relations.length > 0 && { relations }),
        ...(whole && { answers: whole }),
      }
    })

/** Numbers to six digits, so that what went through percent and sines compares equal. */
export const rounded = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value), (_key, held) =>
    typeof held === "number" ? Math.round(held * 1e5) / 1e5 || 0 : held,
  )
