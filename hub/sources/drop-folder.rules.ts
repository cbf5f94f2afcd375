import type { SourceProfile } from "#contract/source"
import { decodeText } from "./sidecar.rules.ts"

/** A file of a drop folder. `raw`: the name as bytes, because cameras also write names in CP949. */
export type DropFile = { readonly raw: Uint8Array; readonly name: string; readonly stem: string }

/** Names under which programs write before they rename, and files that are not for us. */
const unfinished = /(^\.)|(~$)|\.(tmp|temp|part|partial|filepart|crdownload|writing)$/i

export function dropFile(raw: Uint8Array): DropFile | undefined {
  const name = decodeText(raw)
  if (unfinished.test(name) || name === "done" || name === "quarantine") return undefined
  return { raw, name, stem: name.replace(/\.[^.]*$/, "") }
}

export type Sorted = {
  pictures: { file: DropFile; sidecar: DropFile | undefined }[]
  /** Data files without their picture. */
  lonely: DropFile[]
}

/** Which data file belongs to which picture: `a.jpg` with `a.txt` or `a.jpg.txt`, upper and lower case being the same. */
export function sortFiles(
  files: readonly DropFile[],
  sidecar: Extract<SourceProfile, { kind: "folder" }>["sidecar"],
): Sorted {
  if (sidecar === "none") return { pictures: files.map((file) => ({ file, sidecar: undefined })), lonely: [] }
  const isData = (file: DropFile) => file.name.toLowerCase().endsWith(`.${sidecar}`)
  const data = new Map(files.filter(isData).map((file) => [file.stem.toLowerCase(), file]))
  const pictures = files
    .filter((file) => !isData(file))
    .map((file) => ({
      file,
      sidecar: data.get(file.stem.toLowerCase()) ?? data.get(file.name.toLowerCase()),
    }))
  const used = new Set(pictures.map((picture) => picture.sidecar))
  return { pictures, lonely: [...data.values()].filter((file) => !used.has(file)) }
}
