import * as v from "valibot"
import { Colleague } from "#contract/flow"
import type { App } from "../../context.ts"

const place = "crux.colleagues"
const Kept = v.object({ user: v.string(), people: v.array(Colleague) })

/**
 * Whom the signed-in person can mention or ask. What the hub said last is kept, so that there are names to press without
 * the network; another person's list is not shown.
 */
export async function readColleagues(
  { api, session }: Pick<App, "api" | "session">,
  signal?: AbortSignal,
): Promise<Colleague[]> {
  const user = session.value?.user.id ?? ""
  try {
    const people = (await api.list("/api/colleagues", Colleague, signal)).filter(({ id }) => id !== user)
    localStorage.setItem(place, JSON.stringify({ user, people }))
    return people
  } catch (error) {
    const kept = recall()
    if (signal?.aborted || kept?.user !== user) throw error
    return kept.people
  }
}

function recall(): v.InferOutput<typeof Kept> | undefined {
  try {
    const parsed = v.safeParse(Kept, JSON.parse(localStorage.getItem(place) ?? "null"))
    return parsed.success ? parsed.output : undefined
  } catch {
    // Damaged: worth as much as nothing.
    return undefined
  }
}
