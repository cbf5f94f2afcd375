import { expect, test } from "bun:test"

test("the pinned Bun runs the tests", async () => {
  expect(Bun.version).toBe((await Bun.file(".bun-version").text()).trim())
})
