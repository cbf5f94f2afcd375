import { chmod, readFile } from "node:fs/promises"
import * as v from "valibot"
import { Enrolment } from "#contract/fleet"
import { ProblemBody } from "#contract/problem"
import { writeDurably } from "./files.ts"

/** The station cannot know who it is. Ends the program with the config exit code. */
class IdentityFailure extends Error {
  readonly exit = "config"
  readonly remedy: string
  constructor(message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.remedy = remedy
  }
}

/** Who this station is and whom it trusts, as enrolment has left it; undefined before. Throws `IdentityFailure`. */
export async function readIdentity(path: string): Promise<Enrolment | undefined> {
  let text: string
  try {
    text = await readFile(path, "utf8")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
    throw error
  }
  // A copy from elsewhere may have widened the rights; the secret is in there.
  await chmod(path, 0o600)
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Enrolment), text)
  if (parsed.success) return parsed.output
  throw new IdentityFailure(
    `${path} is damaged.`,
    "Restore it from a backup, or remove it and enrol this station with a new code.",
  )
}

/** Redeems a one-time code at the hub and keeps the answer, readable by its owner alone. Throws `IdentityFailure`. */
export async function enrol(
  path: string,
  request: { hub: string; code: string; device: string },
): Promise<Enrolment> {
  const { hub, code, device } = request
  const url = new URL("/api/enrol", hub)
  let response: Response
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ code, device }),
      signal: AbortSignal.timeout(15_000),
    })
  } catch (cause) {
    throw new IdentityFailure(
      `The hub at ${url.origin} does not answer.`,
      "Check --hub and the network. The code was not used.",
      cause,
    )
  }
  const body: unknown = await response.json().catch(() => undefined)
  if (!response.ok) {
    const problem = v.safeParse(ProblemBody, body)
    const why = problem.success ? problem.output.title : `it answered ${response.status}`
    throw new IdentityFailure(
      `The hub does not enrol ${device}: ${why}`,
      "A code works once and for 15 minutes, for the device it was made for. Ask for a new one.",
    )
  }
  const parsed = v.safeParse(Enrolment, body)
  if (!parsed.success) {
    throw new IdentityFailure(`What answers at ${url.origin} is not a CRUX hub.`, "Check --hub.")
  }
  await writeDurably(path, new TextEncoder().encode(JSON.stringify(parsed.output, null, 2)), 0o600)
  return parsed.output
}
