import { readFileSync } from "node:fs"
import { CommandFailure, usageFailure } from "./exit.ts"

/** Options of every command that talks to a running hub. */
export const hubOptions = {
  hub: { type: "string", default: "http://127.0.0.1:8080" },
  login: { type: "string" },
  "password-file": { type: "string" },
  ca: { type: "string" },
} as const

export const hubOptionsHelp = `  --hub URL             address of the hub [http://127.0.0.1:8080]
  --login NAME          who signs in; an engineer or admin
  --password-file FILE  file that holds the password alone [variable CRUX_PASSWORD]
  --ca FILE             certificate to trust, when the hub serves HTTPS with its own`

type Values = {
  hub: string
  login?: string | undefined
  "password-file"?: string | undefined
  ca?: string | undefined
}

export type HubSession = {
  /** Throws what the hub says, worded for people. */
  fetch: (path: string, init?: RequestInit) => Promise<Response>
  /** Forgets the session at the hub. */
  end: () => Promise<void>
}

/** Signs in at a running hub as a person would. */
export async function signIn(command: string, values: Values): Promise<HubSession> {
  const { hub, login, ca } = values
  if (!URL.canParse(hub))
    throw usageFailure(`--hub must be an address like http://127.0.0.1:8080, not "${hub}".`, command)
  if (login === undefined) throw usageFailure(`"crux ${command}" needs --login NAME.`, command)
  const file = values["password-file"]
  const password = file === undefined ? process.env.CRUX_PASSWORD : readText(file).trim()
  if (!password)
    throw usageFailure("The password is missing: give --password-file FILE, or set CRUX_PASSWORD.", command)
  const origin = new URL(hub).origin
  let cookie = ""
  const send = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const answer = await reach(`${origin}${path}`, {
      ...init,
      headers: { origin, ...(cookie && { cookie }), ...(init.headers as Record<string, string> | undefined) },
      ...(ca !== undefined && { tls: { ca: readText(ca) } }),
    })
    if (answer.ok) return answer
    const body = (await answer.json().catch(() => undefined)) as { title?: string } | undefined
    const exit = answer.status === 401 || answer.status === 403 ? "permission" : "failure"
    throw new CommandFailure(
      exit,
      `The hub says: ${body?.title ?? `status ${answer.status}`}`,
      "Nothing was changed there.",
    )
  }
  const answer = await send("/api/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ login, password }),
  })
  cookie = answer.headers.getSetCookie().map((one) => one.split(";")[0])[0] ?? ""
  return {
    fetch: send,
    end: async () => {
      await send("/api/session", { method: "DELETE" }).catch(() => undefined)
    },
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch (cause) {
    throw new CommandFailure(
      "config",
      `${path} cannot be read.`,
      "Look at the path and at who may read it.",
      { cause },
    )
  }
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (cause) {
    throw new CommandFailure(
      "failure",
      `The hub does not answer at ${new URL(url).origin}.`,
      "Is it running? Name another with --hub.",
      {
        cause,
      },
    )
  }
}
