import type { KeyScope } from "#contract/label-studio"
import type { Role } from "#contract/users"

/** What is written where labels are made: judging, and what is begun and not sent yet. */
const labelling = [
  /^\/api\/tasks\/\d+\/(annotations|drafts)\/?$/,
  /^\/api\/(annotations|drafts)\/\d+(\/[a-z-]+)?\/?$/,
  /^\/api\/projects\/\d+\/next\/?$/,
]
/** What models hand in and how they are connected. */
const training = [
  /^\/api\/ml(\/.*)?$/,
  /^\/api\/predictions(\/\d+)?\/?$/,
  /^\/api\/projects\/\d+\/import\/predictions\/?$/,
  /^\/api\/model-runs(\/.*)?$/,
]

/**
 * Whether a key of this scope may be used for a request, beside what its person may. What no scope names needs a full key:
 * an address that is added later is closed to the others until somebody puts it here.
 */
export function covers(
  scope: KeyScope,
  { method, path, role }: { method: string; path: string; role: Role },
): boolean {
  if (scope === "full") return true
  const open = role === "worker" || role === "reviewer"
  if (open && (method === "GET" || method === "HEAD")) return true
  if (scope === "label") return open && labelling.some((address) => address.test(path))
  if (scope === "train") return role !== "admin" && training.some((address) => address.test(path))
  return false
}
