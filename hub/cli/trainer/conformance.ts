import type { JobView, ParamValues } from "#contract/registry"
import type { RecipeView } from "#contract/trainer"
import { type Call, leaseSeconds, type PracticeHub, startPracticeHub } from "./practice-hub.ts"

/** One thing the contract asks, and how it went. */
export type Point = { name: string; kept: boolean; detail: string }

export type ConformanceOptions = {
  /** Starts the trainer; {hub} and {token} in it are replaced. */
  command: readonly string[]
  /** Recipe to be asked for, and its settings; the first one, as it is. */
  recipe?: string | undefined
  params?: ParamValues | undefined
  /** Longest a training may take. */
  minutes: number
  verbose: boolean
  say: (line: string) => void
}

/**
 * Plays the hub against a trainer of any make: a real one, with drawn parts, that loses answers, breaks uploads, takes jobs
 * away and kills the trainer. Returns how it kept each point of the contract.
 */
export async function runConformance(options: ConformanceOptions): Promise<Point[]> {
  const hub = await startPracticeHub()
  const points: Point[] = []
  const note = (name: string, kept: boolean, detail = "") => {
    points.push({ name, kept, detail })
    options.say(`${kept ? "  ok  " : "  FAIL"}  ${name}${detail && `: ${detail}`}`)
  }
  const trainer = createCandidate(hub, options)
  try {
    trainer.start()
    const recipe = await register(hub, options, note, trainer.gone)
    if (!recipe) return points
    const ask = () =>
      hub.hub.training.create(
        {
          line: "main",
          seed: 1,
          recipe: { id: recipe.id, params: options.params ?? {} },
          max_minutes: options.minutes,
        },
        "conformance",
      )
    const play: Play = { hub, ask, note, seconds: options.minutes * 60, recipe, trainer }
    await straight(play)
    await disturbed(play)
    const dropped = [await cancelled(play), await stolen(play)].filter((one) => one !== null)
    await killed(play)
    await stopped(play)
    // Looked at last: a trainer that goes on in secret shows it later.
    const late = dropped.flatMap(({ id, told }) =>
      hub.calls.filter((call) => call.job === id && call.at > told + leaseSeconds * 1000),
    )
    note(
      "says nothing more about jobs it has lost",
      late.length === 0,
      late[0] && `it still said ${late[0].what}`,
    )
    const leaked = hub.calls.find(({ url }) => url.includes(hub.token))
    note("keeps its token out of addresses", leaked === undefined, leaked?.what)
    return points
  } finally {
    await trainer.kill()
    await hub.stop()
  }
}

/** Seconds to wait for what a trainer does at once where nothing else keeps the machine. */
const patience = 120

type Note = (name: string, kept: boolean, detail?: string) => void
type Play = {
  hub: PracticeHub
  ask: () => JobView
  note: Note
  /** Longest to wait for a training. */
  seconds: number
  recipe: RecipeView
  trainer: ReturnType<typeof createCandidate>
}

/** The trainer under test, as a process. */
function createCandidate({ url, token }: PracticeHub, { command, verbose }: ConformanceOptions) {
  let child: Bun.Subprocess | undefined
  return {
    start() {
      const filled = command.map((word) => word.replaceAll("{hub}", url).replaceAll("{token}", token))
      const named = command.some((word) => word.includes("{hub}") || word.includes("{token}"))
      child = Bun.spawn(named ? filled : [...filled, "--hub", url, "--token", token], {
        env: { ...process.env, CRUX_HUB: url, CRUX_TRAINER_TOKEN: token },
        stdin: "ignore",
        stdout: verbose ? "inherit" : "ignore",
        stderr: verbose ? "inherit" : "ignore",
      })
    },
    /** Resolves when it ends, by itself or not. */
    gone: async () => void (await child?.exited),
    /** Without a word, as a power cut would. */
    async kill() {
      child?.kill("SIGKILL")
      await child?.exited
    },
    /** In good order; false when it does not go. */
    async stop(seconds: number): Promise<boolean> {
      child?.kill("SIGTERM")
      return await Promise.race([
        child?.exited.then(() => true) ?? Promise.resolve(true),
        Bun.sleep(seconds * 1000).then(() => false),
      ])
    },
  }
}

async function register(
  hub: PracticeHub,
  options: ConformanceOptions,
  note: Note,
  gone: () => Promise<void>,
): Promise<RecipeView | null> {
  const call = await Promise.race([
    hub.heard(({ what, status }) => what === "register" && status < 300, 120, 0),
    gone().then(() => null),
  ])
  const refused = hub.calls.find(({ what }) => what === "register")
  note(
    "registers",
    call !== null,
    call
      ? String(call.body.software)
      : refused
        ? `answered with ${refused.status}`
        : "nothing was heard of it",
  )
  if (!call) return null
  const known = hub.hub.training.recipes().filter((one) => !one.embedded)
  const recipe = options.recipe ? known.find(({ id }) => id === options.recipe) : known[0]
  note(
    "offers a recipe",
    recipe !== undefined,
    recipe ? `${recipe.id} ${recipe.version}` : (options.recipe ?? "none"),
  )
  return recipe ?? null
}

const ofJob = (job: string, what: RegExp) => (call: Call) => call.job === job && what.test(call.what)
const isBeat = (job: string) => ofJob(job, /^heartbeat$/)

/** Waits for a job's end. */
async function endOf({ hub, seconds }: Play, id: string): Promise<JobView> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const job = hub.hub.training.get(id)
    if (["succeeded", "failed", "cancelled"].includes(job.state) || performance.now() > end) return job
    await Bun.sleep(50)
  }
}
const ending = (job: JobView) =>
  job.state === "succeeded"
    ? `gate ${job.gate_pass ? "passed" : "not passed"}`
    : `${job.state}: ${job.error ?? "no end in time"}`

/** A job with nothing in its way. */
async function straight(play: Play): Promise<void> {
  const { hub, ask, note } = play
  const { id } = ask()
  const claim = await hub.heard(({ what, status }) => what === "claim" && status === 200, patience, 0)
  note("claims a job by long poll", claim !== null, claim ? "" : "no claim in two minutes")
  const done = await endOf(play, id)
  note("hands in a model that is what it says, with parity", done.state === "succeeded", ending(done))
  const own = hub.calls.filter((call) => call.job === id)
  const beats = own.filter(isBeat(id))
  const first = own[0]?.at ?? 0
  const taken = own.find(({ what, status }) => what === "complete" && status === 202)?.at ?? performance.now()
  const times = [first, ...beats.map(({ at }) => at), taken]
  const longest = Math.max(...times.slice(1).map((at, i) => at - (times[i] ?? at))) / 1000
  note(
    "keeps its lease with heartbeats, also while it loads and computes",
    beats.length > 0 && longest <= leaseSeconds,
    `${beats.length} heartbeats, ${longest.toFixed(1)} s at most between them, ${leaseSeconds} s allowed`,
  )
  note(
    "reads the bundle",
    own.some(({ what }) => what === "bundle"),
    "",
  )
}

/** A job on a bad day: a lost answer, a hub that is busy, wrong bytes, a cut in the middle of an upload. */
async function disturbed(play: Play): Promise<void> {
  const { hub, ask, note } = play
  const fresh = new Set<string>()
  for (const n of [50, 51, 52]) fresh.add((await hub.addPart("reference", n, n === 51 ? "spot" : "ok")).image)
  const since = hub.calls.length
  let lost: string | undefined
  let busy = 2
  let wrong: string | undefined
  let cut: string | undefined
  let severed = false
  hub.disturb({
    before: async ({ what, method }, request) => {
      if (what === "heartbeat" && busy > 0) {
        busy -= 1
        return { answer: new Response("starting", { status: 503 }) }
      }
      const [, artifact] = /^artifacts\/(\w+)$/.exec(what) ?? []
      const length = Number(request.headers.get("content-length") ?? 0)
      if (!artifact || method !== "PUT" || length <= 1000 || cut !== undefined) return undefined
      const bytes = new Uint8Array(await request.arrayBuffer())
      const half = bytes.slice(0, bytes.length >> 1)
      cut = artifact
      const broken = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(half),
        pull: (controller) => controller.error(new Error("cut")),
      })
      return { request: new Request(request.url, { method, headers: request.headers, body: broken }) }
    },
    after: async ({ what, method, body }, answer) => {
      if (what === "claim" && lost === undefined && answer.status === 200) {
        lost = String(body.request_id)
        hub.cut()
        return new Response(null, { status: 503 })
      }
      const [, blob] = /^blobs\/(\w+)$/.exec(what) ?? []
      if (blob && fresh.has(blob) && wrong === undefined) {
        wrong = blob
        const bytes = new Uint8Array(await answer.arrayBuffer())
        bytes[bytes.length >> 1]! ^= 255
        return new Response(bytes, { status: answer.status, headers: answer.headers })
      }
      if (method === "PUT" && cut !== undefined && what === `artifacts/${cut}` && !severed) {
        severed = true
        hub.cut()
      }
      return undefined
    },
  })
  const { id } = ask()
  const done = await endOf(play, id)
  hub.disturb(undefined)
  const calls = hub.calls.slice(since)
  const claims = calls.filter(({ what }) => what === "claim").map(({ body }) => body.request_id)
  note(
    "asks again with the same request_id when the answer to a claim was lost",
    lost !== undefined && claims.filter((one) => one === lost).length > 1,
    lost === undefined ? "it never claimed" : "",
  )
  note("goes on through a hub that is busy", busy === 0 && done.state === "succeeded", ending(done))
  note(
    "notices bytes that are not what their name says, and fetches them again",
    wrong !== undefined && calls.filter(({ what }) => what === `blobs/${wrong}`).length > 1,
    wrong === undefined ? "it did not fetch the new pictures" : "",
  )
  const again = calls.filter(({ what, method }) => method === "PUT" && what === `artifacts/${cut}`)
  const asked = calls.some(({ what, method }) => method === "GET" && what === `artifacts/${cut}`)
  note(
    "sends an upload to its end after the network was cut",
    cut !== undefined && again.length > 1 && done.state === "succeeded",
    cut === undefined ? "it uploaded nothing" : asked ? "from where it was" : "from its beginning",
  )
}

/** A job that is not the trainer's any more, and when it was told so. */
type Dropped = { id: string; told: number } | null

/** A person cancels a job at work. */
async function cancelled({ hub, ask, note }: Play): Promise<Dropped> {
  const name = "stops when its job is cancelled, and asks for the next"
  const since = hub.calls.length
  const { id } = ask()
  if (!(await hub.heard(isBeat(id), patience, since))) {
    note(name, false, "no heartbeat")
    return null
  }
  hub.hub.training.cancel(id)
  const cancelledAt = hub.calls.length
  const told = await hub.heard(ofJob(id, /./), patience, cancelledAt)
  const again = await hub.heard(({ what }) => what === "claim", patience, cancelledAt)
  note(name, told !== null && again !== null, again ? "" : "it asked for nothing more")
  return told && { id, told: told.at }
}

/** The job was given to another trainer: its late words must not come, and do not count. */
async function stolen({ hub, ask, note, recipe }: Play): Promise<Dropped> {
  const name = "stops when it lost its lease, and asks for the next"
  const since = hub.calls.length
  const { id } = ask()
  if (!(await hub.heard(isBeat(id), patience, since))) {
    note(name, false, "no heartbeat")
    return null
  }
  // Nothing of it arrives while it is taken away, as if its cable had been pulled.
  hub.disturb({
    before: async (call) => (call.job === id ? { answer: new Response(null, { status: 503 }) } : undefined),
  })
  const { embedded: _, trainers: __, online: ___, ...plain } = recipe
  await hub.steal([plain])
  const stolenAt = hub.calls.length
  hub.disturb(undefined)
  const told = await hub.heard((call) => call.job === id && call.status === 409, patience, stolenAt)
  const again = await hub.heard(({ what }) => what === "claim", patience, stolenAt)
  note(name, told !== null && again !== null, told ? "" : "it said nothing more about the job")
  return told && { id, told: told.at }
}

/** The trainer dies without a word and is started again. */
async function killed(play: Play): Promise<void> {
  const { hub, ask, note, trainer, seconds } = play
  const since = hub.calls.length
  const { id } = ask()
  const done = (call: Call) => call.job === id && call.what === "complete"
  const at = await hub.heard((call) => ofJob(id, /^checkpoints\//)(call) || done(call), seconds, since)
  const kept = at !== null && !done(at)
  if (!kept) return note("keeps a checkpoint", true, "none, which is allowed: a killed job begins anew")
  note("keeps a checkpoint", at.status < 300, `answered with ${at.status}`)
  await trainer.kill()
  const sha256 = String(at.body.sha256)
  const diedAt = hub.calls.length
  hub.passTime(leaseSeconds * 3)
  trainer.start()
  const end = await endOf(play, id)
  note("finishes a job that its killed predecessor had begun", end.state === "succeeded", ending(end))
  const read = hub.calls.slice(diedAt).some((call) => call.job === id && call.what === `blobs/${sha256}`)
  note("goes on from the checkpoint", read, read ? "" : "it did not fetch it")
}

/** Told to stop in the middle of a job. */
async function stopped({ hub, ask, note, trainer }: Play): Promise<void> {
  const since = hub.calls.length
  const { id } = ask()
  if (!(await hub.heard(isBeat(id), patience, since)))
    return note("ends when it is told to", false, "no heartbeat")
  const gone = await trainer.stop(patience)
  const released = hub.calls.slice(since).some(ofJob(id, /^released$/))
  note(
    "ends when it is told to (SIGTERM)",
    gone,
    released ? "and gave its job back" : "without giving its job back",
  )
}
