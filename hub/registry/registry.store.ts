import * as v from "valibot"
import { ModelContract } from "#contract/model"
import { GateReport, type ModelView } from "#contract/registry"
import type { ObjectRef } from "#contract/release"
import type { Sqlite } from "#platform/sqlite"

export type RegisteredModel = {
  digest: string
  line: string
  state: ModelView["state"]
  size: number
  job: string | null
  dataset: string | null
  /** The golden set a training job froze for it; null for a model from elsewhere. */
  golden: string | null
  contract: ModelContract
  metrics: Record<string, number>
  gate: GateReport | null
  provedAgainst: string | null
  release: number | null
  manifest: { sha256: string; size: number } | null
  createdAt: number
  approvedBy: string | null
  approvedAt: number | null
}

/** Defect kinds the model has a class for. */
export const kindsOf = (model: RegisteredModel): Set<string> =>
  new Set(model.contract.classes.filter((c) => c.verdict === "NG").map((c) => c.key))

export type NewModel = Pick<
  RegisteredModel,
  "digest" | "line" | "size" | "job" | "dataset" | "golden" | "contract" | "metrics"
>

export type NewRelease = {
  digest: string
  release: number
  manifest: ObjectRef
  by: string
  at: number
}

type Row = {
  digest: string
  line: string
  state: ModelView["state"]
  size: number
  job: string | null
  dataset: string | null
  golden: string | null
  contract: string
  metrics: string
  gate: string | null
  proved_against: string | null
  release: number | null
  manifest: string | null
  manifest_size: number | null
  created_at: number
  approved_by: string | null
  approved_at: number | null
}

const Contract = v.pipe(v.string(), v.parseJson(), ModelContract)
const Gate = v.pipe(v.string(), v.parseJson(), GateReport)
const Metrics = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.number()))

/** The only SQL of the model table. */
export function createRegistryStore(db: Sqlite) {
  // The same file from another job is the same model: it keeps its release, and is proved anew if it has none.
  const upsert = db.prepare(`
    INSERT INTO model (digest, line, state, size, job, dataset, golden, contract, metrics, created_at)
    VALUES ($digest, $line, 'proving', $size, $job, $dataset, $golden, $contract, $metrics, $at)
    ON CONFLICT DO UPDATE SET state = 'proving', job = $job, dataset = $dataset, golden = $golden, metrics = $metrics
    WHERE state <> 'released'`)
  const one = db.prepare<Row>("SELECT * FROM model WHERE digest = $digest")
  const all = db.prepare<Row>("SELECT * FROM model ORDER BY created_at DESC, digest LIMIT $limit")
  const byState = db.prepare<Row>("SELECT * FROM model WHERE state = $state ORDER BY created_at, digest")
  const byRelease = db.prepare<Row>("SELECT * FROM model WHERE line = $line AND release = $release")
  const byManifest = db.prepare<Row>("SELECT * FROM model WHERE manifest = $manifest")
  const prove = db.prepare(
    "UPDATE model SET state = 'proving' WHERE digest = $digest AND state = 'candidate'",
  )
  const setGate = db.prepare(`
    UPDATE model SET state = $state, gate = $gate, proved_against = $against
    WHERE digest = $digest AND state = 'proving'`)
  const setDataset = db.prepare(
    "UPDATE model SET dataset = $dataset WHERE digest = $digest AND job IS NULL AND dataset IS NULL",
  )
  const lastRelease = db.prepare<{ n: number }>(
    "SELECT coalesce(max(release), 0) AS n FROM model WHERE line = $line",
  )
  const release = db.prepare(`
    UPDATE model SET state = 'released', release = $release, manifest = $manifest, manifest_size = $size,
      approved_by = $by, approved_at = $at
    WHERE digest = $digest AND state = 'candidate'`)

  return {
    add: ({ contract, metrics, ...model }: NewModel, at: number): void =>
      void upsert.run({ ...model, contract: JSON.stringify(contract), metrics: JSON.stringify(metrics), at }),
    get: (digest: string): RegisteredModel | undefined => modelOf(one.get({ digest })),
    newest: (limit: number): RegisteredModel[] => all.all({ limit }).flatMap((row) => modelOf(row) ?? []),
    inState: (state: ModelView["state"]): RegisteredModel[] =>
      byState.all({ state }).flatMap((row) => modelOf(row) ?? []),
    byRelease: (line: string, number: number) => modelOf(byRelease.get({ line, release: number })),
    byManifest: (manifest: string) => modelOf(byManifest.get({ manifest })),
    /** What a model from elsewhere goes by, once. */
    setDataset: (digest: string, dataset: string): void => void setDataset.run({ digest, dataset }),
    proveAgain: (digest: string): boolean => prove.run({ digest }).changes === 1,
    proved: (digest: string, gate: GateReport, against: string | null): void =>
      void setGate.run({
        digest,
        state: gate.pass ? "candidate" : "refused",
        gate: JSON.stringify(gate),
        against,
      }),
    nextRelease: (line: string): number => lastRelease.get({ line })!.n + 1,
    /** Gives a candidate its release. False when it is no candidate any more. */
    release: ({ manifest, ...to }: NewRelease): boolean =>
      release.run({ ...to, manifest: manifest.sha256, size: manifest.size }).changes === 1,
  }
}
export type RegistryStore = ReturnType<typeof createRegistryStore>

function modelOf(row: Row | undefined): RegisteredModel | undefined {
  if (!row) return undefined
  return {
    digest: row.digest,
    line: row.line,
    state: row.state,
    size: row.size,
    job: row.job,
    dataset: row.dataset,
    golden: row.golden,
    contract: v.parse(Contract, row.contract),
    metrics: v.parse(Metrics, row.metrics),
    gate: row.gate === null ? null : v.parse(Gate, row.gate),
    provedAgainst: row.proved_against,
    release: row.release,
    manifest: row.manifest === null ? null : { sha256: row.manifest, size: row.manifest_size! },
    createdAt: row.created_at,
    approvedBy: row.approved_by,
    approvedAt: row.approved_at,
  }
}
