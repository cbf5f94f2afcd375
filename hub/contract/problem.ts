import * as v from "valibot"

/** The eleven error codes of CRUX and the HTTP status each becomes (RFC 9457 problem details). */
export const problemStatus = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  unsupported: 415,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
  no_space: 507,
} as const
export type ProblemCode = keyof typeof problemStatus

export type ProblemParams = Record<string, string | number>

/**
 * The one error people may see. `key` names a message in the UI's word lists (`problem.<key>`), `params` fill it;
 * `message` is the English sentence for logs and API users: what happened, and what to do.
 */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly key: string
  readonly params: ProblemParams
  constructor(code: ProblemCode, key: string, message: string, params: ProblemParams = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = "Problem"
    this.code = code
    this.key = key
    this.params = params
  }
  get status(): number {
    return problemStatus[this.code]
  }
}

/** Body of `application/problem+json`. */
export const ProblemBody = v.object({
  type: v.literal("about:blank"),
  title: v.string(),
  status: v.number(),
  code: v.picklist(Object.keys(problemStatus) as [ProblemCode, ...ProblemCode[]]),
  key: v.string(),
  params: v.record(v.string(), v.union([v.string(), v.number()])),
  request_id: v.string(),
})
export type ProblemBody = v.InferOutput<typeof ProblemBody>
