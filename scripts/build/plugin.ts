import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { BunPlugin } from "bun"
import { assetFolders, listAssetFolder } from "#platform/assets"
import type { NativePackage } from "./natives.ts"

const root = join(import.meta.dirname, "../..")
const unpacker = join(root, "models/native.unpack.ts")

/** Puts native packages and assets into the bundle, each in the place where the running program asks for it. */
export function embedPlugin(natives: readonly NativePackage[]): BunPlugin {
  const native = (name: string) => {
    const found = natives.find((each) => each.name === name)
    if (!found) throw new Error(`No native package "${name}".`)
    return found
  }
  return {
    name: "crux-embed",
    setup(build) {
      // The CommonJS entry: the bundler does not follow the ESM entry to its addon.
      build.onResolve({ filter: /^sharp$/ }, () => ({
        path: join(root, "node_modules/sharp/dist/index.cjs"),
      }))

      build.onResolve({ filter: /^crux-native:/ }, ({ path }) => ({
        path: path.slice("crux-native:".length),
        namespace: "crux-native",
      }))
      build.onLoad({ filter: /.*/, namespace: "crux-native" }, ({ path }) => ({
        loader: "ts",
        contents: nativeModule(native(path)),
      }))

      // sharp.cjs does nothing but find its addon among the platforms.
      build.onLoad({ filter: /node_modules\/sharp\/dist\/sharp\.cjs$/ }, () => ({
        loader: "js",
        contents: `module.exports = require("crux-native:sharp").addon`,
      }))
      build.onLoad({ filter: /node_modules\/onnxruntime-node\/dist\/binding\.js$/ }, ({ path }) => ({
        loader: "js",
        contents: replaceOnce(
          readFileSync(path, "utf8"),
          /require\(`\.\.\/bin\/napi-v6\/[^`]*`\)/,
          `require("crux-native:onnxruntime").addon`,
        ),
      }))

      build.onLoad({ filter: /hub\/platform\/assets\.embedded\.ts$/ }, async () => ({
        loader: "ts",
        contents: await assetModule(),
      }))
    },
  }
}

/** A module that embeds the package's files and exports its loaded addon. */
function nativeModule({ name, id, addon, files }: NativePackage): string {
  const entries = files.map(
    (file, i) =>
      `{ path: ${JSON.stringify(file.path)}, embedded: f${i}, hash: ${JSON.stringify(file.hash)} }`,
  )
  return [
    `import { loadUnpacked } from ${JSON.stringify(unpacker)}`,
    ...files.map((file, i) => fileImport(`f${i}`, file.source)),
    `const tree = { name: ${JSON.stringify(name)}, id: ${JSON.stringify(id)}, addon: ${JSON.stringify(addon)},`,
    `  files: [${entries.join(", ")}] }`,
    `export const addon = loadUnpacked(tree)`,
  ].join("\n")
}

/** The table of assets.embedded.ts, with every asset file of the project. */
async function assetModule(): Promise<string> {
  const lines: string[] = []
  const entries: string[] = []
  for (const [name, folder] of Object.entries(assetFolders)) {
    for (const asset of (await listAssetFolder(name, join(root, folder))).sort()) {
      const variable = `a${entries.length}`
      lines.push(fileImport(variable, join(root, folder, asset.slice(name.length + 1))))
      entries.push(`${JSON.stringify(asset)}: ${variable}`)
    }
  }
  return [...lines, `export const embeddedAssets = { ${entries.join(", ")} }`].join("\n")
}

const fileImport = (variable: string, path: string) =>
  `import ${variable} from ${JSON.stringify(path)} with { type: "file" }`

/** A package that changed its source under us must fail the build, not the customer's start. */
function replaceOnce(text: string, pattern: RegExp, replacement: string): string {
  if (text.split(pattern).length !== 2) throw new Error(`${pattern} is not exactly once in the package.`)
  return text.replace(pattern, replacement)
}
