import { createHash } from "node:crypto"
import { createReadStream, readFileSync } from "node:fs"
import { open, rename, rm, stat } from "node:fs/promises"
import * as v from "valibot"
import { ProblemBody } from "#contract/problem"
import { ArtifactState, ClaimedJob, TrainerRegistered, type TrainerRegistration } from "#contract/trainer"

/** The job is not ours any more: stop, and say nothing more about it. */
export class LeaseLost extends Error {}
/** The hub does not take what was sent, and would not the next time. */
export class Refused extends Error {
  readonly key: string
  readonly params: Record<string, string | number>
  constructor(key: string, message: string, params: Record<string, string | number>) {
    super(message)
    this.key = key
    this.params = params
  }
}

const pieceBytes = 4 * 1024 * 1024
const mostWrong = 3
const firstWaitMs = 250
const longestWaitMs = 30_000

export type Held = { id: string; epoch: number }

/**
 * The calls of the trainer contract, each tried again until the hub has answered: a hub that is away, busy or starting is
 * no failure of a job. Throws `LeaseLost` and `Refused`.
 */
export function createHubCalls({ hub, token, ca }: { hub: string; token: string; ca?: string | undefined }) {
  const trusted = ca === undefined ? {} : { tls: { ca: readFileSync(ca, "utf8") } }

  /** One request, again and again with jitter while nobody answers it. */
  const request = async (
    method: string,
    path: string,
    init: { body?: BodyInit; headers?: Record<string, string> },
    ended: AbortSignal,
  ): Promise<Response> => {
    for (let wait = firstWaitMs; ; wait = Math.min(longestWaitMs, wait * 2)) {
      ended.throwIfAborted()
      const answer = await fetch(`${hub}/trainer/v1${path}`, {
        method,
        ...init,
        headers: { authorization: `Bearer ${token}`, ...init.headers },
        signal: AbortSignal.any([ended, AbortSignal.timeout(120_000)]),
        ...trusted,
      }).catch(() => null)
      if (answer?.ok) return answer
      if (answer && answer.status !== 429 && answer.status < 500) throw await refusalOf(answer)
      await answer?.body?.cancel()
      await pause(wait * (0.5 + Math.random()), ended)
    }
  }
  const post = (path: string, body: unknown, ended: AbortSignal, method = "POST") =>
    request(
      method,
      path,
      { body: JSON.stringify(body), headers: { "content-type": "application/json" } },
      ended,
    )
  const stateOf = async ({ id, epoch }: Held, sha256: string, ended: AbortSignal) =>
    v.parse(
      ArtifactState,
      await (await request("GET", `/jobs/${id}/artifacts/${sha256}?epoch=${epoch}`, {}, ended)).json(),
    )

  return {
    register: async (said: TrainerRegistration, ended: AbortSignal) =>
      v.parse(TrainerRegistered, await (await post("/register", said, ended)).json()),

    /** Null when there was nothing to do. The claim is the same one until its answer has arrived. */
    async claim(ended: AbortSignal): Promise<ClaimedJob | null> {
      const answer = await post("/claim", { request_id: crypto.randomUUID(), wait_s: 20 }, ended)
      return answer.status === 204 ? null : v.parse(ClaimedJob, await answer.json())
    },

    /** One call about a job, with a JSON body. */
    tell: ({ id, epoch }: Held, call: string, body: object, ended: AbortSignal, method = "POST") =>
      post(`/jobs/${id}/${call}`, { epoch, ...body }, ended, method),

    bundle: async ({ id, epoch }: Held, ended: AbortSignal): Promise<Uint8Array> =>
      new Uint8Array(
        await (await request("GET", `/jobs/${id}/bundle?epoch=${epoch}`, {}, ended)).arrayBuffer(),
      ),

    /** Fetches an object to `target`, from where an earlier try ended; the file is there when it is whole. */
    async download({ id, epoch }: Held, sha256: string, target: string, ended: AbortSignal): Promise<void> {
      const part = `${target}.part`
      let wrong = 0
      for (;;) {
        const from = await stat(part).then(
          ({ size }) => size,
          () => 0,
        )
        const headers = { range: `bytes=${from}-` }
        const path = `/jobs/${id}/blobs/${sha256}?epoch=${epoch}`
        let answer: Response
        try {
          answer = await request("GET", path, { headers }, ended)
        } catch (error) {
          // Nothing lies behind what we have: it is whole, or it is not what it should be.
          if (!(error instanceof Refused && error.key === "416")) throw error
          answer = new Response(null)
        }
        const file = await open(part, from === 0 ? "w" : "a")
        let whole = true
        try {
          for await (const piece of answer.body ?? []) await file.writeFile(piece)
        } catch {
          // A cut on the way: go on from what has arrived.
          whole = false
        } finally {
          await file.close()
        }
        ended.throwIfAborted()
        if (!whole) continue
        if ((await digestOfFile(part)) === sha256) return await rename(part, target)
        // Bytes that are not what their name says: from the beginning, but not for ever.
        await rm(part, { force: true })
        wrong += 1
        if (wrong === mostWrong) throw new Error(`the object ${sha256} arrives as something else`)
      }
    },

    /** Sends a file as an artefact, from where the hub's copy ends. */
    async upload(held: Held, path: string, sha256: string, ended: AbortSignal): Promise<void> {
      const { size } = await stat(path)
      for (;;) {
        const { offset, complete } = await stateOf(held, sha256, ended)
        if (complete) return
        const to = Math.min(size, offset + pieceBytes)
        const file = await open(path, "r")
        const piece = new Uint8Array(to - offset)
        try {
          await file.read(piece, 0, piece.length, offset)
        } finally {
          await file.close()
        }
        const address = `/jobs/${held.id}/artifacts/${sha256}?epoch=${held.epoch}`
        const headers = {
          "content-type": "application/octet-stream",
          ...(size > 0 && { "content-range": `bytes ${offset}-${to - 1}/${size}` }),
        }
        try {
          await request("PUT", address, { body: piece, headers }, ended)
        } catch (error) {
          // The hub has more or less of it than we thought: it is asked again.
          if (!(error instanceof Refused && error.key === "artifact_offset")) throw error
        }
      }
    },
  }
}
export type HubCalls = ReturnType<typeof createHubCalls>

async function refusalOf(answer: Response): Promise<Error> {
  const body = v.safeParse(ProblemBody, await answer.json().catch(() => undefined))
  if (!body.success) return new Refused(String(answer.status), `status ${answer.status}`, {})
  const { key, title, params } = body.output
  if (key === "lease_lost" || key === "job_ended" || key === "job") return new LeaseLost(title)
  return new Refused(key, title, params)
}

export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256")
  for await (const bytes of createReadStream(path)) hash.update(bytes as Uint8Array)
  return hash.digest("hex")
}

function pause(ms: number, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      ended.removeEventListener("abort", done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    ended.addEventListener("abort", done)
  })
}
