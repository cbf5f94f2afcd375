import type { Finding, Timing, Verdict } from "#contract/inspection"
import type { ModelContract } from "#contract/model"

/** A picture as the model takes it: raw interleaved 8-bit pixels, or an encoded file in memory. */
export type Picture =
  | { raw: Uint8Array; width: number; height: number; channels: 1 | 3 | 4 }
  | { bytes: Uint8Array }

/** What a model says about one picture; times in milliseconds. */
export type Judgement = { verdict: Verdict; findings: Finding[]; timing: Timing }

/** One loaded model in a process of its own, so that a crash or a hang costs a part and not the station. */
export type Inspector = {
  /**
   * Rejects when the model crashed, hung or answered nonsense; the error carries a `code` for the verdict.
   * The next call finds a fresh process with the same model. Calls may overlap; they are answered in order. A model may
   * have limits of its own for a product.
   */
  inspect: (picture: Picture, product?: string) => Promise<Judgement>
  /** Ends the process once the inspections under way are done. */
  close: () => Promise<void>
}

/**
 * Loads the model file at `path`; resolves when it is ready to inspect. `timeoutMs` bounds each inspection, the
 * thresholds, and those of single products, are those of the signed manifest.
 */
export type OpenInspector = (
  path: string,
  options: Pick<ModelContract, "thresholds" | "products"> & {
    timeoutMs: number
    /** It takes only the machine time that nobody else wants. */
    background?: boolean
  },
) => Promise<Inspector>

/** The machine reason inside any thrown value, for `Verdict.code`. */
export function reasonOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string") {
    if (/^[a-z0-9][a-z0-9_.-]{0,63}$/.test(error.code)) return error.code
  }
  return "model_crashed"
}
