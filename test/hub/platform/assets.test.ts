import { describe, expect, test } from "bun:test"
import { assetNames, openAsset } from "#platform/assets"

describe("shipped assets", () => {
  test("an unknown name, a folder and anything outside the asset folders is no asset", async () => {
    const names = [
      "pretrained/no-such-model.onnx",
      "pretrained",
      "pretrained/",
      "ui/../../package.json",
      "ui/..\\package.json",
      "ui//index.html",
      "constructor/name",
      "/etc/passwd",
      "",
    ]
    for (const name of names) expect(await openAsset(name)).toBeNull()
  })

  test("every listed asset opens", async () => {
    for (const name of await assetNames()) expect((await openAsset(name))?.length).toBeGreaterThan(0)
  })
})
