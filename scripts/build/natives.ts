import { cpSync, existsSync, mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { contentHash } from "#models/native.unpack"
import type { Target } from "./target.ts"

const root = join(import.meta.dirname, "../..")

/** A file to embed: where it is now, and its place in the unpacked tree. */
export type NativeSource = { readonly source: string; readonly path: string; readonly hash: string }

export type NativePackage = {
  readonly name: "onnxruntime" | "sharp"
  readonly id: string
  readonly addon: string
  readonly files: readonly NativeSource[]
}

/**
 * The native files of one target as the trees they must form again on disk: ONNX Runtime's addon looks for its library
 * beside itself, sharp's in `../../sharp-libvips-<target>/lib`.
 */
export async function nativePackages(target: Target): Promise<NativePackage[]> {
  const modules = await targetModules(target)
  const ort = join(modules, "onnxruntime-node/bin/napi-v6/linux", target.arch)
  const sharp = join(modules, "@img")
  return [
    nativePackage("onnxruntime", ort, ["onnxruntime_binding.node", "libonnxruntime.so.1"]),
    nativePackage("sharp", sharp, [
      onlyFile(sharp, `sharp-${target.name}/lib`, /\.node$/),
      onlyFile(sharp, `sharp-libvips-${target.name}/lib`, /^libvips-cpp\.so/),
    ]),
  ]
}

function nativePackage(name: NativePackage["name"], from: string, paths: readonly string[]): NativePackage {
  const files = paths.map((path) => ({ path, source: join(from, path), hash: contentHash(join(from, path)) }))
  const id = Bun.hash.xxHash3(files.map((file) => `${file.path} ${file.hash}`).join("\n")).toString(16)
  const addon = paths.find((path) => path.endsWith(".node"))
  if (!addon) throw new Error(`No addon among ${paths.join(", ")}.`)
  return { name, id, addon, files }
}

/** The version is in the file name, so the name is looked up, and must be the only one. */
function onlyFile(from: string, folder: string, pattern: RegExp): string {
  const found = readdirSync(join(from, folder)).filter((name) => pattern.test(name))
  if (found.length !== 1)
    throw new Error(`Expected one ${pattern} in ${join(from, folder)}: ${found.join(", ")}`)
  return `${folder}/${found[0]}`
}

/**
 * node_modules for the target. Packages of another machine are installed apart by the same lock file (so their
 * integrity is checked against it), under .cache/.
 */
async function targetModules(target: Target): Promise<string> {
  if (target.name === `${process.platform}-${process.arch}`) return join(root, "node_modules")
  const folder = join(root, ".cache", `packages-${target.name}`)
  mkdirSync(folder, { recursive: true })
  for (const name of ["package.json", "bun.lock", "bunfig.toml"]) cpSync(join(root, name), join(folder, name))
  const args = ["install", "--frozen-lockfile", "--production", "--os=linux", `--cpu=${target.arch}`]
  const install = Bun.spawn([process.execPath, ...args], { cwd: folder, stdout: "ignore", stderr: "pipe" })
  const [stderr, code] = await Promise.all([new Response(install.stderr).text(), install.exited])
  const modules = join(folder, "node_modules")
  if (code !== 0 || !existsSync(modules))
    throw new Error(`Packages for ${target.name} are missing: ${stderr}`)
  return modules
}
