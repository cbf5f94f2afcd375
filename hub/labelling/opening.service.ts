import type { DefectClass } from "#contract/catalogue"
import type { LabelTask } from "#contract/labelling"
import type { Opening } from "#contract/opening"
import type { LabelSetup } from "#contract/questions"
import type { ThisTablet } from "#contract/tablets"
import type { User } from "#contract/users"

type Known = { user: User; sessionId: string; tabletId?: string | undefined; expires_at: number }
type Tablet = { id: string; name: string }

/** What the page of the work screen carries: the answers to what the screens would ask one after another. */
export function createOpening<T extends Tablet>(deps: {
  resolveSession: (token: string) => Known | undefined
  tablets: { resolve: (token: string) => T | undefined; face: (tablet: T | undefined) => ThisTablet }
  kinds: () => DefectClass[]
  setups: () => LabelSetup[]
  next: (user: User, sessionId: string, holding: readonly string[], stock: boolean) => LabelTask | null
}) {
  /** By the credentials of a browser's cookies; null when nobody is signed in. Leases a part to the session. */
  return (token: string, credential: string | undefined): Opening | null => {
    const known = deps.resolveSession(token)
    if (!known) return null
    const { user, sessionId, tabletId, expires_at } = known
    const tablet = credential === undefined ? undefined : deps.tablets.resolve(credential)
    const own = tablet && tablet.id === tabletId ? { id: tablet.id, name: tablet.name } : undefined
    return {
      session: { user, expires_at, ...(own && { tablet: own }) },
      tablet: deps.tablets.face(tablet),
      kinds: deps.kinds(),
      setups: deps.setups(),
      // An enrolled tablet lays parts in: its leases last longer.
      task: deps.next(user, sessionId, [], own !== undefined),
    }
  }
}
