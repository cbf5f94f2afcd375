import { computed, signal } from "@preact/signals"
import * as v from "valibot"
import { type ActionId, actions, type Bindings, defaultBindings, ownerOf } from "./keys.ts"

const Stored = v.record(v.string(), v.pipe(v.array(v.pipe(v.string(), v.maxLength(40))), v.maxLength(4)))

/**
 * The keys as one person has set them on this tablet. A key belongs to one action: one that is taken is refused, so that
 * no key silently stops doing what it did.
 */
export function createOwnKeys(deps: { storage: Pick<Storage, "getItem" | "setItem">; user: string }) {
  const place = `crux.keys.${deps.user}`
  const own = signal(read())
  const bindings = computed<Bindings>(() => ({ ...defaultBindings, ...own.value }))

  function read(): Partial<Record<ActionId, readonly string[]>> {
    let json: unknown = {}
    try {
      json = JSON.parse(deps.storage.getItem(place) ?? "{}")
    } catch {
      // A damaged entry is worth nothing but the defaults; it is overwritten at the next change.
      return {}
    }
    const parsed = v.safeParse(Stored, json)
    if (!parsed.success) return {}
    const known = actions.flatMap(({ id }) => {
      const keys = parsed.output[id]
      return keys && keys.length > 0 ? [[id, keys] as const] : []
    })
    const set = Object.fromEntries(known)
    // A later version may have given one of them to a new action: then the new action would have no key.
    const all: Bindings = { ...defaultBindings, ...set }
    const clash = actions.some(({ id }) => all[id].some((chord) => ownerOf(all, chord, id) !== null))
    return clash ? {} : set
  }

  function write(next: Partial<Record<ActionId, readonly string[]>>): void {
    own.value = next
    deps.storage.setItem(place, JSON.stringify(next))
  }

  return {
    bindings,
    isOwn: (id: ActionId): boolean => own.value[id] !== undefined,
    hasOwn: computed(() => Object.keys(own.value).length > 0),
    /** Makes `chord` the key of an action. Returns whose key it is already, and then nothing has changed. */
    set(id: ActionId, chord: string): ActionId | null {
      const owner = ownerOf(bindings.value, chord, id)
      if (owner === null) write({ ...own.value, [id]: [chord] })
      return owner
    },
    /** All as they were. */
    reset: () => write({}),
  }
}
export type OwnKeys = ReturnType<typeof createOwnKeys>
