import { readText, type Tree } from "./entry.format.ts"

/** Named like this it is a data set's own page, also where it names nothing. */
const usual = /^([^/]+\/)?(data|dataset)\.ya?ml$/i
const anyYaml = /^([^/]+\/)?[^/]+\.ya?ml$/i
const list = /^([^/]+\/)?(classes\.txt|obj\.names)$/i

/** What says the names of classes: the text of a YAML page, whatever that is called, and a file with one name a line. */
export type ClassPages = { yaml: string | undefined; listPath: string | undefined }

export async function classPagesOf(tree: Tree): Promise<ClassPages> {
  const listPath = tree.paths.find((path) => list.test(path))
  const pages = tree.paths.filter((path) => anyYaml.test(path))
  for (const path of [...pages.filter((page) => usual.test(page)), ...pages].slice(0, 16)) {
    const text = await tree.read(path).then(readText, () => "")
    if (usual.test(path) || /^names:/m.test(text)) return { yaml: text, listPath }
  }
  return { yaml: undefined, listPath }
}

/** As much YAML as class lists are written in: `[a, b]`, `{0: a}`, on one line or several, lines of `- a`, lines of `0: a`. */
export function namesOf(yaml: string): string[] {
  const at = /^names:[ \t]*/m.exec(yaml)
  if (!at) return []
  const rest = yaml.slice(at.index + at[0].length)
  const out: string[] = []
  const put = (number: string | undefined, name: string) => {
    out[number === undefined ? out.length : Number(number)] = bare(name)
  }
  const flow = /^\s*[[{]([^\]}]*)[\]}]/.exec(rest)
  if (flow) {
    for (const [, number, name = ""] of (flow[1] ?? "").matchAll(flowItem)) put(number, name)
    return out
  }
  for (const text of rest.split(/\r?\n/).slice(1)) {
    const [, number, name] = /^\s*(?:-|(\d{1,6})\s*:)\s+(.+)$/.exec(text) ?? []
    if (name !== undefined) put(number, name)
    else if (text.trim() !== "" && !text.trim().startsWith("#")) break
  }
  return out
}

const flowItem = /\s*(?:(\d{1,6})\s*:\s*)?('[^']*'|"[^"]*"|[^,\s][^,]*)\s*(?:,|$)/g
const bare = (text: string) => {
  const quoted = /^(['"])(.*)\1/.exec(text.trim())
  return quoted ? (quoted[2] ?? "") : text.replace(/\s+#.*$/, "").trim()
}
