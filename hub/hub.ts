import { lookup } from "node:dns/promises"
import { join, resolve } from "node:path"
import type { TrainingJobSpec } from "#contract/training"
import { sniffImage } from "#models/image-header"
import type { Asker } from "#models/infer/asker"
import { type AssistPorts, createAssistDomain } from "./assist/assist.ts"
import { createHelp } from "./assist/help.service.ts"
import { createHelpStore } from "./assist/help.store.ts"
import { createCatalogueRoutes } from "./catalogue/catalogue.routes.ts"
import { createCatalogue } from "./catalogue/catalogue.service.ts"
import { createGuideRoutes } from "./catalogue/guide.routes.ts"
import { createGuide } from "./catalogue/guide.service.ts"
import { createLabelSetupRoutes } from "./catalogue/label-setup.routes.ts"
import { createLabelSetups } from "./catalogue/label-setup.service.ts"
import type { HubConfig } from "./config.ts"
import type { FreezeOperations } from "./dataset/freeze.worker.ts"
import { createDelivery } from "./delivery/delivery.service.ts"
import { createFetchRights } from "./delivery/fetch-rights.ts"
import { createExchangeDomain } from "./exchange/exchange.ts"
import type { ExportOperations } from "./exchange/export.worker.ts"
import type { ImportOperations } from "./exchange/import.worker.ts"
import { createFleetDomain } from "./fleet/fleet.ts"
import { accessTable } from "./http/access.ts"
import type { Client } from "./http/kit.ts"
import { openApiDocument } from "./http/openapi.ts"
import type { OpenAsset } from "./http/ui.routes.ts"
import { createHttp } from "./http.ts"
import { rankOf } from "./inspection/inspection.rules.ts"
import type { MakeThumbnail } from "./inspection/inspection.service.ts"
import { liveBucketMs } from "./inspection/inspection.store.ts"
import { createInspectionDomain } from "./inspection/inspection.ts"
import type { MakeTiles } from "./inspection/pyramids.ts"
import { createLabelStudio } from "./label-studio/label-studio.ts"
import { createProjectTasks } from "./label-studio/project-tasks.ts"
import { createLabelledStore } from "./labelling/labelled.store.ts"
import { createLabellingDomain } from "./labelling/labelling.ts"
import { createOpening } from "./labelling/opening.service.ts"
import { createLearning } from "./learning.ts"
import { createLiveRoutes } from "./live/live.routes.ts"
import { createSparkplugStore } from "./mirror/sparkplug.store.ts"
import { createSparkplug, demandSparkplug } from "./mirror/sparkplug.ts"
import { createUnsMirror, demandUnsPath } from "./mirror/uns.ts"
import { createBrokerRoutes } from "./mqtt/broker.routes.ts"
import { createEmbeddedBroker } from "./mqtt/embedded-broker.ts"
import { createPlantBroker } from "./mqtt/plant-broker.ts"
import { readReaders } from "./mqtt/readers.ts"
import type { Transport } from "./mqtt/transport.ts"
import type { PrintOperations } from "./msa/report-pdf.ts"
import { createPartsDomain } from "./parts/parts.ts"
import { createAudit } from "./platform/audit.ts"
import { openBlobs } from "./platform/blobs.ts"
import { createCalm } from "./platform/calm.ts"
import { openCertificateAuthority } from "./platform/certificate-authority.ts"
import type { Clock } from "./platform/clock.ts"
import { prepareDataFolder } from "./platform/data-folder.ts"
import { createDiskSpace, type DiskSpace, hasRoomFor } from "./platform/disk-space.ts"
import { createEvents } from "./platform/events.ts"
import { createGroupCommit } from "./platform/group-commit.ts"
import type { Ids } from "./platform/ids.ts"
import { createKnownTime } from "./platform/known-time.ts"
import { takeLock } from "./platform/lock.ts"
import { createLog } from "./platform/log.ts"
import { openDatabase, startFailureOf } from "./platform/migrate.ts"
import { migrations } from "./platform/migrations.ts"
import { createOutbound } from "./platform/outbound.ts"
import type { PunchHole } from "./platform/packs.ts"
import { createShelf } from "./platform/shelf.ts"
import { openSigningKeys } from "./platform/signing.ts"
import type { OpenSqlite } from "./platform/sqlite.ts"
import { StartFailure } from "./platform/start-failure.ts"
import { openTlsIdentity } from "./platform/tls-identity.ts"
import type { Prover } from "./registry/prover.ts"
import { createSourcesDomain } from "./sources/sources.ts"
import { createBundleTar } from "./training/bundle-tar.ts"
import type { Trainer } from "./training/runner.ts"
import type { PasswordCost } from "./users/password.ts"
import { createUsersDomain } from "./users/users.ts"
import { createWebhookRoutes } from "./webhooks/webhooks.routes.ts"
import { createWebhooks } from "./webhooks/webhooks.service.ts"

/** What a hub needs from the outside: the runtime's drivers, time, chance, and a place for its log. */
export type HubPorts = {
  openSqlite: OpenSqlite
  /** Says how full the disk is; the data folder's own when absent. */
  disk?: DiskSpace
  /** Gives room inside a file back to the disk, where the system can. */
  punchHole?: PunchHole | undefined
  openAsset: OpenAsset
  clock: Clock
  ids: Ids
  writeLog: (line: string) => void
  version: string
  /** Looks at foreign pictures, in a process that may crash. */
  imaging: { thumbnail: MakeThumbnail; tiles: MakeTiles; close: () => Promise<void> }
  /** Makes models, and shows pictures to them; both in processes of their own. */
  trainer: Trainer
  prover: Prover
  /** The backbone this program ships; without it the trainer looks for its own. */
  backbone?: TrainingJobSpec["backbone"]
  /** Writes dataset versions, in a process of its own; without it the hub does, slice by slice. */
  freezer?: (database: string) => Asker<FreezeOperations>
  /** Makes exports, each in a process of its own; without it the hub does, piece by piece. */
  exporter?: (database: string) => Asker<ExportOperations>
  /** Reads uploads of labelled pictures, each in a process of its own; without it the hub does. */
  importer?: () => Asker<ImportOperations>
  /** Helps people judge, in processes of their own; without it they judge without help. */
  assist?: AssistPorts | undefined
  /** Prints reports, in a process of its own; without it there are pages and tables alone. */
  print?: Asker<PrintOperations> | undefined
  /** Cheaper password hashing for tests. */
  passwordCost?: PasswordCost
}

/** How often ended sessions are dropped. */
const sweepMs = 60 * 60_000
/** How often the time is noted. */
const timeMs = 60_000
/** How often the certificates are looked at. */
const certificatesMs = 60 * 60_000

export type Hub = Awaited<ReturnType<typeof createHub>>

/**
 * Composition root of the hub: platform, then the domains in their order, then the doors (HTTP, MQTT).
 * Takes the data folder's lock and migrates the database; throws StartFailure when this place cannot be a hub.
 */
export async function createHub(config: HubConfig, ports: HubPorts) {
  const { ids } = ports
  const clock = createKnownTime({ clock: ports.clock, path: join(config.data, "last-time") })
  const log = createLog({ level: config.log_level, subject: "hub", write: ports.writeLog, now: clock.now })

  // What the settings name is read first: a mistake there is said before anything is opened.
  // Devices answer a new epoch with a rebirth, browsers' cursors of another start are known as foreign.
  const epoch = ids.random(8)
  const plantBroker = createPlantBroker({
    config: config.broker,
    clock,
    ids,
    epoch,
    log: log.child("mqtt"),
  })
  const readers = readReaders(config.mqtt.readers)
  demandUnsPath(config.uns.path)
  demandSparkplug(config.sparkplug, plantBroker !== undefined)
  const connectSparkplug =
    config.sparkplug.group === "" ? undefined : plantBroker?.connectAs(config.sparkplug.credentials)

  const folder = prepareDataFolder(config.data)
  const lock = takeLock(folder.lock, ports.openSqlite, clock.now())
  try {
    clock.keep(log.child("clock"))
    // Before anything is opened that a failure here would leave open.
    const authority = await openCertificateAuthority({ dataDir: folder.root })
    const own = ownCertificateOf(config)
    const tls = await openTlsIdentity({
      dataDir: folder.root,
      authority,
      publicHost: config.public_host,
      ...(own && { own }),
      clock,
      log: log.child("tls"),
    })
    const db = openDatabase({
      path: folder.database,
      backups: folder.backups,
      openSqlite: ports.openSqlite,
      migrations,
      now: clock.now,
      log: log.child("database"),
    })
    const blobs = await openBlobs({ dataDir: folder.root, punch: ports.punchHole })
    const shelf = createShelf({ folder: join(folder.root, "looked-at"), clock, ids })
    const events = createEvents({ log: log.child("events") })
    const calm = createCalm({ events })
    const audit = createAudit({ db, clock })

    const commits = createGroupCommit({ sqlite: db })
    const keys = await openSigningKeys({ dataDir: folder.root })
    const disk =
      ports.disk ??
      createDiskSpace({
        path: folder.root,
        shares: { tight: config.storage.tight_share, low: config.storage.low_share },
        clock,
      })
    const ownBroker = createEmbeddedBroker({
      config: config.mqtt,
      isReader: readers.isReader,
      clock,
      log: log.child("mqtt"),
    })

    const users = createUsersDomain({ db, audit, clock, ids, cost: ports.passwordCost })
    const catalogue = createCatalogue({ db, audit, clock, events })
    const guide = createGuide({
      db,
      catalogue,
      imageOf: (id) => inspection.store.view(id)?.image,
      audit,
      clock,
      events,
    })

    const fleet = createFleetDomain({
      db,
      commits,
      audit,
      clock,
      events,
      epoch,
      signer: keys.hub,
      keys: keys.trusted,
      ids,
      authority,
      trust: tls.trust,
      mqtt: (byCertificate) =>
        plantBroker
          ? plantBroker.address(byCertificate)
          : { host: config.public_host, port: ownBroker.tlsPort(), ca: tls.trust.pem },
      log: log.child("fleet"),
      doorCertificates: () => [
        { of: "authority", expiresAt: tls.trust.expiresAt },
        {
          of: own ? "site" : "hub",
          expiresAt: tls.broker().expiresAt,
          renewedWithDays: tls.renewedWithDays,
        },
      ],
      security: () => ({
        own_certificate: own !== undefined,
        certificate_expires_at: tls.broker().expiresAt,
        plain: config.mqtt.plain,
        connections: gateway?.load().sessions ?? 0,
        turned_away: ownBroker.turnedAway(),
      }),
    })
    const inspection = createInspectionDomain({
      db,
      commits,
      blobs,
      disk,
      clock,
      events,
      sniff: sniffImage,
      thumbnail: ports.imaging.thumbnail,
      makeTiles: ports.imaging.tiles,
      stations: fleet.fleet.list,
      audit,
      isTimeSettled: clock.isSettled,
      isTimeLost: clock.isLost,
      // Later domains say what they need; asked when the disk runs short, long after all of them stand.
      keeps: [
        guide.keeps,
        (parts) => labelling.contested(parts.map(({ id }) => id)),
        (parts) => judging.looks.needed(parts.map(({ id }) => id)),
        (parts) => dataset.keeps(parts),
      ],
      veil: (user, views) => judging.looks.veil(user, views),
      placing: {
        hasKind: catalogue.hasKind,
        hubAudit: (line) => queue.auditShare(line),
        stationAudit: (device) => fleet.fleet.desired(device)?.sampling.audit ?? null,
      },
      log: log.child("inspection"),
    })
    const sources = createSourcesDomain({
      db,
      commits,
      audit,
      clock,
      ids,
      events,
      log: log.child("sources"),
      fleet: fleet.fleet,
      ingest: inspection.ingest,
      known: inspection.store.header,
      sniff: sniffImage,
      epoch,
      // From the network a camera reaches the port without TLS only where a person has opened it.
      mqtt: () =>
        config.mqtt.plain === "network-unencrypted"
          ? { host: config.public_host, port: ownBroker.port(), tls: false }
          : { host: config.public_host, port: ownBroker.tlsPort(), tls: true },
      dropFolder: config.drop_folder || join(folder.root, "drop"),
      quarantineFolder: join(folder.root, "quarantine"),
      halvesFolder: join(folder.root, "halves"),
    })
    const help = createHelp({
      store: createHelpStore(db),
      clock,
      blindShare: config.assist.blind_share,
    })
    const setups = createLabelSetups({ db, audit, clock, events })
    const judging = createLabellingDomain({
      db,
      help,
      inspections: { ...inspection.store, rankOf },
      hasKind: catalogue.hasKind,
      setups: setups.list,
      criteria: guide.version,
      people: users.people,
      passHolder: users.tablets.passHolder,
      audit,
      events,
      clock,
      ids,
    })
    const { labelling, queue } = judging
    const outbound = createOutbound({
      allow: config.outbound.allow,
      lookUp: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
    })
    const webhooks = createWebhooks({ db, outbound, audit, clock, ids, log: log.child("webhooks") })
    const hasRoom = async (bytes: number) => hasRoomFor(await disk.look(), bytes)
    const labelStudio = createLabelStudio({
      db,
      blobs,
      users: users.people,
      catalogue,
      labelling,
      webhooks,
      outbound,
      partOf: inspection.store.view,
      storePicture: sources.store,
      addSource: fleet.fleet.addSource,
      sniff: sniffImage,
      exports: () => exchange.exports,
      hasRoom,
      address: () =>
        `${config.http.tls ? "https" : "http"}://${config.public_host}:${config.http.port}/label-studio`,
      audit,
      events,
      clock,
      ids,
      log: log.child("label-studio"),
      version: ports.version,
    })
    const live = createLiveRoutes({
      events,
      clock,
      epoch,
      counts: inspection.store.live,
      bucketMs: liveBucketMs,
    })
    const delivery = createDelivery({
      blobs,
      mayFetch: createFetchRights({ desired: fleet.fleet.desired, blobs, log: log.child("delivery") }),
      log: log.child("delivery"),
    })

    const labelled = createLabelledStore(db)
    const learning = createLearning({
      config,
      ports,
      db,
      blobs,
      shelf,
      events,
      calm,
      audit,
      keys,
      log,
      catalogue,
      fleet: fleet.fleet,
      inspections: inspection.store,
      judging,
      people: users.people.list,
      workDir: join(folder.root, "training"),
      database: folder.database,
      trainersDir: join(folder.root, "trainers"),
      drawingAt: labelled.drawingAt,
      exports: () => exchange.exports,
    })
    const { dataset, training, registry, rollouts, home } = learning
    const exchange = createExchangeDomain({
      db,
      clock,
      ids,
      log: log.child("exchange"),
      blobs,
      sniff: sniffImage,
      catalogue,
      fleet: fleet.fleet,
      storeShot: sources.store,
      part: inspection.store.view,
      labels: labelled,
      labelling,
      dataset,
      // The data manager comes later and is asked when somebody exports.
      parts: {
        through: (filter) => parts.parts.through(filter),
        found: (filter, through, now) => parts.parts.numbers(filter, through, now),
      },
      reader: ports.importer,
      exporter: ports.exporter && (() => ports.exporter!(folder.database)),
      projects: createProjectTasks({
        db,
        userOf: users.people.find,
        imageOf: (id) => inspection.store.view(id)?.image,
        read: blobs.read,
      }),
      tar: createBundleTar({ samples: dataset.samples, read: blobs.read, file: blobs.file }),
      hasRoom,
      folder: join(folder.root, "imports"),
      exportsFolder: join(folder.root, "exports"),
    })

    /** Renews what is due, then tells people what is not renewed. */
    const checkCertificates = async (): Promise<void> => {
      await tls.check().catch((error) => log.error("certificate_not_renewed", { error: String(error) }))
      await fleet.certificates.look()
    }
    const assist = createAssistDomain({
      db,
      blobs,
      events,
      calm,
      log: log.child("assist"),
      database: folder.database,
      ports: ports.assist,
      similar: config.assist.similar,
      backbone: config.backbone ? { onnx: resolve(config.backbone) } : ports.backbone,
      view: inspection.store.view,
      image: inspection.store.image,
      audit,
      clock,
      ids,
      encodedFolder: join(folder.root, "encoded"),
      shelf,
      encodedBytes: config.assist.encoded_mb * 1e6,
      help,
      inspection: inspection.inspections.get,
      champion: learning.champion,
      demandModel: registry.get,
      setQueue: (id, reason) => inspection.store.setQueue(id, { reason, rank: rankOf(reason) }),
      waitingLines: inspection.store.linesToJudge,
      spread: inspection.store.spread,
      servers: labelStudio.opinionsOf,
    })

    const parts = createPartsDomain({
      db,
      view: inspection.store.view,
      inspections: { ...inspection.store, rankOf },
      labelling,
      hasKind: catalogue.hasKind,
      dataset,
      person: users.people.find,
      audit,
      events,
      clock,
      log: log.child("parts"),
    })

    let ready = false
    let sweeping: ReturnType<typeof setInterval> | undefined
    let renewing: ReturnType<typeof setInterval> | undefined
    let keepingTime: ReturnType<typeof setInterval> | undefined
    const uns = createUnsMirror({ path: config.uns.path, device: fleet.fleet.get, events, clock })
    let stopMirror = () => {}
    const sparkplug =
      connectSparkplug &&
      createSparkplug({
        ...config.sparkplug,
        ...createSparkplugStore({ sqlite: db }),
        connect: connectSparkplug,
        devices: fleet.fleet.list,
        events,
        clock,
        software: ports.version,
        log: log.child("sparkplug"),
      })
    let gateway:
      | { transport: Transport; load: () => { sessions: number }; close: () => Promise<void> }
      | undefined
    const http = createHttp({
      routes: [
        ...users.routes,
        createCatalogueRoutes(catalogue),
        createGuideRoutes(guide),
        createLabelSetupRoutes(setups),
        fleet.routes,
        inspection.routes,
        ...sources.routes,
        ...judging.routes,
        createWebhookRoutes(webhooks),
        ...labelStudio.routes,
        ...learning.routes,
        exchange.routes,
        assist.routes,
        parts.routes,
        live,
        createBrokerRoutes({
          status: () => plantBroker?.status() ?? ownBroker.status(),
        }),
      ],
      resolveSession: users.sessions.resolve,
      isSessionOpen: users.sessions.isOpen,
      hasRoom,
      ready: () => ready,
      openAsset: ports.openAsset,
      openWork: createOpening({
        resolveSession: users.sessions.resolve,
        tablets: users.tablets,
        kinds: catalogue.defectClasses,
        setups: setups.list,
        next: labelling.next,
      }),
      version: ports.version,
      ids,
      log: log.child("http"),
    })

    return {
      config,
      log,
      db,
      blobs,
      events,
      audit,
      keys,
      fleet: fleet.fleet,
      enrolment: fleet.enrolment,
      inspections: inspection.inspections,
      inspectionStore: inspection.store,
      eviction: inspection.eviction,
      users: users.people,
      tablets: users.tablets,
      sessions: users.sessions,
      catalogue,
      guide,
      labelling,
      exchange: exchange.exchange,
      exports: exchange.exports,
      /** The ports the broker listens on, once started: without encryption (unless that is off), and with TLS. */
      mqttPort: ownBroker.port,
      mqttTlsPort: ownBroker.tlsPort,
      /** The certificates of the hub's doors. */
      tls,
      checkCertificates,
      dataset,
      freezes: learning.freezes,
      training,
      trainers: learning.trainers,
      registry,
      rollouts,
      home,
      assist,
      /** Answers one HTTP request; `client` is what the server knows of the peer. */
      fetch: async (request: Request, client: Client = {}): Promise<Response> => http.fetch(request, client),
      /** Who may call what, and the interface's description. */
      routes: () => accessTable(http),
      /** The same of the part that speaks to programs written for Label Studio. */
      labelStudioRoutes: labelStudio.table,
      webhooks,
      openApi: () => openApiDocument(http, ports.version),
      /** Opens the doors other than HTTP and starts what works by itself. */
      async start() {
        const sweep = () => {
          users.sessions.sweep()
          users.tablets.sweep()
          shelf.sweep().catch((error) => log.error("shelf_not_swept", { error: String(error) }))
        }
        sweep()
        sweeping = setInterval(sweep, sweepMs)
        await sources.start()
        await exchange.exchange.start()
        const behind = {
          fleet: fleet.fleet,
          enrolment: fleet.enrolment,
          ingest: inspection.ingest,
          delivery,
          clock,
          log: log.child("mqtt"),
        }
        gateway = plantBroker
          ? await plantBroker.start(behind, fleet.fleet, authority)
          : await ownBroker.start(behind, { sources: sources.door, tls, authority })
        keepingTime = setInterval(() => clock.keep(log.child("clock")), timeMs)
        const lookAtCertificates = () =>
          checkCertificates().catch((error) => log.error("certificates", { error: String(error) }))
        renewing = setInterval(lookAtCertificates, certificatesMs)
        void lookAtCertificates()
        stopMirror = uns.start(gateway.transport.publishRetained)
        await sparkplug?.start()
        learning.start()
        assist.start()
        parts.start()
        webhooks.start()
        labelStudio.start()
        inspection.eviction.start()
        ready = true
      },
      /** Ends in the reverse order; what was acknowledged is on disk already. Call it after HTTP has stopped. */
      async stop() {
        ready = false
        await labelStudio.stop()
        await webhooks.stop()
        await exchange.exports.close()
        await exchange.exchange.stop()
        await parts.stop()
        await assist.stop()
        await learning.stop()
        await inspection.eviction.stop()
        clearInterval(sweeping)
        clearInterval(renewing)
        clearInterval(keepingTime)
        stopMirror()
        await sparkplug?.stop()
        await gateway?.close()
        await sources.stop()
        await inspection.pyramids.close()
        await ports.imaging.close()
        await ports.print?.close()
        await commits.close()
        await blobs.close()
        db.close()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw startFailureOf(folder.database, error)
  }
}

/** A site's own certificate, all of it or none. */
function ownCertificateOf({ tls }: HubConfig) {
  const given = [tls.certificate, tls.key, tls.ca].filter((path) => path !== "").length
  if (given === 0) return undefined
  if (given === 3) return tls
  throw new StartFailure(
    "config",
    "An own certificate needs three files: tls.certificate, tls.key and tls.ca.",
    "Name all three, or none.",
  )
}
