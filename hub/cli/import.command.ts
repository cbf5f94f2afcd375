import { existsSync, statSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import * as v from "valibot"
import { exchangeFormats, ImportView } from "#contract/exchange"
import { parseCommandArgs } from "./args.ts"
import type { Command } from "./command.ts"
import { CommandFailure, usageFailure } from "./exit.ts"
import { hubOptions, hubOptionsHelp, signIn } from "./hub-session.ts"

export const importCommand: Command = {
  summary: "bring labelled pictures of other programs into a running hub",
  usage: `usage: crux import SOURCE --login NAME [options]
       crux import label-studio --from URL --login NAME [options]    whole projects of a running Label Studio
       crux import label-studio --export FILE --config FILE --media DIR --login NAME [options]

  SOURCE                a folder, a .zip archive, or a .json, .jsonl, .csv or .parquet file
  --format NAME         what it is, when it is not recognised: ${exchangeFormats.slice(0, 5).join(", ")} ...
  --new-classes         make classes that the catalogue does not have, instead of refusing them
  --json                print the report as one JSON object
${hubOptionsHelp}

Of "import label-studio":
  --from URL            address of the Label Studio; its key is in the variable LABEL_STUDIO_API_KEY
  --key-file FILE       file that holds that key alone
  --project NUMBER      that project alone; may be given more than once [all]
  --export FILE         instead of --from: the JSON of one project's export
  --config FILE         the labelling config of that project
  --media DIR           the pictures of that project

What is refused is told one by one, the rest comes in; again, nothing comes twice.
Ends with 0 when all came in, with 10 when something was refused.`,
  async run(args) {
    if (args[0] === "label-studio") {
      const { importLabelStudio } = await import("./import-label-studio.ts")
      return importLabelStudio(args.slice(1))
    }
    const options = {
      ...hubOptions,
      format: { type: "string" },
      "new-classes": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    } as const
    const { values, positionals } = parseCommandArgs("import", args, options, ["SOURCE"])
    const [source = ""] = positionals
    if (!existsSync(source))
      throw new CommandFailure("failure", `${source} is not there.`, "Look at the path.")
    if (values.format !== undefined && !exchangeFormats.some((one) => one === values.format))
      throw usageFailure(
        `There is no format "${values.format}". There are: ${exchangeFormats.join(", ")}.`,
        "import",
      )
    const session = await signIn("import", values)
    const scratch = await mkdtemp(join(tmpdir(), "crux-import-"))
    try {
      const file = statSync(source).isDirectory() ? await pack(source, scratch) : source
      const query = new URLSearchParams({
        name: basename(file),
        new_classes: String(values["new-classes"]),
        ...(values.format !== undefined && { format: values.format }),
      })
      const upload = await session.fetch(`/api/imports?${query}`, {
        method: "POST",
        headers: { "content-type": "application/octet-stream" },
        body: Bun.file(file),
      })
      let job = v.parse(ImportView, await upload.json())
      while (job.state === "running") {
        await sleep(200)
        job = v.parse(ImportView, await (await session.fetch(`/api/imports/${job.id}`)).json())
        if (!values.json && process.stderr.isTTY)
          process.stderr.write(`\r${job.seen} of ${job.total ?? "?"} `)
      }
      if (values.json) process.stdout.write(`${JSON.stringify(job)}\n`)
      else console.log(told(job))
      if (job.state !== "done")
        throw new CommandFailure(
          "failure",
          job.error ?? "The import was cancelled.",
          "What came in so far stays; importing again brings nothing twice.",
        )
      if (job.report.refused > 0)
        throw new CommandFailure(
          "verification",
          `${job.report.refused} were refused.`,
          "The list above says why; correct them and import again.",
        )
    } finally {
      await session.end()
      await rm(scratch, { recursive: true, force: true })
    }
  },
}

function told({ report }: ImportView): string {
  const { format, new_parts, known_parts, new_labels, known_labels, unlabelled, refused, remarks } = report
  const lines = remarks.map(({ path, code, detail }) => `  ${path}: ${code}: ${detail}`)
  return [
    `${format}: ${new_parts} new parts, ${known_parts} known; ${new_labels} new labels, ${known_labels} known;`,
    `${unlabelled} without a label, ${refused} refused.`,
    ...lines,
  ].join("\n")
}

/** A folder goes over as an archive. */
async function pack(folder: string, scratch: string): Promise<string> {
  const { openFolder } = await import("../exchange/folder.ts")
  const { zipStream } = await import("../exchange/zip.writer.ts")
  const { tree } = await openFolder(folder)
  const path = join(scratch, `${basename(folder)}.zip`)
  const out = Bun.file(path).writer()
  const entries = (async function* () {
    for (const name of tree.paths) yield { path: name, content: () => tree.read(name) }
  })()
  for await (const piece of zipStream(entries)) {
    out.write(piece)
    await out.flush()
  }
  await out.end()
  return path
}
