import { resolve } from "node:path"
import type { Drawing } from "#contract/drawing"
import { sniffImage } from "#models/image-header"
import { type Pace, sideFor } from "#models/trainer/side.rules"
import type { Catalogue } from "./catalogue/catalogue.service.ts"
import type { HubConfig } from "./config.ts"
import { createDatasetRoutes } from "./dataset/dataset.routes.ts"
import { createDataset } from "./dataset/dataset.service.ts"
import { createFreezes } from "./dataset/freeze.service.ts"
import { createFreezer } from "./dataset/freezer.ts"
import { createPrints } from "./dataset/prints.ts"
import { buildIndex } from "./delivery/chunk-index.service.ts"
import type { Fleet } from "./fleet/fleet.service.ts"
import { createHomeRoutes } from "./home/home.routes.ts"
import { createHome } from "./home/home.service.ts"
import type { HubPorts } from "./hub.ts"
import type { InspectionStore } from "./inspection/inspection.store.ts"
import type { createLabellingDomain } from "./labelling/labelling.ts"
import { createMsaRoutes } from "./msa/msa.routes.ts"
import { createMsa, type MsaDeps } from "./msa/msa.service.ts"
import { createAfterBurst } from "./platform/after-burst.ts"
import type { Audit } from "./platform/audit.ts"
import type { Blobs } from "./platform/blobs.ts"
import type { Calm } from "./platform/calm.ts"
import type { Events } from "./platform/events.ts"
import type { Log } from "./platform/log.ts"
import type { Shelf } from "./platform/shelf.ts"
import type { SigningKeys } from "./platform/signing.ts"
import type { Sqlite } from "./platform/sqlite.ts"
import { createRegistryRoutes } from "./registry/registry.routes.ts"
import { createRegistry } from "./registry/registry.service.ts"
import { createRolloutRoutes } from "./rollout/rollout.routes.ts"
import { createRollouts } from "./rollout/rollout.service.ts"
import { createShadowRoutes } from "./rollout/shadow.routes.ts"
import { createShadows } from "./rollout/shadow.service.ts"
import { createShadowStore } from "./rollout/shadow.store.ts"
import type { Training } from "./training/training.service.ts"
import { createTrainingDomain, type TrainingDomainDeps } from "./training/training.ts"

/** The line stations run when nobody says otherwise. */
const line = "main"
/** Writing the texts of a bundle of a hundred thousand pictures on a busy machine. */
const bundleMs = 600_000
/** The operating point thresholds aim at. */
const target = { escape: 0.02, overkill: 0.02 }

export type LearningDeps = {
  config: HubConfig
  ports: Pick<
    HubPorts,
    "clock" | "ids" | "prover" | "trainer" | "freezer" | "exporter" | "backbone" | "print"
  >
  db: Sqlite
  blobs: Blobs
  shelf: Shelf
  events: Events
  calm: Calm
  audit: Audit
  keys: SigningKeys
  log: Log
  catalogue: Catalogue
  fleet: Fleet
  inspections: InspectionStore
  judging: ReturnType<typeof createLabellingDomain>
  people: MsaDeps["people"]
  /** What was drawn on a part by the label that was stored then. */
  drawingAt: (id: string, at: number) => Drawing | null
  /** Where bundles become tars; exchange is put together after this. */
  exports: TrainingDomainDeps["exports"]
  /** Path of the database, for the process that freezes sets. */
  database: string
  /** Folder for the bundles of training jobs; and one for what trainers on other machines are handing in. */
  workDir: string
  trainersDir: string
}

/** The way of a label back to the line, put together: dataset, training, registry, rollout, and the loop they close. */
export function createLearning(deps: LearningDeps) {
  const { config, ports, db, blobs, events, audit, keys, log } = deps
  const { catalogue, fleet, inspections, judging, workDir } = deps
  const { labelling } = judging
  const { clock, ids } = ports
  const dataset = createDataset({
    db,
    clock,
    ids,
    labels: labelling,
    blobs,
    keepImage: inspections.keepImage,
    sniffImage,
  })
  const freezes = createFreezes({
    child: ports.freezer?.(deps.database),
    own: createFreezer({ db, labels: labelling.current, judged: inspections.judged }),
    counts: () => judging.looks.plan().counts,
    events,
    clock,
  })
  const prints = createPrints({
    look: freezes.lookAhead,
    events,
    calm: deps.calm,
    log: log.child("dataset"),
  })
  const gate = {
    max_escape_upper: config.gate.max_escape,
    max_overkill_upper: config.gate.max_overkill,
    max_undecidable: config.gate.max_undecidable,
    max_p99_ms: config.gate.max_p99_ms,
    min_golden_ng: 20,
    min_golden_ok: 20,
  }
  // Registry and rollouts know each other: what runs on the line is the champion that a candidate has to beat.
  const rolledOut: { champion?: (line: string) => string | null } = {}
  const registry = createRegistry({
    db,
    clock,
    events,
    log: log.child("registry"),
    dataset,
    freezes,
    blobs,
    shelf: deps.shelf,
    prover: ports.prover,
    pictureOf: (id) => inspections.view(id)?.image?.sha256,
    buildIndex: (sha256) => buildIndex({ blobs }, sha256),
    signer: keys.release,
    policy: gate,
    criticalKinds: () =>
      new Set(catalogue.defectClasses().flatMap((c) => (c.severity === "critical" ? [c.key] : []))),
    champion: (of) => rolledOut.champion?.(of) ?? null,
    onResult: ({ id }, { suspects = [] }) => judging.suspects.take(id, suspects),
    audit: audit.record,
  })
  const trainingDomain = createTrainingDomain({
    db,
    clock,
    ids,
    events,
    log: log.child("training"),
    dataset,
    freezes,
    hasGood: () => dataset.hasGoodReference() || labelling.hasGood(),
    blobs,
    trainer: ports.trainer,
    // Its contract lies beside it; without one the trainer knows the file by its hash, or says what is missing.
    backbone: config.backbone ? { onnx: resolve(config.backbone) } : ports.backbone,
    prove: registry.proveResult,
    labels: () => ({ labelled: labelling.settled(), byKind: labelling.byKind() }),
    knownKinds: () => registry.knownKinds(line),
    policy: {
      automatic: config.auto_train.enabled,
      newLabels: config.auto_train.min_new_labels,
      kindLabels: config.auto_train.new_kind_labels,
    },
    workDir,
    target,
    sideFor(asked) {
      const paces = fleet.list().flatMap(({ reported, revoked_at }): Pace[] => {
        if (revoked_at !== undefined || !reported?.slots.current) return []
        const running = registry.find(reported.slots.current.digest)
        const resize = running?.contract.inputs[0]?.resize
        return resize ? [{ p99_ms: reported.latency.p99_ms, pixels: resize.w * resize.h }] : []
      })
      return sideFor(asked, paces, config.gate.max_p99_ms)
    },
    maxMinutes: 20,
    audit,
    gate,
    bundleTarget: {
      ...target,
      opset_max: 21,
      dtype: ["f32", "int8"],
      latency_budget_ms: config.gate.max_p99_ms,
    },
    drawingAt: deps.drawingAt,
    exports: deps.exports,
    bundleTexts:
      ports.exporter &&
      (async (task, folder) => {
        const child = ports.exporter!(deps.database)
        try {
          return await child.ask({ op: "bundle", task, folder }, bundleMs)
        } finally {
          await child.close()
        }
      }),
    checkResult: registry.checkResult,
    keepDir: deps.trainersDir,
    ttlMs: config.trainers.lease_seconds * 1000,
  })
  const { training } = trainingDomain
  const shadowStore = createShadowStore(db)
  const rollouts = createRollouts({
    db,
    clock,
    ids,
    events,
    log: log.child("rollout"),
    fleet,
    registry,
    shadows: shadowStore,
    line,
    probation: {
      parts: config.rollout.probation_parts,
      max_minutes: config.rollout.probation_minutes,
      // The line may be odder than the golden set; what the gate has let through must not be halted for asking as much.
      max_undecidable: Math.min(1, Math.max(0.6, config.gate.max_undecidable + 0.1)),
      max_ng_shift: config.rollout.max_ng_shift,
    },
    sampling: config.sampling,
    returnOnHalt: config.rollout.return_on_halt,
    audit: audit.record,
  })
  rolledOut.champion = rollouts.champion
  const shadows = createShadows({
    db,
    store: shadowStore,
    clock,
    events,
    fleet,
    registry,
    rollouts,
    counts: inspections.shadowCounts,
    floorOf: rollouts.floorOf,
    audit: audit.record,
  })
  const home = createHome({
    db,
    clock,
    ids,
    events,
    log: log.child("home"),
    fleet,
    training,
    registry,
    rollouts,
    labels: labelling,
    stats: labelling.totals,
    inspected: (since) => hourOf(inspections.live(since)),
    line,
  })
  const msa = createMsa({
    db,
    ...judging,
    view: inspections.view,
    people: deps.people,
    champion() {
      const digest = rollouts.champion(line)
      const found = digest === null ? undefined : registry.get(digest)
      return found ? { digest: found.digest, release: found.release } : null
    },
    async judge(model, pictures) {
      const shown: { path: string; product: string | null }[] = []
      for (const { sha256, product } of pictures) shown.push({ path: await blobs.file(sha256), product })
      return ports.prover.judge(blobs.path(model), shown)
    },
    audit,
    clock,
    ids,
  })
  const running: (() => void)[] = []

  return {
    dataset,
    freezes,
    registry,
    training,
    trainers: trainingDomain.trainers,
    rollouts,
    home,
    /** Digest of the model on the line. */
    champion: (): string | null => rollouts.champion(line),
    routes: [
      createDatasetRoutes({ dataset, freezes }),
      ...trainingDomain.routes,
      createRegistryRoutes(registry),
      createRolloutRoutes(rollouts),
      createShadowRoutes(shadows),
      createMsaRoutes({
        msa,
        clock,
        print: ports.print && ((ask) => ports.print!.ask({ op: "msa", ...ask }).then(({ pdf }) => pdf)),
        classes: catalogue.defectClasses,
      }),
      createHomeRoutes(home),
    ],
    /** Starts what works by itself. */
    start() {
      running.push(trainOnLabels(events, log, training), rollouts.start(), home.start())
      registry.start()
      trainingDomain.start()
      prints.start(labelling.settled() > 0)
    },
    async stop() {
      for (const stop of running.reverse()) stop()
      await trainingDomain.stop()
      await registry.stop()
      await prints.stop()
      await freezes.close()
    },
  }
}

/** Lets the training look at the labels after a burst of them; a tablet sends several at once. */
function trainOnLabels(events: Events, log: Log, training: Training): () => void {
  const work = () => training.consider(line)
  const look = createAfterBurst({ name: "auto_train", quietMs: 500, log, work })
  // A job or a model that came to its end may leave labels that were not waiting for it.
  const deaf = events.listen("auto_train", ({ type }) => {
    if (type === "label" || type === "job" || type === "rollout") look.poke()
  })
  return () => {
    deaf()
    look.stop()
  }
}

const hourOf = (buckets: readonly { ok: number; ng: number; undecidable: number }[]) =>
  buckets.reduce(
    (sum, b) => ({
      inspected: sum.inspected + b.ok + b.ng + b.undecidable,
      ng: sum.ng + b.ng,
      undecidable: sum.undecidable + b.undecidable,
    }),
    { inspected: 0, ng: 0, undecidable: 0 },
  )
