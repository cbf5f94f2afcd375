import { describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { readSourceTree, type SourceFile } from "./support/source-tree.ts"

/** Later domains may call the services of earlier ones, never the reverse. */
const DOMAINS = [
  "users",
  "catalogue",
  "fleet",
  "inspection",
  "sources",
  "labelling",
  "dataset",
  "exchange",
  "webhooks",
  "label-studio",
  "training",
  "registry",
  "rollout",
  "assist",
  "msa",
  "parts",
  "home",
] as const

type Layer = {
  readonly name: string
  readonly files: RegExp
  /** What its files may import at run time, beside their own layer; type-only imports are free. */
  readonly may: readonly RegExp[]
  /** Packages and built-in modules; any when absent. */
  readonly packages?: RegExp
}

const CONTRACT = /^hub\/contract\//
const SIGNATURES = /^hub\/contract\/dsse\.ts$/
/** Pure; its canvas is the one Preact file beside it. */
const EDITOR = /^ui\/editor\/(?!canvas\.tsx$)/
const WIRE = /^hub\/contract\/(?!dsse\.ts$)/
const PLATFORM = /^hub\/platform\//
const HTTP_KIT = /^hub\/http\//
/** File formats of others, pure: whoever speaks to their programs reads and writes with these. */
const FORMATS = /^hub\/exchange\/[^/]+\.format\.ts$/
const MODELS = /^models\//
const ANYTHING = [/^(?!test\/)/]

/** Who may import whom. The first layer that matches a file is its layer. */
const LAYERS: readonly Layer[] = [
  // Signed envelopes are checked by hub and edge with the same code; the browser never loads this file.
  {
    name: "signatures of the contract",
    files: SIGNATURES,
    may: [CONTRACT],
    packages: /^(valibot|node:crypto)$/,
  },
  { name: "wire contract", files: CONTRACT, may: [], packages: /^valibot$/ },
  { name: "platform", files: PLATFORM, may: [CONTRACT] },
  { name: "HTTP kit", files: HTTP_KIT, may: [CONTRACT, PLATFORM] },
  { name: "models", files: MODELS, may: [CONTRACT] },
  {
    name: "formats",
    files: FORMATS,
    may: [CONTRACT],
    packages: /^(valibot|node:crypto|node:zlib|hyparquet|hyparquet-writer)$/,
  },
  ...DOMAINS.map((domain, place) => ({
    name: `${domain} domain`,
    files: new RegExp(`^hub/${domain}/`),
    may: [
      CONTRACT,
      PLATFORM,
      HTTP_KIT,
      FORMATS,
      ...DOMAINS.slice(0, place).map((earlier) => new RegExp(`^hub/${earlier}/[^/]+\\.service\\.ts$`)),
      ...(["dataset", "exchange", "training", "registry", "assist", "msa"].includes(domain) ? [MODELS] : []),
    ],
  })),
  // The doors of devices and screens know domains by the shape of what they call, not by import.
  ...["mqtt", "delivery", "live", "mirror"].map((door) => ({
    name: `${door} door`,
    files: new RegExp(`^hub/${door}/`),
    may: [CONTRACT, PLATFORM, HTTP_KIT],
  })),
  {
    name: "command line and composition",
    files: /^hub\/([^/]+\.ts$|cli\/|demo\/)|^edge\/edge\.command\.ts$/,
    may: ANYTHING,
  },
  { name: "edge", files: /^edge\//, may: [CONTRACT, MODELS] },
  // How an outline is measured and a mask is written, hub and editor must agree on.
  { name: "editor core", files: EDITOR, may: [/^hub\/contract\/outline\.ts$/], packages: /^$/ },
  { name: "screens", files: /^ui\//, may: [WIRE, EDITOR] },
  { name: "scripts", files: /^scripts\//, may: [...ANYTHING, /^test\/(.+\/)?support\//] },
  { name: "tests", files: /^test\//, may: [/^/] },
]

/** Files that run on Bun only; everything else must also run on Deno and Node, or in a browser. */
const BUN_ONLY = [
  /^hub\/(main|hub)\.ts$/,
  /^hub\/(cli|demo)\//,
  /\.bun\.ts$/,
  /^(edge|models|scripts|test)\//,
]

const tree = await readSourceTree()
const layerOf = (path: string) => LAYERS.find((layer) => layer.files.test(path))

describe("the architecture", () => {
  test("every source file belongs to a layer", () => {
    expect(tree.map((file) => file.path).filter((path) => !layerOf(path))).toEqual([])
  })

  test("every import of a project file names a file that exists", () => {
    expect(
      imports()
        .filter(({ to }) => !existsSync(to))
        .map(arrow),
    ).toEqual([])
  })

  for (const layer of LAYERS) {
    test(`${layer.name}: imports only what its layer may`, () => {
      const wrong = imports().filter(
        ({ from, to }) =>
          layerOf(from) === layer && layerOf(to) !== layer && !layer.may.some((allowed) => allowed.test(to)),
      )
      expect(wrong.map(arrow)).toEqual([])
    })
  }

  test("a layer that names its packages uses no other", () => {
    const wrong = tree.flatMap(({ path, packages }) =>
      packages
        .filter((name) => !(layerOf(path)?.packages ?? /^/).test(name))
        .map((name) => `${path} → ${name}`),
    )
    expect(wrong).toEqual([])
  })

  test("rules decide without input or output: they import the contract, pure code, and nothing that touches the world", () => {
    const rules = tree.filter(({ path }) => path.endsWith(".rules.ts"))
    const wrong = rules.flatMap(({ path, files, packages }) => [
      ...files
        .filter((to) => !CONTRACT.test(to) && !EDITOR.test(to) && !to.endsWith(".rules.ts"))
        .map((to) => `${path} → ${to}`),
      ...packages
        .filter((name) => /^(node:|bun)/.test(name) && name !== "node:crypto")
        .map((name) => `${path} → ${name}`),
    ])
    expect(wrong).toEqual([])
  })

  test("no files import each other in a circle", () => {
    expect(cycles(tree)).toEqual([])
  })

  test("Bun's own interfaces stay in the files that run on Bun only", () => {
    const wrong = tree
      .filter(({ path }) => !BUN_ONLY.some((allowed) => allowed.test(path)))
      .filter(
        ({ code, packages }) =>
          /\bBun\b\s*[.[]|\bimport\.meta\.(dir|path|file)\b/.test(code) ||
          packages.some((name) => /^bun(:|$)/.test(name)),
      )
    expect(wrong.map(({ path }) => path)).toEqual([])
  })

  test("no default exports, no barrels, no mutable variables at module level", () => {
    const wrong = tree
      .filter(({ path }) => !/^(test|scripts)\//.test(path))
      .filter(({ code }) => /^export default |^export (\*|\{[^}]*\}) from |^(export )?(let|var) /m.test(code))
    expect(wrong.map(({ path }) => path)).toEqual([])
  })

  test("what a file exports, another file uses; the contract alone speaks to the outside", () => {
    const words = tree.map(({ path, text }) => ({ path, words: new Set(text.match(/\w+/g)) }))
    const unused = tree
      .filter(({ path }) => !CONTRACT.test(path) && !/^test\//.test(path))
      .flatMap(({ path, code }) =>
        [...code.matchAll(/^export (?:async )?(?:function\*?|const|class) (\w+)/gm)]
          .map(([, name = ""]) => name)
          .filter((name) => !words.some((other) => other.path !== path && other.words.has(name)))
          .map((name) => `${path}: ${name}`),
      )
    expect(unused).toEqual([])
  })

  test("the circle finder finds circles", () => {
    const file = (path: string, ...files: string[]): SourceFile => ({
      path,
      text: "",
      code: "",
      files,
      packages: [],
    })
    expect(cycles([file("a", "b"), file("b", "c"), file("c")])).toEqual([])
    expect(cycles([file("a", "b"), file("b", "c"), file("c", "b")])).toEqual(["b → c → b"])
    expect(cycles([file("a", "a")])).toEqual(["a → a"])
  })
})

type Import = { readonly from: string; readonly to: string }

const arrow = ({ from, to }: Import) => `${from} → ${to}`

function imports(): Import[] {
  return tree.flatMap(({ path, files }) => files.map((to) => ({ from: path, to })))
}

/** Depth-first; each circle is reported once, where it closes. */
function cycles(files: readonly SourceFile[]): string[] {
  const imports = new Map(files.map((file) => [file.path, file.files]))
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, way: readonly string[]) => {
    if (way.includes(path)) {
      found.push([...way.slice(way.indexOf(path)), path].join(" → "))
      return
    }
    if (done.has(path)) return
    for (const next of imports.get(path) ?? []) visit(next, [...way, path])
    done.add(path)
  }
  for (const { path } of files) visit(path, [])
  return found
}
