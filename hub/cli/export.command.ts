import { createWriteStream, existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { exchangeFormats } from "#contract/exchange"
import { parseCommandArgs } from "./args.ts"
import type { Command } from "./command.ts"
import { CommandFailure, usageFailure } from "./exit.ts"
import { hubOptions, hubOptionsHelp, signIn } from "./hub-session.ts"

export const exportCommand: Command = {
  summary: "write all labelled parts of a running hub for other programs",
  usage: `usage: crux export FORMAT TARGET --login NAME [options]

  FORMAT                ${exchangeFormats.slice(0, 6).join(", ")},
                        ${exchangeFormats.slice(6, 12).join(", ")},
                        ${exchangeFormats.slice(12).join(", ")}
  TARGET                a file ending in .zip, or a new folder
  --profile NAME        clean, or ls-exact: names and numbers as Label Studio exports them [clean]
  --no-pictures         labels alone
  --dataset DIGEST      a frozen training set, instead of what is labelled now
${hubOptionsHelp}

Equal labels give equal bytes.`,
  async run(args) {
    const options = {
      ...hubOptions,
      profile: { type: "string", default: "clean" },
      "no-pictures": { type: "boolean", default: false },
      dataset: { type: "string" },
    } as const
    const { values, positionals } = parseCommandArgs("export", args, options, ["FORMAT", "TARGET"])
    const [format = "", target = ""] = positionals
    if (!exchangeFormats.some((one) => one === format))
      throw usageFailure(
        `There is no format "${format}". There are: ${exchangeFormats.join(", ")}.`,
        "export",
      )
    if (values.profile !== "clean" && values.profile !== "ls-exact")
      throw usageFailure(`--profile must be clean or ls-exact, not "${values.profile}".`, "export")
    if (existsSync(target))
      throw new CommandFailure(
        "failure",
        `${target} is there already.`,
        "Name another target, or remove it first.",
      )
    const session = await signIn("export", values)
    const scratch = await mkdtemp(join(tmpdir(), "crux-export-"))
    try {
      const query = `profile=${values.profile}&pictures=${!values["no-pictures"]}${values.dataset === undefined ? "" : `&dataset=${encodeURIComponent(values.dataset)}`}`
      const answer = await session.fetch(`/api/exports/${format}?${query}`)
      const archive = target.endsWith(".zip") ? target : join(scratch, "export.zip")
      const body = answer.body ?? new ReadableStream<Uint8Array>({ start: (s) => s.close() })
      await pipeline(Readable.fromWeb(body as never), createWriteStream(archive))
      if (archive !== target) await unpack(archive, target, scratch)
      console.log(`Written to ${target}.`)
    } finally {
      await session.end()
      await rm(scratch, { recursive: true, force: true })
    }
  },
}

async function unpack(archive: string, target: string, scratch: string): Promise<void> {
  const { openZip } = await import("../exchange/zip.reader.ts")
  const { writeFolder } = await import("../exchange/folder.ts")
  const zip = await openZip(archive, scratch)
  const { tree } = zip
  await writeFolder(
    target,
    (async function* () {
      for (const path of tree.paths) yield { path, content: pieces(path) }
    })(),
  )
  await zip.close()

  async function* pieces(path: string): AsyncGenerator<Uint8Array> {
    const file = await tree.open(path)
    for (let at = 0; at < file.size; at += 1024 * 1024)
      yield await file.slice(at, Math.min(at + 1024 * 1024, file.size))
    await file.close()
  }
}
