import { createHash } from "node:crypto"
import { stat } from "node:fs/promises"
import canonicalize from "canonicalize"
import type { ModelContract } from "#contract/model"
import { Problem } from "#contract/problem"
import type { ModelView } from "#contract/registry"
import type { Manifest, ObjectRef } from "#contract/release"
import type { TrainingResult } from "#contract/training"
import type { Events } from "#platform/events"
import type { Signer } from "#platform/signing"
import type { Sqlite } from "#platform/sqlite"
import { createForeignModels, type ForeignModelsDeps } from "./foreign-models.ts"
import { createOneByOne } from "./one-by-one.ts"
import { disagreement } from "./parity.rules.ts"
import { createProving, type ProvingDeps } from "./proving.ts"
import { createRegistryStore, kindsOf, type NewModel, type RegisteredModel } from "./registry.store.ts"
import { makeChecks, storeManifest } from "./release.ts"
import { readParity, readResult, readWholeNumbers } from "./result.ts"

/** Who approves, for the audit trail. */
export type Person = { id: string; name: string }

export type RegistryDeps = Omit<ProvingDeps, "store" | "found" | "championOf" | "announce"> &
  ForeignModelsDeps & {
    db: Sqlite
    events: Events
    /** Stores the index of an object longer than one chunk. */
    buildIndex: (sha256: string) => Promise<ObjectRef | undefined>
    /** The release key: says which models exist. */
    signer: Signer
    /** Digest of the model on the line: that of the newest finished rollout. */
    champion: (line: string) => string | null
    /** Hears what a trainer handed in beside the model. */
    onResult: (job: { id: string }, result: TrainingResult) => void
    /** Appends to the audit trail, inside the transaction of the change. */
    audit: (entry: { by: Person; action: string; subject: string; before: unknown; after: unknown }) => void
  }

/** Models: registered by their content, proved on the golden set, approved by a person, released under a signature. */
export function createRegistry(deps: RegistryDeps) {
  const { db, clock, events, dataset, blobs, shelf, prover, signer, policy } = deps
  const store = createRegistryStore(db)
  const foreign = createForeignModels(deps)
  const releasing = createOneByOne()

  const announce = (digest: string) => events.announce("model", { digest, state: store.get(digest)?.state })
  const found = (digest: string): RegisteredModel => {
    const model = store.get(digest)
    if (!model) throw new Problem("not_found", "model", `there is no model ${digest}`, { model: digest })
    return model
  }
  const championOf = (line: string) => {
    const digest = deps.champion(line)
    return digest === null ? undefined : store.get(digest)
  }

  const proving = createProving({ ...deps, store, found, championOf, announce })
  const { prove, proveSoon } = proving
  const add = (model: NewModel): void => {
    store.add(model, clock.now())
    announce(model.digest)
  }

  /** Registers a file that lies here already. */
  const adopt = (sha256: string, line: string, given?: ModelContract): Promise<ModelView> =>
    foreign.withStamped(sha256, given, async (path, contract) => {
      const digest = (await blobs.putFile(path)).sha256
      const known = store.get(digest)
      if (known && known.state !== "refused") return viewOf(known)
      const { size } = await stat(path)
      add({ digest, line, size, job: null, dataset: null, golden: null, contract, metrics: {} })
      proveSoon(digest)
      await shelf.drop(sha256)
      return viewOf(found(digest))
    })

  const viewOf = (model: RegisteredModel): ModelView => ({
    digest: model.digest,
    line: model.line,
    state: model.state,
    champion: deps.champion(model.line) === model.digest,
    release: model.release,
    size: model.size,
    job_id: model.job,
    contract: model.contract,
    metrics: model.metrics,
    gate: model.gate,
    created_at: model.createdAt,
    approved_by: model.approvedBy,
    approved_at: model.approvedAt,
  })

  return {
    list: (limit: number): ModelView[] => store.newest(limit).map(viewOf),
    get: (digest: string): ModelView => viewOf(found(digest)),
    /** The same; undefined for one that is not here. */
    find: (digest: string): ModelView | undefined => {
      const model = store.get(digest)
      return model && viewOf(model)
    },
    /** The model's ONNX file. */
    file: (digest: string): Promise<Uint8Array> => blobs.read(found(digest).digest),

    /** Reads a trainer's result without keeping it. Throws `invalid` with what does not fit. */
    checkResult: readResult,
    /** Registers what a trainer left in `dir` and proves it. For the training's runner. */
    async proveResult(
      job: { id: string; line: string; dataset: string; golden: string },
      dir: string,
      signal: AbortSignal,
    ): Promise<{ model: string; pass: boolean; also: string[]; note: string | null }> {
      const { path, sha256, result } = await readResult(dir)
      const { whole, note } = await sibling(dir)
      const also = whole ? [whole.sha256] : []
      const said = await readParity(dir)
      if (said) {
        const pictures = said.map(({ picture }) => ({ path: picture }))
        let heard = await prover.hear(path, pictures, signal)
        // A machine that is short of breath says nothing about the model: it is asked once more.
        if (heard.some(({ code }) => code === "model_timeout"))
          heard = await prover.hear(path, pictures, signal)
        const why = disagreement(said, heard, result.contract.thresholds)
        if (why !== null)
          throw new Problem(
            "invalid",
            "model_parity",
            `the model says something else here than at its trainer: ${why}`,
            { why },
          )
      }
      await blobs.putFile(path)
      deps.onResult(job, result)
      const known = store.get(sha256)
      if (known?.state === "released") return { model: sha256, pass: known.gate?.pass === true, also, note }
      const { contract, metrics, model } = result
      add({
        digest: sha256,
        line: job.line,
        size: model.size,
        job: job.id,
        dataset: job.dataset,
        golden: job.golden,
        contract,
        metrics,
      })
      const golden = () => dataset.frozen(job.golden)
      const report = await prove(sha256, golden, signal)
      // Faster, and another model all the same: a candidate of its own that has to stand for itself.
      const before = whole && store.get(whole.sha256)
      if (whole && (!before || before.state === "proving")) {
        await blobs.putFile(whole.path)
        add({
          digest: whole.sha256,
          line: job.line,
          size: whole.size,
          job: job.id,
          dataset: job.dataset,
          golden: job.golden,
          contract: whole.contract,
          metrics,
        })
        await prove(whole.sha256, golden, signal)
      }
      return { model: sha256, pass: report.pass, also, note }
    },

    look: foreign.look,
    try: foreign.try,

    /** Registers a file that was looked at. Throws `invalid`, `not_found`. */
    adopt,

    /**
     * Registers an ONNX file that carries a `crux.contract`, or one of another maker with the contract its form suggests or
     * `given`; it is proved like any other. Throws `invalid`.
     */
    async register(
      source: AsyncIterable<Uint8Array>,
      line: string,
      given?: ModelContract,
    ): Promise<ModelView> {
      const { sha256 } = await shelf.put(source)
      return await adopt(sha256, line, given)
    },

    /**
     * Releases a proved candidate: next number of its line, manifest signed with the release key, audited. Throws
     * `conflict` when the gate has not passed it, or has compared it with a model that is not the champion any more;
     * then it is proved again at once.
     */
    async approve(digest: string, by: Person): Promise<ModelView> {
      const model = found(digest)
      if (model.state !== "candidate" || model.gate?.pass !== true)
        throw new Problem(
          "conflict",
          "model_not_candidate",
          "only a model that passed the gate can be approved",
          {
            state: model.state,
          },
        )
      if (model.provedAgainst !== (championOf(model.line)?.digest ?? null)) {
        if (store.proveAgain(digest)) announce(digest)
        proveSoon(digest)
        throw new Problem(
          "conflict",
          "proof_stale",
          "the model on the line has changed; this one is proved again now",
        )
      }
      const gate = createHash("sha256")
        .update(canonicalize(model.gate) ?? "")
        .digest("hex")
      const object = { sha256: digest, size: model.size }
      const index = await deps.buildIndex(digest)
      const checks = await makeChecks({ blobs, prover, dataset }, model)
      return await releasing(async () => {
        const release = store.nextRelease(model.line)
        const manifest: Manifest = {
          v: 1,
          line: model.line,
          release,
          model: { ...object, ...(index && { index }) },
          contract: model.contract,
          checks,
          requires: {
            ram_mb: 256 + Math.ceil((model.size * 3) / 1e6),
            disk_mb: 32 + Math.ceil((model.size * 1.2) / 1e6),
          },
          budget: { p99_ms: policy.max_p99_ms },
          floor: 1,
          provenance: {
            gate,
            ...(model.job && { job: model.job }),
            ...(model.dataset && { dataset: model.dataset }),
          },
          created: clock.now(),
        }
        const ref = await storeManifest(blobs, signer, manifest)
        db.transaction(() => {
          const at = clock.now()
          if (!store.release({ digest, release, manifest: ref, by: by.name, at }))
            throw new Problem("conflict", "model_not_candidate", "this model is no candidate any more")
          deps.audit({
            by,
            action: "model.approve",
            subject: `model:${digest}`,
            before: { state: "candidate" },
            after: { state: "released", line: model.line, release, manifest: ref.sha256, gate },
          })
        })
        announce(digest)
        return viewOf(found(digest))
      })
    },

    /** The released model with its manifest; null for one that has no release. */
    released(
      digest: string,
    ): { line: string; release: number; manifest: ObjectRef; kinds: Set<string> } | null {
      const model = store.get(digest)
      if (!model || model.release === null || !model.manifest) return null
      return { line: model.line, release: model.release, manifest: model.manifest, kinds: kindsOf(model) }
    },
    /** Line and number of a manifest this hub signed. */
    byManifest(
      manifest: string,
    ): { line: string; release: number; model: string; manifest: ObjectRef } | null {
      const model = store.byManifest(manifest)
      if (!model || model.release === null || !model.manifest) return null
      return { line: model.line, release: model.release, model: model.digest, manifest: model.manifest }
    },
    /** Defect kinds this model has a class for; empty for an unknown model. */
    kindsOf: (digest: string): Set<string> => {
      const model = store.get(digest)
      return model ? kindsOf(model) : new Set()
    },
    /** Models that passed the gate and wait for a person, or have a release. Newest first. */
    usable: (): {
      digest: string
      state: "candidate" | "released"
      kinds: Set<string>
      job: string | null
    }[] =>
      store
        .newest(200)
        .flatMap((m) =>
          m.state === "candidate" || m.state === "released"
            ? [{ digest: m.digest, state: m.state, kinds: kindsOf(m), job: m.job }]
            : [],
        ),

    /** Kinds that the champion of a line or a candidate that waits for approval knows; null without a champion. */
    knownKinds(of: string): Set<string> | null {
      const champion = championOf(of)
      if (!champion) return null
      const waiting = store.inState("candidate").filter((m) => m.line === of)
      return new Set([champion, ...waiting].flatMap((m) => [...kindsOf(m)]))
    },

    /** Proves what a stopped hub left unproved. */
    start(): void {
      for (const { digest, job } of store.inState("proving")) if (job === null) proveSoon(digest)
    },
    /** Ends the proof under way; it is taken up again at the next start. */
    async stop(): Promise<void> {
      foreign.stop()
      await proving.stop()
    },
    idle: proving.idle,
  }
}
export type Registry = ReturnType<typeof createRegistry>

/** The model's form on whole numbers, if there is one that may be opened: a broken one costs itself alone. */
async function sibling(dir: string) {
  try {
    return { whole: await readWholeNumbers(dir), note: null }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { whole: null, note: `model.int8.onnx was not taken: ${error.message}` }
  }
}
