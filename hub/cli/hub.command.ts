import { startFailureOf } from "../platform/migrate.ts"
import { configFields, readConfig } from "../read-config.ts"
import { parseCommandArgs } from "./args.ts"
import { demandBackbone } from "./backbone.ts"
import type { Command } from "./command.ts"
import { CommandFailure } from "./exit.ts"
import { ensureHubRuntime } from "./own-runtime.ts"
import { untilToldToStop } from "./told-to-stop.ts"

const flagOptions = Object.fromEntries(configFields.map(({ flag }) => [flag, { type: "string" } as const]))

export const hubCommand: Command = {
  summary: "run the hub: HTTP, MQTT broker, data and screens",
  usage: `usage: crux hub [--config FILE] [options]

Settings come from, each stronger than the one before: the defaults, the JSON file of --config,
the environment, the options.

${configFields.map(fieldHelp).join("\n")}`,
  async run(args) {
    const options = { config: { type: "string" }, ...flagOptions } as const
    const { values } = parseCommandArgs("hub", args, options)
    const { config: file, ...flags } = values as Record<string, string | undefined>
    const { config } = readConfig({ file, flags, environment: process.env })

    if (config.backbone !== "") await demandBackbone(config.backbone)
    // Not before the arguments are known to be right: what is wrong with them is said once.
    ensureHubRuntime("hub", ...args)

    const { createHub } = await import("../hub.ts")
    const { bunPorts } = await import("../ports.bun.ts")
    const { serveHttp } = await import("../serve.bun.ts")
    const stopped = untilToldToStop()

    const hub = await createHub(config, bunPorts())
    try {
      await hub.start().catch((error: unknown) => {
        throw startFailureOf(config.data, error)
      })
      const certificate = config.http.tls ? hub.tls.web : undefined
      const served = atPort(config.http.port, "http", () =>
        serveHttp({ ...config.http, certificate, fetch: hub.fetch }),
      )
      hub.tls.onRenewed(served.renew)
      const url = `${config.http.tls ? "https" : "http"}://${config.http.host}:${served.port}`
      console.log(greeting(url, hub.sessions.newSetupCode()))
      await stopped
      await served.stop()
    } finally {
      await hub.stop()
    }
  },
}

/** One write, so that whoever waits for "ready" has the setup code as well. */
function greeting(url: string, setupCode: string | null): string {
  const ready = `CRUX hub is ready: ${url}`
  if (setupCode === null) return ready
  return `${ready}\nSetup code: ${setupCode}  (open ${url} and make the first admin within 30 minutes; works once)`
}

/** Opens a door, or says which port is taken and what to do. */
function atPort<T>(port: number, name: "http" | "mqtt", listen: () => T): T {
  try {
    return listen()
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error
    throw new CommandFailure(
      "failure",
      `Port ${port} is already in use by another program.`,
      `Stop that program, or choose another port with --${name}-port.`,
    )
  }
}

function fieldHelp({ flag, variable, description, fallback }: (typeof configFields)[number]): string {
  return `  --${flag.padEnd(26)} ${description} [${fallback}]\n    ${" ".repeat(26)} ${variable}`
}
