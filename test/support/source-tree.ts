import { existsSync } from "node:fs"
import { dirname, join, relative } from "node:path"

const root = join(import.meta.dir, "../..")

/** One source file as the architecture test sees it. */
export type SourceFile = {
  /** Relative to the project, e.g. "hub/users/users.store.ts". */
  readonly path: string
  /** As it was written. */
  readonly text: string
  /** Runtime code: types and comments are gone. */
  readonly code: string
  /** Files of the project that are imported at run time, relative to the project. */
  readonly files: readonly string[]
  /** Packages and built-in modules that are imported at run time, by package name, e.g. "hono", "node:fs". */
  readonly packages: readonly string[]
}

/** Every TypeScript file of the project that git knows or would add. */
export async function readSourceTree(): Promise<SourceFile[]> {
  const list = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root })
  const paths = list.stdout
    .toString()
    .split("\n")
    .filter((path) => /\.tsx?$/.test(path) && !path.endsWith(".d.ts") && existsSync(join(root, path)))
  if (paths.length === 0) throw new Error("git lists no source files: is this a checkout?")
  const { imports: aliases } = await Bun.file(join(root, "package.json")).json()
  return Promise.all(paths.map((path) => readSource(path, aliases)))
}

async function readSource(path: string, aliases: Readonly<Record<string, string>>): Promise<SourceFile> {
  const transpiler = new Bun.Transpiler({ loader: path.endsWith("x") ? "tsx" : "ts", target: "bun" })
  // The transpiler's text functions do not know a "#!" line.
  const text = await Bun.file(join(root, path)).text()
  const source = text.replace(/^#!.*/, "")
  const files: string[] = []
  const packages: string[] = []
  for (const { path: specifier } of transpiler.scanImports(source)) {
    const file = fileOf(path, specifier, aliases)
    if (file) files.push(file)
    // The JSX runtime is written by the transpiler, not by the author.
    else if (!/^react\/jsx|^preact\/jsx/.test(specifier)) packages.push(packageOf(specifier))
  }
  return { path, text, code: transpiler.transformSync(source), files, packages }
}

function fileOf(
  from: string,
  specifier: string,
  aliases: Readonly<Record<string, string>>,
): string | undefined {
  if (specifier.startsWith(".")) return relative(root, join(root, dirname(from), specifier))
  for (const [pattern, target] of Object.entries(aliases)) {
    const prefix = pattern.slice(0, -1)
    if (specifier.startsWith(prefix)) {
      return relative(root, join(root, target.replace("*", specifier.slice(prefix.length))))
    }
  }
  return undefined
}

const packageOf = (specifier: string) =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/")
