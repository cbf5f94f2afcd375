import type { GatePolicy, GateReport } from "#contract/registry"
import type { Blobs } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"
import type { Dataset, FrozenSet } from "../dataset/dataset.service.ts"
import { type Freezes, setsOfWork } from "../dataset/freeze.service.ts"
import { judge, type TruePart } from "./gate.rules.ts"
import { createOneByOne } from "./one-by-one.ts"
import type { Picture, Prover } from "./prover.ts"
import { kindsOf, type RegisteredModel, type RegistryStore } from "./registry.store.ts"

export type ProvingDeps = {
  clock: Clock
  log: Log
  store: RegistryStore
  dataset: Dataset
  freezes: Pick<Freezes, "freeze">
  blobs: Blobs
  prover: Prover
  policy: GatePolicy
  /** Kinds of which no new escape is allowed, as the catalogue marks them. */
  criticalKinds: () => ReadonlySet<string>
  /** A model that is here; throws `not_found`. */
  found: (digest: string) => RegisteredModel
  /** The model on the line. */
  championOf: (line: string) => RegisteredModel | undefined
  announce: (digest: string) => void
}

/** Pictures judged a second time in another process. */
const repeated = 32
/** Confirmed escapes a model must face. */
const keptEscapes = 100

/** Proofs on the golden set, one after the other. */
export function createProving(deps: ProvingDeps) {
  const { clock, log, store, dataset, blobs, prover, policy, found, championOf, announce } = deps
  const proving = createOneByOne()
  const stopping = new AbortController()

  /** Shows both models the same frozen golden set and lets the rules decide. Both judge in child processes. */
  const examine = async (
    model: RegisteredModel,
    golden: FrozenSet,
    signal?: AbortSignal,
  ): Promise<GateReport> => {
    const rival = championOf(model.line)
    const champion = rival && rival.digest !== model.digest ? rival : undefined
    const parts = golden.samples.map(
      ({ image, label }): TruePart => ({ image, truth: label.verdict, kinds: label.kinds }),
    )
    const confirmed = dataset.confirmedEscapes(keptEscapes)
    const escaped = confirmed.map(({ image, kinds, passedBy }) => ({
      image,
      truth: "ng" as const,
      kinds,
      passedBy,
    }))
    // Each as a part of its product, as the station judges it.
    const pictures: Picture[] = []
    for (const { image, product } of [...golden.samples, ...confirmed])
      pictures.push({ path: await blobs.file(image), product })
    const path = blobs.path(model.digest)
    const mine = await prover.judge(path, pictures, signal)
    const again = await prover.judge(path, pictures.slice(0, Math.min(repeated, parts.length)), signal)
    const blank = await prover.judgeBlank(path, signal)
    const theirs = champion ? await prover.judge(blobs.path(champion.digest), pictures, signal) : null
    dataset.look(golden.digest, model.digest)
    return judge({
      policy,
      golden: { digest: golden.digest, looks: dataset.looks(golden.digest), parts },
      challenger: mine.slice(0, parts.length),
      again,
      champion: theirs?.slice(0, parts.length) ?? null,
      escapes: {
        parts: escaped.map((part) => ({ ...part, passed: part.passedBy === champion?.digest })),
        challenger: mine.slice(parts.length),
        champion: theirs?.slice(parts.length) ?? null,
      },
      blank,
      critical: deps.criticalKinds(),
      knows: { challenger: kindsOf(model), champion: champion ? kindsOf(champion) : null },
      broken: (await blobs.verify(model.digest)) ? null : "hash_mismatch",
      now: clock.now(),
    })
  }

  const prove = (
    digest: string,
    golden: () => FrozenSet | Promise<FrozenSet>,
    signal?: AbortSignal,
  ): Promise<GateReport> =>
    proving(async () => {
      const set = await golden()
      const model = found(digest)
      const against = championOf(model.line)?.digest ?? null
      const report = await examine(model, set, signal)
      signal?.throwIfAborted()
      store.proved(digest, report, against)
      log.info("model_proved", { model: digest, pass: report.pass })
      announce(digest)
      return report
    })
  /** Proves without a caller who waits; the result stands in the model's row. */
  const proveSoon = (digest: string): void => {
    prove(digest, () => goldenNow(digest), stopping.signal).catch((error: unknown) => {
      if (!stopping.signal.aborted) log.error("proof_failed", { model: digest, error: String(error) })
    })
  }
  /** What is golden now. A model from elsewhere goes by what is labelled when it is first proved: its checks are taken from there. */
  const goldenNow = async (digest: string): Promise<FrozenSet> => {
    const { training, golden } = await deps.freezes.freeze(setsOfWork, { signal: stopping.signal })
    if (dataset.version(training.digest).samples > 0) store.setDataset(digest, training.digest)
    return dataset.frozen(golden.digest)
  }

  return {
    prove,
    proveSoon,
    /** Ends the proof under way; it is taken up again at the next start. */
    async stop(): Promise<void> {
      stopping.abort()
      await proving(async () => {})
    },
    /** Resolves when no proof is under way. */
    idle: (): Promise<void> => proving(async () => {}),
  }
}
