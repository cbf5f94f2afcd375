import type { Gap, RefusalView } from "#contract/ingest"
import type { ClockFault, Evaluation, ImageMime, InspectionHeader, ShadowLook } from "#contract/inspection"
import type { InspectionView, LabelVerdict, QueueReason, StoredImage } from "#contract/labelling"
import type { PackPlace } from "#platform/blob-reader"
import type { Sqlite } from "#platform/sqlite"
import type { Numbering } from "./gaps.rules.ts"
import { mainPart, type Priority, reviewPriority } from "./inspection.rules.ts"
import {
  auditChance,
  type Placing,
  parseStream,
  type Stream,
  spreadStream,
  streamOf,
} from "./stream.rules.ts"

/** Width of one bucket of the live series. */
export const liveBucketMs = 10_000

export type InspectionFilter = {
  device?: string | undefined
  eval?: Evaluation | undefined
  /** Arrival at the hub, inclusive. */
  since?: number | undefined
  until?: number | undefined
  labelled?: boolean | undefined
  /** Whether the time of capture can be believed. */
  clock?: "right" | "suspect" | undefined
  /** Every inspection of one part. */
  part?: string | undefined
}
/** Position in the list, newest first. */
export type ListPosition = { receivedAt: number; n: number }

export type AppliedLabel = {
  revision: number
  verdict: LabelVerdict
  kinds: string[]
  by: string
  at: number
} | null

export type Insertion = {
  header: InspectionHeader
  headerText: string
  device: string
  receivedAt: number
  /** Why the time of capture is not to be believed. */
  clock?: ClockFault | undefined
  /** The pictures are not stored now: the station keeps them and sends them again. */
  withoutImages?: boolean
  /** Where those images lie that share a file with others. */
  places?: ReadonlyMap<string, PackPlace>
}

/** Streams that are not empty, as they were at a mark. */
type OpenStreams = { mark: number; streams: readonly Readonly<Stream & { key: string }>[] }

type ImageState = "as_sent" | "waiting" | "evicted"

type Row = {
  n: number
  id: string
  device_id: string
  seq: number
  captured_at: number
  received_at: number
  clock: ClockFault | null
  part_id: string | null
  product_id: string | null
  header: string
  label_revision: number | null
  label_verdict: LabelVerdict | null
  label_kinds: string | null
  label_by: string | null
  label_at: number | null
  image_state: ImageState
  held: 0 | 1
  sha256: string | null
  mime: ImageMime | null
  w: number | null
  h: number | null
  size: number | null
}

const viewColumns = `i.n, i.id, i.device_id, i.seq, i.captured_at, i.received_at, i.clock, i.part_id, i.product_id, i.header,
  i.label_revision, i.label_verdict, i.label_kinds, i.label_by, i.label_at, i.image_state,
  EXISTS (SELECT 1 FROM inspection_hold h WHERE h.inspection_id = i.id) AS held, m.sha256, m.mime, m.w, m.h, m.size`
const viewSource = "inspection i LEFT JOIN image m ON m.sha256 = i.image_sha256"

/** Without a catalogue every kind is one, and nobody draws parts at random. */
const plainPlacing: Placing = {
  hasKind: () => true,
  hubAudit: () => 0,
  stationAudit: () => null,
}

/** Every SQL statement on inspections. All writes expect to run inside a transaction of the caller. */
export function createInspectionStore({
  sqlite,
  placing = plainPlacing,
}: {
  sqlite: Sqlite
  placing?: Placing
}) {
  const selectHeader = sqlite.prepare<{ device_id: string; header: string; image_state: ImageState }>(
    "SELECT device_id, header, image_state FROM inspection WHERE id = $id",
  )
  const selectPlaced = sqlite.prepare<{ header: string; label_revision: number | null }>(
    "SELECT header, label_revision FROM inspection WHERE id = $id",
  )
  const selectSeq = sqlite.prepare<{ id: string }>(
    "SELECT id FROM inspection WHERE device_id = $device AND boot = $boot AND seq = $seq",
  )
  const insertImage = sqlite.prepare(
    `INSERT INTO image (sha256, mime, w, h, size, stored_at, pack, pack_at)
     VALUES ($sha256, $mime, $w, $h, $size, $at, $pack, $packAt) ON CONFLICT DO NOTHING`,
  )
  const selectPlace = sqlite.prepare<PackPlace>(
    "SELECT pack, pack_at AS at, size FROM image WHERE sha256 = $sha256 AND pack IS NOT NULL",
  )
  const insertInspection = sqlite.prepare(
    `INSERT INTO inspection (id, device_id, boot, seq, captured_at, received_at, part_id, product_id, eval,
       model_digest, header, image_sha256, image_state, queue_reason, queue_rank, queue_stream, queue_chance,
       shadow_digest, shadow_eval, clock)
     VALUES ($id, $device, $boot, $seq, $captured, $received, $part, $product, $eval, $model, $header, $image,
       $state, $reason, $rank, $stream, $chance, $shadow, $shadowEval, $clock)`,
  )
  const attachImage = sqlite.prepare(
    `UPDATE inspection SET header = $header, image_sha256 = $image, image_state = 'as_sent', queue_reason = $reason,
       queue_rank = $rank, queue_stream = $stream, queue_chance = $chance WHERE id = $id`,
  )
  const countWaiting = sqlite.prepare<{ n: number }>(
    "SELECT count(*) AS n FROM inspection WHERE image_state = 'waiting'",
  )
  const insertFurther = sqlite.prepare(
    "INSERT INTO further_image VALUES ($id, $sha256) ON CONFLICT DO NOTHING",
  )
  const insertHold = sqlite.prepare(
    `INSERT INTO inspection_hold VALUES ($id, $by, $name, $at, $reason) ON CONFLICT DO NOTHING`,
  )
  const dropHold = sqlite.prepare("DELETE FROM inspection_hold WHERE inspection_id = $id")
  const count = sqlite.prepare(
    `INSERT INTO live_count (at, ok, ng, undecidable, judged_ng, escapes)
     VALUES ($at, $ok, $ng, $undecidable, $judged, $escapes)
     ON CONFLICT DO UPDATE SET ok = ok + $ok, ng = ng + $ng, undecidable = undecidable + $undecidable,
       judged_ng = judged_ng + $judged, escapes = escapes + $escapes`,
  )
  const selectView = sqlite.prepare<Row>(`SELECT ${viewColumns} FROM ${viewSource} WHERE i.id = $id`)
  const selectLabel = sqlite.prepare<{
    received_at: number
    eval: Evaluation
    label_verdict: LabelVerdict | null
  }>("SELECT received_at, eval, label_verdict FROM inspection WHERE id = $id")
  const updateLabel = sqlite.prepare(
    `UPDATE inspection SET label_revision = $revision, label_verdict = $verdict, label_kinds = $kinds,
       label_by = $by, label_at = $at, queue_reason = $reason, queue_rank = $rank, queue_stream = $stream
     WHERE id = $id`,
  )
  const updateQueue = sqlite.prepare(
    `UPDATE inspection SET queue_reason = $reason, queue_rank = $rank, queue_stream = $stream
     WHERE id = $id`,
  )
  const selectIn = sqlite.prepare<{ n: number; queue_stream: string }>(
    `SELECT n, queue_stream FROM inspection INDEXED BY inspection_queue
     WHERE queue_stream IN (SELECT value FROM json_each($keys)) AND queue_stream IS NOT NULL`,
  )
  const selectStream = sqlite.prepare<{ queue_stream: string | null }>(
    "SELECT queue_stream FROM inspection WHERE n = $n",
  )
  const updateStream = sqlite.prepare("UPDATE inspection SET queue_stream = $stream WHERE n = $n")
  const selectImage = sqlite.prepare<StoredImage>(
    "SELECT sha256, mime, w, h, size FROM image WHERE sha256 = $sha256",
  )
  const selectThumbnail = sqlite.prepare<{ thumb_sha256: string; mime: string }>(
    "SELECT thumb_sha256, mime FROM thumbnail WHERE sha256 = $sha256 AND max = $max",
  )
  const insertThumbnail = sqlite.prepare(
    "INSERT INTO thumbnail VALUES ($sha256, $max, $thumb, $mime) ON CONFLICT DO NOTHING",
  )
  const selectStreams = sqlite.prepare<{ key: string; waiting: number }>(
    "SELECT key, waiting FROM queue_stream WHERE waiting > 0",
  )
  const selectMark = sqlite.prepare<{ mark: number }>("SELECT mark FROM queue_mark")
  const selectWaiting = sqlite.prepare<{ look: 1 | 2; reason: QueueReason; waiting: number }>(
    "SELECT look, reason, waiting FROM queue_waiting WHERE waiting > 0",
  )
  /** Streams as they were at a mark: most draws find them unchanged. */
  let open: OpenStreams | undefined
  const selectLive = sqlite.prepare<{
    at: number
    ok: number
    ng: number
    undecidable: number
    judged_ng: number
    escapes: number
  }>("SELECT * FROM live_count WHERE at >= $since ORDER BY at")
  // One camera cannot be triggered twice in one instant: two rows of one trigger would be one part stored twice.
  const selectCount = sqlite.prepare<{ stored: number; distinct_triggers: number }>(
    `SELECT count(*) AS stored,
       (SELECT count(*) FROM (SELECT DISTINCT device_id, captured_at FROM inspection)) AS distinct_triggers
       FROM inspection`,
  )
  const selectJudged = sqlite.prepare<{ model_digest: string; eval: Evaluation; parts: number }>(
    "SELECT model_digest, eval, parts FROM judged_count",
  )
  const selectShadowed = sqlite.prepare<{ model: string; eval: string; shadow: string; parts: number }>(
    `SELECT model_digest AS model, eval, shadow_eval AS shadow, parts FROM shadow_count
     WHERE device_id = $device AND shadow_digest = $shadow ORDER BY parts DESC`,
  )
  const insertRefusal = sqlite.prepare(
    `INSERT INTO refusal (device_id, topic, at, code, detail, inspection_id, size, head)
     VALUES ($device, $topic, $at, $code, $detail, $id, $size, $head)`,
  )
  const selectRefusals = sqlite.prepare<RefusalView>(
    `SELECT n, device_id, topic, at, code, detail, inspection_id, size FROM refusal
     WHERE n < $before ORDER BY n DESC LIMIT $limit`,
  )
  const selectRefusalsOf = sqlite.prepare<RefusalView>(
    `SELECT n, device_id, topic, at, code, detail, inspection_id, size FROM refusal
     WHERE device_id = $device AND n < $before ORDER BY n DESC LIMIT $limit`,
  )
  const selectRefusalHead = sqlite.prepare<{ head: Uint8Array }>("SELECT head FROM refusal WHERE n = $n")
  const selectRefusalCounts = sqlite.prepare<{ device_id: string; n: number }>(
    "SELECT device_id, count(*) AS n FROM refusal GROUP BY device_id",
  )
  const countNumber = sqlite.prepare(
    `INSERT INTO sequence (device_id, boot, highest, stored, first_at, last_at)
     VALUES ($device, $boot, $seq, 1, $at, $at)
     ON CONFLICT DO UPDATE SET highest = max(highest, $seq), stored = stored + 1, last_at = $at`,
  )
  const selectNumberings = sqlite.prepare<Numbering & { device_id: string }>(
    "SELECT device_id, boot, highest, stored FROM sequence",
  )
  // Bounded: of a start with millions of parts only the last numbers are looked through.
  const selectGaps = sqlite.prepare<Gap>(
    `WITH gapped AS (
       SELECT boot, highest, last_at FROM sequence WHERE device_id = $device AND highest > stored
       ORDER BY last_at DESC LIMIT 20
     ), numbered AS (
       SELECT i.boot, i.seq, g.last_at,
         lag(i.seq, 1, max(0, g.highest - $window)) OVER (PARTITION BY i.boot ORDER BY i.seq) AS before
       FROM gapped g JOIN inspection i ON i.device_id = $device AND i.boot = g.boot AND i.seq > g.highest - $window
     )
     SELECT boot, before + 1 AS first, seq - 1 AS last FROM numbered WHERE seq - before > 1
     ORDER BY last_at DESC, first DESC LIMIT $limit`,
  )
  const trimRefusals = sqlite.prepare("DELETE FROM refusal WHERE n <= (SELECT max(n) FROM refusal) - $keep")

  const bump = (
    receivedAt: number,
    add: { ok?: number; ng?: number; undecidable?: number; judged?: number; escapes?: number },
  ) =>
    count.run({
      at: receivedAt - (receivedAt % liveBucketMs),
      ok: add.ok ?? 0,
      ng: add.ng ?? 0,
      undecidable: add.undecidable ?? 0,
      judged: add.judged ?? 0,
      escapes: add.escapes ?? 0,
    })

  const insertImages = (header: InspectionHeader, at: number, places?: ReadonlyMap<string, PackPlace>) => {
    for (const { sha256, mime, w, h, len: size } of header.parts) {
      const place = places?.get(sha256)
      insertImage.run({ sha256, mime, w, h, size, at, pack: place?.pack ?? null, packAt: place?.at ?? null })
    }
  }
  const insertFurtherImages = ({ id, parts }: InspectionHeader) => {
    const main = mainPart(parts)?.sha256
    for (const { sha256 } of parts) if (sha256 !== main) insertFurther.run({ id, sha256 })
  }

  /** Where a part waits when it comes in, and the probability with which chance picked it. */
  const firstPlace = (header: InspectionHeader, device: string) => {
    const line = header.model?.line ?? ""
    const chance = auditChance(header, placing.hubAudit(line), () => placing.stationAudit(device))
    const queue = reviewPriority(header, chance.hub)
    return {
      reason: queue?.reason ?? null,
      rank: queue?.rank ?? null,
      stream: queue && streamOf(header, queue.reason, false, placing.hasKind),
      chance: queue && chance.probability,
    }
  }
  /** Where a known part waits from now on; `labelled` when someone has judged it. */
  const placeAgain = (id: string, queue: Priority | null, labelled: boolean | undefined) => {
    if (!queue) return { reason: null, rank: null, stream: null }
    const row = selectPlaced.get({ id })
    if (!row) throw new Error(`no inspection ${id} to put into the queue`)
    const header = JSON.parse(row.header) as InspectionHeader
    const second = labelled ?? row.label_revision !== null
    return { ...queue, stream: streamOf(header, queue.reason, second, placing.hasKind) }
  }

  return {
    /** Header and owner of a stored inspection. */
    header: (
      id: string,
    ): { device: string; header: InspectionHeader; imageState: ImageState } | undefined => {
      const row = selectHeader.get({ id })
      return (
        row && {
          device: row.device_id,
          header: JSON.parse(row.header) as InspectionHeader,
          imageState: row.image_state,
        }
      )
    },

    /** Id of the inspection that holds this place in a device's sequence. */
    idAt: (device: string, boot: string, seq: number): string | undefined =>
      selectSeq.get({ device, boot, seq })?.id,

    /** Stores a new inspection, its images' types, its place in the queue and its count. */
    insert: ({
      header,
      headerText,
      device,
      receivedAt,
      clock,
      withoutImages = false,
      places,
    }: Insertion): void => {
      if (!withoutImages) insertImages(header, receivedAt, places)
      const place = withoutImages
        ? { reason: null, rank: null, stream: null, chance: null }
        : firstPlace(header, device)
      insertInspection.run({
        id: header.id,
        device,
        boot: header.boot,
        seq: header.seq,
        captured: header.ts,
        received: receivedAt,
        clock: clock ?? null,
        part: header.part_id ?? null,
        product: header.product_id ?? null,
        eval: header.verdict.eval,
        model: header.model?.digest ?? null,
        header: headerText,
        image: withoutImages ? null : (mainPart(header.parts)?.sha256 ?? null),
        state: withoutImages ? "waiting" : "as_sent",
        ...place,
        shadow: header.shadow?.model.digest ?? null,
        shadowEval: header.shadow ? saidBy(header.shadow) : null,
      })
      if (!withoutImages) insertFurtherImages(header)
      countNumber.run({ device, boot: header.boot, seq: header.seq, at: receivedAt })
      const verdict = header.verdict.eval
      bump(receivedAt, { [verdict === "undefined" ? "undecidable" : verdict]: 1 })
    },

    /** The pictures that waited at the station have come, or will not: the header says which. */
    attach: ({ header, headerText, receivedAt, places }: Omit<Insertion, "device" | "clock">): void => {
      insertImages(header, receivedAt, places)
      attachImage.run({
        id: header.id,
        header: headerText,
        image: mainPart(header.parts)?.sha256 ?? null,
        ...firstPlace(header, selectHeader.get({ id: header.id })?.device_id ?? ""),
      })
      insertFurtherImages(header)
    },
    /** Parts whose pictures wait at stations for room here. */
    imagesWaiting: (): number => countWaiting.get()!.n,

    /** Where an image lies that shares a file with others. */
    place: (sha256: string): PackPlace | undefined => selectPlace.get({ sha256 }),

    /** False when it was held before. */
    hold: (id: string, by: { id: string; name: string }, at: number, reason: string): boolean =>
      insertHold.run({ id, by: by.id, name: by.name, at, reason }).changes > 0,
    /** False when it was not held. */
    release: (id: string): boolean => dropHold.run({ id }).changes > 0,

    view: (id: string): InspectionView | undefined => {
      const row = selectView.get({ id })
      return row && viewOf(row)
    },

    /** Newest first; `after` is the position of the last one already shown. */
    list: (filter: InspectionFilter, after: ListPosition | undefined, limit: number) => {
      const where: string[] = []
      const params: Record<string, string | number> = { limit }
      const add = (clause: string, name: string, value: string | number | undefined) => {
        if (value === undefined) return
        where.push(clause)
        params[name] = value
      }
      add("i.device_id = $device", "device", filter.device)
      add("i.eval = $eval", "eval", filter.eval)
      add("i.received_at >= $since", "since", filter.since)
      add("i.received_at <= $until", "until", filter.until)
      add("i.part_id = $part", "part", filter.part)
      if (filter.labelled !== undefined)
        where.push(`i.label_verdict IS ${filter.labelled ? "NOT NULL" : "NULL"}`)
      if (filter.clock !== undefined)
        where.push(`i.clock IS ${filter.clock === "right" ? "NULL" : "NOT NULL"}`)
      if (after) {
        where.push("(i.received_at, i.n) < ($receivedAt, $n)")
        params.receivedAt = after.receivedAt
        params.n = after.n
      }
      const rows = sqlite
        .cached<Row>(
          `SELECT ${viewColumns} FROM ${viewSource} ${where.length > 0 ? `WHERE ${where.join(" AND ")}` : ""}
           ORDER BY i.received_at DESC, i.n DESC LIMIT $limit`,
        )
        .all(params)
      return rows.map((row) => ({ view: viewOf(row), at: { receivedAt: row.received_at, n: row.n } }))
    },

    /**
     * Writes the newest label revision (null: withdrawn) and the part's place in the queue (null: none), and corrects
     * the live counts. Belongs inside the transaction that stores the revision.
     */
    applyLabel: (id: string, label: AppliedLabel, queue: Priority | null): void => {
      const before = selectLabel.get({ id })
      if (!before) throw new Error(`no inspection ${id} to label`)
      updateLabel.run({
        id,
        revision: label?.revision ?? null,
        verdict: label?.verdict ?? null,
        kinds: label ? JSON.stringify(label.kinds) : null,
        by: label?.by ?? null,
        at: label?.at ?? null,
        ...placeAgain(id, queue, label !== null),
      })
      const change = Number(label?.verdict === "ng") - Number(before.label_verdict === "ng")
      if (change !== 0)
        bump(before.received_at, { judged: change, escapes: before.eval === "ok" ? change : 0 })
    },

    /** Moves a part in the queue, or takes it out. */
    setQueue: (id: string, queue: Priority | null): void => {
      updateQueue.run({ id, ...placeAgain(id, queue, undefined) })
    },
    /**
     * Of a line's waiting parts those that were picked for how they look, by their number, and how early (1 to 3); whatever
     * was picked before and is not among them is like all others again.
     */
    spread: (line: string, picks: ReadonlyMap<number, number>): void => {
      const spread = selectStreams.all().filter(({ key }) => {
        const stream = parseStream(key)
        return stream.line === line && stream.spread > 0
      })
      for (const { n, queue_stream } of selectIn.all({ keys: JSON.stringify(spread.map(({ key }) => key)) }))
        if (!picks.has(n)) updateStream.run({ n, stream: spreadStream(queue_stream, 0) })
      for (const [n, step] of picks) {
        const before = selectStream.get({ n })?.queue_stream ?? null
        if (before === null || parseStream(before).line !== line) continue
        const stream = spreadStream(before, step)
        if (stream !== before) updateStream.run({ n, stream })
      }
    },
    /** Why the part was put into the queue when it came in; null when it never was. */
    firstPriority: (id: string): Priority | null => {
      const row = selectHeader.get({ id })
      if (!row) return null
      const header = JSON.parse(row.header) as InspectionHeader
      const share = placing.hubAudit(header.model?.line ?? "")
      return reviewPriority(header, auditChance(header, share, () => null).hub)
    },

    /** Where a part waited when it came in, and the probability with which chance picked it; null when it never did. */
    firstPlace(id: string): { reason: QueueReason; stream: Stream; chance: number | null } | null {
      const row = selectHeader.get({ id })
      if (!row) return null
      const { reason, stream, chance } = firstPlace(JSON.parse(row.header) as InspectionHeader, row.device_id)
      return reason && stream ? { reason, stream: parseStream(stream), chance } : null
    },

    /** The streams parts wait in; the same object until one opens or closes. */
    openStreams(): OpenStreams {
      const { mark } = selectMark.get()!
      if (open?.mark !== mark)
        open = { mark, streams: selectStreams.all().map(({ key }) => ({ ...parseStream(key), key })) }
      return open
    },
    /** How many parts wait in each stream. */
    streams: (): (Stream & { key: string; waiting: number })[] =>
      selectStreams.all().map(({ key, waiting }) => ({ ...parseStream(key), key, waiting })),
    /** Lines of which parts wait that nobody has judged; '' are those no model has looked at. */
    linesToJudge: (): string[] => [
      ...new Set(
        selectStreams.all().flatMap(({ key }) => {
          const { line, look, reason } = parseStream(key)
          return look === 1 && reason !== "audit" ? [line] : []
        }),
      ),
    ],
    /** Parts waiting for a person, by reason and look. */
    waiting: () => selectWaiting.all(),

    /** What the hub holds; parts that came without an id count as one each. Reads an index from end to end. */
    count: () => selectCount.get()!,

    /** Parts by the model that judged them (null: none) and what it said. */
    judged: () =>
      selectJudged.all().map(({ model_digest, eval: said, parts }) => ({
        model: model_digest === "" ? null : model_digest,
        eval: said,
        parts,
      })),

    /** Parts of a station by what the model on the line and a shadow model said of them. */
    shadowCounts: (device: string, shadow: string) => selectShadowed.all({ device, shadow }),

    /** Makes a stored picture known, so that it is served; those of inspections are known already. */
    keepImage: (image: StoredImage, at: number): void => {
      insertImage.run({ ...image, at, pack: null, packAt: null })
    },
    image: (sha256: string): StoredImage | undefined => selectImage.get({ sha256 }),
    thumbnail: (sha256: string, max: number) => selectThumbnail.get({ sha256, max }),
    insertThumbnail: (thumbnail: { sha256: string; max: number; thumb: string; mime: string }): void => {
      insertThumbnail.run(thumbnail)
    },

    /** Counts per bucket since a time. */
    live: (since: number) => selectLive.all({ since: since - (since % liveBucketMs) }),

    /** How far each start of each station has come. */
    numberings: () => selectNumberings.all(),
    /** Runs of numbers of one station that are not here, the last ones first. */
    gaps: (device: string, limit: number): Gap[] => selectGaps.all({ device, limit, window: 200_000 }),

    /** Refusals, newest first, below the number `before`. */
    refusals: (device: string | undefined, before: number, limit: number): RefusalView[] =>
      device === undefined
        ? selectRefusals.all({ before, limit })
        : selectRefusalsOf.all({ device, before, limit }),
    refusalHead: (n: number): Uint8Array | undefined => selectRefusalHead.get({ n })?.head,
    refusalCounts: (): Map<string, number> =>
      new Map(selectRefusalCounts.all().map((row) => [row.device_id, row.n])),

    /** Keeps a refused message's head for diagnosis; only the newest `keep` refusals stay. */
    insertRefusal: (
      refusal: {
        device: string
        topic: string
        at: number
        code: string
        detail: string
        id: string | null
        size: number
        head: Uint8Array
      },
      keep: number,
    ): void => {
      insertRefusal.run(refusal)
      trimRefusals.run({ keep })
    },
  }
}
export type InspectionStore = ReturnType<typeof createInspectionStore>

const saidBy = ({ verdict }: ShadowLook) => (verdict.code === undefined ? verdict.eval : "failed")

function noImageOf(row: Row, { policy }: InspectionHeader): { no_image?: string } {
  if (row.sha256 !== null) return {}
  if (row.image_state !== "as_sent") return { no_image: row.image_state }
  return policy.no_image === undefined ? {} : { no_image: policy.no_image }
}

function viewOf(row: Row): InspectionView {
  const header = JSON.parse(row.header) as InspectionHeader
  return {
    id: row.id,
    device_id: row.device_id,
    seq: row.seq,
    captured_at: row.captured_at,
    received_at: row.received_at,
    ...(row.clock !== null && { clock: row.clock }),
    part_id: row.part_id,
    product_id: row.product_id,
    verdict: header.verdict,
    findings: header.findings,
    model: header.model ?? null,
    why_sent: header.policy.why_sent,
    ...(header.shadow && { shadow: header.shadow }),
    image:
      row.sha256 === null
        ? null
        : { sha256: row.sha256, mime: row.mime!, w: row.w!, h: row.h!, size: row.size! },
    ...noImageOf(row, header),
    ...(row.held === 1 && { held: true }),
    simulated: header.simulated ?? false,
    label:
      row.label_verdict === null
        ? null
        : {
            verdict: row.label_verdict,
            kinds: JSON.parse(row.label_kinds!) as string[],
            by: row.label_by!,
            at: row.label_at!,
            revision: row.label_revision!,
          },
  }
}
