import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import type { ExchangeItem } from "#contract/exchange"
import type { Split } from "../../../hub/exchange/entry.format.ts"
import { createSpool } from "../../../hub/exchange/spool.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "crux-spool-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const sides: Split[] = [undefined, "train", "val", "test"]
/** Items of any length, in any language: what is in the middle of one must not shift the next. */
const item = fc
  .record({
    split: fc.constantFrom(...sides),
    by: fc.string({ unit: "grapheme", maxLength: 40 }),
    times: fc.constantFrom(1, 1, 1, 4_000),
  })
  .map(
    ({ split, by, times }, i = 0): ExchangeItem => ({
      v: 1,
      id: `00000000-0000-7000-8000-${String(i).padStart(12, "0")}`,
      image: { file: "images/a.png", mime: "image/png", w: 4, h: 3 },
      ...(split !== undefined && { split }),
      label: { verdict: "ok", kinds: [], drawing: { v: 1, regions: [] }, by: by.repeat(times) },
    }),
  )
/** A source that counts how often it is gone through. */
function sourceOf(list: readonly ExchangeItem[]) {
  const source = {
    times: 0,
    async *items() {
      source.times++
      yield* list
    },
  }
  return source
}
const all = (items: AsyncIterable<ExchangeItem>) => Array.fromAsync(items)

test("what is gone through again is what was seen at first, whole or of one split, and asks nobody", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(item, { maxLength: 30 }), async (list) => {
      const source = sourceOf(list)
      const spool = createSpool(source.items, folder)
      expect(await all(spool.items())).toEqual(list)
      for (const split of sides)
        expect(await all(spool.items({ split }))).toEqual(list.filter((one) => one.split === split))
      expect(await all(spool.items())).toEqual(list)
      expect(source.times).toBe(1)
      await spool.close()
    }),
    { numRuns: 25 },
  )
  expect(readdirSync(folder)).toEqual([])
})

test("what was not seen to its end is looked up again, and so is everything where no file can be written", async () => {
  const list = fc.sample(item, { numRuns: 5, seed: 1 })
  const source = sourceOf(list)
  const spool = createSpool(source.items, folder)
  for await (const _ of spool.items()) break
  expect(await all(spool.items())).toEqual(list)
  expect(source.times).toBe(2)
  await spool.close()

  const taken = join(folder, "a file")
  writeFileSync(taken, "")
  const nowhere = createSpool(source.items, taken)
  for (let n = 0; n < 2; n++) expect(await all(nowhere.items())).toEqual(list)
  expect(source.times).toBe(4)
  await nowhere.close()
})
