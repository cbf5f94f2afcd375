import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  cacheFolders,
  contentHash,
  loadUnpacked,
  type NativeTree,
  NativeUnavailable,
  unpack,
} from "#models/native.unpack"

const ortFolder = join(
  import.meta.dir,
  `../../node_modules/onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}`,
)

/** ONNX Runtime's own two files: the addon loads only when its library stands beside it. */
const tree: NativeTree = {
  name: "onnxruntime",
  id: "0123",
  addon: "onnxruntime_binding.node",
  files: ["onnxruntime_binding.node", "libonnxruntime.so.1"].map((path) => ({
    path,
    embedded: join(ortFolder, path),
    hash: contentHash(join(ortFolder, path)),
  })),
}

let scratch: string
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "crux-native-"))
})
afterEach(() => rmSync(scratch, { recursive: true }))

describe("unpacking native libraries", () => {
  test("writes the tree once, for this user alone, and leaves nothing else behind", () => {
    const base = join(scratch, "cache")
    const folder = unpack(tree, base)
    const written = statSync(join(folder, "libonnxruntime.so.1"))
    expect(readdirSync(base)).toEqual(["onnxruntime-0123"])
    expect(statSync(base).mode & 0o777).toBe(0o700)
    expect(unpack(tree, base)).toBe(folder)
    expect(statSync(join(folder, "libonnxruntime.so.1")).ino).toBe(written.ino)
  })

  test("replaces a tree that a power cut left short", () => {
    const base = join(scratch, "cache")
    const library = join(unpack(tree, base), "libonnxruntime.so.1")
    writeFileSync(library, readFileSync(library).subarray(0, 1000))
    unpack(tree, base)
    expect(contentHash(library)).toBe(tree.files[1]!.hash)
    writeFileSync(library, "")
    unpack(tree, base)
    expect(contentHash(library)).toBe(tree.files[1]!.hash)
    expect(readdirSync(base)).toEqual(["onnxruntime-0123"])
  })

  test("drops what an older version left when it writes, unless that version is still in use", () => {
    const base = join(scratch, "cache")
    const monthsAgo = new Date(Date.now() - 60 * 86_400_000)
    const [left, used] = [unpack({ ...tree, id: "left" }, base), unpack({ ...tree, id: "used" }, base)]
    for (const folder of [left, used]) utimesSync(folder, monthsAgo, monthsAgo)
    unpack({ ...tree, id: "used" }, base)
    unpack(tree, base)
    expect(readdirSync(base).sort()).toEqual(["onnxruntime-0123", "onnxruntime-used"])
  })

  test("refuses a folder that other users can write to", () => {
    const base = join(scratch, "cache")
    mkdirSync(base)
    chmodSync(base, 0o777)
    expect(() => unpack(tree, base)).toThrow("can be written to by other users")
    expect(() => unpack(tree, join(base, "native"))).toThrow("can be written to by other users")
  })

  test("lets several processes start at once on an empty cache", async () => {
    const script = join(scratch, "start.ts")
    const unpacker = join(import.meta.dir, "../../models/native.unpack.ts")
    writeFileSync(
      script,
      `import { loadUnpacked } from ${JSON.stringify(unpacker)}
       console.log(typeof loadUnpacked(${JSON.stringify(tree)}).InferenceSession)`,
    )
    const env = { ...process.env, CRUX_CACHE: join(scratch, "cache") }
    const children = Array.from({ length: 4 }, () =>
      Bun.spawn([process.execPath, script], { env, stdout: "pipe", stderr: "inherit" }),
    )
    const outputs = await Promise.all(children.map((child) => new Response(child.stdout).text()))
    expect(outputs).toEqual(Array(4).fill("function\n"))
    expect(readdirSync(join(scratch, "cache/native"))).toEqual(["onnxruntime-0123"])
  })

  test("names every place that was tried when none will do", () => {
    writeFileSync(join(scratch, "file"), "")
    const before = process.env.CRUX_CACHE
    process.env.CRUX_CACHE = join(scratch, "file")
    try {
      expect(() => loadUnpacked(tree)).toThrow(NativeUnavailable)
      expect(() => loadUnpacked(tree)).toThrow(join(scratch, "file"))
    } finally {
      if (before === undefined) delete process.env.CRUX_CACHE
      else process.env.CRUX_CACHE = before
    }
  })

  test("a configured folder is the only one, else the user's cache comes before the temporary folder", () => {
    expect(cacheFolders({ CRUX_CACHE: "/data/cache" })).toEqual(["/data/cache/native"])
    expect(cacheFolders({ XDG_CACHE_HOME: "/home/kim/.cache" })).toEqual([
      "/home/kim/.cache/crux/native",
      join(tmpdir(), `crux-${process.getuid?.()}`, "native"),
    ])
  })
})
