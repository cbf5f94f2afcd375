import type { Device } from "#contract/fleet"
import type { List } from "#contract/list"
import type { GoldenSummary, JobView, ModelView } from "#contract/registry"
import type { LoopView, RolloutView } from "#contract/rollout"
import type { User } from "#contract/users"
import { CommandFailure } from "../cli/exit.ts"
import { type Account, createHubClient, type HubClient } from "./client.ts"
import type { KnownPart, Material } from "./material.ts"

/** Asks again until `read` gives something, or `minutes` have passed. */
export async function until<T>(
  what: string,
  minutes: number,
  read: () => Promise<T | null | undefined>,
): Promise<T> {
  const deadline = Date.now() + minutes * 60_000
  for (;;) {
    const value = await read()
    if (value !== null && value !== undefined) return value
    if (Date.now() > deadline)
      throw new CommandFailure("failure", `${what} did not happen within ${minutes} min.`)
    await Bun.sleep(400)
  }
}

/** Makes the first admin with the setup code and the accounts of the demo. */
export async function openAccounts(url: string, setupCode: string, accounts: Account[]): Promise<HubClient> {
  const [first, ...others] = accounts
  if (!first) throw new Error("a demo needs an admin")
  const admin = createHubClient(url)
  const { login, name, password, language } = first
  await admin.post("/api/setup", { code: setupCode, login, name, password, language })
  for (const account of others) await admin.post<User>("/api/users", account)
  return admin
}

export async function fillCatalogue(engineer: HubClient, material: Material): Promise<void> {
  for (const { key, names } of material.products) await engineer.post("/api/products", { key, names })
  for (const { key, names, icon, color, severity } of material.knownKinds)
    await engineer.post("/api/defect-classes", { key, names, icon, color, severity })
}

/** Uploads parts with their truth to `/api/golden` or `/api/references`; answers how many were new. */
export async function uploadParts(
  engineer: HubClient,
  path: "/api/golden" | "/api/references",
  parts: AsyncIterable<KnownPart>,
): Promise<number> {
  let added = 0
  for await (const { image, mime, meta } of parts) {
    const receipt = await engineer.upload<{ duplicate: boolean }>(
      `${path}?meta=${encodeURIComponent(JSON.stringify(meta))}`,
      image,
      mime,
    )
    if (!receipt.duplicate) added++
  }
  return added
}

/** One line of what the gate measured on the golden set. */
export function tellGate({ gate }: ModelView, say: (line: string) => void): void {
  if (!gate) return
  const { escapes, ng, ng_undecidable, overkills, ok, ok_undecidable, auroc } = gate.challenger
  const open = `${ng_undecidable} NG and ${ok_undecidable} OK undecidable`
  const verdict = gate.pass ? "passed" : "refused"
  const failed = gate.checks.filter((c) => c.status === "fail").map((c) => c.reason)
  say(
    `gate ${[verdict, ...failed].join(", ")}: ${escapes} of ${ng} NG escape, ${overkills} of ${ok} OK overkill, ${open}, AUROC ${auroc?.toFixed(3) ?? "–"}`,
  )
}

/** Starts a training job and follows it to its end. */
export async function trainFirst(
  engineer: HubClient,
  seed: number,
  say: (line: string) => void,
): Promise<ModelView> {
  const started = await engineer.post<JobView>("/api/training/jobs", { line: "main", seed })
  if (!started) throw new CommandFailure("failure", "the hub started no training job.")
  const job = await followJob(engineer, started.id, say)
  if (job.state !== "succeeded" || !job.model)
    throw new CommandFailure("failure", `the first model was not made: ${job.error ?? job.state}.`)
  return engineer.get<ModelView>(`/api/models/${job.model}`)
}

async function followJob(client: HubClient, id: string, say: (line: string) => void): Promise<JobView> {
  let phase = ""
  return until("the end of the training job", 20, async () => {
    const job = await client.get<JobView>(`/api/training/jobs/${id}`)
    const now = job.state === "running" ? (job.progress?.phase ?? "start") : job.state
    if (now !== phase) say(`training: ${now}`)
    phase = now
    return ["succeeded", "failed", "cancelled"].includes(job.state) ? job : null
  })
}

/** Approves (signs) a model that passed its gate and starts its rollout. */
export async function release(engineer: HubClient, digest: string): Promise<RolloutView> {
  await engineer.post<ModelView>(`/api/models/${digest}/approve`)
  const rollout = await engineer.post<RolloutView>("/api/rollouts", { model: digest })
  if (!rollout) throw new CommandFailure("failure", "the hub started no rollout.")
  return rollout
}

export async function followRollout(
  client: HubClient,
  id: string,
  say: (line: string) => void,
): Promise<RolloutView> {
  let seen = ""
  return until("the end of the rollout", 20, async () => {
    const { items } = await client.get<List<RolloutView>>("/api/rollouts")
    const rollout = items.find((r) => r.id === id)
    if (!rollout) return null
    const now = rollout.devices.map((d) => `${d.device} ${d.state}`).join(", ")
    if (now !== seen) say(`rollout ${rollout.release}: ${now}`)
    seen = now
    if (rollout.state === "running") return null
    return rollout
  })
}

/** @throws CommandFailure with the station and the reason when a rollout was halted. */
export function demandFinished({ state, halt_reason }: RolloutView): void {
  if (state === "finished") return
  const why = halt_reason ? ` by ${halt_reason.device}: ${halt_reason.reason}` : ""
  throw new CommandFailure("failure", `The rollout ended as ${state}${why}.`)
}

/**
 * What an engineer does while people label: adds golden parts of a new kind once it has a name, and releases each
 * model of the loop that the gate lets through. Ends with the closed loop.
 */
export async function closeLoop(
  engineer: HubClient,
  material: Material,
  newKindNamed: Promise<unknown>,
  say: (line: string) => void,
): Promise<ClosedLoop> {
  await newKindNamed
  const added = await uploadParts(engineer, "/api/golden", material.golden("new"))
  const golden = await engineer.get<GoldenSummary>("/api/golden")
  say(
    `a new kind of defect has a name: ${material.newKind.key}; ${added} golden parts of it added (${golden.ok} OK, ${golden.ng} NG)`,
  )
  const known = new Set((await listJobs(engineer)).filter((j) => j.finished_at !== null).map((j) => j.id))
  let refused = 0
  for (;;) {
    const open = await until("a training job", 10, async () =>
      (await listJobs(engineer)).find((j) => !known.has(j.id)),
    )
    const { labelled } = await engineer.get<{ labelled: number }>("/api/labelling/stats")
    say(`training on ${open.dataset.ok} OK and ${open.dataset.ng} NG parts`)
    const job = await followJob(engineer, open.id, say)
    known.add(job.id)
    if (job.state !== "succeeded" || !job.model) {
      say(`training ended as ${job.state}: ${job.error ?? "no reason given"}`)
      continue
    }
    const model = await engineer.get<ModelView>(`/api/models/${job.model}`)
    tellGate(model, say)
    if (model.state !== "candidate") {
      refused++
      continue
    }
    if (!model.contract.classes.some((c) => c.key === material.newKind.key)) {
      say("the model does not know the new kind yet; waiting for more labels")
      continue
    }
    const rollout = await followRollout(engineer, (await release(engineer, model.digest)).id, say)
    demandFinished(rollout)
    const loop = await until("the closed loop", 2, async () => {
      const { items } = await engineer.get<List<LoopView>>("/api/loops")
      return items.find((l) => l.kind === material.newKind.key && l.closed_at !== null)
    })
    return { loop, rollout, refused, labels: labelled }
  }
}

type ClosedLoop = { loop: LoopView; rollout: RolloutView; refused: number; labels: number }

/** People do it all, the approval too: waits until they have closed the loop of a kind that was not there at the start. */
export async function awaitLoop(client: HubClient, material: Material): Promise<ClosedLoop> {
  const known = new Set(material.knownKinds.map((k) => k.key))
  for (;;) {
    const loops = (await client.get<List<LoopView>>("/api/loops")).items
    const loop = loops.find((l) => l.closed_at !== null && !known.has(l.kind))
    const rollouts = loop ? (await client.get<List<RolloutView>>("/api/rollouts")).items : []
    const rollout = rollouts.find((r) => r.id === loop?.rollout_id)
    if (loop && rollout) return { loop, rollout, refused: 0, labels: loop.labels }
    await Bun.sleep(1000)
  }
}

async function listJobs(client: HubClient): Promise<JobView[]> {
  return (await client.get<List<JobView>>("/api/training/jobs")).items
}

/** Waits until every station has sent all it has; answers how many parts they inspected. */
export async function drained(client: HubClient, stations: number): Promise<number> {
  return until("the emptying of the stations' outboxes", 5, async () => {
    const devices = (await listDevices(client)).filter((d) => d.reported)
    if (devices.length < stations) return null
    if (devices.some((d) => d.reported?.queue.depth !== 0)) return null
    return devices.reduce((n, d) => n + (d.reported?.counts.inspected ?? 0), 0)
  })
}

export async function listDevices(client: HubClient): Promise<Device[]> {
  return (await client.get<List<Device>>("/api/devices")).items
}
