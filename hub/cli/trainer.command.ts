import { readFileSync } from "node:fs"
import { parseCommandArgs } from "./args.ts"
import type { Command } from "./command.ts"
import { CommandFailure, usageFailure } from "./exit.ts"
import { hubOptions, hubOptionsHelp, signIn } from "./hub-session.ts"
import { untilToldToStop } from "./told-to-stop.ts"
import { version } from "./version.command.ts"

export const trainerCommand: Command = {
  summary: "make models on another machine, let others do so, and check that they do it right",
  usage: `usage: crux trainer add NAME [--title TEXT] --login NAME [hub options]
       crux trainer revoke NAME --login NAME [hub options]
       crux trainer run [--hub URL] [--token TOKEN | --token-file FILE] [--ca FILE] [--data DIR]
       crux trainer conformance [--recipe ID] [--param NAME=VALUE]... [--minutes N] [--verbose] -- COMMAND...

  add          make a trainer and print its token, once; a trainer that is there gets a new token
  revoke       take a trainer's token back at once; its jobs go on with others
  run          take jobs of a hub on this machine, with the trainer that is built into the hub. The token may also
               be in the variable CRUX_TRAINER_TOKEN
  conformance  play the hub against a trainer of any make, and say what it gets wrong. COMMAND starts it; {hub} and
               {token} in its words are replaced, and without them "--hub URL --token TOKEN" is added. Ends with 0
               when all is well, 10 otherwise

${hubOptionsHelp}

docs/trainer-contract.md is what trainers and hubs say to each other.`,
  async run(args) {
    const [what, ...rest] = args
    switch (what) {
      case "add":
        return await add(rest)
      case "revoke":
        return await revoke(rest)
      case "run":
        return await run(rest)
      case "conformance":
        return await conformance(rest)
      default:
        throw usageFailure('"crux trainer" needs one of add, revoke, run, conformance.', "trainer")
    }
  },
}

async function add(args: readonly string[]): Promise<void> {
  const options = { ...hubOptions, title: { type: "string" } } as const
  const { values, positionals } = parseCommandArgs("trainer", args, options, ["NAME"])
  const session = await signIn("trainer", values)
  try {
    const [id = ""] = positionals
    const answer = await session.fetch("/api/trainers", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ id, ...(values.title !== undefined && { name: values.title }) }),
    })
    const { token } = (await answer.json()) as { token: string }
    console.log(token)
  } finally {
    await session.end()
  }
}

async function revoke(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseCommandArgs("trainer", args, hubOptions, ["NAME"])
  const session = await signIn("trainer", values)
  try {
    await session.fetch(`/api/trainers/${encodeURIComponent(positionals[0] ?? "")}`, { method: "DELETE" })
    console.log(`The token of ${positionals[0]} is worth nothing any more.`)
  } finally {
    await session.end()
  }
}

async function run(args: readonly string[]): Promise<void> {
  const { values } = parseCommandArgs("trainer", args, {
    hub: { type: "string", default: "http://127.0.0.1:8080" },
    token: { type: "string" },
    "token-file": { type: "string" },
    ca: { type: "string" },
    data: { type: "string", default: "trainer-data" },
  })
  if (!URL.canParse(values.hub))
    throw usageFailure(`--hub must be an address like http://127.0.0.1:8080, not "${values.hub}".`, "trainer")
  const file = values["token-file"]
  const token = values.token ?? (file === undefined ? process.env.CRUX_TRAINER_TOKEN : readToken(file))
  if (!token)
    throw usageFailure("The token is missing: give --token-file FILE, or set CRUX_TRAINER_TOKEN.", "trainer")
  const { runAgent } = await import("./trainer/agent.ts")
  const { shippedBackbone } = await import("../ports.bun.ts")
  const stop = new AbortController()
  void untilToldToStop().then(() => stop.abort())
  try {
    await runAgent({
      hub: new URL(values.hub).origin,
      token,
      ca: values.ca,
      data: values.data,
      version,
      backbone: shippedBackbone(),
      say: (line) => console.log(line),
      stopped: stop.signal,
    })
  } catch (error) {
    if (stop.signal.aborted) return
    const { Refused } = await import("./trainer/hub-calls.ts")
    if (!(error instanceof Refused)) throw error
    const exit = error.key === "trainer_token" ? "permission" : "failure"
    throw new CommandFailure(exit, `The hub says: ${error.message}.`, "Ask an engineer for a new token.")
  }
}

function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8").trim()
  } catch (cause) {
    throw new CommandFailure(
      "config",
      `${path} cannot be read.`,
      "Look at the path and at who may read it.",
      {
        cause,
      },
    )
  }
}

async function conformance(args: readonly string[]): Promise<void> {
  const at = args.indexOf("--")
  const command = at < 0 ? [] : args.slice(at + 1)
  if (command.length === 0)
    throw usageFailure("Say how the trainer is started: crux trainer conformance -- COMMAND...", "trainer")
  const { values } = parseCommandArgs("trainer", args.slice(0, at), {
    recipe: { type: "string" },
    param: { type: "string", multiple: true, default: [] },
    minutes: { type: "string", default: "30" },
    verbose: { type: "boolean", default: false },
  })
  const minutes = Number(values.minutes)
  if (!Number.isInteger(minutes) || minutes < 1)
    throw usageFailure(`--minutes must be a whole number, not "${values.minutes}".`, "trainer")
  const { runConformance } = await import("./trainer/conformance.ts")
  const points = await runConformance({
    command,
    recipe: values.recipe,
    params: Object.fromEntries(values.param.map(settingOf)),
    minutes,
    verbose: values.verbose,
    say: (line) => console.log(line),
  })
  const failed = points.filter(({ kept }) => !kept).length
  console.log(`${points.length - failed} of ${points.length} points kept`)
  if (failed > 0)
    throw new CommandFailure(
      "verification",
      `This trainer does not keep the contract in ${failed === 1 ? "one point" : `${failed} points`}.`,
      "docs/trainer-contract.md says what is asked.",
    )
}

/** "epochs=3" as a setting: a number, yes or no, or text. */
function settingOf(text: string): [string, number | boolean | string] {
  const at = text.indexOf("=")
  if (at < 1) throw usageFailure(`--param must be NAME=VALUE, not "${text}".`, "trainer")
  const [name, value] = [text.slice(0, at), text.slice(at + 1)]
  if (value === "true" || value === "false") return [name, value === "true"]
  const number = Number(value)
  return [name, value.trim() !== "" && Number.isFinite(number) ? number : value]
}
