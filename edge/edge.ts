import { mkdir, statfs } from "node:fs/promises"
import { freemem } from "node:os"
import { join } from "node:path"
import type { ActivationState, Reported, Sampling } from "#contract/release"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import { createActivationStore } from "./activation/activation.store.ts"
import { createActivation } from "./activation/activation.ts"
import { createCandidates } from "./activation/candidate.ts"
import { createJournal } from "./activation/journal.ts"
import { createReleases } from "./activation/releases.ts"
import { createTrials } from "./activation/trial.ts"
import { createWish } from "./activation/wish.ts"
import type { Camera } from "./cameras/camera.ts"
import type { StationConfig } from "./config.ts"
import { createHourlyCapsStore } from "./hourly-caps.store.ts"
import type { HubWire } from "./hub-wire.ts"
import type { Identity } from "./identity.ts"
import type { OpenInspector } from "./inspector.ts"
import { createLive } from "./live.ts"
import { openObjects } from "./objects/objects.ts"
import { createTransfer } from "./objects/transfer.ts"
import { openOutbox } from "./outbox/outbox.ts"
import type { Output } from "./outputs/output.ts"
import { createRecorder } from "./recorder.ts"
import { createShadow } from "./shadow/shadow.ts"
import { shotsOf } from "./shots.ts"
import { runStation } from "./station.ts"
import { createStatistics } from "./statistics.ts"
import type { Watch } from "./surroundings.ts"
import { createEvents } from "./uplink/events.ts"
import { createHubClock } from "./uplink/hub-clock.ts"
import { createLink } from "./uplink/link.ts"
import { createReporter } from "./uplink/reporter.ts"
import { createSender } from "./uplink/sender.ts"

export type EdgeDeps = {
  identity: Identity
  /** The identity with its newest certificate, asked at each connect. */
  renewed?: (() => Identity) | undefined
  /** Folder of outbox and objects; `sqlite` lies beside them and is prepared (`prepareSchema`). */
  folder: string
  sqlite: Sqlite
  camera: Camera
  openInspector: OpenInspector
  output: Output
  /** How camera, triggers and outputs are doing. */
  watch: Watch
  /** Lent to triggers and outputs that go over the hub's broker. */
  wire?: HubWire
  /** Settings of this station that go before the hub's. */
  sampling?: StationConfig["sampling"]
  /** Interlock: the camera is not triggered before the first model is on the line. */
  holdUntilModel?: boolean
  /** Bytes the outbox may take. */
  quota: number
  software: string
  clock: Clock
  ids: Ids
  /** Uniform in [0, 1). */
  random: () => number
  log: Log
  /** Called once a state of the activation is on disk. */
  reached?: (state: ActivationState) => void
}

export type Edge = Awaited<ReturnType<typeof createEdge>>

/** One inspection station, put together. */
export async function createEdge(deps: EdgeDeps) {
  const { identity, sqlite, clock, ids, log, random, watch, output } = deps
  const { device, keys } = identity
  const now = clock.now
  const boot = ids.random(8)
  await mkdir(deps.folder, { recursive: true })

  const statistics = createStatistics()
  const objects = await openObjects(join(deps.folder, "objects"))
  const hubClock = createHubClock({ now })
  const outbox = await openOutbox({
    sqlite,
    folder: join(deps.folder, "outbox"),
    boot,
    quota: deps.quota,
    clockOffsetAt: hubClock.offsetAt,
    now,
  })

  const link = createLink({
    identity,
    renewed: deps.renewed,
    boot,
    software: deps.software,
    slots: () => activation.report().slots,
    randomHex: ids.random,
    random,
    now,
    log: log.child("link"),
    handlers: {
      onUp: () => {
        sender.onUp()
        reporter.onUp()
        events.onUp()
        transfer.resume()
      },
      onDown: () => {
        sender.onDown()
        reporter.onDown()
      },
      onDesired: (envelope) => activation.offer(envelope),
      onAck: (message) => {
        if (message.ts !== undefined) hubClock.hear(message.ts)
        sender.onAck(message)
      },
      onSegmentAnswer: (answer) => sender.onSegmentAnswer(answer),
      onTrigger: (payload) => deps.wire?.deliver(payload),
      onChunk: (xfer, index, bytes) => transfer.receive(xfer, index, bytes),
      onHubState: (state) => {
        sender.onHubState(state)
        rebirth(state.epoch)
      },
    },
  })
  const sender = createSender({
    outbox,
    send: (message) => link.post("inspection", message),
    deliverSegment: (xfer, i, message) => link.deliver("segment", message, { xfer, i: String(i) }),
    onRefused: ({ id, code = "bad" }) => {
      reporter.changed()
      events.tell({ v: 1, ts: now(), kind: "record_refused", level: "alarm", detail: { id, code } })
    },
    onDrained: () => reporter.changed(),
    log,
  })
  deps.wire?.bind((verdict) => link.post("verdict", verdict))
  const events = createEvents((event) => link.post("event", event))
  const transfer = createTransfer({
    objects,
    ask: (request) => link.post("chunkGet", request),
    random: ids.random,
  })

  const live = createLive((outcome) => trials.observe(outcome))
  const store = createActivationStore(sqlite)
  const reporter = createReporter({
    document: reported,
    publish: (document) => link.post("reported", document),
  })
  const journal = createJournal({
    store,
    now,
    reached: deps.reached ?? (() => {}),
    onChange: () => {
      reporter.now()
      shadow.settle()
    },
    onEvent: events.tell,
  })
  const releases = createReleases({ store, objects, transfer, openInspector: deps.openInspector, keys })
  const room = async () => {
    const { bavail, bsize } = await statfs(deps.folder)
    return { ram_mb: freemem() / 2 ** 20, disk_mb: (bavail * bsize) / 2 ** 20 }
  }
  const candidates = createCandidates({
    store,
    journal,
    releases,
    room,
    onProgress: (progress) => activation.onProgress(progress),
  })
  const onChange = () => reporter.changed()
  const onWish = () => {
    reporter.changed()
    shadow.settle()
  }
  const onEvent = events.tell
  const activationLog = log.child("activation")
  const wish = createWish({ store, device, keys, now, onChange: onWish, onEvent, log: activationLog })
  const trials = createTrials({
    store,
    journal,
    releases,
    wish,
    live,
    now,
    onChange,
    onEvent,
    log: activationLog,
  })
  const activation = createActivation({
    store,
    journal,
    candidates,
    wish,
    trials,
    now,
    makeRoom: () => shadow.giveWay(),
    onChange,
    log: activationLog,
  })
  const shadow = createShadow({
    wish,
    store,
    releases,
    atRest: () => activation.atRest() && live.loaded() !== undefined,
    room,
    random,
    now,
    onChange,
    onEvent,
    log: log.child("shadow"),
  })
  const recorder = createRecorder({
    outbox,
    sampling: () => ({ ...store.sampling(), ...deps.sampling }) as Sampling,
    kept: createHourlyCapsStore(sqlite),
    hubClock,
    now,
    random,
    log: log.child("recorder"),
    onStored: () => {
      sender.wake()
      reporter.changed()
    },
  })

  watch.listen({
    event: (event) => {
      const level = { info: "info", warn: "warn", alarm: "error" } as const
      log[level[event.level]](event.kind, event.detail)
      events.tell(event)
    },
    changed: () => reporter.changed(),
  })

  function reported(): Reported {
    const { depth, bytes, oldest, dead, quota } = outbox.totals()
    return {
      v: 1,
      device,
      ts: now(),
      ...activation.report(),
      queue: { depth, bytes, oldest_ms: oldest === null ? 0 : Math.max(0, now() - oldest), quota, dead },
      shed: outbox.shed(),
      sequence: outbox.sequence(),
      latency: statistics.latency(),
      counts: statistics.counts(),
      surroundings: watch.report(),
      ...shadow.report(),
    }
  }

  let epoch: string | undefined
  let rebirthTimer: ReturnType<typeof setTimeout> | undefined
  /** A hub that started anew behind the same broker knows nothing of us; not all stations answer in one instant. */
  function rebirth(of: string) {
    const known = epoch
    epoch = of
    if (known === undefined || known === of) return
    clearTimeout(rebirthTimer)
    rebirthTimer = setTimeout(() => {
      link.birth()
      reporter.now()
      sender.wake()
    }, random() * 2_000)
  }

  const stopping = new AbortController()
  const stopped = new Promise<void>((resolve) => stopping.signal.addEventListener("abort", () => resolve()))
  let loop: Promise<void> | undefined

  return {
    boot,
    reported,
    /** Finds a trustworthy model, then inspects; the hub need not be there. `done` settles when the loop ends. */
    start: async (): Promise<{ done: Promise<void> }> => {
      link.start()
      await activation.start()
      shadow.settle()
      const shots = shotsOf({
        camera: deps.camera,
        signal: stopping.signal,
        uuid: ids.uuid,
        now,
        watch: watch.camera,
      })
      const { onTrial } = trials
      const run = () => runStation({ shots, live, onTrial, output, recorder, shadow, statistics, log })
      loop = deps.holdUntilModel ? Promise.race([live.firstLoaded, stopped]).then(run) : run()
      log.info("station_started", { device, boot })
      return { done: loop }
    },
    /**
     * Ends the part under way, writes everything down, sends for at most `drainMs` what the hub still lacks, says
     * goodbye. What is left goes out at the next start.
     */
    stop: async ({ drainMs = 0 } = {}): Promise<void> => {
      stopping.abort()
      clearTimeout(rebirthTimer)
      await loop
      await output.close()
      await recorder.drain()
      const deadline = now() + drainMs
      while (outbox.depth() > 0 && now() < deadline) await Bun.sleep(50)
      reporter.now()
      await shadow.stop()
      await activation.stop()
      reporter.onDown()
      sender.onDown()
      await link.stop()
      log.info("station_stopped", { device, boot })
    },
  }
}
