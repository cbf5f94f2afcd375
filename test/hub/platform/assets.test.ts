import { describe, expect, test } from "bun:test"
import { assetNames, assetPath, openAsset } from "#platform/assets"

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
    for (const name of names) {
      expect(assetPath(name)).toBeNull()
      expect(await openAsset(name)).toBeNull()
    }
  })

  test("every listed asset opens", async () => {
    for (const name of await assetNames()) expect((await openAsset(name))?.length).toBeGreaterThan(0)
  })

  test("the path of an asset leads to its bytes", async () => {
    const [name = ""] = await assetNames("pretrained/")
    const path = assetPath(name) ?? ""
    expect(await Bun.file(path).bytes()).toEqual((await openAsset(name))!)
  })
})
