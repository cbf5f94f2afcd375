import { createWriteStream, existsSync } from "node:fs"
import { rm } from "node:fs/promises"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { parseCommandArgs } from "./args.ts"
import type { Command } from "./command.ts"
import { CommandFailure, usageFailure } from "./exit.ts"
import { hubOptions, hubOptionsHelp, signIn } from "./hub-session.ts"

export const trainingCommand: Command = {
  summary: "carry training jobs to a trainer that is not connected, and their results back",
  usage: `usage: crux training export-job ID FILE.tar --login NAME [hub options]
       crux training import-result FILE.tar --login NAME [hub options]

  export-job     write the bundle of a job that waits: its pictures and what to make of them. Parts of the golden set
                 are never in it
  import-result  take a result; it is checked and proved like any other

${hubOptionsHelp}`,
  async run(args) {
    const [what, ...rest] = args
    if (what === "export-job") return await exportJob(rest)
    if (what === "import-result") return await importResult(rest)
    throw usageFailure('"crux training" needs one of export-job, import-result.', "training")
  },
}

async function exportJob(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseCommandArgs("training", args, hubOptions, ["ID", "FILE.tar"])
  const [id = "", target = ""] = positionals
  if (existsSync(target))
    throw new CommandFailure(
      "failure",
      `${target} is there already.`,
      "Name another file, or remove it first.",
    )
  const session = await signIn("training", values)
  try {
    const answer = await session.fetch(`/api/training/jobs/${encodeURIComponent(id)}/bundle.tar`)
    const body = answer.body ?? new ReadableStream<Uint8Array>({ start: (s) => s.close() })
    await pipeline(Readable.fromWeb(body as never), createWriteStream(target, { flags: "wx" }))
    console.log(`Written to ${target}.`)
  } catch (error) {
    // Half a bundle is none.
    await rm(target, { force: true })
    throw error
  } finally {
    await session.end()
  }
}

async function importResult(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseCommandArgs("training", args, hubOptions, ["FILE.tar"])
  const [file = ""] = positionals
  if (!existsSync(file)) throw new CommandFailure("config", `${file} is not there.`, "Look at the path.")
  const session = await signIn("training", values)
  try {
    const answer = await session.fetch("/api/training/results", {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: Bun.file(file),
    })
    const job = (await answer.json()) as { id: string }
    console.log(`Taken as the result of job ${job.id}; the hub proves it now.`)
  } finally {
    await session.end()
  }
}
